//! Which subtitles are shown, and when that changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::film::{Film, Phase};
use crate::command::TrackKind;
use crate::event::{Event, Track};
use crate::limits::{DELAY_MAX, FILES_MAX, READERS_MAX};
use crate::pipeline::Bell;
use crate::subtitles::{Cue, Format, Read, Timeline, read};

/// A film's subtitles.
pub(super) struct Captions {
    show: Arc<dyn Fn(Option<Cue>) + Send + Sync>,
    /// Those within the film, as far as they were heard, by their number.
    within: BTreeMap<u32, Timeline>,
    files: Vec<Sheet>,
    chosen: Chosen,
    /// Seconds that they are late.
    delay: f64,
    shown: Option<Cue>,
    /// Something else is to be shown then.
    due: Option<Instant>,
    reading: usize,
    read: Arc<Mutex<Vec<Read>>>,
}

/// Subtitles of a file.
struct Sheet {
    name: String,
    format: Format,
    cues: Timeline,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Chosen {
    #[default]
    None,
    /// Before the film is open, nobody knows which one that is.
    Numbered(u32),
    /// By its number within the film.
    Within(u32),
    /// By its place in the list.
    File(usize),
}

/// Further on than what was heard, subtitles cannot be looked for.
const SEEN_AHEAD: Duration = Duration::from_secs(1);

impl Captions {
    pub(super) fn new(show: Arc<dyn Fn(Option<Cue>) + Send + Sync>, delay: f64) -> Self {
        Self {
            show,
            within: BTreeMap::new(),
            files: Vec::new(),
            chosen: Chosen::None,
            delay,
            shown: None,
            due: None,
            reading: 0,
            read: Arc::default(),
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Tracks of files, after so many within the film.
    fn tracks(&self, within: &mut Vec<Track>) {
        let count = u32::try_from(within.len()).unwrap_or(u32::MAX);
        for track in &mut *within {
            track.selected = self.chosen == Chosen::Within(track.id);
        }
        for ((id, at), sheet) in (count + 1..).zip(0..).zip(&self.files) {
            within.push(Track {
                kind: TrackKind::Subtitle,
                id,
                language: None,
                title: Some(sheet.name.clone()),
                codec: Some(sheet.format.name().to_owned()),
                selected: self.chosen == Chosen::File(at),
            });
        }
    }

    fn timeline(&self) -> Option<&Timeline> {
        match self.chosen {
            Chosen::None | Chosen::Numbered(_) => None,
            Chosen::Within(id) => self.within.get(&id),
            Chosen::File(at) => self.files.get(at).map(|sheet| &sheet.cues),
        }
    }

    fn set(&mut self, cue: Option<Cue>) {
        if cue != self.shown {
            self.shown.clone_from(&cue);
            (self.show)(cue);
        }
    }

    /// Shows what is to be shown there; the next change, in the film's time from there.
    fn show_at(&mut self, at: Duration) -> Option<Duration> {
        // Subtitles that are early are looked for later in their list.
        let by = Duration::from_secs_f64(self.delay.abs());
        let at = if self.delay >= 0.0 { at.checked_sub(by) } else { Some(at + by) };
        let Some(at) = at else {
            self.set(None);
            // It gets past zero after a part of the delay; then there is something to be looked for.
            return self.timeline().map(|_| SEEN_AHEAD);
        };
        let cue = self.timeline().and_then(|cues| cues.at(at));
        self.set(cue);
        self.timeline().and_then(|cues| cues.next_change(at)).map(|next| next.saturating_sub(at))
    }
}

impl Drop for Captions {
    fn drop(&mut self) {
        self.set(None);
    }
}

impl Film {
    pub(super) fn set_subtitle_delay(&mut self, seconds: f64) {
        self.captions.delay = seconds.clamp(-DELAY_MAX, DELAY_MAX);
        self.caption();
    }

    /// Begins to read a file.
    pub(super) fn add_subtitles(&mut self, address: String, bell: &Bell) {
        let captions = &mut self.captions;
        if captions.reading >= READERS_MAX || captions.files.len() + captions.reading >= FILES_MAX {
            let name = crate::subtitles::name(&address);
            return self.tell(Event::NoSubtitles { name, why: "there are too many already".to_owned() });
        }
        captions.reading += 1;
        let (done, bell, name) = (Arc::clone(&captions.read), bell.clone(), crate::subtitles::name(&address));
        let begun = read(address, move |read| {
            done.lock().unwrap_or_else(PoisonError::into_inner).push(read);
            bell.ring();
        });
        if let Err(error) = begun {
            captions.reading -= 1;
            self.tell(Event::NoSubtitles { name, why: error.to_string() });
        }
    }

    /// That track from now on, or none.
    pub(super) fn select_subtitles(&mut self, id: Option<u32>) {
        self.captions.chosen = id.map_or(Chosen::None, Chosen::Numbered);
        self.settle_subtitles();
        self.caption();
    }

    /// Finds the track of the number that was asked for.
    pub(super) fn settle_subtitles(&mut self) {
        let Chosen::Numbered(id) = self.captions.chosen else { return };
        if self.phase != Phase::Open {
            return;
        }
        let within = u32::try_from(self.pipeline.tracks(TrackKind::Subtitle).len()).unwrap_or(u32::MAX);
        let file = usize::try_from(id.saturating_sub(within)).ok().and_then(|number| number.checked_sub(1));
        self.captions.chosen = match file.filter(|&at| at < self.captions.files.len()) {
            Some(at) => Chosen::File(at),
            None if (1..=within).contains(&id) => Chosen::Within(id),
            None => Chosen::None,
        };
    }

    /// All tracks of subtitles.
    pub(super) fn list_subtitles(&self) -> Vec<Track> {
        let mut tracks = self.pipeline.tracks(TrackKind::Subtitle);
        self.captions.tracks(&mut tracks);
        tracks
    }

    /// Takes in what was read, and shows what is to be shown.
    pub(super) fn caption(&mut self) {
        self.take_files();
        for (id, timed) in self.pipeline.heard.take() {
            self.captions.within.entry(id).or_default().insert(timed);
        }
        // While it is on its way, what was shown stays.
        if self.phase != Phase::Open || self.seeks.is_busy() {
            self.captions.due = None;
            return;
        }
        let Some(at) = self.pipeline.position() else { return };
        let next = self.captions.show_at(at);
        let runs = self.playing_since.is_some();
        // Early by a moment, it would be looked for again and again.
        let rate = self.live_rate();
        let wait = |next: Duration| next.div_f64(rate) + Duration::from_millis(2);
        self.captions.due = next.filter(|_| runs).map(|next| Instant::now() + wait(next));
    }

    fn take_files(&mut self) {
        let read = std::mem::take(&mut *self.captions.read.lock().unwrap_or_else(PoisonError::into_inner));
        for Read { name, cues } in read {
            self.captions.reading = self.captions.reading.saturating_sub(1);
            match cues {
                Ok((format, cues)) => {
                    self.captions.files.push(Sheet { name, format, cues });
                    self.captions.chosen = Chosen::File(self.captions.files.len() - 1);
                    self.tell_tracks();
                }
                Err(why) => self.tell(Event::NoSubtitles { name, why }),
            }
        }
    }
}

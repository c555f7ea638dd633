//! One film, from its opening to its end: what it was told, what it does, and what of that was told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::captions::Captions;
use super::choice::Choice;
use super::moving::Rate;
use super::warming::Warming;
use super::watch::Watch;
use crate::event::{Event, Failure};
use crate::limits::{BUFFERING_TOLD_AFTER, LOOK_EVERY};
use crate::missing::Missing;
use crate::pipeline::Pipeline;
use crate::seeks::Seeks;

/// A film that was opened, or is being.
pub(super) struct Film {
    pub(super) pipeline: Pipeline,
    pub(super) outcomes: VecDeque<Outcome>,
    pub(super) phase: Phase,
    url: String,
    pub(super) clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    pub(super) start: Duration,
    pub(super) duration: Option<Duration>,
    /// It is to run, as soon as it can.
    pub(super) wished: bool,
    /// It runs, as was told last.
    pub(super) told_running: bool,
    /// GStreamer's clock runs, since then.
    pub(super) playing_since: Option<Instant>,
    pub(super) buffering: Option<Buffering>,
    pub(super) seeks: Seeks,
    pub(super) ended: bool,
    pub(super) rate: Rate,
    pub(super) asked: bool,
    pub(super) choice: Choice,
    pub(super) captions: Captions,
    pub(super) missing: Vec<Missing>,
    pub(super) dropped: BTreeMap<String, u64>,
    /// So many were told to be late, then.
    pub(super) told_late: Option<(u64, Instant)>,
    /// While it is being opened: when it is looked at next, and whether nothing worked the last time.
    look: Option<(Instant, bool)>,
    pub(super) watch: Watch,
    pub(super) warming: Option<Warming>,
    /// Where sound went when that was told last, in the system's words.
    pub(super) output: Option<String>,
    /// It was open before, and whoever holds the player does not learn that it is opened again.
    is_again: bool,
    /// A seek was asked for before it was opened again.
    owes_sought: bool,
}

/// What is to be done for whoever holds the player.
pub(super) enum Outcome {
    Tell(Event),
    Failed(gst::glib::Error),
    SoundLost,
    /// It is not where it should be: there.
    Astray(Duration),
}

/// How far a film is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// On its way to its first picture.
    Opening,
    /// The sound's device begins to play, to nobody.
    Warming,
    /// And the film stands again.
    Cooling,
    /// On its way from there to where it begins.
    Starting,
    Open,
}

/// It waits for bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffering {
    pub(super) since: Instant,
    pub(super) is_told: bool,
}

impl Film {
    pub(super) fn new(
        pipeline: Pipeline,
        captions: Captions,
        url: String,
        start: Duration,
        clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    ) -> Self {
        Self {
            pipeline,
            outcomes: VecDeque::new(),
            phase: Phase::Opening,
            url,
            clock,
            start,
            duration: None,
            wished: false,
            told_running: false,
            playing_since: None,
            buffering: None,
            seeks: Seeks::default(),
            ended: false,
            rate: Rate::default(),
            asked: false,
            choice: Choice::default(),
            captions,
            missing: Vec::new(),
            dropped: BTreeMap::new(),
            told_late: None,
            look: None,
            watch: Watch::default(),
            output: None,
            warming: None,
            is_again: false,
            owes_sought: false,
        }
    }

    /// Begins to open it.
    pub(super) fn open(&mut self) {
        if self.start.is_zero() {
            self.pipeline.shutter.open();
        }
        self.pipeline.set_state(gst::State::Paused);
        self.look = Some((Instant::now() + LOOK_EVERY, false));
    }

    pub(super) fn play(&mut self) {
        if self.ended {
            self.tell_ended();
            return;
        }
        self.wished = true;
        self.run();
    }

    pub(super) fn pause(&mut self) {
        self.wished = false;
        if self.phase != Phase::Open {
            return;
        }
        self.pipeline.set_state(gst::State::Paused);
        // While it runs, GStreamer says when it stands.
        if self.playing_since.is_none() {
            self.tell_running(false);
        }
    }

    pub(super) fn set_volume(&mut self, volume: f64, muted: bool) {
        self.choice.loudness = (volume, muted);
        self.apply_volume();
    }

    pub(super) fn apply_volume(&self) {
        let (volume, muted) = self.choice.loudness;
        let to_nobody = matches!(self.phase, Phase::Warming | Phase::Cooling);
        self.pipeline.set_volume(volume, muted || self.choice.no_sound || to_nobody);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(seek) = self.seeks.handle_timeout(now) {
            self.begin(seek);
        }
        self.settle_tracks(now);
        self.look(now);
        self.watch(now);
        self.warm(now);
        if let Some(buffering) = &mut self.buffering
            && !buffering.is_told
            && now >= buffering.since + BUFFERING_TOLD_AFTER
        {
            buffering.is_told = true;
            self.tell(Event::Buffering(true));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let untold = self.buffering.filter(|buffering| !buffering.is_told);
        let buffering = untold.map(|buffering| buffering.since + BUFFERING_TOLD_AFTER);
        self.seeks
            .poll_timeout()
            .into_iter()
            .chain(buffering)
            .chain(self.choice.settles)
            .chain(self.look.map(|(due, _)| due))
            .chain(self.watch.poll_timeout())
            .chain(self.warming_due())
            .chain(self.captions.poll_timeout())
            .min()
    }

    pub(super) fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// What of it cannot be decoded.
    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Goes on in another pipeline, at that place or where it is. [`Film::open`] comes next.
    pub(super) fn move_to(
        &mut self,
        place: Option<Duration>,
        pipeline: impl FnOnce() -> Result<Pipeline, Failure>,
    ) -> Result<(), Failure> {
        let was_open = self.phase == Phase::Open;
        let here = self.seeks.target().or(place).or_else(|| self.pipeline.position());
        if let Some(here) = here.filter(|_| was_open) {
            self.start = here;
        }
        self.rest();
        self.pipeline.close();
        self.pipeline = pipeline()?;
        if self.watch.distrusts() {
            self.pipeline.use_system_clock();
        }
        self.is_again |= was_open;
        self.owes_sought |= self.seeks.clear();
        (self.phase, self.playing_since) = (Phase::Opening, None);
        (self.rate.base, self.rate.live) = (1.0, 1.0);
        self.dropped.clear();
        Ok(())
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outcomes.push_back(Outcome::Tell(event));
    }

    /// A picture is shown: of the beginning, of where it is to begin, or of where it was sought.
    pub(super) fn on_arrived(&mut self) {
        match self.phase {
            Phase::Opening if self.pipeline.has_device() => self.warm_up(),
            Phase::Opening if !self.start.is_zero() => self.begin_at_start(),
            Phase::Cooling => self.begin_at_start(),
            Phase::Warming => {}
            Phase::Opening | Phase::Starting => self.on_open(),
            Phase::Open => self.on_seek_end(true),
        }
    }

    /// To where it is to begin.
    pub(super) fn begin_at_start(&mut self) {
        self.duration = self.pipeline.duration();
        let to = self.within(self.start);
        (self.phase, self.warming) = (Phase::Starting, None);
        self.apply_volume();
        self.pipeline.shutter.open();
        self.on_rate_of_seek();
        if let Err(error) = self.pipeline.seek(to, self.rate.base) {
            log::info!("the film begins at its beginning: {error}");
            self.pipeline.repaint();
            self.on_open();
        }
    }

    /// Nothing is told by a film that nothing works on.
    fn look(&mut self, now: Instant) {
        let Some((_, was_idle)) = self.look.filter(|&(due, _)| due <= now) else { return };
        let is_idle = !self.pipeline.is_at_work();
        if was_idle && is_idle {
            self.look = None;
            let error = gst::glib::Error::new(gst::StreamError::Demux, "nothing in it can be read");
            self.outcomes.push_back(Outcome::Failed(error));
        } else {
            self.look = Some((now + LOOK_EVERY, is_idle));
        }
    }

    /// Nothing is expected of it for now.
    pub(super) fn rest(&mut self) {
        let at = if self.watch.runs() { self.pipeline.position() } else { None };
        self.watch.rest(Instant::now(), at);
    }

    /// Its clock may be wrong.
    fn watch(&mut self, now: Instant) {
        let runs = self.phase == Phase::Open && self.wished && self.playing_since.is_some();
        if !runs || self.buffering.is_some() || self.ended || self.seeks.is_busy() {
            return self.rest();
        }
        let Some(at) = self.pipeline.position() else { return };
        self.watch.begin(now, Some(at));
        if self.watch.poll_timeout().is_some_and(|due| due <= now) {
            self.look_at_output();
        }
        if let Some(place) = self.watch.look(now, at, self.rate.live) {
            log::warn!("the film is at {at:?} and should be at {place:?}: it is opened again");
            self.outcomes.push_back(Outcome::Astray(place));
        }
    }

    /// It stands there, or where it could.
    fn on_open(&mut self) {
        self.phase = Phase::Open;
        self.look = None;
        self.duration = self.pipeline.duration();
        if !self.is_again {
            let tracks = self.list_tracks();
            self.tell(Event::Opened { duration: self.duration, tracks });
            if let Some((name, hardware)) = self.pipeline.decoder() {
                self.tell(Event::Decoder { name, hardware });
            }
            for missing in self.missing.clone() {
                let Missing { kind, codec, help } = missing;
                self.tell(Event::Missing { kind, codec, help });
            }
        } else {
            self.choose_again();
            if std::mem::take(&mut self.owes_sought) {
                self.tell(Event::Sought(self.pipeline.position().unwrap_or(self.start)));
            }
        }
        self.look_at_output();
        self.settle_subtitles();
        self.mend_rate();
        if self.wished {
            self.run();
        }
        self.answer_position();
    }

    /// Runs, or says that it does as soon as bytes are there.
    pub(super) fn run(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        if self.buffering.is_some() {
            self.tell_running(true);
        } else {
            self.pipeline.set_state(gst::State::Playing);
            if self.playing_since.is_some() {
                self.tell_running(true);
            }
        }
    }

    pub(super) fn tell_running(&mut self, running: bool) {
        if self.told_running != running {
            self.told_running = running;
            self.tell(Event::Running(running));
        }
    }

    pub(super) fn tell_ended(&mut self) {
        (self.ended, self.wished) = (true, false);
        self.tell(Event::Ended);
        self.told_running = false;
        self.tell(Event::Running(false));
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.pipeline.close();
    }
}

//! Which tracks play: what was chosen, and what is told of it.

use std::time::Instant;

use super::film::{Film, Phase};
use crate::command::TrackKind;
use crate::event::{Event, Track};
use crate::limits::TRACKS_SETTLE;

/// What was chosen of a film's tracks.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// As they were told last.
    told: Vec<Track>,
    /// They have changed, and are listed anew then.
    pub(super) settles: Option<Instant>,
    /// Chosen by somebody; otherwise the film's own choice.
    video: Option<u32>,
    audio: Option<u32>,
    /// No track of sound is wanted.
    pub(super) no_sound: bool,
    /// Factor on samples, and muted by hand.
    pub(super) loudness: (f64, bool),
}

impl Film {
    pub(super) fn select(&mut self, kind: TrackKind, id: Option<u32>) {
        match (kind, id) {
            (TrackKind::Video, Some(id)) => self.choice.video = Some(id),
            (TrackKind::Audio, Some(id)) => (self.choice.audio, self.choice.no_sound) = (Some(id), false),
            (TrackKind::Audio, None) => self.choice.no_sound = true,
            (TrackKind::Subtitle, id) => self.select_subtitles(id),
            (TrackKind::Video, None) => {}
        }
        if self.phase == Phase::Open && kind != TrackKind::Subtitle {
            self.choose_again();
        }
        self.tell_tracks();
    }

    /// Makes the film play what was chosen.
    pub(super) fn choose_again(&mut self) {
        for (kind, id) in [(TrackKind::Video, self.choice.video), (TrackKind::Audio, self.choice.audio)] {
            if let Some(id) = id.filter(|&id| !self.pipeline.select(kind, id)) {
                log::info!("there is no track {id} of {kind:?}");
            }
        }
        let (volume, muted) = self.choice.loudness;
        self.set_volume(volume, muted);
    }

    /// All tracks as they are now, which is what is told.
    pub(super) fn list_tracks(&mut self) -> Vec<Track> {
        let mut tracks = self.pipeline.tracks(TrackKind::Video);
        tracks.extend(self.pipeline.tracks(TrackKind::Audio));
        if self.choice.no_sound {
            for track in tracks.iter_mut().filter(|track| track.kind == TrackKind::Audio) {
                track.selected = false;
            }
        }
        tracks.extend(self.list_subtitles());
        self.choice.told.clone_from(&tracks);
        tracks
    }

    /// Names of tracks come one by one, so they are waited for.
    pub(super) fn look_at_tracks(&mut self) {
        if self.pipeline.have_tracks_changed() && self.phase == Phase::Open {
            self.choice.settles.get_or_insert_with(|| Instant::now() + TRACKS_SETTLE);
        }
    }

    pub(super) fn settle_tracks(&mut self, now: Instant) {
        if self.choice.settles.is_some_and(|settles| settles <= now) {
            self.choice.settles = None;
            self.tell_tracks();
        }
    }

    pub(super) fn tell_tracks(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        let before = self.choice.told.clone();
        let tracks = self.list_tracks();
        if tracks != before {
            self.tell(Event::Tracks(tracks));
        }
    }
}

//! What GStreamer says of a film, and what that means.

use std::time::Instant;

use gst::prelude::*;
use gst::{MessageView, State};

use super::film::{Buffering, Film, Outcome, Phase};
use crate::event::Event;
use crate::limits::{DROPPERS_MAX, LATE_TOLD_EVERY, MISSING_MAX};
use crate::missing::missing;

impl Film {
    pub(super) fn poll_message(&self) -> Option<gst::Message> {
        self.pipeline.poll_message()
    }

    pub(super) fn handle_message(&mut self, message: &gst::Message) {
        match message.view() {
            MessageView::AsyncDone(_) => self.on_arrived(),
            MessageView::StateChanged(change) => self.on_state(change.current()),
            MessageView::Buffering(buffering) => self.on_buffering(buffering.percent()),
            MessageView::Eos(_) => self.on_end(),
            MessageView::Error(error) => self.on_error(error),
            MessageView::Warning(warning) => log::info!("GStreamer warns: {}", warning.error()),
            MessageView::Element(element) => {
                let new = element.structure().and_then(missing).filter(|new| !self.missing.contains(new));
                if self.missing.len() < MISSING_MAX {
                    self.missing.extend(new);
                }
            }
            MessageView::DurationChanged(_) => self.duration = self.pipeline.duration().or(self.duration),
            MessageView::Latency(_) => self.pipeline.recalculate_latency(),
            MessageView::ClockLost(_) if self.playing_since.is_some() => {
                // It looks for another one on its way back.
                self.pipeline.set_state(State::Paused);
                self.pipeline.set_state(State::Playing);
            }
            MessageView::Qos(qos) => self.on_dropped(qos),
            // GStreamer's own enum, which grows.
            _ => {}
        }
    }

    fn on_state(&mut self, state: State) {
        if state != State::Playing {
            self.playing_since = None;
            self.rest();
            // A seek and waiting for bytes stop GStreamer's clock, but are nobody's wish.
            if state == State::Paused && !self.wished && self.phase == Phase::Open {
                self.tell_running(false);
            }
            return;
        }
        self.playing_since = Some(Instant::now());
        self.pipeline.on_playing();
        self.watch.begin(Instant::now(), self.pipeline.position());
        if self.wished {
            self.tell_running(true);
        }
    }

    fn on_buffering(&mut self, percent: i32) {
        match (percent >= 100, self.buffering) {
            (false, None) => {
                self.buffering = Some(Buffering { since: Instant::now(), is_told: false });
                if self.phase == Phase::Open && self.wished {
                    self.pipeline.set_state(State::Paused);
                }
            }
            (true, Some(buffering)) => {
                self.buffering = None;
                if buffering.is_told {
                    self.tell(Event::Buffering(false));
                }
                if self.wished {
                    self.run();
                }
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    fn on_end(&mut self) {
        // What a seek is leaving has no end.
        if self.phase == Phase::Warming {
            self.cool_down();
        }
        if self.phase != Phase::Open || self.seeks.is_busy() {
            return;
        }
        let shown = self.pipeline.shutter.last().filter(|_| self.playing_since.is_some());
        if let Some((shown, end)) = shown.zip(self.duration)
            && let Some(place) = self.watch.on_end(Instant::now(), end, (shown.at, shown.when), self.rate.live)
        {
            log::warn!(
                "the film ended after its picture at {:?}, and should be at {place:?}: it is opened again",
                shown.at
            );
            self.outcomes.push_back(Outcome::Astray(place));
            return;
        }
        self.pipeline.set_state(State::Paused);
        self.tell_ended();
    }

    fn on_error(&mut self, error: &gst::message::Error) {
        log::warn!("GStreamer failed: {}, {:?}", error.error(), error.debug());
        let of_sound = |source: &gst::Object| {
            let factory = source.downcast_ref::<gst::Element>().and_then(gst::prelude::ElementExt::factory);
            let klass = factory.as_ref().and_then(|factory| factory.metadata(gst::ELEMENT_METADATA_KLASS));
            klass.is_some_and(|klass| klass.contains("Sink") && klass.contains("Audio"))
        };
        let outcome =
            if error.src().is_some_and(of_sound) { Outcome::SoundLost } else { Outcome::Failed(error.error()) };
        self.outcomes.push_back(outcome);
    }

    fn on_dropped(&mut self, qos: &gst::message::Qos) {
        let (_, dropped) = qos.stats();
        let (Some(source), Ok(count)) = (qos.src(), u64::try_from(dropped.value())) else { return };
        let source = source.name().to_string();
        if self.dropped.len() < DROPPERS_MAX || self.dropped.contains_key(&source) {
            self.dropped.insert(source, count);
        }
        let (frames, now) = (self.dropped.values().sum(), Instant::now());
        let is_due = match self.told_late {
            None => frames > 0,
            Some((told, when)) => frames > told && now >= when + LATE_TOLD_EVERY,
        };
        if is_due {
            self.told_late = Some((frames, now));
            self.tell(Event::Late { frames });
        }
    }
}

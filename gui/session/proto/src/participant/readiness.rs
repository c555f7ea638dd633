//! What the room is told of this viewer: whether they can play, and where they are.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal_proto::playback::PlaybackState;
use signal_proto::sync::readiness::{Forecast, Supply, Viewer, forecast, is_ready};

use super::Participant;
use super::play::Doing;
use super::timers::Wake;
use crate::view::{self, Part};

/// While one is not ready, the room hears so often how far one is.
const READY_EVERY: Duration = Duration::from_secs(1);

impl Participant {
    /// What is known of what lies ahead of the room's place.
    pub(super) fn supply(&self, now: Instant) -> Option<Supply> {
        self.film.as_ref()?.supply(self.room_place(now), self.play.speed())
    }

    /// Whether this viewer can play from where the room is.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        let player = &self.play.player;
        let Some(film) = &self.film else { return false };
        if player.ended {
            return true;
        }
        let has_frame = player.open && !player.buffering && !self.play.unreachable;
        let was_ready = self.said_ready.is_some_and(|(_, _, ready)| ready);
        let runs = matches!(self.play.doing, Doing::Running { .. } | Doing::Starting);
        if runs && was_ready {
            // In the film only a stall counts: what is ahead may be little for a while without one.
            return has_frame;
        }
        let viewer = Viewer {
            weak: self.play.weak,
            first_frame: has_frame && !matches!(self.play.doing, Doing::Seeking { .. }),
            goes_anyway: self.goes_anyway,
        };
        match self.supply(now) {
            Some(supply) => is_ready(viewer, &supply),
            // Without a length there is no forecast: who has all of it can play.
            None => viewer.first_frame && film.is_complete(),
        }
    }

    /// Tells the room whether this viewer can play, when that is news to it.
    pub(super) fn tell_ready(&mut self, now: Instant) {
        let speaks = self.is_inside() && self.film.is_some() && self.play.part != Part::Spectating;
        let Some(anchor) = self.play.anchor.as_ref().filter(|_| speaks && self.anchored.is_some()) else { return };
        let (epoch, seq, state) = (anchor.epoch, anchor.seq, anchor.state);
        let ready = self.is_ready(now);
        let is_news = self.said_ready.is_none_or(|(said_epoch, said_seq, said)| {
            said != ready || said_epoch != epoch || (said_seq != seq && state != PlaybackState::Playing)
        });
        if ready {
            self.timers.stop(Wake::Ready);
        } else {
            self.timers.set_by(Wake::Ready, now + READY_EVERY);
        }
        if is_news {
            self.say_ready(now, (epoch, seq), ready);
        }
    }

    /// Not ready for a while yet: how far?
    pub(super) fn ready_timeout(&mut self, now: Instant) {
        let before = self.said_ready;
        self.tell_ready(now);
        if let Some((epoch, seq, false)) = self.said_ready.filter(|_| before == self.said_ready && self.is_inside()) {
            self.say_ready(now, (epoch, seq), false);
        }
    }

    fn say_ready(&mut self, now: Instant, (epoch, seq): (u64, u64), ready: bool) {
        self.said_ready = Some((epoch, seq, ready));
        let supply = self.supply(now);
        let mut payload = json!({"epoch": epoch, "seq": seq, "ready": ready});
        if let Some(supply) = supply {
            payload["ahead"] = json!(shown(supply.ahead.min(supply.left).as_secs_f64()));
            payload["forecast"] = forecast_told(&supply);
        }
        self.say("ready-state", payload);
        self.changed = true;
    }

    /// Where this viewer's player is.
    pub(super) fn report(&mut self, now: Instant) {
        let Some(anchor) = self.play.anchor.clone() else { return };
        let Some(code) = self.door.code.as_ref().map(|code| code.as_str().to_owned()) else { return };
        let place = self.play.player_place(now).unwrap_or_else(|| self.room_place(now));
        let supply = self.supply(now);
        let mut payload = json!({
            "roomCode": code,
            "playbackTime": shown(place),
            "playing": self.play.player.running && !self.play.player.buffering,
            "at": self.play.server_now(now).unix_ms(),
            "epoch": anchor.epoch, "seq": anchor.seq,
            "buffering": self.play.player.buffering || self.play.unreachable,
            "rate": self.play.told_rate(),
            "ready": self.is_ready(now),
        });
        if let Some(drift) = self.play.drift() {
            payload["drift"] = json!(shown(drift));
        }
        if let Some(supply) = supply {
            payload["ahead"] = json!(shown(supply.ahead.min(supply.left).as_secs_f64()));
        }
        if let Some(delay) = self.play.clock.delay() {
            payload["rtt"] = json!(delay.as_millis());
        }
        self.say("sync-report", payload);
    }

    /// In words of the view: what will come of playing on.
    pub(super) fn forecast(&self, now: Instant) -> view::Forecast {
        let Some(supply) = self.supply(now) else { return view::Forecast::Unknown };
        let enough = if self.play.weak { 10.0 } else { 5.0 };
        let lacks = (f64::min(enough, supply.left.as_secs_f64()) - supply.ahead.as_secs_f64()).max(0.0);
        match forecast(&supply) {
            Forecast::PlaysThrough if lacks > 0.0 && supply.rate > 0.0 => {
                view::Forecast::ReadyIn { seconds: lacks * supply.bitrate / supply.rate }
            }
            Forecast::PlaysThrough if lacks > 0.0 => view::Forecast::Unknown,
            Forecast::PlaysThrough => view::Forecast::PlaysThrough,
            Forecast::RunsDry { after, wait } => view::Forecast::Stalls {
                after: after.as_secs_f64(),
                unless_waiting: wait.map(|wait| wait.as_secs_f64()),
            },
        }
    }
}

fn forecast_told(supply: &Supply) -> Value {
    match forecast(supply) {
        Forecast::PlaysThrough => json!({"playsThrough": true}),
        Forecast::RunsDry { after, wait } => {
            json!({"playsThrough": false, "after": shown(after.as_secs_f64()), "wait": wait.map(|wait| shown(wait.as_secs_f64()))})
        }
    }
}

/// Milliseconds are enough, and no number is endless.
fn shown(seconds: f64) -> f64 {
    (seconds.clamp(-1e9, 1e9) * 1000.0).round() / 1000.0
}

//! The anchor: where the room is in its film. One place says where we are now ([`Anchor::position_at`]), and everybody asks it:
//! the server, and each client with the server's time.
//!
//! Who may move it is decided in the room, when it may start in [`crate::sync::gate`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ActionId, ParticipantId};
use crate::limits::{START_DELAY_MAX, START_DELAY_MIN};
use crate::time::{MediaTime, Rate, ServerTime};

/// A state of playback that was true at one moment and says what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// Counts films. What belongs to an earlier one is stale.
    pub epoch: u64,
    /// Counts this room's anchors over all films; never goes back.
    pub seq: u64,
    /// What happens from `at` on.
    pub state: PlaybackState,
    /// The place in the film at `at`.
    pub position: MediaTime,
    /// When. In the future for a start that is scheduled; until then the film stands at `position`.
    pub at: ServerTime,
    /// How fast it plays.
    pub rate: Rate,
    /// What moved it, as its sender named it; a plan's client knows its own action by it.
    pub action_id: ActionId,
    /// Who moved it; `None` is the room itself.
    pub by: Option<ParticipantId>,
}

/// Whether the film runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaybackState {
    /// It runs from the anchor's moment on.
    Playing,
    /// It stands, because somebody wants it to.
    Paused,
    /// It stands until those who are not ready are; then it plays.
    Waiting,
}

/// Who moved an anchor, and what they call that action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// See [`Anchor::action_id`].
    pub action_id: ActionId,
    /// See [`Anchor::by`].
    pub by: Option<ParticipantId>,
}

impl Anchor {
    /// A room without a film.
    pub const fn new(now: ServerTime) -> Self {
        Self {
            epoch: 0,
            seq: 0,
            state: PlaybackState::Paused,
            position: MediaTime::ZERO,
            at: now,
            rate: Rate::ONE,
            action_id: ActionId::Text(String::new()),
            by: None,
        }
    }

    /// Where the film is at `now`: the one definition. It does not know where the film ends.
    pub fn position_at(&self, now: ServerTime) -> MediaTime {
        match self.state {
            PlaybackState::Playing => self.position.plus(now.seconds_since(self.at).max(0.0) * self.rate.get()),
            PlaybackState::Paused | PlaybackState::Waiting => self.position,
        }
    }

    /// When a scheduled start comes, while it has not.
    pub fn starts_at(&self, now: ServerTime) -> Option<ServerTime> {
        (self.state == PlaybackState::Playing && self.at > now).then_some(self.at)
    }

    /// From `at` on the film runs from `position`.
    pub fn play(&mut self, position: MediaTime, at: ServerTime, cause: Cause) {
        self.anchor(PlaybackState::Playing, position, at, cause);
    }

    /// The film stands at `position`, because somebody wants it to.
    pub fn pause(&mut self, now: ServerTime, position: MediaTime, cause: Cause) {
        self.anchor(PlaybackState::Paused, position, now, cause);
    }

    /// The film stands at `position` until everybody is ready.
    pub fn wait(&mut self, now: ServerTime, position: MediaTime, cause: Cause) {
        self.anchor(PlaybackState::Waiting, position, now, cause);
    }

    /// The film goes on where it is, at another speed. A start that is scheduled stays so.
    pub fn set_rate(&mut self, now: ServerTime, rate: Rate, cause: Cause) {
        let (position, at) = (self.position_at(now), self.starts_at(now).unwrap_or(now));
        self.rate = rate;
        self.anchor(self.state, position, at, cause);
    }

    /// Another film: from its beginning, paused, at its own speed.
    pub fn new_film(&mut self, now: ServerTime, cause: Cause) {
        self.epoch += 1;
        self.rate = Rate::ONE;
        self.anchor(PlaybackState::Paused, MediaTime::ZERO, now, cause);
    }

    /// The later of two anchors has the higher order, over films.
    pub const fn order(&self) -> (u64, u64) {
        (self.epoch, self.seq)
    }

    fn anchor(&mut self, state: PlaybackState, position: MediaTime, at: ServerTime, cause: Cause) {
        self.seq += 1;
        self.state = state;
        self.position = position;
        self.at = at;
        self.action_id = cause.action_id;
        self.by = cause.by;
    }
}

impl Cause {
    /// Somebody's action.
    pub fn of(by: &ParticipantId, action_id: impl Into<ActionId>) -> Self {
        Self { action_id: action_id.into(), by: Some(by.clone()) }
    }

    /// What the room does by itself.
    pub fn room(action_id: impl Into<ActionId>) -> Self {
        Self { action_id: action_id.into(), by: None }
    }
}

/// How long a start is scheduled ahead, so that the message is everywhere before its moment: one and a half round trips of the
/// slowest. `None`: nobody else is there, and it starts at once.
pub fn start_delay(rtt_slowest: Option<Duration>) -> Duration {
    rtt_slowest.map_or(Duration::ZERO, |rtt| (rtt * 3 / 2).clamp(START_DELAY_MIN, START_DELAY_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: ServerTime = ServerTime::from_unix_ms(1_000_000);

    fn after(seconds: u64) -> ServerTime {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn place(seconds: f64) -> MediaTime {
        MediaTime::new(seconds).unwrap()
    }

    #[test]
    fn a_playing_film_moves_and_a_standing_one_does_not() {
        let mut anchor = Anchor::new(NOW);
        assert_eq!(anchor.position_at(after(9)), MediaTime::ZERO);
        anchor.play(place(60.0), NOW, Cause::room("a"));
        assert_eq!(anchor.position_at(after(10)), place(70.0));
        anchor.pause(after(10), place(70.0), Cause::room("b"));
        assert_eq!(anchor.position_at(after(99)), place(70.0));
        anchor.wait(after(99), place(80.0), Cause::room("c"));
        assert_eq!((anchor.position_at(after(200)), anchor.seq), (place(80.0), 3));
    }

    #[test]
    fn before_a_scheduled_start_it_stands() {
        let mut anchor = Anchor::new(NOW);
        anchor.play(place(5.0), after(1), Cause::room("a"));
        assert_eq!(anchor.position_at(NOW), place(5.0));
        assert_eq!((anchor.starts_at(NOW), anchor.starts_at(after(1))), (Some(after(1)), None));
        assert_eq!(anchor.position_at(after(3)), place(7.0));
    }

    #[test]
    fn another_speed_goes_on_from_where_it_is() {
        let mut anchor = Anchor::new(NOW);
        anchor.play(place(0.0), NOW, Cause::room("a"));
        anchor.set_rate(after(10), Rate::new(2.0).unwrap(), Cause::room("b"));
        assert_eq!(anchor.position_at(after(10)), place(10.0));
        assert_eq!(anchor.position_at(after(15)), place(20.0));

        anchor.play(place(0.0), after(30), Cause::room("c"));
        anchor.set_rate(after(29), Rate::ONE, Cause::room("d"));
        assert_eq!(anchor.starts_at(after(29)), Some(after(30)), "a scheduled start stays");
        anchor.pause(after(31), place(1.0), Cause::room("e"));
        anchor.set_rate(after(40), Rate::new(0.5).unwrap(), Cause::room("f"));
        assert_eq!(anchor.position_at(after(50)), place(1.0), "a standing film stands at any speed");
    }

    #[test]
    fn another_film_begins_anew_and_outranks_all_before() {
        let mut anchor = Anchor::new(NOW);
        anchor.play(place(100.0), NOW, Cause::room("a"));
        anchor.set_rate(NOW, Rate::new(1.5).unwrap(), Cause::room("b"));
        let before = anchor.order();
        anchor.new_film(after(1), Cause::room("c"));
        assert!(anchor.order() > before);
        assert_eq!((anchor.state, anchor.position, anchor.rate), (PlaybackState::Paused, MediaTime::ZERO, Rate::ONE));
    }

    #[test]
    fn starts_are_scheduled_for_the_slowest() {
        let ms = Duration::from_millis;
        assert_eq!(start_delay(None), ms(0));
        assert_eq!(start_delay(Some(ms(1))), ms(300));
        assert_eq!(start_delay(Some(ms(400))), ms(600));
        assert_eq!(start_delay(Some(ms(9_000))), ms(1_500));
    }
}

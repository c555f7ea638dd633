//! Chat that gives nothing away: what others say of a place in the film is shown when one's own player is there.

use std::time::{Duration, Instant};

use signal_proto::time::MediaTime;

use super::Participant;
use super::io::Output;
use super::timers::Wake;
use crate::view::ChatItem;

/// Who is that near to a message's place has seen what it is about, in seconds: people in step are never exactly at one place.
const NEAR: f64 = 1.0;
/// While messages are held back, it is looked so often whether their place has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Participant {
    /// A line of somebody else's: shown now, or when its place has come.
    pub(super) fn show_or_hold(&mut self, now: Instant, item: ChatItem) {
        let is_held = self.is_ahead(now, &item);
        self.chat.push(item.clone());
        if is_held {
            self.chat.hold(item.key);
            self.timers.set_by(Wake::Held, now + LOOK_EVERY);
        } else {
            self.output(Output::Said(item));
        }
    }

    pub(super) fn set_spoiler_safe(&mut self, now: Instant, on: bool) {
        self.setup.spoiler_safe = on;
        self.release_held(now);
    }

    /// Shows what need not be held back any more.
    pub(super) fn release_held(&mut self, now: Instant) {
        let held: Vec<ChatItem> = self.chat.held().cloned().collect();
        let mut is_left = false;
        for item in held {
            if self.is_ahead(now, &item) {
                is_left = true;
            } else {
                self.chat.release(item.key);
                self.changed = true;
                self.output(Output::Said(item));
            }
        }
        if is_left {
            self.timers.set_by(Wake::Held, now + LOOK_EVERY);
        } else {
            self.timers.stop(Wake::Held);
        }
    }

    /// It is about a place of this film that this person has not seen. What was said at no place of it is about another film.
    fn is_ahead(&self, now: Instant, item: &ChatItem) -> bool {
        let Some(film) = self.film.as_ref().filter(|_| self.setup.spoiler_safe && !item.mine) else { return false };
        let end = film.duration.map_or(f64::MAX, MediaTime::seconds);
        let Some(place) = item.film_time.filter(|place| item.from.is_some() && *place <= end) else { return false };
        // Without a player the room's place is one's own. One that seeks says none, and nothing is shown meanwhile.
        let own = if self.play.player.open { self.play.player_place(now) } else { Some(self.room_place(now)) };
        own.is_none_or(|own| place > own + NEAR)
    }
}

//! Where everybody really is, looked at while the evening goes on and when it ends.

use std::time::{Duration, Instant};

use session_proto::view::{Delivery, Part as Taking, Phase, RoomState};

use super::{SAMPLE, SETTLED_AFTER, What, World};

impl World {
    /// Where they really are.
    pub(super) fn sample(&mut self) {
        let now = self.now();
        self.queue.push_after(SAMPLE, What::Sample);
        let settled = |at: Instant| now.saturating_duration_since(at) > SETTLED_AFTER;
        if self.rules.anchored().is_none_or(|at| !settled(at)) {
            return;
        }
        let places: Vec<f64> = (0..self.seats.len())
            .filter(|who| self.disturbed.get(*who).is_some_and(|at| settled(*at)))
            .filter_map(|who| self.in_step(who))
            .collect();
        self.rules.numbers.drifts.extend(pairs(&places));
    }

    /// The place of somebody who plays with the room, deaf players apart: those can only jump.
    fn in_step(&self, who: usize) -> Option<f64> {
        let seat = self.seats.get(who)?;
        let view = self.view(who)?;
        // Who has no connection cannot know what the others do.
        let plays = view.phase == Phase::InRoom
            && view.server.connected
            && view.playback.state == RoomState::Playing
            && view.playback.part == Taking::InStep
            && !view.playback.buffering
            && seat.asleep_until.is_none()
            && !seat.player.is_deaf();
        seat.player.moving_at(self.now()).filter(|_| plays)
    }

    pub(super) fn measure_start(&mut self, moved: Instant) {
        let now = self.now();
        // Who began with this start, and not later by something else.
        let places: Vec<f64> = (0..self.seats.len())
            .filter(|who| {
                let started = self.seats.get(*who).and_then(|seat| seat.player.started);
                started.is_some_and(|at| {
                    at + Duration::from_millis(400) > moved && at < moved + Duration::from_millis(400)
                })
            })
            .filter_map(|who| self.in_step(who))
            .collect();
        let is_last = self.rules.anchored().is_none_or(|at| at <= moved && now > at);
        if is_last {
            self.rules.numbers.starts.extend(pairs(&places));
        }
    }

    /// After the quiet: everybody is there, in step, and heard everything once.
    pub(super) fn end(&self) -> Result<(), String> {
        let mut places = Vec::new();
        for who in 0..self.seats.len() {
            let Some(view) = self.view(who) else { return Err(format!("{who} is not there at the end")) };
            if view.phase != Phase::InRoom || !view.server.connected {
                return Err(format!("{who} is not in the room at the end: {:?}", view.notices));
            }
            if view.people.len() != self.seats.len() {
                let names: Vec<_> = view.people.iter().map(|person| (&person.id, person.state)).collect();
                return Err(format!("{who} sees {names:?}"));
            }
            if view.playback.state != RoomState::Playing {
                return Err(format!("{who} does not see the film play: {:?}", view.playback));
            }
            match self.seats.get(who).and_then(|seat| seat.player.moving_at(self.now())) {
                Some(place) => places.push((who, place)),
                None => {
                    return Err(format!(
                        "{who}'s player does not move: {:?} {:?}",
                        view.playback,
                        view.film.map(|film| film.stage)
                    ));
                }
            }
            let lines: Vec<&str> =
                view.chat.iter().filter(|item| item.from.is_some()).map(|item| item.text.as_str()).collect();
            for (at, line) in lines.iter().enumerate() {
                if lines.iter().skip(at + 1).any(|other| other == line) {
                    return Err(format!("{who} sees a line twice: {line}"));
                }
            }
            if let Some(item) = view.chat.iter().find(|item| item.delivery != Delivery::Sent) {
                return Err(format!("{who}'s line is not out at the end: {item:?}"));
            }
            self.in_order(who, &lines)?;
        }
        let deaf = |who: usize| self.seats.get(who).is_some_and(|seat| seat.player.is_deaf());
        for (at, (one, place)) in places.iter().enumerate() {
            for (other, there) in places.iter().skip(at + 1) {
                let bound = if deaf(*one) || deaf(*other) { 0.75 } else { 0.25 };
                if (place - there).abs() > bound {
                    return Err(format!("{one} and {other} are {:.3} s apart at the end", place - there));
                }
            }
        }
        debug_assert!(self.quiet < self.now() + Duration::from_secs(60), "the quiet came");
        Ok(())
    }

    /// The lines of one process arrive in the order they were written.
    fn in_order(&self, who: usize, lines: &[&str]) -> Result<(), String> {
        for seat in &self.seats {
            let begins = format!("{} {} ", seat.name, seat.runs);
            let numbers: Vec<u32> =
                lines.iter().filter_map(|line| line.strip_prefix(begins.as_str())?.parse().ok()).collect();
            if numbers.windows(2).any(|two| two[0] >= two[1]) {
                return Err(format!("{who} sees {}'s lines as {numbers:?}", seat.name));
            }
        }
        Ok(())
    }
}

fn pairs(places: &[f64]) -> Vec<f64> {
    let mut apart = Vec::new();
    for (at, one) in places.iter().enumerate() {
        apart.extend(places.iter().skip(at + 1).map(|other| (one - other).abs()));
    }
    apart
}

//! What the plan does to an evening: people come, wish, sleep, vanish; lines, engines and the server break.

use std::time::Duration;

use session_proto::participant::Input;
use session_proto::wish::Wish;
use signal_proto::ids::SocketKey;
use signal_proto::lobby;

use crate::room::evening::Step;

use super::{LOST_NOTICED, What, World};

impl World {
    pub(super) fn step(&mut self, step: Step) -> Result<(), String> {
        let now = self.now();
        self.note(format!("{step:?}"));
        match step {
            Step::Come(who) => self.come(who)?,
            Step::Want(who, wish) => self.want(who, wish)?,
            Step::Kill(who) if !self.calm => {
                let socket = self.seats.get_mut(who).and_then(|seat| {
                    let socket = seat.socket;
                    seat.vanish();
                    socket
                });
                if let Some(socket) = socket {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
            }
            Step::Stop(who, span) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_some()) {
                    seat.asleep_until = Some(now + span);
                    seat.player.stall(now + span);
                    self.queue.push_after(span, What::Step(Step::Want(who, Wish::WatchReports(true))));
                }
            }
            Step::Stall(who, span) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who) {
                    seat.player.stall(now + span);
                }
                self.disturb(who);
            }
            Step::EngineEnds(who) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_some()) {
                    seat.engine.restart();
                }
                self.schedule(who);
            }
            Step::Cut(who) if !self.calm => {
                if let Some(socket) = self.seats.get(who).and_then(|seat| seat.socket) {
                    self.lose(who, socket)?;
                }
            }
            Step::ServerRestarts(span) if !self.calm && self.server.is_some() => {
                self.server = None;
                self.rules.forget();
                self.queue.push_after(span, What::ServerUp);
                let gone: Vec<(usize, u64)> =
                    self.seats.iter().enumerate().filter_map(|(who, seat)| Some((who, seat.socket?))).collect();
                for (who, socket) in gone {
                    self.queue.push_after(LOST_NOTICED, What::Lost(who, socket));
                }
            }
            Step::Calm => {
                self.calm = true;
                for who in 0..self.seats.len() {
                    self.come(who)?;
                    self.want(who, Wish::Spectate(false))?;
                }
            }
            Step::Play => {
                let host = (0..self.seats.len()).find(|who| self.view(*who).is_some_and(|view| view.may_manage));
                let Some(host) = host else { return Err(format!("nobody is host: {:?}", self.phases())) };
                self.want(host, Wish::SetRate(signal_proto::time::Rate::ONE))?;
                self.want(host, Wish::Seek(signal_proto::time::MediaTime::saturating(100.0)))?;
                self.want(host, Wish::Play)?;
            }
            Step::Kill(_)
            | Step::Stop(..)
            | Step::Stall(..)
            | Step::EngineEnds(_)
            | Step::Cut(_)
            | Step::ServerRestarts(_) => {}
        }
        Ok(())
    }

    fn come(&mut self, who: usize) -> Result<(), String> {
        let now = self.now();
        // Nobody but the host has a room to come to before there is one.
        let code = self.code.clone();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_none()) else { return Ok(()) };
        if code.is_none() && !seat.hosts {
            self.queue.push_after(Duration::from_secs(1), What::Step(Step::Come(who)));
            return Ok(());
        }
        seat.asleep_until = None;
        seat.sit_down(now, code.as_deref());
        // What was written before is another process's.
        seat.lines.clear();
        let run = seat.runs;
        self.disturb(who);
        self.queue.push_after(Duration::from_millis(5), What::Dial(who, run));
        self.drain_seat(who)
    }

    fn want(&mut self, who: usize, wish: Wish) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.is_awake(now)) else { return Ok(()) };
        if seat.asleep_until.take().is_some() {
            // It finds out that it slept.
            seat.input(now, Input::Woke);
        }
        let wish = match wish {
            Wish::Say(_) => {
                let text = format!("{} {} {}", seat.name, seat.runs, seat.lines.len());
                seat.lines.push(text.clone());
                Wish::Say(text)
            }
            wish => wish,
        };
        if matches!(wish, Wish::Play | Wish::Pause | Wish::Seek(_) | Wish::SeekBy(_) | Wish::SetRate(_)) {
            // One that is given without a server may be said twice: a seek, and that it plays there.
            seat.wished += 2;
        }
        seat.input(now, Input::Wish(wish));
        self.disturb(who);
        self.drain_seat(who)
    }
}

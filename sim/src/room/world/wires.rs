//! What the machines and the server say to one another, and the lines that carry it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use session_proto::participant::{Answer, End, Input, Output, SignalNews, Ticket};
use session_proto::player::Command;
use session_proto::view::Part as Taking;
use signal_proto::event::parse_server;
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::lobby::{self, Lobby};

use crate::rng::duration_between;
use crate::room::evening::Step;
use crate::room::line::Line;

use super::{Heard, RECONNECT, What, World};

impl World {
    pub(super) fn carry_out(&mut self, who: usize, output: Output) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who) else { return Ok(()) };
        match output {
            Output::Say(say) => {
                if matches!(say.name, "sync-play" | "sync-pause" | "sync-seek" | "set-rate" | "sync-correct") {
                    seat.moved += 1;
                    let ended =
                        say.name == "sync-pause" && say.payload["time"].as_f64().is_some_and(|time| time > 899.0);
                    if seat.moved > seat.wished && !ended {
                        return Err(format!("{who} moves the film without a wish: {} {}", say.name, say.payload));
                    }
                }
                let Some(socket) = seat.socket else { return Ok(()) };
                let ack = say.ticket.map(|ticket| ticket.0);
                seat.tickets.extend(ack);
                let at = seat.up.arrival(now, &mut self.rng);
                let what = What::ToServer { seat: who, socket, name: say.name, payload: say.payload, ack };
                self.queue.push_at(at, what);
            }
            Output::Player(command) => {
                let taking = seat.participant.as_ref().map(|one| one.view(seat.clock.shown(now)).playback.part);
                let follows = matches!(command, Command::Play | Command::Pause | Command::Seek(_));
                if taking == Some(Taking::Spectating) && follows && self.wanted(who) {
                    return Err(format!("{who} only watches and is commanded {command:?}"));
                }
                if matches!(command, Command::SetRate(_)) {
                    self.rules.rate_change(now, who)?;
                }
                if !matches!(command, Command::SetRate(_)) {
                    self.disturb(who);
                }
                self.note(format!("{who} commands its player {command:?}"));
            }
            Output::LeaveServer => {
                if let Some(socket) = seat.socket.take() {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
            }
            Output::RetryServer => {
                let run = seat.runs;
                if let Some(socket) = seat.socket.take() {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
                self.queue.push_after(RECONNECT, What::Dial(who, run));
            }
            Output::Keep { code, token } => {
                seat.code = Some(code.clone());
                seat.token = Some(token);
                self.code = Some(code);
            }
            Output::Ended(end) => {
                self.note(format!("{who} is out: {end:?}"));
                if let Some(seat) = self.seats.get_mut(who) {
                    seat.vanish();
                }
                if matches!(end, End::Refused(_)) {
                    // The others may be about to form the room again; its person tries later.
                    self.queue.push_after(Duration::from_secs(5), What::Step(Step::Come(who)));
                }
            }
            Output::Noticed(notice) => self.note(format!("{who} is told: {} {:?}", notice.title, notice.code)),
            Output::Said(_) | Output::Engine(_) | Output::Changed | Output::WantPlace(_) | Output::KeepPlace(_) => {}
        }
        Ok(())
    }

    /// A spectator's own wishes reach its player; none of these plans has one.
    fn wanted(&self, who: usize) -> bool {
        self.seats.get(who).is_some_and(|seat| seat.player.moving_at(self.now()).is_some())
    }

    pub(super) fn server_input(&mut self, input: lobby::Input) -> Result<(), String> {
        let now = self.now();
        if let Some(server) = &mut self.server {
            server.handle_input(now, input);
        }
        self.drain_server()
    }

    pub(super) fn drain_server(&mut self) -> Result<(), String> {
        let now = self.now();
        let mut stated = false;
        while let Some(output) = self.server.as_mut().and_then(Lobby::poll_output) {
            match output {
                lobby::Output::Emit { to, name, payload } => {
                    if name == "room-state" && !std::mem::replace(&mut stated, true) {
                        self.rules.room_state(now, &payload)?;
                        if !payload["startAt"].is_null() {
                            let start = payload["startAt"].as_i64().zip(payload["at"].as_i64());
                            let wait = start.map_or(0, |(start, at)| (start - at).max(0));
                            let moved = now + Duration::from_millis(u64::try_from(wait).unwrap_or_default());
                            self.queue.push_at(moved + Duration::from_secs(1), What::Start(moved));
                        }
                    }
                    for socket in to {
                        self.send_down(socket, Heard::Event(name, payload.clone()));
                    }
                }
                lobby::Output::Ack { to, ack, payload } => self.send_down(to, Heard::Ack(ack, payload)),
                lobby::Output::Close(socket) => self.send_down(socket, Heard::Closed),
            }
        }
        if let Some(planned) = self.server_turn.take() {
            self.queue.cancel(planned);
        }
        let next = self.server.as_ref().and_then(Lobby::poll_timeout);
        self.server_turn = next.map(|at| self.queue.push_at(at, What::ServerWake));
        Ok(())
    }

    fn send_down(&mut self, socket: SocketKey, heard: Heard) {
        let now = self.now();
        let Some(seat) = usize::try_from(socket.0).ok().and_then(|at| self.owners.get(at)).copied() else { return };
        let Some(at) = self.seats.get_mut(seat).map(|owner| owner.down.arrival(now, &mut self.rng)) else { return };
        self.queue.push_at(at, What::ToClient { seat, socket: socket.0, heard });
    }

    pub(super) fn hear(&mut self, who: usize, socket: u64, heard: Heard) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.socket == Some(socket)) else { return Ok(()) };
        if let Some(until) = seat.asleep_until.filter(|until| now < *until) {
            // It lies in the socket's buffer.
            self.queue.push_at(until, What::ToClient { seat: who, socket, heard });
            return Ok(());
        }
        let news = match heard {
            Heard::Event(name, payload) => match parse_server(name, Some(&payload)) {
                Ok(Some(event)) => SignalNews::Heard(Box::new(event)),
                Ok(None) => return Err(format!("the server says {name}, which no client knows")),
                Err(problem) => return Err(format!("{name} is not understood: {} {payload}", problem.message)),
            },
            Heard::Ack(ticket, payload) => {
                seat.tickets.retain(|waiting| *waiting != ticket);
                SignalNews::Answered(Ticket(ticket), Answer::Said(payload))
            }
            Heard::Closed => return self.lose(who, socket),
        };
        seat.input(now, Input::Signal(news));
        self.drain_seat(who)
    }

    pub(super) fn dial(&mut self, who: usize, run: u64) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.runs == run && seat.participant.is_some()) else {
            return Ok(());
        };
        if seat.socket.is_some() {
            return Ok(());
        }
        if self.server.is_none() || seat.asleep_until.is_some_and(|until| now < until) {
            let retry_in = duration_between(&mut self.rng, Duration::from_millis(500), Duration::from_secs(3));
            seat.input(now, Input::Signal(SignalNews::Lost { why: "refused".into(), retry_in: Some(retry_in) }));
            self.queue.push_after(retry_in, What::Dial(who, run));
            return self.drain_seat(who);
        }
        let socket = self.sockets;
        self.sockets += 1;
        self.owners.push(who);
        seat.socket = Some(socket);
        (seat.up, seat.down) = (Line::new(seat.line_kind, now), Line::new(seat.line_kind, now));
        let rtt = (seat.line_kind.delay + seat.line_kind.jitter / 2) * 2;
        let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, u8::try_from(who).unwrap_or_default()));
        let peer_id = SocketId::new(format!("peer{socket}"));
        self.server_input(lobby::Input::Connected { socket: SocketKey(socket), peer_id, address })?;
        self.server_input(lobby::Input::RoundTrip(SocketKey(socket), rtt))?;
        if let Some(seat) = self.seats.get_mut(who) {
            seat.input(now, Input::Signal(SignalNews::Connected));
        }
        self.disturb(who);
        self.drain_seat(who)?;
        // The server measures again once it is in the room.
        self.server_input(lobby::Input::RoundTrip(SocketKey(socket), rtt))
    }

    /// A connection is gone, and both ends know it.
    pub(super) fn lose(&mut self, who: usize, socket: u64) -> Result<(), String> {
        let now = self.now();
        self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.socket == Some(socket)) else { return Ok(()) };
        seat.socket = None;
        let run = seat.runs;
        for ticket in std::mem::take(&mut seat.tickets) {
            seat.input(now, Input::Signal(SignalNews::Answered(Ticket(ticket), Answer::Unknown)));
        }
        let retry_in = RECONNECT;
        seat.input(now, Input::Signal(SignalNews::Lost { why: "the line broke".into(), retry_in: Some(retry_in) }));
        self.queue.push_after(retry_in, What::Dial(who, run));
        self.drain_seat(who)
    }
}

//! One connection after another: feeds the protocol core, does what it wants done, waits and dials again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use async_tungstenite::tungstenite::{Error as WsError, Message};
use futures_lite::StreamExt as _;
use serde_json::Value;
use signal_proto::engineio::Frame;
use signal_proto::socketio::client::{ClientSession, Input, Lost, NotAcked, Output};
use smol::channel::{Receiver, Sender};
use smol::{Timer, future};

use crate::back_off::BackOff;
use crate::client::{AckError, AckSender, Command, Event};
use crate::dial::{DialError, Dialer, Socket};
use crate::limits::{GOOD_AFTER, LEAVE_PATIENCE, WRITE_PATIENCE};

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostReason {
    /// It was not reached.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The protocol ended it.
    #[error("{0}")]
    Protocol(#[from] Lost),
    /// The line broke.
    #[error("the line broke: {0}")]
    Line(String),
}

/// What one client does until it is over.
pub(crate) struct Driver {
    pub(crate) dialer: Dialer,
    pub(crate) auth: Value,
    pub(crate) commands: Receiver<Command>,
    pub(crate) events: Sender<Event>,
}

impl Driver {
    /// Ends when the program leaves or hears no more, or the server refuses.
    pub(crate) async fn run(mut self) {
        let mut back_off = BackOff::default();
        let mut number = 0;
        loop {
            let attempts = back_off.failures() + 1;
            let reason = match self.dialer.dial().await {
                Ok(socket) => {
                    number += 1;
                    let since = Instant::now();
                    let mut connection = Connection::new(&self, socket, number, attempts);
                    let reason = connection.run().await;
                    if connection.granted && since.elapsed() >= GOOD_AFTER {
                        back_off.reset();
                    }
                    reason
                }
                Err(error) => error.into(),
            };
            log::debug!("no connection to the signalling server: {reason}");
            let is_final = matches!(reason, LostReason::Protocol(Lost::Refused { .. } | Lost::Left));
            let pause = (!is_final).then(|| back_off.next(chance()));
            if self.events.send(Event::Disconnected { reason, retry_in: pause }).await.is_err() {
                return;
            }
            let Some(pause) = pause else { return };
            if self.wait(Instant::now() + pause).await.is_none() {
                return;
            }
        }
    }

    /// Refuses what is to be sent meanwhile. `None`: the program has gone.
    async fn wait(&self, until: Instant) -> Option<()> {
        loop {
            let over = async {
                Timer::at(until).await;
                None
            };
            match future::or(over, async { Some(self.commands.recv().await) }).await {
                None => return Some(()),
                Some(Ok(Command::Emit { ack, .. })) => refuse(ack),
                Some(Ok(Command::Ack { .. })) => {}
                Some(Ok(Command::Leave) | Err(_)) => return None,
            }
        }
    }
}

struct Connection<'a> {
    driver: &'a Driver,
    socket: Socket,
    session: ClientSession,
    /// Which connection this is; what was meant for an earlier one is not sent on it.
    number: u64,
    attempts: u32,
    granted: bool,
    next_mark: u64,
    acks: BTreeMap<u64, AckSender>,
    /// What the program has not room for yet. While there is any, nothing is read, so one frame's events are the most.
    unheard: VecDeque<Event>,
}

/// What a wait ended with.
enum Woken {
    Frame(Option<Result<Message, WsError>>),
    Command(Option<Command>),
    Heard(bool),
    Timeout,
}

impl<'a> Connection<'a> {
    fn new(driver: &'a Driver, socket: Socket, number: u64, attempts: u32) -> Self {
        Self {
            driver,
            socket,
            session: ClientSession::new(Instant::now(), driver.auth.clone()),
            number,
            attempts,
            granted: false,
            next_mark: 0,
            acks: BTreeMap::new(),
            unheard: VecDeque::new(),
        }
    }

    async fn run(&mut self) -> LostReason {
        let reason = self.run_until_lost().await;
        for (_, ack) in std::mem::take(&mut self.acks) {
            answer(&ack, Err(AckError::Lost));
        }
        // What was heard before the end is told before the end.
        for event in std::mem::take(&mut self.unheard) {
            if self.driver.events.send(event).await.is_err() {
                break;
            }
        }
        reason
    }

    async fn run_until_lost(&mut self) -> LostReason {
        loop {
            match self.drain().await {
                Ok(None) => {}
                Ok(Some(lost)) => return lost.into(),
                Err(line) => return LostReason::Line(line),
            }
            let input = match self.woken().await {
                Woken::Frame(Some(Ok(Message::Text(text)))) => Input::Frame(Frame::Text(text.to_string())),
                Woken::Frame(Some(Ok(Message::Binary(bytes)))) => Input::Frame(Frame::Binary(bytes)),
                Woken::Frame(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))))
                | Woken::Heard(true) => {
                    continue;
                }
                Woken::Frame(Some(Ok(Message::Close(_))) | None) => return Lost::Ended.into(),
                Woken::Frame(Some(Err(error))) => return LostReason::Line(error.to_string()),
                Woken::Timeout => {
                    self.session.handle_timeout(Instant::now());
                    continue;
                }
                Woken::Command(Some(command)) => match self.on_command(command) {
                    Some(input) => input,
                    None => continue,
                },
                Woken::Command(None) | Woken::Heard(false) => Input::Leave,
            };
            self.session.handle_input(Instant::now(), input);
        }
    }

    /// What is to be sent on this connection, if it is.
    fn on_command(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Emit { connection, ack, .. } if connection != self.number => {
                refuse(ack);
                None
            }
            Command::Emit { name, args, ack, .. } => {
                let ack = ack.map(|(patience, sender)| {
                    let mark = self.next_mark;
                    self.next_mark += 1;
                    self.acks.insert(mark, sender);
                    signal_proto::socketio::client::AckWish { mark, patience }
                });
                Some(Input::Emit { name, args, ack })
            }
            Command::Ack { connection, id, args } => (connection == self.number).then_some(Input::Ack { id, args }),
            Command::Leave => Some(Input::Leave),
        }
    }

    /// Does all that the core wants done.
    async fn drain(&mut self) -> Result<Option<Lost>, String> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(frame) => self.send(frame).await?,
                Output::Connected { sid } => {
                    self.granted = true;
                    let (connection, attempts) = (self.number, self.attempts);
                    self.unheard.push_back(Event::Connected { connection, attempts, sid });
                }
                Output::Event { name, args, id } => {
                    let ack = id.map(|id| crate::client::AckTicket { connection: self.number, id });
                    self.unheard.push_back(Event::Message { name, args, ack });
                }
                Output::Acked { mark, args } => self.answer(mark, Ok(args)),
                Output::NotAcked { mark, why: NotAcked::TimedOut } => self.answer(mark, Err(AckError::TimedOut)),
                Output::NotAcked { mark, why: NotAcked::Lost | NotAcked::Superseded } => {
                    self.answer(mark, Err(AckError::Lost));
                }
                Output::Lost(lost) => return Ok(Some(lost)),
            }
        }
        Ok(None)
    }

    fn answer(&mut self, mark: u64, result: Result<signal_proto::socketio::Args, AckError>) {
        if let Some(ack) = self.acks.remove(&mark) {
            answer(&ack, result);
        }
    }

    async fn send(&mut self, frame: Frame) -> Result<(), String> {
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(bytes) => Message::binary(bytes),
        };
        // After our goodbye nothing is worth waiting for.
        let patience = if self.session.poll_timeout().is_none() { LEAVE_PATIENCE } else { WRITE_PATIENCE };
        let late = async {
            Timer::after(patience).await;
            Err("the server takes nothing".to_owned())
        };
        future::or(async { self.socket.send(message).await.map_err(|error| error.to_string()) }, late).await
    }

    /// Waits for the first thing to do.
    async fn woken(&mut self) -> Woken {
        let timeout = self.session.poll_timeout();
        let timer = async {
            match timeout {
                Some((at, _)) => Timer::at(at).await,
                None => future::pending().await,
            };
            Woken::Timeout
        };
        let command = async { Woken::Command(self.driver.commands.recv().await.ok()) };
        let (socket, events) = (&mut self.socket, &self.driver.events);
        let next = self.unheard.front().cloned();
        let is_told = next.is_some();
        let line = async {
            match next {
                Some(event) => Woken::Heard(events.send(event).await.is_ok()),
                None => Woken::Frame(socket.next().await),
            }
        };
        // By turns, so that a program that says much still hears.
        let woken = future::or(timer, future::race(command, line)).await;
        if is_told && matches!(woken, Woken::Heard(_)) {
            self.unheard.pop_front();
        }
        woken
    }
}

fn refuse(ack: Option<(std::time::Duration, AckSender)>) {
    if let Some((_, ack)) = ack {
        answer(&ack, Err(AckError::Lost));
    }
}

/// The asker may have stopped waiting; then nobody needs the answer.
fn answer(ack: &AckSender, result: Result<signal_proto::socketio::Args, AckError>) {
    drop(ack.try_send(result));
}

/// Without randomness of the system everybody waits the whole pause.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(0)
}

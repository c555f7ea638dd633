//! All sessions of one Engine.IO path, and the app behind them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

use async_tungstenite::tungstenite::Utf8Bytes;
use futures_lite::future;
use signal_proto::engineio::{
    CloseReason, Frame, Input, Message, Output, Packet, PacketError, RequestError, Session, Timing, Transport,
};
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::rng::Rng;
use smol::channel::Receiver;

use super::alarm::Alarm;
use super::app::{App, Deed};
use super::outbox::{Ending, Outbox, Parcel};
use super::polling::{self, Poll, Slot};
use super::websocket::Said;

/// See the module. It lives in an `Rc`, and its methods never call each other's way back in.
pub struct Hub<A> {
    state: RefCell<State<A>>,
    alarm: Alarm,
}

/// What happened so far, for whoever watches the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Sessions now.
    pub sessions: usize,
    /// Sessions ever.
    pub opened: u64,
    /// Messages from clients.
    pub received: u64,
    /// Messages to clients; one to ten people is ten.
    pub sent: u64,
    /// Sessions cut because they did not read.
    pub slow: u64,
    /// Sessions ended because they broke the protocol.
    pub malformed: u64,
    /// Sessions that did not answer a ping.
    pub silent: u64,
}

struct State<A> {
    app: A,
    timing: Timing,
    rng: Rng,
    next_key: u64,
    held: HashMap<SocketKey, Held>,
    keys: BTreeMap<String, SocketKey>,
    /// Invariant: what [`Held::wake`] says.
    wakes: BTreeSet<(Instant, SocketKey)>,
    /// Sessions with outputs that are not carried out yet.
    touched: VecDeque<SocketKey>,
    numbers: Numbers,
}

struct Held {
    session: Session,
    sid: String,
    poll: Option<Slot<String>>,
    /// A GET while one waits, until the session has refused it.
    second_poll: Option<Slot<String>>,
    post: Option<Slot<()>>,
    outbox: Option<Rc<Outbox>>,
    /// It left too much unread.
    is_slow: bool,
    wake: Option<Instant>,
}

impl Held {
    /// Its WebSocket did not read, and is cut already.
    fn cut(&mut self, now: Instant) {
        self.is_slow = true;
        self.outbox = None;
        self.session.handle_input(now, Input::SocketClosed);
    }
}

impl<A: App> Hub<A> {
    /// Sessions with these timings in front of `app`. The seed makes their ids.
    pub fn new(app: A, timing: Timing, rng: Rng) -> Rc<Self> {
        let state = State {
            app,
            timing,
            rng,
            next_key: 0,
            held: HashMap::new(),
            keys: BTreeMap::new(),
            wakes: BTreeSet::new(),
            touched: VecDeque::new(),
            numbers: Numbers::default(),
        };
        Rc::new(Self { state: RefCell::new(state), alarm: Alarm::default() })
    }

    /// Does what time asks for; runs as long as the server does.
    pub async fn keep_time(&self) {
        loop {
            future::poll_fn(|cx| self.alarm.poll(cx, self.state.borrow().next_wake())).await;
            self.work(|_, _| ());
        }
    }

    /// Asks the app, and does what it then wants done.
    pub fn with_app<T>(&self, work: impl FnOnce(&mut A, Instant) -> T) -> T {
        self.work(|state, now| work(&mut state.app, now))
    }

    /// What happened so far.
    pub fn numbers(&self) -> Numbers {
        let state = self.state.borrow();
        Numbers { sessions: state.held.len(), ..state.numbers }
    }

    /// Ends every session, after what was sent.
    pub fn close_all(&self) {
        self.work(|state, now| {
            let all: Vec<SocketKey> = state.held.keys().copied().collect();
            for key in all {
                state.input(now, key, Input::Close);
            }
        });
    }

    /// Bytes that a client may send at once.
    pub(crate) fn payload_max(&self) -> usize {
        self.state.borrow().timing.payload_max
    }

    /// A new session that polls.
    pub(crate) fn open_polling(self: &Rc<Self>, from: IpAddr) -> Poll<A> {
        let (slot, answer) = polling::slot();
        let socket = self.work(|state, now| state.open(now, Transport::Polling, from, Some(slot), None));
        Poll { hub: Rc::clone(self), socket, answer, answered: false }
    }

    /// A GET of a session.
    pub(crate) fn poll(self: &Rc<Self>, sid: &str) -> Result<Poll<A>, RequestError> {
        let (slot, answer) = polling::slot();
        let socket = self.work(|state, now| {
            let (key, held) = state.polling(sid)?;
            if held.poll.is_some() {
                held.second_poll = Some(slot);
            } else {
                held.poll = Some(slot);
            }
            state.input(now, key, Input::Poll);
            Ok(key)
        })?;
        Ok(Poll { hub: Rc::clone(self), socket, answer, answered: false })
    }

    /// A POST begins: two at once break the protocol, so the second ends the session.
    pub(crate) fn begin_post(&self, sid: &str) -> Result<(SocketKey, Receiver<PostAnswer>), RequestError> {
        self.work(|state, now| {
            let (key, held) = state.polling(sid)?;
            if held.post.is_some() {
                state.input(now, key, Input::Close);
                return Err(RequestError::Bad);
            }
            let (slot, answer) = polling::slot();
            held.post = Some(slot);
            Ok((key, answer))
        })
    }

    /// The POST's body is there.
    pub(crate) fn post(&self, socket: SocketKey, body: &[u8]) {
        self.work(|state, now| state.input(now, socket, Input::Post(body)));
    }

    /// The POST's body never came, or was too long: its session is over.
    pub(crate) fn spoil_post(&self, socket: SocketKey) {
        self.work(|state, now| state.input(now, socket, Input::Close));
    }

    pub(crate) fn lost_poll(&self, socket: SocketKey) {
        self.work(|state, now| {
            if let Some(held) = state.held.get_mut(&socket)
                && held.poll.as_ref().is_some_and(Slot::is_closed)
            {
                held.poll = None;
                state.input(now, socket, Input::PollLost);
            }
        });
    }

    /// Whether a WebSocket may begin, or take over from polling.
    pub(crate) fn accepts_socket(&self, sid: Option<&str>) -> Result<(), RequestError> {
        let state = self.state.borrow();
        let Some(sid) = sid else { return Ok(()) };
        let held = state.keys.get(sid).and_then(|key| state.held.get(key)).ok_or(RequestError::Session)?;
        if held.session.accepts_socket() { Ok(()) } else { Err(RequestError::Bad) }
    }

    /// A WebSocket stands. `None`: its session went meanwhile, or got another one.
    pub(crate) fn open_socket(&self, sid: Option<&str>, from: IpAddr) -> Option<(SocketKey, Rc<Outbox>)> {
        let outbox = Rc::new(Outbox::default());
        let key = self.work(|state, now| match sid {
            None => Some(state.open(now, Transport::WebSocket, from, None, Some(Rc::clone(&outbox)))),
            Some(sid) => {
                let key = *state.keys.get(sid)?;
                let held = state.held.get_mut(&key).filter(|held| held.session.accepts_socket())?;
                held.outbox = Some(Rc::clone(&outbox));
                state.input(now, key, Input::SocketOpened);
                Some(key)
            }
        })?;
        Some((key, outbox))
    }

    /// A message on a session's WebSocket.
    pub(crate) fn said(&self, socket: SocketKey, outbox: &Rc<Outbox>, said: Said) {
        self.work(|state, now| {
            // A socket that was let go may still have something under way.
            if state.is_of(socket, outbox) {
                match said {
                    Said::Text(text) => state.input(now, socket, Input::SocketText(&text)),
                    Said::Binary(bytes) => state.input(now, socket, Input::SocketBinary(bytes)),
                }
            }
        });
    }

    /// A session's WebSocket ended.
    pub(crate) fn closed(&self, socket: SocketKey, outbox: &Rc<Outbox>) {
        self.work(|state, now| {
            if state.is_of(socket, outbox) {
                if let Some(held) = state.held.get_mut(&socket) {
                    held.outbox = None;
                }
                state.input(now, socket, Input::SocketClosed);
            }
        });
    }

    fn work<T>(&self, work: impl FnOnce(&mut State<A>, Instant) -> T) -> T {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        // What is over is over, also for a request that comes before the timer's turn.
        state.on_time(now);
        let result = work(&mut state, now);
        state.settle(now);
        self.alarm.call_at(state.next_wake());
        result
    }
}

/// What a POST is answered.
pub(crate) type PostAnswer = Result<(), PacketError>;

impl<A: App> State<A> {
    fn open(
        &mut self,
        now: Instant,
        transport: Transport,
        from: IpAddr,
        poll: Option<Slot<String>>,
        outbox: Option<Rc<Outbox>>,
    ) -> SocketKey {
        let key = SocketKey(self.next_key);
        self.next_key += 1;
        let sid = SocketId::draw(&mut self.rng);
        let session = Session::open(now, sid.as_str(), transport, self.timing);
        let sid_text = sid.as_str().to_owned();
        self.keys.insert(sid_text.clone(), key);
        let held =
            Held { session, sid: sid_text, poll, second_poll: None, post: None, outbox, is_slow: false, wake: None };
        self.held.insert(key, held);
        self.numbers.opened += 1;
        self.app.on_open(now, key, &sid, from);
        self.touched.push_back(key);
        key
    }

    fn polling(&mut self, sid: &str) -> Result<(SocketKey, &mut Held), RequestError> {
        let key = *self.keys.get(sid).ok_or(RequestError::Session)?;
        let held = self.held.get_mut(&key).ok_or(RequestError::Session)?;
        if held.session.accepts_polling() { Ok((key, held)) } else { Err(RequestError::Bad) }
    }

    fn is_of(&self, key: SocketKey, outbox: &Rc<Outbox>) -> bool {
        self.held.get(&key).and_then(|held| held.outbox.as_ref()).is_some_and(|own| Rc::ptr_eq(own, outbox))
    }

    fn input(&mut self, now: Instant, key: SocketKey, input: Input<'_>) {
        if let Some(held) = self.held.get_mut(&key) {
            held.session.handle_input(now, input);
            self.touched.push_back(key);
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let session = self.wakes.first().map(|(at, _)| *at);
        [session, self.app.poll_timeout()].into_iter().flatten().min()
    }

    fn on_time(&mut self, now: Instant) {
        while let Some((_, key)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            if let Some(held) = self.held.get_mut(&key) {
                held.session.handle_timeout(now);
            }
            self.settle_session(now, key);
        }
        if self.app.poll_timeout().is_some_and(|at| at <= now) {
            self.app.handle_timeout(now);
        }
    }

    /// Carries out what the sessions and the app want, until nobody wants anything.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(key) = self.touched.pop_front() {
                self.settle_session(now, key);
            }
            let Some(deed) = self.app.poll_output() else { return };
            match deed {
                Deed::Send { to, message } => self.send(now, &to, &message),
                Deed::Close(key) => self.input(now, key, Input::Close),
            }
        }
    }

    fn send(&mut self, now: Instant, to: &[SocketKey], message: &Message) {
        self.numbers.sent += to.len() as u64;
        // Most are on WebSockets, and get one and the same frame.
        let frame = match message {
            Message::Text(text) => match Packet::Message(Message::Text(text.clone())).into_frame() {
                Frame::Text(text) => Some(Utf8Bytes::from(text)),
                Frame::Binary(_) => None,
            },
            Message::Binary(_) => None,
        };
        for key in to {
            let Some(held) = self.held.get_mut(key) else { continue };
            match (&frame, &held.outbox) {
                (Some(frame), Some(outbox)) if held.session.sends_at_once() => {
                    if !outbox.push(Parcel::Shared(frame.clone())) {
                        held.cut(now);
                        self.touched.push_back(*key);
                    }
                }
                _ => {
                    held.session.handle_input(now, Input::Send(message.clone()));
                    self.touched.push_back(*key);
                }
            }
        }
    }

    fn settle_session(&mut self, now: Instant, key: SocketKey) {
        let Some(held) = self.held.get_mut(&key) else { return };
        let mut closed = None;
        while let Some(output) = held.session.poll_output() {
            match output {
                Output::Poll(answer) => polling::fill(held.poll.take(), answer),
                Output::PollRefused => polling::fill(held.second_poll.take(), Err(PacketError::Type)),
                Output::Post(answer) => polling::fill(held.post.take(), answer),
                Output::Frame(frame) => {
                    if !held.outbox.as_ref().is_none_or(|outbox| outbox.push(Parcel::Own(frame))) {
                        held.cut(now);
                    }
                }
                Output::CloseSocket => {
                    if let Some(outbox) = held.outbox.take() {
                        outbox.end(Ending::AfterFrames);
                    }
                }
                Output::Message(message) => {
                    self.numbers.received += 1;
                    self.app.on_message(now, key, message);
                }
                Output::Upgraded => {}
                Output::RoundTrip(round_trip) => self.app.on_round_trip(now, key, round_trip),
                Output::Closed(reason) => closed = Some(if held.is_slow { CloseReason::SlowReader } else { reason }),
            }
        }
        match closed {
            Some(reason) => self.forget(now, key, reason),
            None => self.rearm(key),
        }
    }

    fn forget(&mut self, now: Instant, key: SocketKey, reason: CloseReason) {
        let Some(held) = self.held.remove(&key) else { return };
        self.keys.remove(&held.sid);
        if let Some(at) = held.wake {
            self.wakes.remove(&(at, key));
        }
        match reason {
            CloseReason::SlowReader => self.numbers.slow += 1,
            CloseReason::PingTimeout => self.numbers.silent += 1,
            CloseReason::Malformed(_) | CloseReason::PollTwice => self.numbers.malformed += 1,
            CloseReason::ByClient | CloseReason::ByServer | CloseReason::TransportClosed => {}
        }
        log::debug!("connection {} ended: {reason:?}", key.0);
        self.app.on_close(now, key);
    }

    fn rearm(&mut self, key: SocketKey) {
        let Some(held) = self.held.get_mut(&key) else { return };
        let wake = held.session.poll_timeout().map(|(at, _)| at);
        if wake == held.wake {
            return;
        }
        if let Some(before) = std::mem::replace(&mut held.wake, wake) {
            self.wakes.remove(&(before, key));
        }
        self.wakes.extend(wake.map(|at| (at, key)));
    }
}

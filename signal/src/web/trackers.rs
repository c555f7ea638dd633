//! The trackers behind HTTP and WebSockets: their state, and the sockets of the second.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

use futures_lite::future;
use signal_proto::engineio::Frame;
use signal_proto::ids::SocketKey;
use signal_proto::rng::Rng;
use signal_proto::tracker::http as tracker_http;
use signal_proto::tracker::limits::{INTERVAL_MIN, MESSAGE_LEN_MAX};
use signal_proto::tracker::swarm::Swarms;
use signal_proto::tracker::websocket::WebTorrentTracker;
use smol::Timer;

use crate::limits::TRACKER_PATIENCE;
use crate::transport::outbox::{Ending, Outbox, Parcel};
use crate::transport::websocket::{self, Said};

pub(crate) struct Trackers {
    swarms: RefCell<Swarms>,
    expired: Cell<Instant>,
    web: RefCell<WebTorrentTracker>,
    outboxes: RefCell<HashMap<SocketKey, Rc<Outbox>>>,
    next: Cell<u64>,
    announces: Cell<u64>,
}

impl Trackers {
    pub(crate) fn new(now: Instant, swarms: Rng, web: Rng) -> Self {
        Self {
            swarms: RefCell::new(Swarms::new(swarms)),
            expired: Cell::new(now),
            web: RefCell::new(WebTorrentTracker::new(web)),
            outboxes: RefCell::default(),
            next: Cell::new(0),
            announces: Cell::new(0),
        }
    }

    /// `GET /announce`: bencode, also when it is refused.
    pub(super) fn announce(&self, query: &str, from: IpAddr, reached: IpAddr) -> Vec<u8> {
        match tracker_http::parse_announce(query, from, reached) {
            Ok(announce) => {
                self.announces.set(self.announces.get() + 1);
                let now = Instant::now();
                self.expire(now);
                let (peers, counts) = self.swarms.borrow_mut().announce(now, &announce);
                tracker_http::announce_answer(&peers, counts)
            }
            Err(error) => tracker_http::failure(&error.to_string()),
        }
    }

    /// `GET /scrape`.
    pub(super) fn scrape(&self, query: &str) -> Vec<u8> {
        match tracker_http::parse_scrape(query) {
            Ok(infohashes) => {
                self.expire(Instant::now());
                let swarms = self.swarms.borrow();
                let counts: Vec<_> = infohashes.iter().map(|infohash| (*infohash, swarms.scrape(*infohash))).collect();
                tracker_http::scrape_answer(&counts)
            }
            Err(error) => tracker_http::failure(&error.to_string()),
        }
    }

    /// Announces answered, swarms of the one and the other tracker, and the peers in them.
    pub(super) fn numbers(&self) -> (u64, usize, usize) {
        let (listening, with_port) = self.swarms.borrow().totals();
        let (browsers, on_sockets) = self.web.borrow().totals();
        (self.announces.get(), listening + browsers, with_port + on_sockets)
    }

    /// Serves one WebSocket until it ends or says nothing for too long.
    pub(super) async fn serve(self: Rc<Self>, upgraded: hyper::upgrade::Upgraded) {
        let Some(socket) = websocket::over(upgraded, MESSAGE_LEN_MAX).await else { return };
        let key = SocketKey(self.next.get());
        self.next.set(key.0 + 1);
        let outbox = Rc::new(Outbox::default());
        self.outboxes.borrow_mut().insert(key, Rc::clone(&outbox));
        let heard = Cell::new(Instant::now());
        let run = websocket::run(socket, &outbox, |said| {
            heard.set(Instant::now());
            self.on_said(key, &said);
        });
        let silence = async {
            loop {
                let until = heard.get() + TRACKER_PATIENCE;
                if Instant::now() >= until {
                    break outbox.end(Ending::AfterFrames);
                }
                Timer::at(until).await;
            }
            future::pending::<()>().await;
        };
        future::or(run, silence).await;
        self.outboxes.borrow_mut().remove(&key);
        self.web.borrow_mut().handle_closed(key);
        self.settle();
    }

    /// Ends every socket.
    pub(crate) fn close_all(&self) {
        for outbox in self.outboxes.borrow().values() {
            outbox.end(Ending::AfterFrames);
        }
    }

    fn on_said(&self, from: SocketKey, said: &Said) {
        // Some clients send their JSON as binary.
        let text = match said {
            Said::Text(text) => Some(text.as_str()),
            Said::Binary(bytes) => std::str::from_utf8(bytes).ok(),
        };
        self.web.borrow_mut().handle_message(from, text.unwrap_or_default());
        self.settle();
    }

    fn settle(&self) {
        let outboxes = self.outboxes.borrow();
        let mut web = self.web.borrow_mut();
        while let Some(message) = web.poll_output() {
            // One that does not read is cut by its outbox, and forgotten when its task ends.
            if let Some(outbox) = outboxes.get(&message.to) {
                outbox.push(Parcel::Own(Frame::Text(message.text)));
            }
        }
    }

    fn expire(&self, now: Instant) {
        if now.duration_since(self.expired.get()) >= INTERVAL_MIN {
            self.expired.set(now);
            self.swarms.borrow_mut().expire(now);
        }
    }
}

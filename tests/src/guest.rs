//! A Socket.IO client of our own hand, for rooms: over WebSocket, polling, or from one to the other.
//!
//! A thread listens and answers pings, so a guest that a test forgets for a minute stays connected. What it hears is kept in
//! order; a test takes from that what it waits for.

use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::{Value, json};

use crate::SOON;
use crate::http::Connection;
use crate::signal::Server;
use crate::websocket::{Heard, Speaker, WebSocket};

/// By which transport a guest comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A WebSocket from the beginning.
    WebSocket,
    /// Requests.
    Polling,
    /// Requests, then a WebSocket; the guest is there once that has taken over.
    Upgrade,
}

/// Every way there is.
pub const WAYS: [Way; 3] = [Way::WebSocket, Way::Polling, Way::Upgrade];

/// One event of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its first argument.
    pub payload: Value,
}

/// Somebody with a connection to a server. Dropping it breaks the connection without a goodbye.
pub struct Guest {
    mouth: Arc<Mutex<Mouth>>,
    ear: Receiver<Heard>,
    cutters: Vec<TcpStream>,
    listener: Option<JoinHandle<()>>,
    peer_id: String,
    /// Every event so far, and whether a test has taken it.
    history: Vec<(Event, bool)>,
    acks: Vec<(u64, Value)>,
    asked: u64,
    ended: bool,
}

/// What speaks.
enum Mouth {
    Socket(Speaker),
    /// A connection for each: the server closes those that wait long for their next request.
    Posts(String),
}

impl Guest {
    /// Connects, and waits until the server has granted the main namespace.
    pub fn connect(server: &Server, way: Way) -> Self {
        Self::connect_to(&server.url("/socket.io/"), way)
    }

    /// The same for any URL of a Socket.IO server.
    pub fn connect_to(url: &str, way: Way) -> Self {
        let mut guest = match way {
            Way::WebSocket => Self::by_socket(WebSocket::open(&format!("{url}?EIO=4&transport=websocket")), true),
            Way::Polling => Self::by_polling(url),
            Way::Upgrade => Self::by_socket(upgraded(url), false),
        };
        guest.send("40");
        let until = Instant::now() + SOON;
        while guest.peer_id.is_empty() {
            assert!(guest.hear_more(until), "CONNECT is not answered");
        }
        guest
    }

    /// Its socket's public id, as the server names it.
    pub fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// Sends an event.
    pub fn emit(&mut self, name: &str, payload: &Value) {
        self.send(&format!("42{}", json!([name, payload])));
    }

    /// Sends an event and waits for its acknowledgement.
    pub fn ask(&mut self, name: &str, payload: &Value) -> Value {
        let id = self.asked;
        self.asked += 1;
        self.send(&format!("42{id}{}", json!([name, payload])));
        let until = Instant::now() + SOON;
        loop {
            if let Some(at) = self.acks.iter().position(|(other, _)| *other == id) {
                return self.acks.remove(at).1;
            }
            assert!(self.hear_more(until), "{name} is not acknowledged\n{}", self.report());
        }
    }

    /// The same, and the code of the refusal that it must be. Takes the `error` event that says the same.
    pub fn refused(&mut self, name: &str, payload: &Value) -> String {
        let answer = self.ask(name, payload);
        assert_eq!(answer["success"], false, "{name} {payload} was not refused: {answer}");
        let code = answer["code"].as_str().expect("a refusal has a code").to_owned();
        self.wait_for("error", |error| error["code"] == code.as_str());
        code
    }

    /// Makes a room and returns the answer. `more` is added to the plan's fields.
    pub fn create(&mut self, name: &str, more: &Value) -> Value {
        let answer = self.ask("create-room", &entrance(name, more));
        assert_eq!(answer["success"], true, "{answer}");
        answer
    }

    /// Joins a room and returns the answer. `more` is added to the plan's fields.
    pub fn join(&mut self, code: &str, name: &str, more: &Value) -> Value {
        let answer = self.ask("join-room", &joining(code, name, more));
        assert_eq!(answer["success"], true, "{answer}");
        answer
    }

    /// Sends an Engine.IO packet as it is.
    pub fn send(&mut self, packet: &str) {
        let said = say(&self.mouth, packet);
        if let Err(error) = said {
            panic!("the server does not read: {error}\n{}", self.report());
        }
    }

    /// The same where the server may have gone.
    pub fn try_send(&mut self, packet: &str) -> bool {
        say(&self.mouth, packet).is_ok()
    }

    /// The first event of that name not yet taken for which `wanted` holds; panics with all that was heard when it does not come.
    pub fn wait_for(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + SOON;
        let mut next = 0;
        loop {
            for (event, taken) in self.history.iter_mut().skip(next) {
                if !*taken && event.name == name && wanted(&event.payload) {
                    *taken = true;
                    return event.payload.clone();
                }
            }
            next = self.history.len();
            if !self.hear_more(until) {
                panic!("no such `{name}`\n{}", self.report());
            }
        }
    }

    /// Every event so far that the test has not taken, oldest first, taken now. What was sent before is here once somebody who sent
    /// later was answered: see [`Guest::settle`].
    pub fn rest(&mut self) -> Vec<Event> {
        self.settle();
        let left = self.history.iter_mut().filter(|(_, taken)| !taken);
        left.map(|(event, taken)| {
            *taken = true;
            event.clone()
        })
        .collect()
    }

    /// Waits for the answer to something harmless: whatever the server said to this guest before has then been heard.
    pub fn settle(&mut self) {
        // In a room or in none, an answer comes; a refusal's `error` is nothing that anybody waits for.
        let answer = self.ask("get-ice-servers", &json!({}));
        let own = if answer["success"] == false { "error" } else { "ice-servers" };
        let last = self.history.iter().rposition(|(event, taken)| !taken && event.name == own);
        if let Some(last) = last {
            self.history[last].1 = true;
        }
    }

    /// Names of all events so far, taken or not.
    pub fn names(&self) -> Vec<&str> {
        self.history.iter().map(|(event, _)| event.name.as_str()).collect()
    }

    /// What all events of a name so far carried, taken or not.
    pub fn heard(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.history.iter().filter(move |(event, _)| event.name == name).map(|(event, _)| &event.payload)
    }

    /// Waits until the server ends the connection; what it said before is kept.
    pub fn wait_end(&mut self) {
        let until = Instant::now() + SOON;
        while !self.ended {
            assert!(self.hear_more(until) || self.ended, "the server does not close\n{}", self.report());
        }
    }

    /// Whether the server has ended the connection, as far as was heard.
    pub fn has_ended(&mut self) -> bool {
        while !self.ended && self.hear_more(Instant::now()) {}
        self.ended
    }

    /// Breaks the connection without a goodbye.
    pub fn vanish(self) {}

    fn new(
        mouth: Mouth,
        cutters: Vec<TcpStream>,
        listen: impl FnOnce(Arc<Mutex<Mouth>>, Sender<Heard>) + Send + 'static,
    ) -> Self {
        let (heard, ear) = channel();
        let mouth = Arc::new(Mutex::new(mouth));
        let its_mouth = mouth.clone();
        let listener = std::thread::spawn(move || listen(its_mouth, heard));
        Self {
            mouth,
            ear,
            cutters,
            listener: Some(listener),
            peer_id: String::new(),
            history: Vec::new(),
            acks: Vec::new(),
            asked: 0,
            ended: false,
        }
    }

    fn by_socket(mut socket: WebSocket, opens: bool) -> Self {
        if opens {
            let open = socket.text();
            assert!(open.starts_with("0{"), "no handshake: {open}");
        }
        let cutters = vec![socket.speaker().socket()];
        Self::new(Mouth::Socket(socket.speaker()), cutters, move |mouth, heard| {
            loop {
                match socket.hear(SOON) {
                    // The server pings far more often than that.
                    Heard::Nothing => {}
                    Heard::Text(text) => {
                        if !pass(&mouth, &heard, text) {
                            return;
                        }
                    }
                    other => {
                        let is_over = matches!(other, Heard::Close(_) | Heard::Ended);
                        if heard.send(other).is_err() || is_over {
                            return;
                        }
                    }
                }
            }
        })
    }

    fn by_polling(url: &str) -> Self {
        let mut gets = Connection::open(url);
        let (sid, rest) = open_polling(&mut gets, url);
        assert!(rest.is_empty(), "a handshake comes alone: {rest:?}");
        let url = format!("{url}?EIO=4&transport=polling&sid={sid}");
        let cutters = vec![gets.socket()];
        Self::new(Mouth::Posts(url.clone()), cutters, move |mouth, heard| {
            loop {
                let sent = gets.try_send_body("GET", &url, &[], b"");
                let answer = sent.and_then(|()| gets.try_receive("GET"));
                let Some(answer) = answer.ok().filter(|answer| answer.head.status == 200) else {
                    drop(heard.send(Heard::Ended));
                    return;
                };
                for packet in packets(&answer.body) {
                    let is_end = packet == "1";
                    if !pass(&mouth, &heard, packet) || is_end {
                        drop(heard.send(Heard::Ended));
                        return;
                    }
                }
            }
        })
    }

    /// Takes in one more thing; false when none comes until then, or none will.
    fn hear_more(&mut self, until: Instant) -> bool {
        if self.ended {
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        match self.ear.recv_timeout(left) {
            Ok(Heard::Text(packet)) => {
                self.on_packet(&packet);
                true
            }
            Ok(Heard::Nothing) => true,
            Ok(Heard::Binary(bytes)) => panic!("the server sends bytes: {bytes:?}"),
            Ok(Heard::Close(_) | Heard::Ended) | Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                self.ended = true;
                false
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => false,
        }
    }

    fn on_packet(&mut self, packet: &str) {
        let value = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {packet:?}"))
        };
        if let Some(granted) = packet.strip_prefix("40") {
            self.peer_id = value(granted)["sid"].as_str().expect("CONNECT is granted with an id").to_owned();
        } else if let Some(event) = packet.strip_prefix("42") {
            let event = value(event);
            let name = event[0].as_str().expect("an event has a name").to_owned();
            self.history.push((Event { name, payload: event[1].clone() }, false));
        } else if let Some(ack) = packet.strip_prefix("43") {
            let (id, answer) = ack.split_at(ack.find('[').expect("an acknowledgement is a list"));
            self.acks.push((id.parse().expect("it has a number"), value(answer)[0].clone()));
        } else {
            assert!(matches!(packet, "1" | "6" | "41"), "the server sends {packet:?}");
        }
    }

    fn report(&self) -> String {
        let skip = self.history.len().saturating_sub(30);
        let events: String =
            self.history[skip..].iter().map(|(event, _)| format!("  {} {}\n", event.name, event.payload)).collect();
        let end = if self.ended { "  and the connection ended\n" } else { "" };
        format!("heard so far:\n{events}{end}")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        for socket in &self.cutters {
            // It may be gone already.
            drop(socket.shutdown(Shutdown::Both));
        }
        if let Some(listener) = self.listener.take() {
            // Its panic, if it had one, has shown itself.
            drop(listener.join());
        }
    }
}

/// The plan's fields of somebody who opens a room.
pub fn entrance(name: &str, more: &Value) -> Value {
    let mut payload = json!({ "participantId": name.to_lowercase(), "name": name, "capabilities": {} });
    let more = more.as_object().expect("more fields are an object");
    for (field, value) in more {
        payload[field] = value.clone();
    }
    payload
}

/// The plan's fields of somebody who joins one.
pub fn joining(code: &str, name: &str, more: &Value) -> Value {
    let mut payload = entrance(name, more);
    payload["code"] = code.into();
    payload
}

/// Opens a session by polling: its id, and packets that came with the handshake.
pub fn open_polling(connection: &mut Connection, url: &str) -> (String, Vec<String>) {
    connection.send("GET", &format!("{url}?EIO=4&transport=polling"), &[]);
    let answer = connection.receive("GET");
    assert_eq!(answer.head.status, 200, "{:?}", answer.head);
    let mut packets = packets(&answer.body);
    let open = packets.remove(0);
    let handshake: Value = serde_json::from_str(open.strip_prefix('0').expect("a handshake")).expect("of JSON");
    (handshake["sid"].as_str().expect("with an id").to_owned(), packets)
}

/// A body's packets.
pub fn packets(body: &[u8]) -> Vec<String> {
    let body = String::from_utf8(body.to_vec()).expect("a body is UTF-8");
    body.split('\x1e').map(str::to_owned).collect()
}

/// From polling to a WebSocket, before anything else is said.
fn upgraded(url: &str) -> WebSocket {
    let mut polling = Connection::open(url);
    let (sid, _) = open_polling(&mut polling, url);
    let mut socket = WebSocket::open(&format!("{url}?EIO=4&transport=websocket&sid={sid}"));
    socket.say("2probe");
    assert_eq!(socket.text(), "3probe");
    socket.say("5");
    socket
}

fn say(mouth: &Mutex<Mouth>, packet: &str) -> std::io::Result<()> {
    match &mut *mouth.lock().unwrap_or_else(PoisonError::into_inner) {
        Mouth::Socket(speaker) => speaker.say(packet),
        Mouth::Posts(url) => {
            let mut connection = Connection::try_open(url)?;
            connection.try_send_body("POST", url, &[], packet.as_bytes())?;
            let answer = connection.try_receive("POST")?;
            if answer.head.status == 200 { Ok(()) } else { Err(std::io::ErrorKind::ConnectionAborted.into()) }
        }
    }
}

/// Hands a packet on, or answers it if it is a ping; false when nobody is there any more.
fn pass(mouth: &Mutex<Mouth>, heard: &Sender<Heard>, packet: String) -> bool {
    match packet.strip_prefix('2') {
        Some(data) => say(mouth, &format!("3{data}")).is_ok(),
        None => heard.send(Heard::Text(packet)).is_ok(),
    }
}

//! A room of the signalling server that goes on while something is done to the server beside it.

use std::net::TcpStream;

use serde_json::json;

use crate::guest::{Guest, Way, open_polling};
use crate::http::{self, Connection};
use crate::signal::Server;
use crate::websocket::WebSocket;

/// The server with a small room needs about 6 MiB; what a test does may cost it so much and no more.
const MEMORY_MAX: u64 = 64 << 20;

/// A server with a room in it whose people talk all the while.
pub struct Scene {
    /// The server.
    pub server: Server,
    /// The room's host.
    pub ann: Guest,
    bea: Guest,
    said: usize,
}

impl Scene {
    /// The server has these flags besides.
    pub fn new(flags: &[&str]) -> Self {
        let server = Server::start(&[&["-limits", "off"], flags].concat());
        let mut ann = Guest::connect(&server, Way::WebSocket);
        let made = ann.create("Ann", &json!({}));
        let mut bea = Guest::connect(&server, Way::Polling);
        bea.join(made["room"]["code"].as_str().expect("a code"), "Bea", &json!({}));
        Self { server, ann, bea, said: 0 }
    }

    /// Somebody says something, and the other hears it.
    pub fn goes_on(&mut self) {
        self.said += 1;
        let text = self.said.to_string();
        self.ann.emit("chat-message", &json!({ "text": text }));
        self.bea.wait_for("chat-message", |told| told["text"] == text.as_str());
    }

    /// A WebSocket of Socket.IO; `connected`: in the main namespace.
    pub fn socket(&self, connected: bool) -> WebSocket {
        let mut socket = WebSocket::open(&self.url("websocket"));
        assert!(socket.text().starts_with("0{"));
        if connected {
            socket.say("40");
            assert!(socket.text().starts_with("40{"));
        }
        socket
    }

    /// A session that polls, in the main namespace: its URL.
    pub fn polling(&self) -> String {
        let url = self.server.url("/socket.io/");
        let (sid, _) = open_polling(&mut Connection::open(&url), &url);
        let polling = format!("{}&sid={sid}", self.url("polling"));
        assert_eq!(http::post(&polling, b"40").head.status, 200);
        assert!(http::get(&polling).body.starts_with(b"40{"));
        polling
    }

    /// Where Socket.IO begins with a transport.
    pub fn url(&self, transport: &str) -> String {
        self.server.url(&format!("/socket.io/?EIO=4&transport={transport}"))
    }

    /// A bare connection.
    pub fn tcp(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.server.port())).expect("the server accepts")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.goes_on();
            assert_eq!(self.server.metric("cut_silent_total"), 0, "nothing ended by its ping alone");
            let peak = self.server.memory_peak();
            assert!(peak < MEMORY_MAX, "it took {} MiB", peak >> 20);
            assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        }
    }
}

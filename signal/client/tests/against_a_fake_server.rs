//! The client against servers that a test scripts: what it says, how it loses a connection and comes again, TLS.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketStream, accept_async};
use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use futures_rustls::TlsAcceptor;
use serde_json::{Value, json};
use sharestream_signal_client::{
    AckError, AddressError, Client, DialError, EmitError, Event, Events, Lost, LostReason, Options, TlsError, Trust,
};
use smol::future;
use smol::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(20);
const OPEN: &str = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

struct Server {
    listener: TcpListener,
}

impl Server {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}", self.listener.local_addr().unwrap().port())
    }

    fn client(&self) -> (Client, Events) {
        Client::connect(&self.url("http", "127.0.0.1"), Options::default()).unwrap()
    }

    async fn tcp(&self) -> TcpStream {
        in_time(self.listener.accept()).await.unwrap().0
    }

    async fn socket(&self) -> Socket<TcpStream> {
        Socket(accept_async(self.tcp().await).await.unwrap())
    }

    /// A connection whose CONNECT is granted; returns what came with it.
    async fn granted(&self) -> (Socket<TcpStream>, String) {
        let mut socket = self.socket().await;
        let auth = socket.grant().await;
        (socket, auth)
    }
}

struct Socket<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    async fn grant(&mut self) -> String {
        self.says(OPEN).await;
        let auth = self.hears().await;
        self.says(r#"40{"sid":"s"}"#).await;
        auth
    }

    async fn says(&mut self, text: &str) {
        in_time(self.0.send(Message::text(text))).await.unwrap();
    }

    async fn hears(&mut self) -> String {
        match in_time(self.0.next()).await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("not text: {other:?}"),
        }
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("nothing within {PATIENCE:?}");
    };
    future::or(what, late).await
}

async fn next(events: &mut Events) -> Event {
    in_time(events.next()).await.expect("there is more")
}

async fn connected(events: &mut Events) -> u64 {
    match next(events).await {
        Event::Connected { connection, .. } => connection,
        other => panic!("not connected: {other:?}"),
    }
}

async fn lost(events: &mut Events) -> (LostReason, Option<Duration>) {
    match next(events).await {
        Event::Disconnected { reason, retry_in } => (reason, retry_in),
        other => panic!("not lost: {other:?}"),
    }
}

#[test]
fn speaks_hears_answers_and_leaves() {
    smol::block_on(async {
        let server = Server::new().await;
        let options = Options { auth: json!({"token": "t"}), ..Options::default() };
        let (client, mut events) = Client::connect(&server.url("ws", "127.0.0.1"), options).unwrap();
        assert_eq!(client.emit("early", Value::Null).await, Err(EmitError::NotConnected));
        let (mut socket, auth) = server.granted().await;
        assert_eq!(auth, r#"40{"token":"t"}"#);
        assert_eq!(connected(&mut events).await, 1);
        client.emit("hi", json!({"a": 1})).await.unwrap();
        assert_eq!(socket.hears().await, r#"42["hi",{"a":1}]"#);
        let ask = client.emit_with_ack("ask", json!(1), PATIENCE);
        let (answer, ()) = future::zip(ask, async {
            assert_eq!(socket.hears().await, r#"420["ask",1]"#);
            socket.says(r#"430["yes"]"#).await;
        })
        .await;
        assert_eq!(answer.unwrap().values, [json!("yes")]);
        socket.says(r#"425["you",2]"#).await;
        let Event::Message { name, args, ack } = next(&mut events).await else { panic!("no message") };
        assert_eq!((name.as_str(), args.values), ("you", vec![json!(2)]));
        client.acknowledge(ack.unwrap(), json!("me")).await.unwrap();
        assert_eq!(socket.hears().await, r#"435["me"]"#);
        let long = client.emit("long", json!("x".repeat(70_000))).await;
        assert_eq!(long, Err(EmitError::Long));
        client.leave().await;
        assert_eq!((socket.hears().await, socket.hears().await), ("41".to_owned(), "1".to_owned()));
        assert_eq!(lost(&mut events).await, (Lost::Left.into(), None));
        assert_eq!(in_time(events.next()).await, None);
        assert_eq!(client.emit("late", Value::Null).await, Err(EmitError::NotConnected));
    });
}

#[test]
fn five_thousand_emits_arrive_in_order_while_as_many_come() {
    const COUNT: u32 = 5000;
    smol::block_on(async {
        let server = Server::new().await;
        let (client, mut events) = server.client();
        let (mut socket, _) = server.granted().await;
        connected(&mut events).await;
        let emits = async {
            for number in 0..COUNT {
                client.emit("n", json!(number)).await.unwrap();
            }
        };
        let hears = async {
            for number in 0..COUNT {
                let Event::Message { args, .. } = next(&mut events).await else { panic!("lost") };
                assert_eq!(args.values, [json!(number)]);
            }
        };
        let echoes = async {
            for number in 0..COUNT {
                let text = socket.hears().await;
                assert_eq!(text, format!(r#"42["n",{number}]"#));
                socket.says(&text).await;
            }
        };
        in_time(future::zip(future::zip(emits, hears), echoes)).await;
    });
}

#[test]
fn comes_again_after_a_broken_line_and_what_was_open_is_answered() {
    smol::block_on(async {
        let server = Server::new().await;
        let (client, mut events) = server.client();
        let (mut socket, _) = server.granted().await;
        connected(&mut events).await;
        let asked = client.emit_with_ack("ask", json!(1), PATIENCE);
        let (answer, ()) = future::zip(asked, async {
            socket.hears().await;
            drop(socket);
        })
        .await;
        assert_eq!(answer, Err(AckError::Lost));
        // The program has not heard of the loss yet; what it says now is not said on the next connection.
        let (mut socket, _) = server.granted().await;
        client.emit("stale", json!(1)).await.unwrap();
        let (_, retry) = lost(&mut events).await;
        assert!(retry.is_some_and(|pause| pause >= Duration::from_millis(500)), "{retry:?}");
        assert_eq!(connected(&mut events).await, 2);
        client.emit("fresh", json!(1)).await.unwrap();
        assert_eq!(socket.hears().await, r#"42["fresh",1]"#);
    });
}

#[test]
fn a_half_open_line_is_noticed_by_its_missing_pings() {
    smol::block_on(async {
        let server = Server::new().await;
        let (_client, mut events) = server.client();
        let mut socket = server.socket().await;
        socket.says(r#"0{"sid":"e","pingInterval":600,"pingTimeout":400}"#).await;
        socket.hears().await;
        socket.says(r#"40{"sid":"s"}"#).await;
        connected(&mut events).await;
        assert_eq!(lost(&mut events).await.0, Lost::Silent.into());
        server.granted().await;
        assert_eq!(connected(&mut events).await, 2);
    });
}

#[test]
fn a_refusal_is_final_and_in_the_servers_words() {
    smol::block_on(async {
        let server = Server::new().await;
        let (_client, mut events) = server.client();
        let mut socket = server.socket().await;
        socket.says(OPEN).await;
        socket.hears().await;
        socket.says(r#"44{"message":"too old"}"#).await;
        let refused = Lost::Refused { message: "too old".to_owned() };
        assert_eq!(lost(&mut events).await, (refused.into(), None));
        assert_eq!(in_time(events.next()).await, None);
    });
}

#[test]
fn an_answer_that_does_not_come_in_time() {
    smol::block_on(async {
        let server = Server::new().await;
        let (client, mut events) = server.client();
        let (mut socket, _) = server.granted().await;
        connected(&mut events).await;
        let asked = client.emit_with_ack("ask", json!(1), Duration::from_millis(50));
        assert_eq!(in_time(asked).await, Err(AckError::TimedOut));
        socket.says("430[]").await;
        client.emit("still", json!(1)).await.unwrap();
        socket.hears().await;
        assert_eq!(socket.hears().await, r#"42["still",1]"#);
    });
}

#[test]
fn hostile_servers_lose_the_connection_and_nothing_else() {
    smol::block_on(async {
        let server = Server::new().await;
        let (_client, mut events) = server.client();
        let (mut socket, _) = server.granted().await;
        connected(&mut events).await;
        socket.says(&format!("42[{}", "[".repeat(60_000))).await;
        assert!(matches!(lost(&mut events).await.0, LostReason::Protocol(Lost::SocketIo(_))));
        let (mut socket, _) = server.granted().await;
        connected(&mut events).await;
        // The client stops reading once the length is known, so the writing may fail.
        drop(socket.0.send(Message::text("x".repeat(3 * 1024 * 1024))).await);
        assert!(matches!(lost(&mut events).await.0, LostReason::Line(_)));
        let mut tcp = server.tcp().await;
        tcp.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await.unwrap();
        let (reason, _) = lost(&mut events).await;
        assert!(reason.to_string().ends_with("404 Not Found"), "{reason}");
    });
}

#[test]
fn a_program_that_does_not_listen_makes_the_server_wait() {
    smol::block_on(async {
        let server = Server::new().await;
        let (_client, mut events) = server.client();
        let (mut socket, _) = server.granted().await;
        let text = format!(r#"42["x","{}"]"#, "x".repeat(100_000));
        let mut said = 0;
        // 256 events fit the queue; the rest fills the sockets' buffers, and then writing waits.
        let floods = async {
            loop {
                socket.0.send(Message::text(text.as_str())).await.unwrap();
                said += 1;
                assert!(said < 5000, "half a gibibyte was taken from nobody");
            }
        };
        let waits = async {
            smol::Timer::after(Duration::from_secs(3)).await;
        };
        future::or(floods, waits).await;
        connected(&mut events).await;
        for _ in 0..200 {
            assert!(matches!(next(&mut events).await, Event::Message { .. }));
        }
    });
}

#[test]
fn nobody_there_and_no_such_name() {
    smol::block_on(async {
        let url = Server::new().await.url("http", "127.0.0.1");
        let (_client, mut events) = Client::connect(&url, Options::default()).unwrap();
        assert!(matches!(lost(&mut events).await.0, LostReason::Dial(DialError::Refused)));
        let (_client, mut events) = Client::connect("http://no.such.name.invalid", Options::default()).unwrap();
        let (reason, _) = lost(&mut events).await;
        assert!(matches!(&reason, LostReason::Dial(DialError::Name { .. })), "{reason}");
        assert_eq!(Client::connect("localhost", Options::default()).unwrap_err(), AddressError::Scheme);
    });
}

#[test]
fn wss_with_a_known_authority_and_with_none() {
    smol::block_on(async {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Server::new().await;
        let accept = async || -> io::Result<_> { acceptor.accept(server.tcp().await).await };
        let trusting = || Options { trust: Trust::Only(vec![certificate.clone()]), ..Options::default() };

        let (client, mut events) = Client::connect(&server.url("https", "localhost"), trusting()).unwrap();
        let mut socket = Socket(accept_async(accept().await.unwrap()).await.unwrap());
        socket.grant().await;
        connected(&mut events).await;
        client.emit("safe", json!(1)).await.unwrap();
        assert_eq!(socket.hears().await, r#"42["safe",1]"#);

        let (_client, mut events) = Client::connect(&server.url("wss", "127.0.0.1"), trusting()).unwrap();
        assert!(accept().await.is_err(), "the client hangs up");
        let other = TlsError::OtherName("127.0.0.1".to_owned());
        assert_eq!(lost(&mut events).await.0, DialError::Tls(other).into());

        let url = server.url("wss", "localhost");
        let (_client, mut events) = Client::connect(&url, Options::default()).unwrap();
        assert!(accept().await.is_err(), "the client hangs up");
        let reason = lost(&mut events).await.0;
        assert!(matches!(reason, LostReason::Dial(DialError::Tls(_))), "{reason}");
    });
}

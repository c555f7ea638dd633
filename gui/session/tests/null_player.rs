//! The model of a player, and a server of films that does as the test says.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use session::player::{NullModel, NullPlayer, Player as _};
use session::proto::player::{Command, Event, Failure, PlayerWish, Sample};
use signal_proto::time::MediaTime;

/// What is waited for comes by then, also on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// A film of ten seconds.
const LENGTH: usize = 1_000_000;

/// What a server does. Requests beyond its clients' own are never made, so each is one connection.
#[derive(Default)]
struct Script {
    /// As they were asked for: "bytes=0-".
    ranges: Vec<String>,
    /// So much of the film is there; who asks for more waits.
    there: usize,
    /// The next answer is cut after so many bytes.
    cut: Option<usize>,
    /// Instead of the film.
    answer: Option<&'static str>,
    /// Takes connections and says nothing.
    silent: bool,
    /// Takes no more connections, and cuts those it has.
    gone: bool,
}

struct Server {
    address: SocketAddr,
    script: Arc<(Mutex<Script>, Condvar)>,
}

impl Server {
    fn new(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let server = Self { address, script: Arc::new((Mutex::new(script), Condvar::new())) };
        let script = Arc::clone(&server.script);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if script.0.lock().expect("nobody panicked").gone {
                    return;
                }
                let script = Arc::clone(&script);
                std::thread::spawn(move || serve(client, &script));
            }
        });
        server
    }

    fn with_film() -> Self {
        Self::new(Script { there: LENGTH, ..Script::default() })
    }

    fn url(&self) -> String {
        format!("http://{}/film.mkv", self.address)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.0.lock().expect("nobody panicked")
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script());
        self.script.1.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.change(|script| script.gone = true);
        // Its thread looks up.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut client: TcpStream, (script, changed): &(Mutex<Script>, Condvar)) {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut chunk) {
            Ok(len) if len > 0 => head.extend_from_slice(&chunk[..len]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).expect("text");
    let range = head.lines().find_map(|line| line.strip_prefix("Range: ")).expect("it asks for a part").to_owned();
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("bytes");
    let first: usize = first.parse().expect("a number");
    let end = last.parse().map_or(LENGTH, |last: usize| last + 1);
    let mut state = script.lock().expect("nobody panicked");
    state.ranges.push(range.clone());
    let cut = state.cut.take();
    if let Some(answer) = state.answer {
        let _ = client.write_all(answer.as_bytes());
        return;
    }
    state = changed.wait_while(state, |state| state.silent && !state.gone).expect("nobody panicked");
    drop(state);
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{}/{LENGTH}\r\n\r\n",
        end - first,
        end - 1
    );
    let _ = client.write_all(head.as_bytes());
    let mut at = first;
    let end = cut.map_or(end, |cut| end.min(first + cut));
    while at < end {
        let state = script.lock().expect("nobody panicked");
        let state = changed.wait_while(state, |state| state.there <= at && !state.gone).expect("nobody panicked");
        if state.gone {
            return;
        }
        let to = end.min(state.there).min(at + 4096);
        drop(state);
        if client.write_all(&vec![0; to - at]).is_err() {
            return;
        }
        at = to;
    }
    if cut.is_none() {
        // It closes when it is told that the film is not wanted any more, as servers do that keep connections.
        let _ = client.read(&mut chunk);
    }
}

struct Watching {
    server: Server,
    player: NullPlayer,
    seen: Vec<Event>,
}

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

impl Watching {
    fn new(server: Server) -> Self {
        let (duration, quick) = (Some(Duration::from_secs(10)), Duration::from_millis(5));
        let model = NullModel { duration, seek_latency: (quick, quick), ..NullModel::default() };
        Self { server, player: NullPlayer::new(model), seen: Vec::new() }
    }

    fn load(&mut self, start: f64) {
        let url = self.server.url();
        self.player.command(Command::Load { url, start: at(start), title: "a film".into() });
    }

    fn open(&mut self, start: f64) {
        self.load(start);
        let event = self.hears("that it is open", |event| matches!(event, Event::Opened { .. } | Event::Failed(_)));
        let Event::Opened { duration, .. } = event else { panic!("{event:?}") };
        assert_eq!(duration, Some(at(10.0)));
    }

    /// Waits for an event; what comes before it is kept in `seen`.
    fn hears(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        let events = self.player.events();
        let deadline = Instant::now() + SOON;
        loop {
            let next = async { events.recv().await.ok() };
            let late = async {
                smol::Timer::at(deadline).await;
                None
            };
            let event = smol::block_on(smol::future::or(next, late));
            let event = event.unwrap_or_else(|| panic!("never heard {what}, but {:?}", self.seen));
            self.seen.push(event.clone());
            if is_it(&event) {
                return event;
            }
        }
    }

    fn position(&mut self) -> Sample {
        self.player.command(Command::AskPosition);
        match self.hears("where it is", |event| matches!(event, Event::Position(_))) {
            Event::Position(sample) => sample,
            other => panic!("{other:?}"),
        }
    }

    fn ranges(&self) -> Vec<String> {
        self.server.script().ranges.clone()
    }
}

#[test]
fn it_plays_what_it_reads_to_the_end() {
    let mut watching = Watching::new(Server::with_film());
    watching.open(0.0);
    assert_eq!(watching.ranges(), ["bytes=0-"]);
    watching.player.command(Command::Play);
    watching.hears("that it runs", |event| *event == Event::Running(true));
    watching.player.command(Command::Seek(at(9.5)));
    watching.hears("that it is there", |event| *event == Event::Sought(at(9.5)));
    watching.hears("the end", |event| *event == Event::Ended);
    let place = watching.position();
    assert!(place.at == at(10.0) && !place.moving, "{place:?}");
    let unwanted = |event: &Event| matches!(event, Event::Wished(PlayerWish::Play) | Event::Failed(_));
    assert!(!watching.seen.iter().any(unwanted), "{:?}", watching.seen);
}

#[test]
fn it_reads_from_where_it_is_sent_and_asks_for_the_length_once() {
    let mut watching = Watching::new(Server::with_film());
    watching.open(5.0);
    assert_eq!(watching.ranges(), ["bytes=0-0", "bytes=500000-"]);
    watching.player.command(Command::Seek(at(2.0)));
    watching.hears("that it is there", |event| *event == Event::Sought(at(2.0)));
    assert_eq!(watching.ranges()[2..], ["bytes=200000-"]);
    watching.open(0.0);
    assert_eq!(watching.ranges()[3..], ["bytes=0-"], "another film, whose length nobody knows");
}

#[test]
fn bytes_that_do_not_come_are_a_stall() {
    let mut watching = Watching::new(Server::new(Script { there: LENGTH / 20, ..Script::default() }));
    watching.open(0.0);
    watching.player.command(Command::Play);
    watching.hears("the stall", |event| *event == Event::Buffering(true));
    let place = watching.position();
    assert!(place.at.seconds() > 0.2 && place.at.seconds() < 0.6 && !place.moving, "{place:?}");
    watching.server.change(|script| script.there = LENGTH);
    watching.hears("its end", |event| *event == Event::Buffering(false));
    assert!(!watching.seen.contains(&Event::Running(false)), "{:?}", watching.seen);
}

#[test]
fn a_stream_that_breaks_is_read_on_and_a_server_that_is_gone_is_told() {
    let mut watching =
        Watching::new(Server::new(Script { cut: Some(LENGTH / 10), there: LENGTH, ..Script::default() }));
    watching.open(0.0);
    watching.player.command(Command::Play);
    watching.player.command(Command::Seek(at(9.0)));
    watching.hears("that it is there", |event| *event == Event::Sought(at(9.0)));
    assert!(!watching.seen.iter().any(|event| matches!(event, Event::Failed(_))), "{:?}", watching.seen);

    watching.server.change(|script| (script.cut, script.there) = (Some(0), LENGTH));
    watching.player.command(Command::Seek(at(1.0)));
    watching.hears("that it is there after all", |event| *event == Event::Sought(at(1.0)));
    let again = watching.ranges().iter().filter(|range| *range == "bytes=100000-").count();
    assert!(again >= 2, "{:?}", watching.ranges());

    watching.server.change(|script| script.answer = Some("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
    watching.player.command(Command::Seek(at(0.0)));
    let event = watching.hears("that it is gone", |event| matches!(event, Event::Failed(_) | Event::Sought(_)));
    assert!(matches!(&event, Event::Failed(Failure::Unreadable { why }) if why.contains("503")), "{event:?}");
}

#[test]
fn what_is_no_film_is_told_at_once() {
    for (answer, start, words) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", 0.0, "404"),
        ("HTTP/1.1 200 OK\r\n\r\n", 0.0, "length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 5.0, "seek"),
        ("220 mail.example ESMTP\r\n", 0.0, "HTTP"),
    ] {
        let mut watching = Watching::new(Server::new(Script { answer: Some(answer), ..Script::default() }));
        watching.load(start);
        let event = watching.hears("why", |event| matches!(event, Event::Failed(_) | Event::Opened { .. }));
        assert!(matches!(&event, Event::Failed(Failure::Unreadable { why }) if why.contains(words)), "{event:?}");
    }
    let mut player = NullPlayer::new(NullModel::default());
    player.command(Command::Load { url: "ftp://host/film".into(), start: at(0.0), title: String::new() });
    let event = player.events().recv_blocking().expect("it says why");
    assert!(matches!(&event, Event::Failed(Failure::Unreadable { why }) if why.contains("http://")), "{event:?}");
}

#[test]
fn a_server_that_says_nothing_holds_nobody_up() {
    let mut watching = Watching::new(Server::new(Script { silent: true, ..Script::default() }));
    watching.load(0.0);
    let deadline = Instant::now() + SOON;
    while watching.ranges().is_empty() {
        assert!(Instant::now() < deadline, "it never asks");
        std::thread::sleep(Duration::from_millis(5));
    }
    watching.player.command(Command::Pause);
    watching.hears("that it stands", |event| *event == Event::Running(false));
    let (done, is_done) = std::sync::mpsc::channel();
    let Watching { player, server, .. } = watching;
    std::thread::spawn(move || {
        drop(player);
        done.send(()).expect("the test waits");
    });
    is_done.recv_timeout(SOON).expect("it is gone though it waits for an answer");
    drop(server);
}

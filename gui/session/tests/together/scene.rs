//! A server, a film, and people who come with an engine and a player of paper.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use session::clock::Clock;
use session::player::Player as _;
use session::proto::participant::{End, Entry, Setup};
use session::proto::settings::Offsets;
use session::proto::view::View;
use session::proto::wish::{LateJoin, Wish};
use session::proto::words::Language;
use session::settings::Home;
use session::{EngineChoice, Options, Session, Update};
use sharestream_engine::Config as EngineConfig;
use signal_proto::ids::{ParticipantId, RoomCode};
use smol::channel::{Sender, bounded};

use crate::paper::PaperPlayer;

/// How long anything that should simply happen may take.
const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Scene {
    folder: tempfile::TempDir,
    port: u16,
    config: signal::Config,
    server: Option<Server>,
}

struct Server {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// Somebody at their machine.
pub(crate) struct Person {
    session: Session,
    seen: std::cell::RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    view: Option<Arc<View>>,
    end: Option<End>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// With a server of another kind.
    pub(crate) fn with(change: impl FnOnce(&mut signal::Config)) -> Self {
        let secret = Some(signal::Secret::new(*b"a secret of this test, long enough"));
        let mut config = signal::Config { secret, limited: false, ..signal::Config::default() };
        change(&mut config);
        let folder = tempfile::tempdir().expect("a folder");
        let film: Vec<u8> = (0_u32..2_000_000).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        std::fs::write(folder.path().join("film.mkv"), film).expect("a film");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let server = Some(Server::start(listener, config.clone()));
        Self { folder, port, config, server }
    }

    /// The film's path.
    pub(crate) fn film(&self) -> String {
        self.folder.path().join("film.mkv").display().to_string()
    }

    /// Another file beside it.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    pub(crate) fn create(&self, name: &str, code: RoomCode) -> Person {
        self.person(name, Entry::Create { code: Some(code) }, |_| ())
    }

    pub(crate) fn host(&self, name: &str) -> Person {
        let film = self.film();
        self.host_with(name, |setup| setup.film = Some(film))
    }

    pub(crate) fn host_with(&self, name: &str, change: impl FnOnce(&mut Setup)) -> Person {
        self.person(name, Entry::Create { code: None }, change)
    }

    pub(crate) fn join(&self, name: &str, code: &str) -> Person {
        self.join_with(name, code, |_| ())
    }

    pub(crate) fn join_with(&self, name: &str, code: &str, change: impl FnOnce(&mut Setup)) -> Person {
        let code = RoomCode::parse(&code.replace('-', "")).expect("a code");
        self.person(name, Entry::Join { code }, change)
    }

    /// Bytes of films that somebody's engine downloaded and has.
    pub(crate) fn downloaded(&self, name: &str) -> u64 {
        let mut folders = vec![self.folder.path().join(name)];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if entry.path().extension().is_some_and(|ending| ending == "mkv") {
                    bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                }
            }
        }
        bytes
    }

    /// The server forgets its key, too, when it is restarted next.
    pub(crate) fn forget_key(&mut self) {
        self.config.secret = Some(signal::Secret::new(*b"another secret of this test, as long"));
    }

    /// The server goes, and another with the same port comes after a while.
    pub(crate) fn restart_server(&mut self, after: Duration) {
        if let Some(server) = self.server.take() {
            drop(server.stop);
            server.thread.join().expect("it ends well");
        }
        let (port, config) = (self.port, self.config.clone());
        let (stop, stopped) = bounded(1);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(after);
            let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
            serve(listener, config, &stopped);
        });
        self.server = Some(Server { stop, thread });
    }

    fn person(&self, name: &str, entry: Entry, change: impl FnOnce(&mut Setup)) -> Person {
        let player = PaperPlayer::new();
        let mut setup = Setup {
            name: name.to_owned(),
            participant: ParticipantId::parse(&format!("{name}-1")).expect("an id"),
            entry,
            token: None,
            film: None,
            rendezvous: format!("ws://127.0.0.1:{}/", self.port),
            nonce: u64::from(name.as_bytes()[0]),
            weak: false,
            offsets: Offsets::default(),
            player: player.traits(),
            late_join: LateJoin::Now,
            deletes_films: false,
            spoiler_safe: false,
            spectating: false,
            language: Language::English,
        };
        change(&mut setup);
        let engine = EngineConfig {
            http_port: 0,
            listen_port: 0,
            data_dir: self.folder.path().join(name),
            ..EngineConfig::default()
        };
        let options = Options {
            setup,
            server: format!("http://127.0.0.1:{}", self.port),
            engine: EngineChoice::InProcess(engine),
            player: Box::new(player),
            home: Some(Home::at(&self.folder.path().join(format!("{name}-home")))),
            clock: Clock::system(),
        };
        Person { session: Session::start(options).expect("it begins"), seen: std::cell::RefCell::default() }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            drop(server.stop);
            // A test that fails says its own reason.
            let _ = server.thread.join();
        }
    }
}

impl Server {
    fn start(listener: TcpListener, config: signal::Config) -> Self {
        let (stop, stopped) = bounded(1);
        let thread = std::thread::spawn(move || serve(listener, config, &stopped));
        Self { stop, thread }
    }
}

/// What an address of an engine holds.
pub(crate) fn fetch(address: &str) -> Vec<u8> {
    let rest = address.strip_prefix("http://").expect("of a local server");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut socket = std::net::TcpStream::connect(host).expect("it listens");
    socket.set_read_timeout(Some(SOON)).expect("a timeout");
    write!(socket, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers");
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    answer.split_off(head + 4)
}

fn serve(listener: TcpListener, config: signal::Config, stopped: &smol::channel::Receiver<()>) {
    listener.set_nonblocking(true).expect("a socket");
    let stop = async {
        let _ = stopped.recv().await;
    };
    smol::block_on(signal::serve_until(listener, config, stop)).expect("it serves");
}

impl Person {
    pub(crate) fn wants(&self, wish: Wish) {
        self.session.wishes().send_blocking(wish).expect("the session listens");
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.sees("anything", |_| true)
    }

    pub(crate) fn code(&self) -> String {
        self.sees("the room's code", |view| view.code.is_some()).code.clone().expect("seen")
    }

    /// Something was said or happened whose words hold that.
    pub(crate) fn heard(&self, words: &str) -> bool {
        self.view().chat.iter().any(|item| item.from.is_none() && item.text.contains(words))
    }

    /// Waits until this person sees that.
    pub(crate) fn sees(&self, what: &str, is_so: impl Fn(&View) -> bool) -> Arc<View> {
        let deadline = Instant::now() + SOON;
        loop {
            while let Ok(update) = self.session.updates().try_recv() {
                self.take(update);
            }
            let view = self.seen.borrow().view.clone();
            if let Some(view) = view.clone().filter(|view| is_so(view)) {
                return view;
            }
            let view = view.as_deref().map(|view| serde_json::to_string(view).expect("JSON"));
            assert!(Instant::now() < deadline, "never saw {what}; the last view: {view:?}");
            assert_eq!(self.seen.borrow().end, None, "it is over, and {what} was not seen");
            let next =
                smol::block_on(futures_lite::future::or(async { self.session.updates().recv().await.ok() }, async {
                    smol::Timer::after(Duration::from_millis(100)).await;
                    None
                }));
            next.into_iter().for_each(|update| self.take(update));
        }
    }

    /// Its end, or `None` when it saw that first.
    pub(crate) fn ends_or_sees(self, is_so: impl Fn(&View) -> bool) -> Option<End> {
        let deadline = Instant::now() + SOON;
        while let Ok(update) = self.session.updates().recv_blocking() {
            match update {
                Update::Ended(end) => return Some(end),
                Update::View(view) if is_so(&view) => return None,
                Update::View(_) | Update::Said(_) | Update::Noticed(_) | Update::Keep { .. } => {}
            }
            assert!(Instant::now() < deadline, "neither");
        }
        panic!("it ended without saying why");
    }

    pub(crate) fn leaves(self) -> End {
        self.wants(Wish::Leave);
        self.ends()
    }

    /// Vanishes without a goodbye.
    pub(crate) fn vanishes(self) {
        drop(self.session);
    }

    pub(crate) fn ends(self) -> End {
        let deadline = Instant::now() + SOON;
        while let Ok(update) = self.session.updates().recv_blocking() {
            if let Update::Ended(end) = update {
                return end;
            }
            assert!(Instant::now() < deadline, "it does not end");
        }
        panic!("it ended without saying why");
    }

    fn take(&self, update: Update) {
        let mut seen = self.seen.borrow_mut();
        match update {
            Update::View(view) => seen.view = Some(view),
            Update::Ended(end) => seen.end = Some(end),
            Update::Said(_) | Update::Noticed(_) | Update::Keep { .. } => {}
        }
    }
}

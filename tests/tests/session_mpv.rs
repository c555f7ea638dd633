//! mpv as a participant's player: the real program, without window and sound.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use session::clock::Clock;
use session::player::{MpvOptions, MpvPlayer, Player as _};
use session::proto::player::{Command, Event, Failure, PlayerWish, Sample, TrackKind};
use signal_proto::time::MediaTime;
use tests::app::App;
use tests::film::{Clip, Container};
use tests::signal::Server;
use tests::{SOON, scratch};

/// An mpv that plays a clip of a minute.
struct Screen {
    player: MpvPlayer,
    folder: tempfile::TempDir,
    seen: Vec<Event>,
}

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

impl Screen {
    fn new() -> Self {
        let folder = scratch();
        let clip = Clip { container: Container::Mkv, seconds: 60, bits_per_second: 400_000 };
        clip.make(&folder.path().join("film.mkv"));
        // Its socket lies in a folder of this test's, where the test finds it.
        let options = MpvOptions::default().unseen();
        Self { player: MpvPlayer::new(options), folder, seen: Vec::new() }
    }

    fn film(&self) -> String {
        self.folder.path().join("film.mkv").display().to_string()
    }

    fn load(&mut self, url: &str, start: f64) {
        self.player.command(Command::Load { url: url.to_owned(), start: at(start), title: "a film".into() });
    }

    fn open(&mut self, start: f64) {
        let film = self.film();
        self.load(&film, start);
        self.hears("that it is open", |event| matches!(event, Event::Opened { .. }).then_some(()));
    }

    /// Waits for an event; what comes before it is kept in `seen`.
    fn hears<T>(&mut self, what: &str, is_it: impl Fn(&Event) -> Option<T>) -> T {
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
            let found = is_it(&event);
            self.seen.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn position(&mut self) -> Sample {
        self.player.command(Command::AskPosition);
        self.hears("where it is", |event| match event {
            Event::Position(sample) => Some(*sample),
            _ => None,
        })
    }

    /// Its process, found by its parent and name.
    fn process(&self) -> u32 {
        mpvs().into_iter().next().expect("an mpv of ours runs")
    }
}

/// Children of this process that are mpv.
fn mpvs() -> Vec<u32> {
    mpvs_of(std::process::id())
}

fn mpvs_of(own: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((head, rest)) = stat.rsplit_once(')') else { return false };
        let mut fields = rest.split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        head.ends_with("(mpv") && state != Some("Z") && parent == Some(&own.to_string())
    })
    .collect()
}

/// The socket that mpv was told to listen at.
fn socket_of(pid: u32) -> PathBuf {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    let text = String::from_utf8(words).expect("text");
    let flag = text.split('\0').find_map(|word| word.strip_prefix("--input-ipc-server="));
    PathBuf::from(flag.expect("it was told"))
}

fn tell(socket: &Path, line: &str) {
    let mut socket = UnixStream::connect(socket).expect("mpv listens");
    socket.write_all(format!("{line}\n").as_bytes()).expect("it takes lines");
    // It acts before it answers; events may come before that.
    let mut heard = [0; 4096];
    let _ = socket.read(&mut heard).expect("it answers");
}

#[test]
fn plays_where_it_is_told_to_the_frame() {
    let mut screen = Screen::new();
    let film = screen.film();
    screen.load(&film, 10.0);
    let (duration, tracks) = screen.hears("that it is open", |event| match event {
        Event::Opened { duration, tracks } => Some((*duration, tracks.clone())),
        _ => None,
    });
    assert!((duration.expect("known").seconds() - 60.0).abs() < 1.0, "{duration:?}");
    assert!(
        tracks.iter().any(|track| track.kind == TrackKind::Video)
            && tracks.iter().any(|track| track.kind == TrackKind::Audio)
    );
    let place = screen.position();
    assert!((place.at.seconds() - 10.0).abs() < 0.05 && !place.moving, "{place:?}");

    screen.player.command(Command::Play);
    screen.hears("that it runs", |event| (*event == Event::Running(true)).then_some(()));
    let moves = |screen: &mut Screen| loop {
        let place = screen.position();
        if place.moving && place.at.seconds() > 10.2 {
            return place;
        }
    };
    let first = moves(&mut screen);
    std::thread::sleep(Duration::from_secs(2));
    let second = screen.position();
    let (wall, film_time) = ((second.taken - first.taken).as_secs_f64(), second.at.seconds() - first.at.seconds());
    assert!((wall - film_time).abs() < 0.02, "{film_time} s of film in {wall} s");

    screen.player.command(Command::SetRate(1.5));
    let first = screen.position();
    std::thread::sleep(Duration::from_secs(2));
    let second = screen.position();
    let rate = (second.at.seconds() - first.at.seconds()) / (second.taken - first.taken).as_secs_f64();
    assert!((rate - 1.5).abs() < 0.1, "{rate}");

    screen.player.command(Command::Pause);
    screen.hears("that it stands", |event| (*event == Event::Running(false)).then_some(()));
    screen.player.command(Command::Seek(at(33.0)));
    let there = screen.hears("that it is there", |event| match event {
        Event::Sought(there) => Some(*there),
        _ => None,
    });
    assert!((there.seconds() - 33.0).abs() < 0.05, "{there:?}");
    assert!(!screen.seen.iter().any(|event| matches!(event, Event::Wished(_))), "{:?}", screen.seen);
}

#[test]
fn keys_of_its_window_and_other_programs_are_wishes() {
    let mut screen = Screen::new();
    screen.open(0.0);
    let socket = socket_of(screen.process());
    tell(&socket, r#"{"command":["keypress","SPACE"]}"#);
    screen.hears("the key", |event| (*event == Event::Wished(PlayerWish::Play)).then_some(()));
    tell(&socket, r#"{"command":["keypress","RIGHT"]}"#);
    screen.hears("the key", |event| (*event == Event::Wished(PlayerWish::SeekBy(5.0))).then_some(()));
    tell(&socket, r#"{"command":["set_property","pause",false]}"#);
    screen.hears("a stranger's hand", |event| (*event == Event::Wished(PlayerWish::Play)).then_some(()));
    // Undone: it stands.
    std::thread::sleep(Duration::from_millis(300));
    let (first, second) = (screen.position(), screen.position());
    assert_eq!(first.at, second.at);
    assert!(!second.moving);
}

#[test]
fn bytes_that_do_not_come_are_a_stall_and_not_a_pause() {
    let mut screen = Screen::new();
    let film = std::fs::read(screen.film()).expect("made");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/film.mkv", listener.local_addr().expect("bound"));
    let (more, wait) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("mpv comes");
        let mut head = [0; 4096];
        let _ = client.read(&mut head).expect("a request");
        let lines =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: video/x-matroska\r\n\r\n", film.len());
        client.write_all(lines.as_bytes()).expect("sent");
        let (first, rest) = film.split_at(film.len() / 8);
        client.write_all(first).expect("sent");
        wait.recv().expect("the test goes on");
        // It may leave before the end.
        let _ = client.write_all(rest);
    });
    screen.load(&url, 0.0);
    screen.hears("that it is open", |event| matches!(event, Event::Opened { .. }).then_some(()));
    screen.player.command(Command::Play);
    screen.hears("the stall", |event| (*event == Event::Buffering(true)).then_some(()));
    assert!(!screen.position().moving);
    more.send(()).expect("the server waits");
    screen.hears("its end", |event| (*event == Event::Buffering(false)).then_some(()));
    assert!(
        !screen.seen.iter().any(|event| matches!(event, Event::Wished(_) | Event::Running(false))),
        "{:?}",
        screen.seen
    );
    drop(screen);
    server.join().expect("it served");
}

#[test]
fn a_killed_one_is_told_and_comes_back_and_nothing_stays() {
    let mut screen = Screen::new();
    screen.open(0.0);
    let pid = screen.process();
    let folder = socket_of(pid).parent().expect("a folder").to_owned();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not zero"),
        rustix::process::Signal::KILL,
    )
    .expect("ours");
    screen.hears("its end", |event| (*event == Event::Closed { crashed: true }).then_some(()));
    assert!(!folder.exists(), "its folder went with it");
    screen.open(20.0);
    assert!((screen.position().at.seconds() - 20.0).abs() < 0.05);
    let socket = socket_of(screen.process());
    tell(&socket, r#"{"command":["keypress","q"]}"#);
    screen.hears("that it was closed", |event| (*event == Event::Closed { crashed: false }).then_some(()));
    screen.open(0.0);
    let folder = socket_of(screen.process()).parent().expect("a folder").to_owned();
    drop(screen);
    assert!(mpvs().is_empty() && !folder.exists(), "nothing stays behind");
}

#[test]
fn an_app_that_is_killed_leaves_no_player_behind() {
    let server = Server::start(&[]);
    let folder = scratch();
    let film = folder.path().join("film.mkv");
    Clip { container: Container::Mkv, seconds: 10, bits_per_second: 400_000 }.make(&film);
    let film = film.display().to_string();
    let mut app = App::host("Ana", &film, &["--server", &server.url(""), "--player", "unseen"]);
    app.sees("the film open", |view| view["film"]["tracks"].as_array().is_some_and(|tracks| !tracks.is_empty()));
    let mpvs = mpvs_of(app.id());
    assert_eq!(mpvs.len(), 1);
    // Dropping it is SIGKILL.
    drop(app);
    tests::within(SOON, "the player's end", || (!Path::new(&format!("/proc/{}", mpvs[0])).exists()).then_some(()));
}

#[test]
fn what_cannot_be_played_is_told_in_words() {
    let mut screen = Screen::new();
    let text = screen.folder.path().join("film.txt");
    std::fs::write(&text, "no film at all").expect("written");
    screen.load(&text.display().to_string(), 0.0);
    let failed = |event: &Event| match event {
        Event::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let failure = screen.hears("why", failed);
    assert!(matches!(&failure, Failure::Unreadable { why } if !why.is_empty()), "{failure:?}");
    screen.open(0.0);

    let program = PathBuf::from("/nowhere/mpv");
    let mut player = MpvPlayer::new(MpvOptions { program, flags: Vec::new(), clock: Clock::system() });
    player.command(Command::Load { url: "x".into(), start: at(0.0), title: "x".into() });
    let failure = player.events().recv_blocking().expect("it says why");
    assert!(
        matches!(&failure, Event::Failed(Failure::NoPlayer { why }) if why.contains("/nowhere/mpv")),
        "{failure:?}"
    );
}

#[test]
fn the_end_is_told_and_is_no_pause() {
    let mut screen = Screen::new();
    screen.open(59.0);
    screen.player.command(Command::Play);
    screen.hears("the end", |event| (*event == Event::Ended).then_some(()));
    assert!(!screen.seen.iter().any(|event| matches!(event, Event::Wished(_))), "{:?}", screen.seen);
    screen.player.command(Command::Pause);
    screen.player.command(Command::Seek(at(5.0)));
    screen.hears("that it is there", |event| matches!(event, Event::Sought(_)).then_some(()));
}

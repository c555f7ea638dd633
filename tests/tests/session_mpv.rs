//! mpv as a participant's player: the real program, without window and sound.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use session::clock::Clock;
use session::player::{MpvOptions, MpvPlayer, Player as _};
use session::proto::limits::PLAYER_ANSWERS_MAX;
use session::proto::player::{Command, Event, Failure, PlayerWish, Sample, TrackKind};
use signal_proto::time::MediaTime;
use tests::app::App;
use tests::film::{Clip, Container};
use tests::signal::Server;
use tests::{SOON, scratch, within};

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
        // A second way in, for strangers.
        let mut options = MpvOptions::default().unseen();
        options.flags.push(format!("--input-ipc-server={}", folder.path().join("ipc").display()));
        Self { player: MpvPlayer::new(options), folder, seen: Vec::new() }
    }

    /// Somebody else says that line to mpv.
    fn stranger(&self, line: &str) {
        let mut socket = UnixStream::connect(self.folder.path().join("ipc")).expect("mpv listens");
        socket.write_all(format!("{line}\n").as_bytes()).expect("it takes lines");
        // It acts before it answers; events may come before that.
        let mut heard = [0; 4096];
        let _ = socket.read(&mut heard).expect("it answers");
    }

    /// A signal for its process.
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.process()).expect("a pid");
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).expect("not zero"), signal).expect("ours");
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

    /// Where it is. While it seeks it does not say, and is asked again.
    fn position(&mut self) -> Sample {
        let events = self.player.events();
        within(SOON, "where it is", || {
            self.player.command(Command::AskPosition);
            let next = async { events.recv().await.ok() };
            let late = async {
                smol::Timer::after(Duration::from_millis(200)).await;
                None
            };
            let event = smol::block_on(smol::future::or(next, late))?;
            self.seen.push(event.clone());
            match event {
                Event::Position(sample) => Some(sample),
                _ => None,
            }
        })
    }

    /// Its process, of all those that tests started.
    fn process(&self) -> u32 {
        mpv_of(self.folder.path()).expect("an mpv of ours runs")
    }
}

/// The mpv that was told to listen in that folder.
fn mpv_of(folder: &Path) -> Option<u32> {
    let folder = folder.to_str().expect("text");
    let listens = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.split('\0').any(|word| word.starts_with("--input-ipc-server=") && word.contains(folder))
    };
    pids().find(listens)
}

/// Children of that process that are mpv.
fn mpvs_of(parent: u32) -> Vec<u32> {
    let is_its = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((head, rest)) = stat.rsplit_once(')') else { return false };
        head.ends_with("(mpv") && rest.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    pids().filter(is_its).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
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
    screen.stranger(r#"{"command":["keypress","SPACE"]}"#);
    screen.hears("the key", |event| (*event == Event::Wished(PlayerWish::Play)).then_some(()));
    screen.stranger(r#"{"command":["keypress","RIGHT"]}"#);
    screen.hears("the key", |event| (*event == Event::Wished(PlayerWish::SeekBy(5.0))).then_some(()));
    screen.stranger(r#"{"command":["set_property","pause",false]}"#);
    screen.hears("a stranger's hand", |event| (*event == Event::Wished(PlayerWish::Play)).then_some(()));
    // Undone: it stands.
    std::thread::sleep(Duration::from_millis(300));
    let (first, second) = (screen.position(), screen.position());
    assert_eq!(first.at, second.at);
    assert!(!second.moving);

    screen.player.command(Command::Play);
    screen.hears("that it runs", |event| (*event == Event::Running(true)).then_some(()));
    screen.stranger(r#"{"command":["seek",40,"absolute+exact"]}"#);
    let wish = screen.hears("a stranger's seek", |event| match event {
        Event::Wished(PlayerWish::Seek(to)) => Some(*to),
        _ => None,
    });
    assert!((wish.seconds() - 40.0).abs() < 0.3, "{wish:?}");
    let place = screen.position();
    assert!(place.at.seconds() < 5.0, "{place:?}");
    screen.player.command(Command::SelectTrack(TrackKind::Audio, None));
    screen.player.command(Command::SelectTrack(TrackKind::Audio, Some(1)));
    screen.player.command(Command::Seek(at(50.0)));
    screen.hears("that it is there", |event| matches!(event, Event::Sought(_)).then_some(()));
    let wishes = screen.seen.iter().filter(|event| matches!(event, Event::Wished(_))).count();
    assert_eq!(wishes, 4, "{:?}", screen.seen);
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
fn a_stream_that_breaks_off_is_a_failure_and_no_end() {
    let mut screen = Screen::new();
    let film = std::fs::read(screen.film()).expect("made");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/film.mkv", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("mpv comes");
        let mut head = [0; 4096];
        let _ = client.read(&mut head).expect("a request");
        let lines = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", film.len());
        client.write_all(lines.as_bytes()).expect("sent");
        client.write_all(&film[..film.len() / 16]).expect("sent");
        // And it is gone, listener and all.
    });
    screen.load(&url, 0.0);
    screen.hears("that it is open", |event| matches!(event, Event::Opened { .. }).then_some(()));
    server.join().expect("it served");
    screen.player.command(Command::Play);
    let why = screen.hears("why", |event| match event {
        Event::Failed(Failure::Unreadable { why }) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("broke off"), "{why}");
    assert!(!screen.seen.contains(&Event::Ended), "{:?}", screen.seen);
    screen.open(7.0);
}

#[test]
fn a_killed_one_is_told_and_comes_back_and_nothing_stays() {
    let mut screen = Screen::new();
    screen.open(0.0);
    screen.signal(rustix::process::Signal::KILL);
    screen.hears("its end", |event| (*event == Event::Closed { crashed: true }).then_some(()));
    screen.open(20.0);
    assert!((screen.position().at.seconds() - 20.0).abs() < 0.05);
    screen.stranger(r#"{"command":["keypress","q"]}"#);
    screen.hears("that it was closed", |event| (*event == Event::Closed { crashed: false }).then_some(()));
    screen.open(0.0);
    let folder = screen.folder.path().to_owned();
    drop(screen);
    assert_eq!(mpv_of(&folder), None, "nothing stays behind");
}

#[test]
fn one_that_hangs_is_ended() {
    let mut screen = Screen::new();
    screen.open(0.0);
    screen.signal(rustix::process::Signal::STOP);
    for _ in 0..=PLAYER_ANSWERS_MAX {
        screen.player.command(Command::AskPosition);
    }
    screen.hears("its end", |event| (*event == Event::Closed { crashed: true }).then_some(()));
    screen.open(0.0);
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
    within(SOON, "the player's end", || (!Path::new(&format!("/proc/{}", mpvs[0])).exists()).then_some(()));
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

    // Its pictures in a codec that nobody has heard of, its sound in a known one.
    let film = std::fs::read(screen.film()).expect("made");
    let codec = b"V_MPEG4/ISO/AVC";
    let place = film.windows(codec.len()).position(|part| part == codec).expect("H.264 in Matroska");
    let mut unknown = film;
    unknown[place..place + codec.len()].copy_from_slice(b"V_NOBODY/HEARD/");
    let path = screen.folder.path().join("unknown.mkv");
    std::fs::write(&path, unknown).expect("written");
    screen.load(&path.display().to_string(), 0.0);
    let failure = screen.hears("why", |event| match event {
        Event::Failed(failure @ Failure::NoDecoder { .. }) => Some(failure.clone()),
        _ => None,
    });
    assert!(matches!(&failure, Failure::NoDecoder { codec } if !codec.is_empty()), "{failure:?}");
    screen.open(0.0);
}

#[test]
fn a_program_that_is_no_mpv_is_told_and_why() {
    let folder = scratch();
    let script = folder.path().join("silent");
    std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").expect("written");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("set");
    for (program, words) in [
        (PathBuf::from("/nowhere/mpv"), "No such file"),
        (PathBuf::from("/bin/false"), "ended at once"),
        (script, "says nothing"),
    ] {
        let clock = Clock::system();
        let mut player = MpvPlayer::new(MpvOptions { program: program.clone(), flags: Vec::new(), clock });
        player.command(Command::Load { url: "x".into(), start: at(0.0), title: "x".into() });
        let event = player.events().recv_blocking().expect("it says why");
        let Event::Failed(Failure::NoPlayer { why }) = &event else { panic!("{event:?}") };
        assert!(why.contains(&program.display().to_string()) && why.contains(words), "{why}");
    }
}

#[test]
fn a_film_that_is_opened_again_is_as_long_as_before() {
    let mut screen = Screen::new();
    let film = screen.film();
    for start in [0.0, 5.0, 5.0] {
        screen.load(&film, start);
        let duration = screen.hears("that it is open", |event| match event {
            Event::Opened { duration, .. } => Some(*duration),
            _ => None,
        });
        assert!(duration.is_some_and(|duration| (duration.seconds() - 60.0).abs() < 1.0), "{duration:?}");
        assert!((screen.position().at.seconds() - start).abs() < 0.05);
    }
}

#[test]
fn the_end_is_told_and_is_no_pause() {
    let mut screen = Screen::new();
    screen.open(59.0);
    screen.player.command(Command::Play);
    screen.hears("the end", |event| (*event == Event::Ended).then_some(()));
    assert!(!screen.seen.iter().any(|event| matches!(event, Event::Wished(_))), "{:?}", screen.seen);
    screen.player.command(Command::Seek(at(5.0)));
    screen.hears("that it is there", |event| matches!(event, Event::Sought(_)).then_some(()));
    let (first, second) = (screen.position(), screen.position());
    assert!((second.at.seconds() - 5.0).abs() < 0.05 && !second.moving, "it stands: {first:?}, {second:?}");
    screen.player.command(Command::Play);
    screen.hears("that it runs", |event| (*event == Event::Running(true)).then_some(()));
}

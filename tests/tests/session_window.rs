//! The app's window on a virtual screen: rooms of real processes whose pictures are read off the screen.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::app::{self, App};
use tests::process::{Program, find};
use tests::screen::film;
use tests::screen::sound::Sound;
use tests::screen::stage::Stage;
use tests::signal::Server;
use tests::{SOON, free_port, scratch, within};

/// Seconds; the film's pictures have their numbers in them.
const FILM: u16 = 40;

fn film(folder: &Path) -> String {
    let path = folder.join("film.mp4");
    film::make(&path, FILM);
    path.display().to_string()
}

fn in_step(view: &Value) -> bool {
    view["playback"]["state"] == "playing" && view["playback"]["drift"].as_f64().is_some_and(|drift| drift.abs() < 0.2)
}

/// Both windows show the film near that second of it.
fn shown_near(stage: &Stage, windows: &[usize], second: u16) {
    within(SOON, "both windows show the place", || {
        let shown = stage.display.look();
        let is_near = |window: &usize| {
            shown[*window].is_some_and(|frame| (second..second + 8).contains(&(frame / film::FRAME_RATE)))
        };
        windows.iter().all(is_near).then_some(())
    });
}

#[test]
fn two_windows_show_one_film() {
    let folder = scratch();
    let film = film(folder.path());
    let stage = Stage::new(folder.path());
    let port = free_port();
    let secret = ["-secret", "the secret of two windows and one film"];
    let server = Server::start_on(port, &secret, &[]);
    let url = format!("http://127.0.0.1:{port}");
    let mut host = App::window(&stage, 0, "Ana", &["host", &film, "--server", &url]);
    let code = host.code();
    let mut viewer = App::window(&stage, 1, "Bea", &["join", &code, "--server", &url]);
    viewer.sees("the whole film", |view| view["film"]["stage"]["is"] == "complete");
    viewer.sees("a player that stands", |view| view["playback"]["position"].is_number());

    // Sound may be later in one place than in another, so it is known where it goes.
    host.sees("where its sound goes", |view| view["playback"]["output"] == Sound::name(0).as_str());
    viewer.sees("where its sound goes", |view| view["playback"]["output"] == Sound::name(1).as_str());

    host.send(&json!({"cmd": "play"}));
    for person in [&mut host, &mut viewer] {
        person.sees("it plays in step", in_step);
    }
    shown_near(&stage, &[0, 1], 0);
    host.send(&json!({"cmd": "seek", "to": 20}));
    shown_near(&stage, &[0, 1], 20);
    host.send(&json!({"cmd": "pause"}));
    viewer.sees("the pause", |view| view["playback"]["running"] == false && view["playback"]["state"] == "paused");
    within(SOON, "both stand at the same picture, or nearly", || {
        let [Some(host), Some(viewer), ..] = stage.display.look() else { return None };
        (host.abs_diff(viewer) <= film::FRAME_RATE / 4).then_some(())
    });

    // A window dies and comes back to its place; nobody else is disturbed.
    host.send(&json!({"cmd": "seek", "to": 5}));
    host.send(&json!({"cmd": "play"}));
    let kept = viewer.dies();
    host.sees("it goes on", |view| view["playback"]["running"] == true);
    let mut viewer = App::window_in(kept, &stage, 1, "Bea", &["join", &code, "--server", &url]);
    viewer.sees("it is in step again", in_step);

    // So does the server; the film goes on meanwhile.
    drop(server);
    host.sees("that there is no server", |view| view["server"]["connected"] == false);
    assert_eq!(host.view()["playback"]["running"], true);
    let _server = Server::start_on(port, &secret, &[]);
    for person in [&mut host, &mut viewer] {
        person.sees("the server again", |view| view["server"]["connected"] == true);
    }

    // Closing the host's window is a goodbye, and the others keep what they have.
    host.terminate();
    assert!(host.exit(Duration::from_secs(5)).success());
    viewer.sees("that it is alone", |view| view["people"].as_array().is_some_and(|people| people.len() == 1));
    assert_eq!(viewer.view()["film"]["stage"]["is"], "complete");
    viewer.leaves();
}

#[test]
fn a_window_that_slept_is_soon_where_the_others_are() {
    let folder = scratch();
    let film = film(folder.path());
    let stage = Stage::new(folder.path());
    let server = Server::start(&[]);
    let url = format!("http://127.0.0.1:{}", server.port());
    let mut host = App::window(&stage, 0, "Ana", &["host", &film, "--server", &url]);
    let code = host.code();
    let mut sleeper = App::window(&stage, 1, "Bea", &["join", &code, "--server", &url]);
    sleeper.sees("the whole film", |view| view["film"]["stage"]["is"] == "complete");
    sleeper.sees("a player that stands", |view| view["playback"]["position"].is_number());
    host.send(&json!({"cmd": "play"}));
    for person in [&mut host, &mut sleeper] {
        person.sees("it plays in step", in_step);
    }
    sleeper.signal("STOP");
    // Longer than a film may be away from where its clock should have it.
    std::thread::sleep(Duration::from_secs(6));
    sleeper.signal("CONT");
    within(SOON, "both show nearly the same picture", || {
        let [Some(host), Some(sleeper), ..] = stage.display.look() else { return None };
        (host.abs_diff(sleeper) <= film::FRAME_RATE / 6).then_some(())
    });
    for person in [&mut host, &mut sleeper] {
        person.sees("it plays in step", in_step);
    }
    // It went there by a seek: its sound's clock is not to blame for a sleep.
    let log = sleeper.log();
    assert!(log.contains("slept"), "{log}");
    assert!(!log.contains("opened again"), "{log}");
    host.leaves();
    sleeper.leaves();
}

/// What the QR code on the screen says, if there is one.
fn read_off(stage: &Stage) -> Option<String> {
    let (width, grey) = stage.display.picture();
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, grey.len() / width, |x, y| grey[y * width + x]);
    image.detect_grids().first()?.decode().ok().map(|(_, text)| text)
}

#[test]
fn a_phone_that_reads_a_kiosks_screen_is_its_remote_control() {
    let folder = scratch();
    let film = film(folder.path());
    let stage = Stage::new(folder.path());
    let server = Server::start(&[]);
    let url = format!("http://127.0.0.1:{}", server.port());
    // As large as the screen.
    let flags = ["--kiosk", "--lines", "--player", "own", "--size", "640x360", "--place", "0,0"];
    let arguments: Vec<&str> = ["host", &film, "--server", &url].into_iter().chain(flags).collect();
    let variables = stage.window_variables(0);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut kiosk = App::start_in_window("Kiosk", &arguments, &variables);
    let code = kiosk.code();
    kiosk.sees("a player that stands", |view| view["playback"]["position"].is_number());
    let link = within(SOON, "a code is on the screen", || read_off(&stage));
    assert!(link.starts_with(&format!("{url}/j/{code}/remote#t=")), "{link}");

    let mut phone = Command::new("node");
    let script = tests::built::package_dir().join("node/phone.mjs");
    phone.arg(script).arg(tests::stock_tracker::installed("jsdom")).arg(&link);
    let mut phone = Program::start(&mut phone);
    kiosk.sees("it plays", |view| view["playback"]["running"] == true);
    kiosk.sees("it stands after a jump", |view| {
        view["playback"]["running"] == false && view["playback"]["position"].as_f64().is_some_and(|at| at > 11.0)
    });
    let is_cohost = |view: &Value| {
        let mut people = view["people"].as_array().into_iter().flatten();
        people.any(|person| person["name"] == "Ben" && person["role"] == "cohost")
    };
    kiosk.sees("the phone among the people", is_cohost);
    assert!(phone.wait(SOON).is_some_and(|status| status.success()), "{}", phone.stderr.text());
    // The next phone has another code: whoever has seen the room knows the first one.
    let next = within(SOON, "another code is on the screen", || read_off(&stage).filter(|next| *next != link));
    assert!(next.starts_with(&format!("{url}/j/{code}/remote#t=")), "{next}");
    kiosk.leaves();
}

#[test]
fn media_keys_of_the_desktop_are_heard() {
    let folder = scratch();
    let film = film(folder.path());
    let stage = Stage::new(folder.path());
    let mut bus = Command::new(find("dbus-daemon"));
    let bus = Program::start(bus.args(["--session", "--nofork", "--print-address"]));
    let address = within(SOON, "the bus says its address", || {
        let text = bus.stdout.text();
        text.ends_with('\n').then(|| text.trim().to_owned())
    });
    let flags = stage.window_flags(0);
    let arguments: Vec<&str> = ["host", &film].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let mut variables = stage.window_variables(0);
    variables.push(("DBUS_SESSION_BUS_ADDRESS", address.clone()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut host = App::start_in_window("Ana", &arguments, &variables);
    host.sees("a player that stands", |view| view["playback"]["position"].is_number());
    let name = format!("org.mpris.MediaPlayer2.sharestream.instance{}", host.id());
    let call = |words: &[&str]| {
        let mut command = Command::new(find("dbus-send"));
        command.env("DBUS_SESSION_BUS_ADDRESS", &address).args(["--session", "--print-reply"]);
        let output = command.arg(format!("--dest={name}")).arg("/org/mpris/MediaPlayer2").args(words).output();
        String::from_utf8_lossy(&output.expect("dbus-send is there").stdout).into_owned()
    };
    let told = ["org.freedesktop.DBus.Properties.Get", "string:org.mpris.MediaPlayer2.Player"];
    within(SOON, "the desktop knows the film", || {
        call(&[told[0], told[1], "string:Metadata"]).contains("film.mp4").then_some(())
    });
    call(&["org.mpris.MediaPlayer2.Player.PlayPause"]);
    host.sees("it plays", |view| view["playback"]["running"] == true);
    within(SOON, "the desktop knows that it plays", || {
        call(&[told[0], told[1], "string:PlaybackStatus"]).contains("Playing").then_some(())
    });
    call(&["org.mpris.MediaPlayer2.Player.Pause"]);
    host.sees("it stands", |view| view["playback"]["running"] == false);
    host.leaves();
}

#[test]
fn without_a_display_it_says_what_else_there_is() {
    let mut command = Command::new(app::binary());
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(name);
    }
    let folder = scratch();
    command.arg("--settings").arg(folder.path());
    let mut program = Program::start(&mut command);
    let status = program.wait(SOON).expect("it ends");
    assert!(!status.success());
    let said = program.stderr.text();
    for words in ["no display", "sharestream host FILE", "sharestream join"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_second_start_is_handed_to_the_first() {
    let folder = scratch();
    let film = film(folder.path());
    let stage = Stage::new(folder.path());
    let runtime = folder.path().join("runtime");
    let start = |words: &[&str]| {
        let mut command = Command::new(app::binary());
        command.args(words).envs(stage.window_variables(0)).env("HOME", folder.path());
        command.env("XDG_RUNTIME_DIR", &runtime).env("SHARESTREAM_NO_REGISTER", "1").env_remove("SERVER_URL");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        Program::start(&mut command)
    };
    {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().mode(0o700).create(&runtime).expect("a folder of our own");
    }
    let mut first = start(&[]);
    within(SOON, "the first has its place", || runtime.join("sharestream.sock").exists().then_some(()));
    let mut second = start(&[&film]);
    assert!(second.wait(SOON).expect("it hands over and ends").success(), "{}", second.stderr.text());
    let log = folder.path().join(".config/sharestream/sharestream.log");
    within(SOON, "the first opens the room", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("peers reach us")).then_some(())
    });
    first.terminate();
    assert!(first.wait(Duration::from_secs(5)).expect("it ends").success());
    assert!(!runtime.join("sharestream.sock").exists(), "its place is free again");
}

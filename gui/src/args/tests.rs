use super::flags::FLAGS;
use super::*;

fn words(line: &str) -> Result<Invocation, UsageError> {
    parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn room(line: &str) -> (Task, Args) {
    match words(line) {
        Ok(Invocation::Room(task, args)) => (task, *args),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_film_is_hosted_and_a_room_joined() {
    let (task, host) = room("host /films/a.mkv --code my-room -name=Ana --max-upload 2M --headless -player unseen");
    assert!(
        matches!(&task, Task::Host { film, code: Some(code) } if film == "/films/a.mkv" && code.as_str() == "MYROOM")
    );
    assert_eq!((host.name.as_deref(), host.max_upload, host.headless), (Some("Ana"), Some(2 << 20), true));
    assert_eq!(host.player, PlayerChoice::Unseen);
    assert!(matches!(words("doctor --headless"), Ok(Invocation::Doctor(args)) if args.headless));
    let (task, join) = room("join abc1-2345 --mpv-flag --no-border --mpv-flag=--geometry=320x180");
    assert!(matches!(&task, Task::Join { invite } if invite.code.as_str() == "ABC12345"));
    assert_eq!(join.mpv_flags, ["--no-border", "--geometry=320x180"]);
    assert!(
        matches!(room("join https://share.example/j/ABC1-2345").0, Task::Join { invite } if invite.server.is_some())
    );
}

#[cfg(feature = "window")]
#[test]
fn the_window_opens() {
    assert!(matches!(words(""), Ok(Invocation::Window(None, args)) if args.player == PlayerChoice::Own));
    assert!(matches!(words("--size 1280x720"), Ok(Invocation::Window(None, args)) if args.size == Some((1280, 720))));
    assert!(
        matches!(words("join ABC1-2345 --kiosk"), Ok(Invocation::Window(Some(Task::Join { .. }), args)) if args.kiosk)
    );
    assert!(matches!(words("host a.mkv --window --player null"), Ok(Invocation::Window(Some(Task::Host { .. }), _))));
    assert!(matches!(words("sharestream://join/ABC1-2345"), Ok(Invocation::Window(Some(Task::Join { .. }), _))));
    assert!(matches!(words("Cargo.toml"), Ok(Invocation::Window(Some(Task::Host { .. }), _))));
    assert!(matches!(words("host a.mkv"), Ok(Invocation::Room(..))));
}

#[test]
fn help_and_version() {
    #[cfg(not(feature = "window"))]
    assert!(matches!(words(""), Ok(Invocation::Help)));
    assert!(matches!(words("-h"), Ok(Invocation::Help)));
    assert!(matches!(words("host x --help"), Ok(Invocation::Help)));
    assert!(matches!(words("--version"), Ok(Invocation::Version)));
    for (name, _, _) in FLAGS {
        assert!(help().contains(&format!("--{name} ")), "{name}");
    }
}

#[test]
fn what_cannot_be_followed_is_named() {
    for (line, about) in [
        ("host", "host what"),
        ("host a b", "one film"),
        ("join", "join what"),
        ("join !", "code"),
        ("dance", "`dance`"),
        ("host a --window --headless", "--headless"),
        ("host a --size big", "--size takes"),
        ("host a --place there", "--place takes"),
        ("host a --lines", "--lines is for the window"),
        ("host a --size 10x10", "--size takes"),
        ("https://share.example/", "no file"),
        ("host a --wings", "--wings"),
        ("host a --name", "--name needs a value"),
        ("host a --headless=yes", "takes no value"),
        ("host a --name A --name B", "twice"),
        ("host a --code ?", "--code takes"),
        ("join ABC12345 --code XYZW", "new rooms"),
        ("host a --player vlc", "--player takes"),
        ("host a --late never", "--late takes"),
        ("host a --low-power maybe", "--low-power takes"),
        ("host a --log-level loud", "--log-level takes"),
        ("host a --max-upload 2T", "--max-upload takes"),
        ("host a --max-upload 99999999999999999999", "--max-upload takes"),
        ("host a --listen-port 70000", "--listen-port takes"),
        ("host a --every soon", "--every takes"),
        ("host a --server ftp://x", "--server"),
        ("--headless", "what to do"),
    ] {
        let error = words(line).expect_err(line).to_string();
        assert!(error.contains(about), "{line}: {error}");
    }
}

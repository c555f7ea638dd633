//! The command line, word by word.

use super::*;
use proptest::prelude::*;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn engine(line: &str) -> Flags {
    match parse(&words(line)).unwrap() {
        Invocation::Engine(flags) => flags,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_plans_form_and_the_others() {
    for line in ["-http-port 42070", "--http-port 42070", "-http-port=42070", "--http-port=42070"] {
        assert_eq!(engine(line), Flags { http_port: 42070, ..Flags::default() }, "{line}");
    }
    assert_eq!(engine(""), Flags::default());
}

#[test]
fn every_flag() {
    let flags = engine(
        "-http-port 1 -listen-port 2 -data-dir /d -dht off -lsd on -pex off -upnp off -utp off -webrtc off \
         -dht-bootstrap a:1,[::1]:2 -upload off -max-upload 500K -max-download 2m -max-peers 9 -disk-limit 1G \
         -log-level DEBUG -log-file /l",
    );
    assert_eq!((flags.http_port, flags.listen_port, flags.max_peers), (1, 2, 9));
    assert_eq!((flags.max_upload, flags.max_download, flags.disk_limit), (512_000, 2 << 20, 1 << 30));
    assert_eq!((flags.data_dir.as_deref(), flags.log_file.as_deref()), (Some("/d"), Some("/l")));
    assert_eq!(flags.log_level, Some(LogLevel::Debug));
    assert!(!flags.upload);
    assert_eq!(flags.dht_bootstrap.len(), 2);
    assert_eq!(flags.features.len(), 6);
    assert_eq!(flags.features.values().filter(|on| **on).count(), 1);
}

#[test]
fn only_what_was_asked_for_is_told() {
    assert_eq!(engine("").notes(), Vec::<String>::new());
    assert_eq!(engine("-dht off -webrtc=off").notes(), Vec::<String>::new());
    let notes = engine("-dht on -utp on -disk-limit 1G -dht-bootstrap h:1").notes();
    assert_eq!(notes.len(), 3);
    assert_eq!(engine("-pex on").notes(), Vec::<String>::new());
    assert!(engine("").is_on(Feature::Pex) && !engine("-pex off").is_on(Feature::Pex));
    assert!(notes.iter().all(|note| note.contains("not built yet")), "{notes:?}");
}

#[test]
fn what_cannot_be_followed() {
    for (line, word) in [
        ("-http-port", "needs a value"),
        ("-http-port x", "expected PORT"),
        ("-http-port 65536", "expected PORT"),
        ("-nope 1", "unknown flag `-nope`"),
        ("-peer h:1", "unknown flag"),
        ("-dht maybe", "expected on|off"),
        ("-max-upload 1T", "expected RATE"),
        ("-max-upload K", "expected RATE"),
        ("-max-upload +5", "expected RATE"),
        ("-max-upload 99999999999999999999", "expected RATE"),
        ("-max-upload 99999999999999999G", "expected RATE"),
        ("-max-upload=", "expected RATE"),
        ("-max-peers 0", "expected COUNT"),
        ("-dht-bootstrap h", "expected HOST:PORT"),
        ("-log-level loud", "expected LEVEL"),
        ("-data-dir=", "expected FOLDER"),
        ("film.mp4", "unknown word"),
        ("share", "share what?"),
        ("share a b", "one too many"),
        ("watch", "watch what?"),
        ("watch m -peer h", "expected HOST:PORT"),
    ] {
        let error = parse(&words(line)).expect_err(line).to_string();
        assert!(error.contains(word), "{line} gave {error:?}");
    }
}

#[test]
fn faces_of_the_terminal() {
    let share = parse(&words("share -listen-port 7000 film.mp4")).unwrap();
    assert_eq!(
        share,
        Invocation::Share { path: "film.mp4".into(), flags: Flags { listen_port: 7000, ..Flags::default() } }
    );
    let dashed = parse(&words("share -- -film.mp4")).unwrap();
    assert_eq!(dashed, Invocation::Share { path: "-film.mp4".into(), flags: Flags::default() });
    let Invocation::Watch { source, peers, .. } = parse(&words("watch magnet:?x --peer a:1 -peer=b:2")).unwrap() else {
        panic!("watch")
    };
    assert_eq!((source.as_str(), peers.len()), ("magnet:?x", 2));
}

#[test]
fn help_and_version_win_over_the_rest() {
    assert_eq!(parse(&words("--help")).unwrap(), Invocation::Help);
    assert_eq!(parse(&words("share -h")).unwrap(), Invocation::Help);
    assert_eq!(parse(&words("-dht off -version")).unwrap(), Invocation::Version);
}

#[test]
fn help_names_every_flag_in_80_columns_or_so() {
    let help = help();
    for row in TABLE {
        assert!(help.contains(&format!("  -{}", row.name)), "{}", row.name);
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 110, "{line}");
    }
}

proptest! {
    #[test]
    fn no_command_line_ends_us(words in proptest::collection::vec("-{0,2}[a-zA-Z0-9=é-]{0,12}", 0..6)) {
        if let Err(error) = parse(&words) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

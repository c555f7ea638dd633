//! Tracks of sound and subtitles: listed, chosen, shown at their time, also those of files.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use media::{Command, Cue, Event, Track, TrackKind};
use support::{Films, Server, Watcher, make, source};

/// Twenty seconds with two tracks of sound (English, French) and two of subtitles: every second its number, in the first one
/// as "one 7", in the second as "two 7". From 11 to 19 s nothing is said but "long", in the first.
fn two_of_each(films: &Films) -> PathBuf {
    let subtitles = |word: &str| {
        let path = films.path(&format!("{word}.srt"));
        let line = |second: u32| {
            format!("{}\n00:00:{second:02},000 --> 00:00:{second:02},900\n<i>{word}</i> {second}\n\n", second + 1)
        };
        let mut text: String = (0..11).map(line).collect();
        if word == "one" {
            text.push_str("12\n00:00:11,000 --> 00:00:19,000\nlong\n\n");
        }
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let path = films.path("two.mkv");
    let (video, one, two) = (source(20), subtitles("one"), subtitles("two"));
    let mut arguments =
        vec!["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", "sine=440:d=20", "-f", "lavfi", "-i", "sine=880:d=20"];
    arguments.extend(["-i", &one, "-i", &two, "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4"]);
    arguments.extend([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-qp",
        "8",
        "-c:a:0",
        "aac",
        "-c:a:1",
        "libopus",
        "-c:s",
        "srt",
    ]);
    arguments.extend([
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:0",
        "title=Stereo",
        "-metadata:s:a:1",
        "language=fre",
    ]);
    arguments.extend([
        "-metadata:s:s:0",
        "language=eng",
        "-metadata:s:s:1",
        "language=ger",
        "-metadata:s:s:1",
        "title=Schilder",
    ]);
    make(&arguments, &path);
    path
}

fn words(cue: &Option<Cue>) -> Option<String> {
    let lines = cue.as_ref()?.lines.iter();
    Some(
        lines
            .map(|line| line.spans.iter().map(|span| span.text.as_str()).collect::<String>())
            .collect::<Vec<_>>()
            .join("|"),
    )
}

fn until_words(watcher: &Watcher, expected: Option<&str>) {
    watcher.until_cues(&format!("{expected:?}"), |cues| {
        let last = cues.last().and_then(words);
        (last.as_deref() == expected).then_some(())
    });
}

fn of(tracks: &[Track], kind: TrackKind) -> Vec<&Track> {
    tracks.iter().filter(|track| track.kind == kind).collect()
}

fn tracks(watcher: &Watcher) -> Vec<Track> {
    watcher.wait(|event| match event {
        Event::Tracks(tracks) => Some(tracks.clone()),
        _ => None,
    })
}

#[test]
fn tracks_are_listed_with_what_the_film_says_of_them() {
    let films = Films::new();
    let watcher = Watcher::new();
    let (_, tracks) = watcher.load(two_of_each(&films).to_str().unwrap());
    let [video] = of(&tracks, TrackKind::Video)[..] else { panic!("{tracks:?}") };
    assert_eq!((video.id, video.codec.as_deref(), video.selected), (1, Some("H.264"), true));
    let [english, french] = of(&tracks, TrackKind::Audio)[..] else { panic!("{tracks:?}") };
    assert_eq!((english.id, english.language.as_deref(), english.selected), (1, Some("en"), true));
    assert_eq!(english.title.as_deref(), Some("Stereo"));
    assert_eq!((french.id, french.language.as_deref(), french.selected), (2, Some("fr"), false));
    assert_eq!((english.codec.as_deref(), french.codec.as_deref()), (Some("MPEG-4 AAC"), Some("Opus")));
    let [one, two] = of(&tracks, TrackKind::Subtitle)[..] else { panic!("{tracks:?}") };
    assert_eq!((one.id, one.language.as_deref(), one.selected), (1, Some("en"), false));
    assert_eq!((two.id, two.language.as_deref(), two.title.as_deref()), (2, Some("de"), Some("Schilder")));
    watcher.wait(|event| matches!(event, Event::Decoder { name, .. } if name.contains("264")).then_some(()));
}

#[test]
fn sound_is_switched_while_it_plays_and_switched_off() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(two_of_each(&films).to_str().unwrap());
    watcher.play();
    for (wished, selected) in [(Some(2), vec![2]), (None, vec![]), (Some(1), vec![1])] {
        watcher.player.command(Command::SelectTrack(TrackKind::Audio, wished));
        let tracks = tracks(&watcher);
        let playing: Vec<u32> =
            of(&tracks, TrackKind::Audio).into_iter().filter(|t| t.selected).map(|t| t.id).collect();
        assert_eq!(playing, selected);
    }
    let before = watcher.ask().at;
    watcher.until("it plays on", |seen| {
        seen.last().filter(|seen| seen.place > before + Duration::from_millis(500)).copied()
    });
}

#[test]
fn the_films_own_subtitles_come_and_go_with_its_place() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(two_of_each(&films).to_str().unwrap(), Duration::from_millis(3_500));
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(1)));
    assert!(of(&tracks(&watcher), TrackKind::Subtitle)[0].selected);
    // It stands within one.
    until_words(&watcher, Some("one 3"));
    watcher.until_cues("styles", |cues| {
        let spans = &cues.last()?.as_ref()?.lines[0].spans;
        (spans[0].italic && !spans[1].italic && spans[0].text == "one").then_some(())
    });
    // Sought into another one, into the middle of a long one, and between two.
    watcher.seek(Duration::from_millis(7_200));
    until_words(&watcher, Some("one 7"));
    watcher.seek(Duration::from_secs(16));
    until_words(&watcher, Some("long"));
    watcher.seek(Duration::from_millis(7_950));
    until_words(&watcher, None);
    // Running, they come by themselves.
    watcher.play();
    until_words(&watcher, Some("one 8"));
    until_words(&watcher, None);
    until_words(&watcher, Some("one 9"));
    watcher.pause();
}

#[test]
fn subtitles_are_switched_in_the_middle_of_one_and_off() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(two_of_each(&films).to_str().unwrap(), Duration::from_millis(5_500));
    for (wished, expected) in
        [(Some(2), Some("two 5")), (Some(1), Some("one 5")), (None, None), (Some(2), Some("two 5"))]
    {
        watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, wished));
        until_words(&watcher, expected);
    }
    assert_eq!(watcher.ask().at, Duration::from_millis(5_500), "it is where it was");
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(9)));
    until_words(&watcher, None);
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(1)));
    until_words(&watcher, Some("one 5"));
    watcher.player.command(Command::Unload);
    until_words(&watcher, None);
}

#[test]
fn a_delay_moves_subtitles_both_ways() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(two_of_each(&films).to_str().unwrap(), Duration::from_millis(5_500));
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(1)));
    until_words(&watcher, Some("one 5"));
    watcher.player.command(Command::SetSubtitleDelay(1.0));
    // A late one is known when the film was read there.
    watcher.seek(Duration::from_millis(4_200));
    watcher.seek(Duration::from_millis(5_400));
    until_words(&watcher, Some("one 4"));
    watcher.player.command(Command::SetSubtitleDelay(0.45));
    until_words(&watcher, None);
    watcher.player.command(Command::SetSubtitleDelay(f64::NAN));
    watcher.player.command(Command::SetSubtitleDelay(0.0));
    until_words(&watcher, Some("one 5"));
    watcher.player.command(Command::SetSubtitleDelay(-1.0));
    until_words(&watcher, Some("one 6"));
}

#[test]
fn subtitles_of_files_are_tracks_by_path_and_by_address() {
    let films = Films::new();
    let watcher = Watcher::new();
    let srt = films.path("mine.srt");
    fs::write(&srt, "00:00:04,000 --> 00:00:06,000\nof a file\n").unwrap();
    let ass = "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:05.00,0:00:06.00,{\\i1}of the network\n";
    let server = Server::of_bytes(ass.as_bytes().to_vec());
    watcher.load_at(two_of_each(&films).to_str().unwrap(), Duration::from_millis(5_500));
    watcher.player.command(Command::AddSubtitles(srt.to_str().unwrap().to_owned()));
    let first = tracks(&watcher);
    let added = of(&first, TrackKind::Subtitle)[2];
    assert_eq!((added.id, added.title.as_deref(), added.codec.as_deref()), (3, Some("mine.srt"), Some("SubRip")));
    assert!(added.selected);
    until_words(&watcher, Some("of a file"));
    watcher.player.command(Command::AddSubtitles(server.url().to_owned()));
    let second = tracks(&watcher);
    assert_eq!(of(&second, TrackKind::Subtitle)[3].codec.as_deref(), Some("SubStation Alpha"));
    until_words(&watcher, Some("of the network"));
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(3)));
    until_words(&watcher, Some("of a file"));
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(1)));
    until_words(&watcher, Some("one 5"));
    // They run with the film.
    watcher.player.command(Command::SelectTrack(TrackKind::Subtitle, Some(3)));
    until_words(&watcher, Some("of a file"));
    watcher.play();
    until_words(&watcher, None);
    assert!(watcher.ask().at >= Duration::from_secs(6));
}

#[test]
fn files_without_subtitles_say_so() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    let empty = films.path("empty.srt");
    fs::write(&empty, "nothing").unwrap();
    let large = films.path("large.srt");
    fs::write(&large, vec![b'x'; 5 * 1024 * 1024]).unwrap();
    let folder = films.path("");
    for (address, expected) in [
        (empty.to_str().unwrap(), "there are no subtitles in it"),
        (large.to_str().unwrap(), "it is larger than 4 MiB"),
        (&format!("file://{}", large.to_str().unwrap()), "it is larger than 4 MiB"),
        ("/nowhere/at/all.srt", "No such file"),
        (folder.to_str().unwrap(), "it is no file"),
        ("nonsense://x", "no uri handler"),
        ("http://127.0.0.1:9/x.srt", ""),
    ] {
        watcher.player.command(Command::AddSubtitles(address.to_owned()));
        let why = watcher.wait(|event| match event {
            Event::NoSubtitles { why, .. } => Some(why.clone()),
            _ => None,
        });
        assert!(why.to_lowercase().contains(&expected.to_lowercase()), "{address}: {why}");
    }
}

//! Films as they come: containers, codecs, portraits, changing sizes, damage, and hours.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::fs;
use std::time::Duration;

use media::{Command, Event, Failure};
use support::{FPS, Films, Server, Watcher, make, source};

const fn picture(second: u64, number: u64) -> Duration {
    Duration::from_millis(second * 1000 + number * 1000 / FPS)
}

/// Opens, is sought in exactly, and plays, from a file and over HTTP.
///
/// Muxers move pictures by the beginning of the sound's first packet, so that a place may lie in the picture before it.
fn plays(films: &Films, name: &str, options: &[&str]) {
    let path = films.make(name, 8, options);
    let server = Server::of(&path);
    for film in [path.to_str().unwrap(), server.url()] {
        let watcher = Watcher::new();
        let (duration, _) = watcher.load(film);
        assert!(
            duration.unwrap().abs_diff(Duration::from_secs(8)) < Duration::from_millis(200),
            "{film}: {duration:?}"
        );
        watcher.until_shown(picture(0, 0));
        assert_eq!(watcher.seek(picture(6, 12)), picture(6, 12));
        near(&watcher, picture(6, 12));
        watcher.seek(picture(2, 3));
        near(&watcher, picture(2, 3));
        watcher.play();
        watcher.until("it plays", |seen| seen.last().filter(|seen| seen.place > picture(2, 10)).copied());
        watcher.seek(picture(7, 5));
        watcher.wait_for(&Event::Ended);
    }
}

fn near(watcher: &Watcher, place: Duration) {
    watcher.until("a picture near there", |seen| {
        seen.last().filter(|seen| seen.at == place && seen.place.abs_diff(place) < Duration::from_millis(50)).copied()
    });
}

#[test]
fn mp4_with_its_index_at_the_end_and_at_the_beginning() {
    let films = Films::new();
    let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-g", "100", "-c:a", "aac"];
    plays(&films, "end.mp4", &h264);
    plays(&films, "start.mp4", &[&h264[..], &["-movflags", "faststart"]].concat());
}

#[test]
fn matroska() {
    let options =
        ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-g", "100", "-bf", "2", "-c:a", "libmp3lame"];
    plays(&Films::new(), "film.mkv", &options);
}

#[test]
fn webm() {
    let vp9 =
        ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "10", "-b:v", "0", "-c:a", "libopus"];
    plays(&Films::new(), "film.webm", &vp9);
}

#[test]
fn avi() {
    plays(&Films::new(), "film.avi", &["-c:v", "mpeg4", "-q:v", "2", "-g", "25", "-c:a", "libmp3lame"]);
}

#[test]
fn h265() {
    let options = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "qp=6:log-level=none", "-c:a", "ac3"];
    plays(&Films::new(), "film.mkv", &options);
}

#[test]
fn a_film_without_sound_and_one_without_pictures() {
    let films = Films::new();
    let silent = films.path("silent.mp4");
    let video = source(5);
    make(&["-f", "lavfi", "-i", &video, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "8"], &silent);
    let watcher = Watcher::new();
    watcher.load(silent.to_str().unwrap());
    watcher.seek(picture(3, 3));
    watcher.until_shown(picture(3, 3));
    watcher.play();
    watcher.until_shown(picture(4, 3));
    let sound = films.path("sound.m4a");
    make(&["-f", "lavfi", "-i", "sine=440:d=5", "-c:a", "aac"], &sound);
    let watcher = Watcher::new();
    let (duration, tracks) = watcher.load(sound.to_str().unwrap());
    assert_eq!((tracks.len(), duration.is_some()), (1, true));
    watcher.play();
    watcher.seek(Duration::from_secs(4));
    watcher.wait_for(&Event::Ended);
}

#[test]
fn portraits_stand_upright() {
    let films = Films::new();
    let lying = films.make("lying.mp4", 2, &["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-c:a", "aac"]);
    let path = films.path("portrait.mp4");
    make(&["-i", lying.to_str().unwrap(), "-c", "copy", "-metadata:s:v", "rotate=90"], &path);
    let watcher = Watcher::new();
    watcher.load(path.to_str().unwrap());
    let seen = watcher.until("a picture", |seen| seen.last().copied());
    assert_eq!((seen.width, seen.height), (48, 64));
}

#[test]
fn pixels_are_square() {
    let films = Films::new();
    let path = films.make("wide.mp4", 2, &["-vf", "setsar=2/1", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "8"]);
    let watcher = Watcher::new();
    watcher.load(path.to_str().unwrap());
    let seen = watcher.until("a picture", |seen| seen.last().copied());
    assert_eq!(seen.width, seen.height * 64 * 2 / 48, "{}x{}", seen.width, seen.height);
}

#[test]
fn the_size_may_change_in_the_middle() {
    let films = Films::new();
    let options = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-an", "-f", "mpegts"];
    let small = films.make("small.ts", 2, &options);
    let large = films.make("large.ts", 2, &[&["-vf", "scale=128:96:flags=neighbor"], &options[..]].concat());
    let path = films.path("both.ts");
    fs::write(&path, [fs::read(small).unwrap(), fs::read(large).unwrap()].concat()).unwrap();
    let watcher = Watcher::new();
    watcher.load(path.to_str().unwrap());
    watcher.until("the small ones", |seen| seen.last().filter(|seen| seen.width == 64).copied());
    watcher.play();
    watcher.until("the large ones", |seen| seen.last().filter(|seen| (seen.width, seen.height) == (128, 96)).copied());
}

#[test]
fn three_hours_are_sought_through() {
    let films = Films::new();
    let path = films.path("long.mkv");
    let long = "color=c=gray:s=64x48:r=1:d=10800";
    make(&["-f", "lavfi", "-i", long, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "30", "-g", "10"], &path);
    let server = Server::of(&path);
    let watcher = Watcher::new();
    let (duration, _) = watcher.load(server.url());
    assert!(duration.unwrap().abs_diff(Duration::from_secs(10_800)) < Duration::from_secs(2));
    for to in [10_000, 3_600, 10_790, 5] {
        let to = Duration::from_secs(to);
        assert_eq!(watcher.seek(to), to);
        watcher.until("its picture", |seen| seen.last().filter(|seen| seen.at == to).copied());
    }
}

#[test]
fn what_is_no_film_is_named_as_such() {
    let films = Films::new();
    let path = films.usual();
    let whole = fs::read(&path).unwrap();
    let noise: Vec<u8> = (0..200_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let cut = whole[..whole.len() / 2].to_vec();
    let cases =
        [("noise", noise), ("empty", Vec::new()), ("text", b"hello, this is no film\n".repeat(100)), ("cut", cut)];
    for (name, bytes) in cases {
        let path = films.path(name);
        fs::write(&path, bytes).unwrap();
        let watcher = Watcher::new();
        let url = path.to_str().unwrap().to_owned();
        watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
        let event = watcher.next();
        let Some(Event::Failed(Failure::Unreadable { why })) = event else { panic!("{name}: {event:?}") };
        assert!(!why.contains('\n') && why.len() < 300, "{why}");
        // The player is of use after that.
        watcher.load(films.path("usual.mp4").to_str().unwrap());
    }
}

#[test]
fn a_film_with_holes_plays_or_fails_but_ends() {
    let films = Films::new();
    let path = films.make("holes.mkv", 4, &["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-c:a", "aac"]);
    let mut bytes = fs::read(&path).unwrap();
    let len = bytes.len();
    for at in (len / 4..len * 3 / 4).step_by(61) {
        bytes[at] ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
    let watcher = Watcher::new();
    let url = path.to_str().unwrap().to_owned();
    watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
    watcher.player.command(Command::Play);
    loop {
        let event = watcher.next().expect("it ends, in one way or another");
        if matches!(event, Event::Ended | Event::Failed(_)) {
            break;
        }
    }
}

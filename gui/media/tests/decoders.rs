//! What cannot be decoded is named, and the rest plays. Ranks are of the whole process: these tests have one of their own.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::time::Duration;

use gst::prelude::*;
use media::{Command, Event, Failure, Sound, TrackKind};
use support::{Films, Watcher};

/// As if nothing were installed that decodes these.
fn without(caps: &str) {
    gst::init().unwrap();
    let caps: gst::Caps = caps.parse().unwrap();
    let all = gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::MARGINAL);
    let takes = |factory: &gst::ElementFactory| factory.can_sink_any_caps(&caps);
    all.into_iter().filter(takes).for_each(|factory| factory.set_rank(gst::Rank::NONE));
}

fn missing(watcher: &Watcher) -> (TrackKind, String) {
    watcher.wait(|event| match event {
        Event::Missing { kind, codec, .. } => Some((*kind, codec.clone())),
        _ => None,
    })
}

#[test]
fn what_has_no_decoder_is_named_and_the_rest_plays() {
    without("video/x-h265");
    without("audio/x-eac3");
    let films = Films::new();
    let (h264, h265) =
        (["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8"], ["-c:v", "libx265", "-preset", "ultrafast"]);

    // Neither.
    let both = films.make("both.mkv", 2, &[&h265[..], &["-c:a", "eac3"]].concat());
    let watcher = Watcher::new();
    let url = both.to_str().unwrap().to_owned();
    watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
    let event = watcher.next().unwrap();
    let Event::Failed(Failure::NoDecoder { codec, help }) = event else { panic!("{event:?}") };
    assert_eq!((codec.as_str(), help.as_str()), ("H.265 video", "gstreamer1.0-libav"));

    // No sound.
    let path = films.make("no-sound.mkv", 2, &[&h264[..], &["-c:a", "eac3"]].concat());
    let watcher = Watcher::new();
    watcher.load(path.to_str().unwrap());
    assert_eq!(missing(&watcher), (TrackKind::Audio, "E-AC-3 sound".to_owned()));
    watcher.play();
    watcher.until_shown(Duration::from_secs(1));

    // No pictures.
    let path = films.make("no-pictures.mkv", 2, &[&h265[..], &["-c:a", "libopus"]].concat());
    let watcher = Watcher::new();
    watcher.load(path.to_str().unwrap());
    assert_eq!(missing(&watcher), (TrackKind::Video, "H.265 video".to_owned()));
    watcher.play();
    watcher.wait_for(&Event::Ended);
}

#[test]
fn without_a_sound_device_it_says_so_and_plays() {
    let films = Films::new();
    for sound in [Sound::Auto, Sound::Named("no such output".to_owned())] {
        // Whether this machine has one is its own affair.
        let watcher = Watcher::with(sound);
        let url = films.usual().to_str().unwrap().to_owned();
        watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
        let first = watcher.next().unwrap();
        assert!(matches!(first, Event::NoSoundDevice | Event::Opened { .. }), "{first:?}");
        watcher.play();
        watcher.until_shown(Duration::from_secs(1));
    }
}

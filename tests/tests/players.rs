//! Real players open a film that is still arriving: ffmpeg, mpv and GStreamer, from a host whose line is hardly faster
//! than the film. They must open it, seek in it and reach its end without a complaint.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tests::engine::Engine;
use tests::film::{Clip, Container};
use tests::process::{Program, find};
use tests::scratch;

/// A clip of this many seconds at 1.5 times its rate takes two thirds of it; the rest is for a busy machine.
const PLAYING: Duration = Duration::from_secs(120);
const CLIP_SECONDS: u32 = 15;

/// A host with a narrow line, and a viewer beside it.
struct Screening {
    viewer: Engine,
    url: String,
    _host: Engine,
    _folder: TempDir,
}

impl Screening {
    fn of(container: Container) -> Self {
        let folder = scratch();
        let path = folder.path().join(match container {
            Container::Mp4IndexLast => "film.mp4",
            Container::Mkv => "film.mkv",
        });
        let rate = Clip { container, seconds: CLIP_SECONDS, bits_per_second: 2_000_000 }.make(&path);
        Self::narrow(folder, &path, rate * 3 / 2)
    }

    fn narrow(folder: TempDir, path: &Path, upload_max: u64) -> Self {
        let mut host = Engine::start(&[&format!("-max-upload={upload_max}")]);
        let seeding = host.seed(path);
        let mut viewer = Engine::start(&[]);
        let added = viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [host.peer_address()] }));
        let url = added["serverUrl"].as_str().expect("added carries a URL").to_owned();
        Self { viewer, url, _host: host, _folder: folder }
    }

    /// Runs a player on the film; it must end well and complain of nothing.
    fn plays(&self, player: &str, arguments: &[&str]) -> String {
        let arguments = arguments.iter().map(|argument| argument.replace("URL", &self.url));
        let (stdout, stderr) = Program::start(Command::new(find(player)).args(arguments)).must_succeed(PLAYING);
        assert_eq!(stderr, "", "{player} complains");
        stdout
    }
}

#[test]
fn ffprobe_finds_both_tracks() {
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let screening = Screening::of(container);
        let wanted = ["-v", "error", "-show_entries", "stream=codec_type:format=duration", "-of", "flat", "URL"];
        let found = screening.plays("ffprobe", &wanted);
        assert!(found.contains("\"video\"") && found.contains("\"audio\""), "{container:?}: {found}");
        assert!(found.contains("format.duration=\"15."), "{container:?}: {found}");
    }
}

#[test]
fn ffmpeg_decodes_all_of_an_mp4_with_its_index_at_the_end() {
    let mut screening = Screening::of(Container::Mp4IndexLast);
    screening.plays("ffmpeg", &["-v", "error", "-nostdin", "-xerror", "-i", "URL", "-f", "null", "-"]);
    screening.viewer.wait_for("done", PLAYING, |_| true);
}

#[test]
fn ffmpeg_decodes_all_of_an_mkv() {
    Screening::of(Container::Mkv)
        .plays("ffmpeg", &["-v", "error", "-nostdin", "-xerror", "-i", "URL", "-f", "null", "-"]);
}

#[test]
fn ffmpeg_begins_near_the_end() {
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let screening = Screening::of(container);
        screening.plays("ffmpeg", &["-v", "error", "-nostdin", "-xerror", "-ss", "11", "-i", "URL", "-f", "null", "-"]);
    }
}

#[test]
fn mpv_plays_to_the_end_and_seeks() {
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let screening = Screening::of(container);
        mpv(&screening, &["--start=9"]);
        mpv(&screening, &[]);
    }
}

#[test]
fn gstreamer_plays_to_the_end() {
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let screening = Screening::of(container);
        let sinks = ["video-sink=fakesink sync=false", "audio-sink=fakesink sync=false"];
        screening.plays("gst-launch-1.0", &["--quiet", "playbin", "uri=URL", sinks[0], sinks[1]]);
    }
}

fn mpv(screening: &Screening, more: &[&str]) {
    let quiet = ["--no-config", "--msg-level=all=warn", "--vo=null", "--ao=null", "--ao-null-untimed", "--untimed"];
    let said = screening.plays("mpv", &[&quiet, more, &["URL"]].concat());
    let complaints: Vec<&str> = said.lines().filter(|line| line.starts_with('[')).collect();
    assert!(complaints.is_empty(), "mpv complains: {complaints:#?}");
}

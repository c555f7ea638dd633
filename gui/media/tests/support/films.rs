//! Test films: the left half's grey is the second, the right half's the number of the picture in that second.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use media::Frame;
use tempfile::TempDir;

/// Pictures a second.
pub(crate) const FPS: u64 = 25;
/// Between two seconds, and between two pictures, in luma steps; the darkest is 16.
const SECOND: u64 = 9;
const PICTURE: u64 = 8;

/// A folder of films that goes with its owner.
pub(crate) struct Films {
    folder: TempDir,
}

impl Films {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A film of that many seconds, at most 24; `options` are ffmpeg's for the codecs.
    pub(crate) fn make(&self, name: &str, seconds: u64, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let (video, sound) = (source(seconds), format!("sine=440:d={seconds}"));
        let mut arguments = vec!["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &sound];
        arguments.extend(options);
        make(&arguments, &path);
        path
    }

    /// The film most tests play: 20 s of H.264 and AAC, with the key frames ten seconds apart.
    pub(crate) fn usual(&self) -> PathBuf {
        self.make("usual.mp4", 20, &["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", "-g", "250", "-c:a", "aac"])
    }
}

/// ffmpeg's source of such pictures.
pub(crate) fn source(seconds: u64) -> String {
    let luma = format!("if(lt(X,W/2),16+{SECOND}*floor(T),16+{PICTURE}*mod(N,{FPS}))");
    format!("nullsrc=s=64x48:r={FPS}:d={seconds},format=yuv420p,geq=lum='{luma}':cb=128:cr=128")
}

/// Runs ffmpeg.
pub(crate) fn make(arguments: &[&str], path: &Path) {
    let run = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(path).output().unwrap();
    assert!(run.status.success(), "ffmpeg {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// Where in the film a picture is, by its pixels.
pub(crate) fn place_of(frame: &Frame<'_>) -> Duration {
    let (width, height) = (usize::try_from(frame.width).unwrap(), usize::try_from(frame.height).unwrap());
    let grey = |x: usize| {
        let at = height / 2 * frame.stride + x * 4;
        assert_eq!(frame.rgba[at + 3], 255, "a picture is opaque");
        // What is between black and white in RGB has 219 steps in video.
        f64::from(frame.rgba[at + 1]) * 219.0 / 255.0
    };
    let second = (grey(width / 4) / SECOND as f64).round();
    let picture = (grey(width * 3 / 4) / PICTURE as f64).round();
    Duration::from_secs_f64(second + picture / FPS as f64)
}

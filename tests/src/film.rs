//! Files to share: random, sparse, and clips that players play.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use crate::SOON;
use crate::process::{Program, find};

/// Bytes that are the same for the same seed, and like nothing else.
pub fn random_bytes(len: usize, seed: u64) -> Vec<u8> {
    // SplitMix64.
    let mut state = seed;
    let mut bytes = vec![0; len];
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
    }
    bytes
}

/// Writes a random file and returns what is in it. Folders on the way are made.
pub fn random_file(path: &Path, len: usize, seed: u64) -> Vec<u8> {
    let bytes = random_bytes(len, seed);
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the test's folder takes folders");
    fs::write(path, &bytes).expect("the test's folder takes files");
    bytes
}

/// A file of `len` bytes that holds almost nothing: 64 random KiB at each of these places, zeros between, which take no
/// room on the disk.
pub fn sparse_file(path: &Path, len: u64, places: &[u64]) {
    let file = File::create(path).expect("the test's folder takes files");
    file.set_len(len).expect("the disk knows sparse files");
    for &at in places {
        file.write_all_at(&random_bytes(65_536, at), at).expect("the disk has room");
    }
}

/// What a clip is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// MP4 with its index (`moov`) at the end: nothing plays before the end was fetched.
    Mp4IndexLast,
    /// Matroska, with its cues at the end.
    Mkv,
}

/// A clip of a test picture and a tone.
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    /// What it is packed in.
    pub container: Container,
    /// How long it plays, in seconds.
    pub seconds: u32,
    /// Picture and sound together, in bits a second, roughly.
    pub bits_per_second: u32,
}

impl Clip {
    /// Encodes it. Returns the file's real bytes per second of playing time.
    pub fn make(self, path: &Path) -> u64 {
        let rate = self.bits_per_second.to_string();
        let mut command = Command::new(find("ffmpeg"));
        command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"]);
        command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", &self.seconds.to_string()]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50"]);
        // A floor under the rate as well: the test picture compresses far better than a film would.
        command.args(["-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate]);
        command.args(["-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "96k"]);
        match self.container {
            // ffmpeg writes `moov` last unless `+faststart` is asked for.
            Container::Mp4IndexLast => command.args(["-f", "mp4"]),
            Container::Mkv => command.args(["-f", "matroska"]),
        };
        Program::start(command.arg(path)).must_succeed(SOON);
        let len = fs::metadata(path).expect("ffmpeg wrote the file").len();
        if self.container == Container::Mp4IndexLast {
            assert_index_last(path);
        }
        len / u64::from(self.seconds)
    }
}

/// Walks the top boxes of an MP4 file: `moov` comes after `mdat`.
fn assert_index_last(path: &Path) {
    let bytes = fs::read(path).expect("the clip is there");
    let (mut at, mut order) = (0usize, Vec::new());
    while let Some(head) = bytes.get(at..at + 8) {
        let len = u32::from_be_bytes(head[..4].try_into().expect("four bytes"));
        order.push(String::from_utf8_lossy(&head[4..]).into_owned());
        at += usize::try_from(len).expect("a box of a small clip").max(8);
    }
    assert_eq!(order.last().map(String::as_str), Some("moov"), "{order:?}");
}

/// Writes these bytes, and makes the folders on the way.
pub fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the test's folder takes folders");
    let mut file = BufWriter::new(File::create(path).expect("the test's folder takes files"));
    file.write_all(bytes).and_then(|()| file.flush()).expect("the disk has room");
}

/// Panics at the first byte that differs; a whole film in an assertion's message would help nobody.
pub fn assert_same(got: &[u8], expected: &[u8], what: &str) {
    if let Some(at) = got.iter().zip(expected).position(|(left, right)| left != right) {
        panic!("{what}: byte {at} differs, {:#04x} instead of {:#04x}", got[at], expected[at]);
    }
    assert_eq!(got.len(), expected.len(), "{what}: length");
}

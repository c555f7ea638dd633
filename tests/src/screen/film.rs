//! The film that is measured with: its frame's number in every picture, and a tone at every second.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::timecode::{CELLS, ROWS_PERCENT, cell_at, cells};
use crate::process::find;

/// Pictures a second.
pub const FRAME_RATE: u16 = 60;

/// Pixels across.
pub const WIDTH: usize = 320;

/// Pixels down.
pub const HEIGHT: usize = 180;

/// Different tones, one a second, in turns: sound that is off by less than eight seconds is off by a known amount.
pub const TONES: u32 = 16;

/// The tone of a second of the film, in hertz.
pub fn tone(second: u32) -> f64 {
    500.0 + 100.0 * f64::from(second % TONES)
}

/// How long a tone is, in thousandths of a second.
const TONE_MS: u32 = 80;
const SAMPLE_RATE: u32 = 48_000;

/// Encodes so many seconds as MP4 with its index first, 300 kbit a second.
pub fn make(path: &Path, seconds: u16) {
    make_at(path, seconds, 250);
}

/// The same with so many kbit of pictures a second.
pub fn make_at(path: &Path, seconds: u16, rate: u32) {
    let rate = format!("{rate}k");
    let sound = path.with_extension("wav");
    write_sound(&sound, seconds.into()).expect("the disk has room for a minute of sound");
    let mut command = Command::new(find("ffmpeg"));
    command.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]);
    command.args(["-video_size", &format!("{WIDTH}x{HEIGHT}"), "-framerate", &FRAME_RATE.to_string(), "-i", "-"]);
    command.arg("-i").arg(&sound).args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]);
    // A film's rate, not that of cells on grey, and a whole picture every second, as films have.
    command.args(["-g", "60", "-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate]);
    command.args(["-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "48k", "-movflags", "+faststart"]);
    let mut child = command.arg(path).stdin(Stdio::piped()).spawn().expect("ffmpeg starts");
    let mut input = BufWriter::new(child.stdin.take().expect("its input is piped"));
    for frame in 0..seconds * FRAME_RATE {
        input.write_all(&picture(frame)).expect("ffmpeg takes pictures");
    }
    drop(input.into_inner().expect("ffmpeg takes the last pictures"));
    assert!(child.wait().expect("our own child").success(), "ffmpeg could not make the film");
    std::fs::remove_file(&sound).expect("it was just written");
}

/// One picture, a byte a pixel.
fn picture(frame: u16) -> Vec<u8> {
    let mut pixels = vec![90; WIDTH * HEIGHT];
    let row = cells(frame);
    let shades: Vec<u8> = (0..WIDTH).map(|pixel| if row[cell_at(pixel, WIDTH)] { 235 } else { 16 }).collect();
    for (_, line) in pixels.chunks_mut(WIDTH).enumerate().filter(|(y, _)| ROWS_PERCENT.contains(&(y * 100 / HEIGHT))) {
        line.copy_from_slice(&shades);
    }
    // A bar that goes round once in a second, and the time for people.
    let bar = usize::from(frame % FRAME_RATE) * (WIDTH - 8) / usize::from(FRAME_RATE);
    for line in pixels.chunks_mut(WIDTH).skip(100).take(12) {
        line[bar..bar + 8].fill(235);
    }
    let (seconds, rest) = (frame / FRAME_RATE, frame % FRAME_RATE);
    let text = format!("{:02}:{:02}.{rest:02}", seconds / 60, seconds % 60);
    for (place, character) in text.chars().enumerate() {
        draw(&mut pixels, 70 + place * 24, character);
    }
    pixels
}

/// Digits of three by five dots, each line's dots as a number; anything else is a colon or a point.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

fn draw(pixels: &mut [u8], left: usize, character: char) {
    const DOT: usize = 6;
    let dots = match character.to_digit(10).and_then(|digit| usize::try_from(digit).ok()) {
        Some(digit) => DIGITS[digit],
        None if character == ':' => [0, 2, 0, 2, 0],
        None => [0, 0, 0, 0, 2],
    };
    for (line, bits) in dots.iter().enumerate() {
        for column in (0..3).filter(|column| bits >> (2 - column) & 1 == 1) {
            for y in 0..DOT {
                let start = (40 + line * DOT + y) * WIDTH + left + column * DOT;
                pixels[start..start + DOT].fill(235);
            }
        }
    }
}

/// A WAV file of one channel with a tone at each second's beginning.
fn write_sound(path: &Path, seconds: u32) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let bytes = seconds * SAMPLE_RATE * 2;
    file.write_all(b"RIFF")?;
    file.write_all(&(36 + bytes).to_le_bytes())?;
    file.write_all(b"WAVEfmt ")?;
    file.write_all(&16_u32.to_le_bytes())?;
    // PCM, one channel; rate, bytes a second, bytes a sample, bits a sample.
    file.write_all(&[1, 0, 1, 0])?;
    file.write_all(&SAMPLE_RATE.to_le_bytes())?;
    file.write_all(&(SAMPLE_RATE * 2).to_le_bytes())?;
    file.write_all(&[2, 0, 16, 0])?;
    file.write_all(b"data")?;
    file.write_all(&bytes.to_le_bytes())?;
    for second in 0..seconds {
        for sample in 0..SAMPLE_RATE {
            let sounds = sample < SAMPLE_RATE * TONE_MS / 1000;
            let turn = f64::from(sample) / f64::from(SAMPLE_RATE) * tone(second);
            let value = if sounds { (turn * std::f64::consts::TAU).sin() * 16_000.0 } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "a sine of 16,000 is no larger than that")]
            file.write_all(&(value as i16).to_le_bytes())?;
        }
    }
    file.flush()
}

const _: () = assert!(CELLS * 8 <= WIDTH, "a cell is at least eight pixels wide");

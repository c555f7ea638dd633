//! A screen that nobody looks at, whose memory is a file: what all windows show at one moment is one short read.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::film::{HEIGHT, WIDTH};
use super::timecode::{self, ROWS_PERCENT};
use crate::process::{Program, find};
use crate::{SOON, within};

/// Windows beside one another and below one another.
const COLUMNS: usize = 2;
const ROWS: usize = 2;

/// Those of screens that are looked at begin at 0.
const NUMBERS: Range<u32> = 1_000..30_000;

/// How many windows have a place.
pub const WINDOWS: usize = COLUMNS * ROWS;

/// A virtual X server. It ends with the value.
pub struct Display {
    server: Program,
    name: String,
    memory: File,
    /// Where the first pixel lies in the file, and how long a line of pixels is there.
    pixels_at: u64,
    line_len: usize,
}

impl Display {
    /// Starts Xvfb, with its memory as a file in that folder.
    pub fn start(folder: &Path) -> Self {
        let (server, name) = free_server(folder);
        // It takes connections before it has a screen, and writes what the screen is like last.
        let (memory, head) = within(SOON, "Xvfb has a screen", || {
            let memory = File::open(folder.join("Xvfb_screen0")).ok()?;
            let mut head = [0; 100];
            memory.read_exact_at(&mut head, 0).ok()?;
            (head[76..80] != [0; 4]).then_some((memory, head))
        });
        let field = |number: usize| {
            let bytes = head[number * 4..number * 4 + 4].try_into().expect("four bytes");
            usize::try_from(u32::from_be_bytes(bytes)).expect("a small number")
        };
        // The format is XWD's: the head's length, the colours (12 bytes each), the pixels.
        assert_eq!(field(11), 32, "four bytes a pixel");
        let pixels_at = u64::try_from(field(0) + field(19) * 12).expect("a small number");
        Self { server, name, memory, pixels_at, line_len: field(12) }
    }

    /// For `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a window belongs, as players take it: `320x180+320+0`.
    pub fn geometry(&self, window: usize) -> String {
        let (left, top) = place(window);
        format!("{WIDTH}x{HEIGHT}+{left}+{top}")
    }

    /// The frames that all windows show now.
    pub fn look(&self) -> [Option<u16>; WINDOWS] {
        let mut shown = self.read();
        // What could not be read was being written, or is not there.
        if shown.contains(&None) {
            for (first, second) in shown.iter_mut().zip(self.read()) {
                *first = first.or(second);
            }
        }
        shown
    }

    /// Something is drawn somewhere.
    pub fn is_lit(&self) -> bool {
        let mut pixels = vec![0; self.line_len * ROWS * HEIGHT];
        self.memory.read_exact_at(&mut pixels, self.pixels_at).expect("the screen has these lines");
        pixels.chunks_exact(4).any(|pixel| pixel[..3] != [0; 3])
    }

    /// The whole screen now, one byte of brightness a pixel: how wide, and line by line.
    pub fn picture(&self) -> (usize, Vec<u8>) {
        let mut pixels = vec![0; self.line_len * ROWS * HEIGHT];
        self.memory.read_exact_at(&mut pixels, self.pixels_at).expect("the screen has these lines");
        (self.line_len / 4, pixels.chunks_exact(4).map(|pixel| pixel[1]).collect())
    }

    fn read(&self) -> [Option<u16>; WINDOWS] {
        let mut shown = [None; WINDOWS];
        let mut line = vec![0; self.line_len];
        for row in 0..ROWS {
            let at = (row * HEIGHT + ROW_LINE) * self.line_len;
            let at = self.pixels_at + u64::try_from(at).expect("a small screen");
            self.memory.read_exact_at(&mut line, at).expect("the screen has that line");
            for (column, pixels) in line.chunks_exact(WIDTH * 4).enumerate() {
                // Green, which is most of brightness; the pictures are grey.
                let green: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel[1]).collect();
                shown[row * COLUMNS + column] = timecode::read(&green);
            }
        }
        shown
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Killed, it would leave its lock and its socket behind.
        self.server.terminate();
        self.server.wait(SOON);
    }
}

/// A server on a number that nobody has. Xvfb would find one by itself, but by trying sockets, which takes those away from another
/// server for a moment: whoever connects to it just then is lost. With a number it goes by lock files.
fn free_server(folder: &Path) -> (Program, String) {
    let size = format!("{}x{}x24", COLUMNS * WIDTH, ROWS * HEIGHT);
    let mut number = NUMBERS.start + std::process::id() % (NUMBERS.end - NUMBERS.start);
    loop {
        let name = format!(":{number}");
        let mut command = Command::new(find("Xvfb"));
        command.args([&name, "-screen", "0", &size, "-nolisten", "tcp", "-br", "-nocursor"]);
        // When its last client goes it stays as it is: a reset breaks who just connects.
        let mut server = Program::start(command.args(["-noreset", "-fbdir"]).arg(folder));
        let server_id = server.id().to_string();
        let (lock, socket) = (format!("/tmp/.X{number}-lock"), format!("/tmp/.X11-unix/X{number}"));
        let is_ours = || fs::read_to_string(&lock).is_ok_and(|pid| pid.trim() == server_id);
        let is_taken = within(SOON, "Xvfb takes its number or ends", || match server.wait(Duration::ZERO) {
            Some(_) => Some(true),
            None => (is_ours() && UnixStream::connect(&socket).is_ok()).then_some(false),
        });
        if !is_taken {
            return (server, name);
        }
        assert!(server.stderr.text().contains("already active"), "{}", server.stderr.text());
        number += 1;
    }
}

fn place(window: usize) -> (usize, usize) {
    assert!(window < WINDOWS, "the screen has places for {WINDOWS} windows");
    (window % COLUMNS * WIDTH, window / COLUMNS * HEIGHT)
}

/// The line of a window in the middle of its cells.
const ROW_LINE: usize = HEIGHT * usize::midpoint(ROWS_PERCENT.start, ROWS_PERCENT.end) / 100;

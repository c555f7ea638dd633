//! A screen that nobody looks at, whose memory is a file: what all windows show at one moment is one short read.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use super::film::{HEIGHT, WIDTH};
use super::timecode::{self, ROWS_PERCENT};
use crate::process::{Program, find};
use crate::{SOON, within};

/// Windows beside one another and below one another.
const COLUMNS: usize = 2;
const ROWS: usize = 2;

/// How many windows have a place.
pub const WINDOWS: usize = COLUMNS * ROWS;

/// A virtual X server. It ends with the value.
pub struct Display {
    _server: Program,
    name: String,
    memory: File,
    /// Where the first pixel lies in the file, and how long a line of pixels is there.
    pixels_at: u64,
    line_len: usize,
}

impl Display {
    /// Starts Xvfb, with its memory as a file in that folder.
    pub fn start(folder: &Path) -> Self {
        let size = format!("{}x{}x24", COLUMNS * WIDTH, ROWS * HEIGHT);
        let mut command = Command::new(find("Xvfb"));
        // It chooses a free number itself and says which.
        command.args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp", "-br", "-nocursor", "-fbdir"]);
        let server = Program::start(command.arg(folder));
        let number = within(SOON, "Xvfb says its number", || {
            let text = server.stdout.text();
            text.ends_with('\n').then(|| text.trim().to_owned())
        });
        let memory = File::open(folder.join("Xvfb_screen0")).expect("Xvfb keeps the screen there");
        let mut head = [0; 100];
        memory.read_exact_at(&mut head, 0).expect("the file begins with a head");
        let field = |number: usize| {
            let bytes = head[number * 4..number * 4 + 4].try_into().expect("four bytes");
            usize::try_from(u32::from_be_bytes(bytes)).expect("a small number")
        };
        // The format is XWD's: the head's length, the colours (12 bytes each), the pixels.
        assert_eq!(field(11), 32, "four bytes a pixel");
        let pixels_at = u64::try_from(field(0) + field(19) * 12).expect("a small number");
        Self { _server: server, name: format!(":{number}"), memory, pixels_at, line_len: field(12) }
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

fn place(window: usize) -> (usize, usize) {
    assert!(window < WINDOWS, "the screen has places for {WINDOWS} windows");
    (window % COLUMNS * WIDTH, window / COLUMNS * HEIGHT)
}

/// The line of a window in the middle of its cells.
const ROW_LINE: usize = HEIGHT * usize::midpoint(ROWS_PERCENT.start, ROWS_PERCENT.end) / 100;

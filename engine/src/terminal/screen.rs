//! The terminal itself: lines that stay, and below them a live part that is painted over in place.

use std::io::{self, IsTerminal as _, Write as _};

use super::paint::Paint;

/// Columns and lines of a terminal that does not say.
const SIZE_USUAL: (usize, usize) = (80, 24);

/// The terminal, or a plain stream of lines when stdout is none.
pub(super) struct Screen {
    live: bool,
    color: bool,
    unicode: bool,
    /// The live part as it stands on the screen.
    drawn: Vec<String>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let live = io::stdout().is_terminal() && !dumb;
        // no-color.org: set and not empty, whatever its value.
        let color = live && variable("NO_COLOR").is_none();
        let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG"));
        let is_utf8 = |locale: String| locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        let unicode = cfg!(windows) || cfg!(target_os = "macos") || locale.is_some_and(is_utf8);
        Self { live, color, unicode, drawn: Vec::new() }
    }

    /// Whether there is a live part.
    pub(super) const fn is_live(&self) -> bool {
        self.live
    }

    /// What can be shown now; windows change their size.
    pub(super) fn paint(&self) -> Paint {
        let (width, height) = size();
        Paint { width, height, color: self.color, unicode: self.unicode }
    }

    /// Adds lines that stay. The live part vanishes until it is drawn again.
    pub(super) fn print(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let mut text = self.erase();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        write(&text);
    }

    /// Paints the live part anew. Each line must fit the width.
    pub(super) fn draw(&mut self, lines: Vec<String>) {
        if lines == self.drawn {
            return;
        }
        let mut text = self.erase();
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines;
        write(&text);
    }

    /// What takes the cursor to where the live part began, and clears all below.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn).len() {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A\r\u{1b}[J"),
        }
    }
}

/// One write a frame, so that nothing flickers.
fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    // A terminal that went takes its person with it; SIGHUP ends us.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Columns and lines.
fn size() -> (usize, usize) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
    let (width, height) =
        asked().unwrap_or_else(|| (number("COLUMNS").unwrap_or(SIZE_USUAL.0), number("LINES").unwrap_or(SIZE_USUAL.1)));
    (width.clamp(20, 1000), height.clamp(5, 1000))
}

#[cfg(unix)]
fn asked() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(not(unix))]
fn asked() -> Option<(usize, usize)> {
    None
}

//! The terminal itself: lines that stay, and below them a part that is painted over in place.

use std::io::Write as _;

use engine_proto::words::columns;

use super::paint::Paint;

/// A terminal, or a plain stream of lines when stdout is none.
pub(super) struct Screen {
    live: bool,
    /// The part that lives, as it stands: its lines, and how many columns each takes.
    drawn: Vec<(String, usize)>,
    /// Columns of the terminal when it was drawn.
    width: usize,
}

impl Screen {
    pub(super) const fn new(live: bool) -> Self {
        Self { live, drawn: Vec::new(), width: 0 }
    }

    /// There is a part that lives.
    pub(super) const fn is_live(&self) -> bool {
        self.live
    }

    /// Lines that stay. The part that lives is gone until it is drawn again.
    pub(super) fn print(&mut self, paint: Paint, text: &str) {
        let erasure = self.erasure(paint);
        write(&format!("{erasure}{text}\n"));
    }

    /// Paints the part that lives anew, if it differs. Each line fits the width.
    pub(super) fn draw(&mut self, paint: Paint, lines: Vec<String>) {
        if self.width == paint.width && self.drawn.iter().map(|(line, _)| line).eq(lines.iter()) {
            return;
        }
        let mut text = self.erasure(paint);
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        self.width = paint.width;
        self.drawn =
            lines.into_iter().map(|line| (shown_columns(&line), line)).map(|(width, line)| (line, width)).collect();
        write(&text);
    }

    /// Takes the part that lives away.
    pub(super) fn erase(&mut self, paint: Paint) {
        write(&self.erasure(paint));
    }

    /// What takes the cursor to where the part that lives began, and clears all below.
    fn erasure(&mut self, paint: Paint) -> String {
        // A terminal that became narrower has broken the lines that no longer fit.
        let rows: usize = self.drawn.drain(..).map(|(_, columns)| columns.div_ceil(paint.width.max(1)).max(1)).sum();
        if rows == 0 { String::new() } else { format!("\u{1b}[{rows}A\r\u{1b}[J") }
    }
}

/// Columns of a line with its colours.
fn shown_columns(line: &str) -> usize {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().map_or(0, columns);
    first + parts.map(|part| columns(part.split_once('m').map_or("", |(_, text)| text))).sum::<usize>()
}

/// One write a frame, so that nothing flickers.
fn write(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // A terminal that went takes its person with it.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_erased_also_where_it_was_broken() {
        let paint = Paint { width: 20, height: 24, color: false, unicode: false };
        let mut screen = Screen::new(true);
        assert_eq!(screen.erasure(paint), "", "there is nothing");
        screen.drawn = vec![("x".repeat(20), 20), (String::new(), 0)];
        assert_eq!(screen.erasure(paint), "\u{1b}[2A\r\u{1b}[J");
        screen.drawn = vec![("x".repeat(20), 20), (String::new(), 0)];
        assert_eq!(screen.erasure(Paint { width: 15, ..paint }), "\u{1b}[3A\r\u{1b}[J");
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(shown_columns("\u{1b}[1mab\u{1b}[0mc日"), 5);
        assert_eq!(shown_columns("plain"), 5);
    }
}

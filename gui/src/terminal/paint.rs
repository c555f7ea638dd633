//! Bars, colours and columns of a room in a terminal of some width. Pure, but for asking the terminal what it can.

use engine_proto::words::{columns, fit};

/// Columns and lines of a terminal that does not say.
const SIZE_USUAL: (usize, usize) = (80, 24);

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Columns.
    pub(super) width: usize,
    /// Lines.
    pub(super) height: usize,
    /// Colours are welcome.
    pub(super) color: bool,
    /// It shows more than ASCII.
    pub(super) unicode: bool,
}

impl Paint {
    pub(super) fn of_terminal() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (width, height) = size().unwrap_or(SIZE_USUAL);
        let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG"));
        let is_utf8 = |locale: String| locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self {
            width: width.clamp(20, 1000),
            height: height.clamp(5, 1000),
            // no-color.org: set and not empty, whatever its value.
            color: variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb"),
            unicode: cfg!(windows) || cfg!(target_os = "macos") || locale.is_some_and(is_utf8),
        }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.ink("1", text)
    }

    fn ink(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.ink("2", text)
    }

    pub(super) fn alarming(self, text: &str) -> String {
        self.ink("31", text)
    }

    /// Cut to the width; a line that wraps would break the live part.
    pub(super) fn fit(self, text: &str) -> String {
        if columns(text) <= self.width {
            return text.to_owned();
        }
        let more = if self.unicode { '…' } else { '~' };
        let mut text = fit(text, self.width - 1);
        text.push(more);
        text
    }

    /// Broken between words into at most so many lines; the last is cut.
    pub(super) fn wrap(self, text: &str, lines_max: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let full = lines.len() >= lines_max;
            let line = lines.last_mut().expect("there is a first line");
            if line.is_empty() {
                line.push_str(word);
            } else if full || columns(line) + 1 + columns(word) <= self.width {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(format!("  {word}"));
            }
        }
        lines.iter().map(|line| self.fit(line)).collect()
    }

    /// Filled to a part of 1.
    pub(super) fn progress(self, part: f64, cells: usize) -> String {
        self.ranges(&[(0.0, part)], None, cells)
    }

    /// Which parts of 1 are there, with their gaps, and a mark.
    pub(super) fn ranges(self, ranges: &[(f64, f64)], mark: Option<f64>, cells: usize) -> String {
        let part = |cell: usize| fraction(cell, cells);
        // At the very end it is in the last cell.
        let mark = mark.filter(|mark| mark.is_finite()).map(|mark| mark.min(1.0 - 1e-9));
        (0..cells)
            .map(|cell| {
                let (from, to) = (part(cell), part(cell + 1));
                let here: f64 = ranges.iter().map(|range| (range.1.min(to) - range.0.max(from)).max(0.0)).sum();
                let is_head = mark.is_some_and(|at| (from..to).contains(&at));
                match (is_head, here / (to - from), self.unicode) {
                    (true, _, true) => '●',
                    (true, _, false) => 'O',
                    (false, all, true) if all > 0.99 => '█',
                    (false, some, true) if some > 0.01 => '▒',
                    (false, _, true) => '░',
                    (false, all, false) if all > 0.99 => '#',
                    (false, some, false) if some > 0.01 => '+',
                    (false, _, false) => '.',
                }
            })
            .collect()
    }
}

fn fraction(cell: usize, cells: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(cell) / float(cells.max(1))
}

#[cfg(unix)]
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(not(unix))]
fn size() -> Option<(usize, usize)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { width: 20, height: 24, color: false, unicode: false };

    #[test]
    fn bars_show_gaps_and_a_mark() {
        assert_eq!(PLAIN.ranges(&[(0.0, 0.5), (0.75, 0.8)], None, 4), "##.+");
        assert_eq!(PLAIN.ranges(&[(0.0, 1.0)], Some(0.3), 4), "#O##");
        assert_eq!(PLAIN.ranges(&[(0.0, 1.0)], Some(1.0), 4), "###O", "the end is shown");
        assert_eq!(PLAIN.ranges(&[], Some(f64::NAN), 4), "....");
        assert_eq!(PLAIN.progress(0.5, 4), "##..");
        assert_eq!(Paint { unicode: true, ..PLAIN }.ranges(&[(0.0, 0.6)], Some(0.0), 4), "●█▒░");
    }

    #[test]
    fn texts_are_cut_and_wrapped_by_columns() {
        assert_eq!(PLAIN.fit("exactly 20 columns.."), "exactly 20 columns..");
        assert_eq!(PLAIN.fit("more than 20 columns."), "more than 20 column~");
        assert_eq!(columns(&PLAIN.fit(&"日".repeat(30))), 19, "wide characters are not halved");
        assert_eq!(PLAIN.wrap("some words that are longer than it", 2), ["some words that are", "  longer than it"]);
        assert_eq!(PLAIN.wrap("some words that are much longer than two lines", 2)[1], "  much longer than ~");
        assert_eq!(PLAIN.wrap("", 2), [""]);
        assert!(PLAIN.wrap(&"x".repeat(99), 3).iter().all(|line| columns(line) <= 20));
    }

    #[test]
    fn colour_is_optional() {
        assert_eq!(PLAIN.strong("x"), "x");
        assert_eq!(Paint { color: true, ..PLAIN }.faint("x"), "\u{1b}[2mx\u{1b}[0m");
    }
}

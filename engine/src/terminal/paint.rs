//! Bars and colours: text for a terminal of some width. Pure.

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    /// Columns.
    pub(super) width: usize,
    /// Lines.
    pub(super) height: usize,
    /// Whether colours are welcome.
    pub(super) color: bool,
    /// Whether it shows more than ASCII.
    pub(super) unicode: bool,
}

/// How a text is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Bold,
    Dim,
    Green,
}

impl Paint {
    /// The text in that ink.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Green => 32,
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A bar of `cells` columns, filled to `fraction`.
    pub(super) fn bar(self, fraction: f64, cells: usize) -> String {
        let per_mille = per_mille(fraction);
        let filled = cells * per_mille / 1000;
        self.cells((0..cells).map(|cell| if cell < filled { Cell::Full } else { Cell::Empty }))
    }

    /// A bar of `cells` columns that shows which bytes of `total` are here.
    pub(super) fn ranges(self, ranges: &[(u64, u64)], total: u64, cells: usize) -> String {
        let bound = |cell: usize| {
            let at = u128::from(total) * cell as u128 / cells.max(1) as u128;
            u64::try_from(at).unwrap_or(total)
        };
        self.cells((0..cells).map(|cell| {
            let (start, end) = (bound(cell), bound(cell + 1).max(bound(cell) + 1).min(total.max(1)));
            let here: u64 = ranges.iter().map(|range| range.1.min(end).saturating_sub(range.0.max(start))).sum();
            match here {
                0 => Cell::Empty,
                here if here >= end.saturating_sub(start) => Cell::Full,
                _ => Cell::Part,
            }
        }))
    }

    /// The separator between figures.
    pub(super) const fn dot(self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }

    fn cells(self, cells: impl Iterator<Item = Cell>) -> String {
        cells
            .map(|cell| match (cell, self.unicode) {
                (Cell::Full, true) => '█',
                (Cell::Part, true) => '▒',
                (Cell::Empty, true) => '░',
                (Cell::Full, false) => '#',
                (Cell::Part, false) => '+',
                (Cell::Empty, false) => '.',
            })
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Cell {
    Full,
    Part,
    Empty,
}

/// `64 %`; 100 only for all of it.
pub(super) fn percent(fraction: f64) -> String {
    format!("{} %", per_mille(fraction) / 10)
}

/// Thousandths, rounded down.
fn per_mille(fraction: f64) -> usize {
    // A fraction is counted rather than cast: the number of steps of a thousandth that fit into it.
    let fraction = fraction.clamp(0.0, 1.0);
    (1..=1000u16).take_while(|&step| f64::from(step) / 1000.0 <= fraction).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { width: 80, height: 24, color: false, unicode: false };

    #[test]
    fn bars() {
        assert_eq!(PLAIN.bar(0.0, 4), "....");
        assert_eq!(PLAIN.bar(0.5, 4), "##..");
        assert_eq!(PLAIN.bar(0.999, 4), "###.");
        assert_eq!(PLAIN.bar(1.0, 4), "####");
        assert_eq!(PLAIN.bar(f64::NAN, 2), "..");
        assert_eq!(Paint { unicode: true, ..PLAIN }.bar(0.5, 2), "█░");
    }

    #[test]
    fn bars_of_ranges() {
        assert_eq!(PLAIN.ranges(&[(0, 25), (60, 75)], 100, 4), "#.+.");
        assert_eq!(PLAIN.ranges(&[(0, 100)], 100, 4), "####");
        assert_eq!(PLAIN.ranges(&[], 100, 4), "....");
        assert_eq!(PLAIN.ranges(&[], 0, 2), "..");
        assert_eq!(PLAIN.ranges(&[(0, 2)], 2, 4), "####", "fewer bytes than cells");
        assert_eq!(PLAIN.ranges(&[(0, u64::MAX)], u64::MAX, 3), "###");
    }

    #[test]
    fn percents() {
        assert_eq!(percent(0.999_999), "99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.45), "45 %");
    }

    #[test]
    fn colour_is_optional() {
        assert_eq!(PLAIN.ink(Ink::Green, "x"), "x");
        assert_eq!(Paint { color: true, ..PLAIN }.ink(Ink::Green, "x"), "\u{1b}[32mx\u{1b}[0m");
    }
}

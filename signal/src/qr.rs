//! An invitation as a picture that a phone reads: as text for a terminal, as an SVG, or as modules for whoever draws it.

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a symbol (ISO/IEC 18004, 6.3.8 "Quiet zone"): readers find it by them.
const QUIET: usize = 4;

/// Bytes of what is put into a symbol. A longer one has modules too small for a phone before a television.
pub const QR_TEXT_LEN_MAX: usize = 400;

/// A symbol.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    /// Row by row, with the quiet zone; true is dark.
    modules: Vec<bool>,
    side: usize,
}

/// What a terminal draws with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Colours of its own: black on white, whatever the terminal's are.
    Colours,
    /// The terminal's: light letters on a dark ground.
    LightOnDark,
    /// The terminal's: dark letters on a light ground.
    DarkOnLight,
}

/// Text does not fit into a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an invitation for a QR code has 1 to {QR_TEXT_LEN_MAX} bytes")]
pub struct DoesNotFit;

/// Black on white of the 256 colours, which themes leave alone.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16m\x1b[48;5;231m";
const AS_BEFORE: &str = "\x1b[0m";

impl Qr {
    /// A symbol of a link. A sixth of it may be hidden or dirty (level M).
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(text: &str) -> Result<Self, DoesNotFit> {
        if !(1..=QR_TEXT_LEN_MAX).contains(&text.len()) {
            return Err(DoesNotFit);
        }
        let symbol = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_: QrError| DoesNotFit)?;
        let (width, colors) = (symbol.width(), symbol.to_colors());
        let side = width + 2 * QUIET;
        let mut modules = vec![false; side * side];
        for (row, colors) in colors.chunks(width).enumerate() {
            for (column, color) in colors.iter().enumerate() {
                modules[(row + QUIET) * side + column + QUIET] = *color == Color::Dark;
            }
        }
        Ok(Self { modules, side })
    }

    /// Modules along one side, with the quiet zone.
    pub const fn side(&self) -> usize {
        self.side
    }

    /// Whether the module there is dark; beyond the symbol all is light.
    pub fn is_dark(&self, column: usize, row: usize) -> bool {
        column < self.side && self.modules.get(row * self.side + column).is_some_and(|dark| *dark)
    }

    /// Lines for a terminal, two rows of modules in each.
    pub fn text(&self, ink: Ink) -> String {
        let (before, after) = match ink {
            Ink::Colours => (BLACK_ON_WHITE, AS_BEFORE),
            Ink::LightOnDark | Ink::DarkOnLight => ("", ""),
        };
        // Letters draw what is dark, or on a dark ground what is light.
        let inked = |column, row| self.is_dark(column, row) == (ink != Ink::LightOnDark);
        let block = |column, row| match (inked(column, row), inked(column, row + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        let line = |row| (0..self.side).map(|column| block(column, row)).collect::<String>();
        (0..self.side).step_by(2).map(|row| format!("{before}{}{after}\n", line(row))).collect()
    }

    /// A picture of any size, dark on white.
    pub fn svg(&self) -> String {
        let side = self.side;
        let path: String = (0..side).flat_map(|row| self.runs(row)).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>\n"
        )
    }

    /// Neighbouring dark modules of a row as one rectangle each.
    fn runs(&self, row: usize) -> impl Iterator<Item = String> + '_ {
        let starts = (0..self.side).filter(move |&at| self.is_dark(at, row) && (at == 0 || !self.is_dark(at - 1, row)));
        starts.map(move |start| {
            let len = (start..self.side).take_while(|&at| self.is_dark(at, row)).count();
            format!("M{start} {row}h{len}v1h-{len}z")
        })
    }
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qr").field("side", &self.side).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [&str; 3] = [
        "sharestream://join/ABC1-2345?s=wss://share.example",
        "https://share.example/j/ABC1-2345",
        "http://[fd00::1]:3001/j/MYROOM#k=s3cret",
    ];

    /// What a reader sees of a drawing, pixel by pixel, and what it reads there.
    fn read(width: usize, height: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        // As a camera sees it: a module is several pixels.
        const SCALE: usize = 6;
        let pixel = |x: usize, y: usize| if is_dark(x / SCALE, y / SCALE) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, pixel);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one symbol is seen");
        grids[0].decode().expect("it can be read").1
    }

    /// The two halves of each letter: whether there is ink.
    fn halves(text: &str) -> Vec<Vec<bool>> {
        let rows = text.lines().flat_map(|line| {
            let half = |inked: &'static [char]| line.chars().map(|c| inked.contains(&c)).collect();
            [half(&['█', '▀']), half(&['█', '▄'])]
        });
        rows.collect()
    }

    #[test]
    fn a_terminal_shows_what_a_phone_reads() {
        for link in LINKS {
            let qr = Qr::new(link).unwrap();
            for ink in [Ink::Colours, Ink::LightOnDark, Ink::DarkOnLight] {
                let text = qr.text(ink).replace(BLACK_ON_WHITE, "").replace(AS_BEFORE, "");
                let rows = halves(&text);
                let ink_is_dark = ink != Ink::LightOnDark;
                assert_eq!(read(qr.side(), rows.len(), |x, y| rows[y][x] == ink_is_dark), link, "{ink:?}");
            }
        }
    }

    #[test]
    fn every_line_brings_its_colours_and_takes_them_away() {
        let text = Qr::new(LINKS[0]).unwrap().text(Ink::Colours);
        assert!(text.lines().all(|line| line.starts_with(BLACK_ON_WHITE) && line.ends_with(AS_BEFORE)));
        assert!(!Qr::new(LINKS[0]).unwrap().text(Ink::DarkOnLight).contains('\x1b'));
    }

    #[test]
    fn a_picture_is_what_a_phone_reads() {
        let qr = Qr::new(LINKS[0]).unwrap();
        let svg = qr.svg();
        let (_, path) = svg.rsplit_once(" d=\"").unwrap();
        let path = path.split('"').next().unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for run in path.split('M').skip(1) {
            let mut numbers =
                run.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<usize>().ok());
            let [x, y, len] = std::array::from_fn(|_| numbers.next().unwrap());
            dark.extend((x..x + len).map(|x| (x, y)));
        }
        assert_eq!(read(qr.side(), qr.side(), |x, y| dark.contains(&(x, y))), LINKS[0]);
    }

    #[test]
    fn there_is_light_all_around() {
        let qr = Qr::new(LINKS[1]).unwrap();
        for at in 0..qr.side() {
            for edge in (0..QUIET).chain(qr.side() - QUIET..qr.side() + 1) {
                assert!(!qr.is_dark(at, edge) && !qr.is_dark(edge, at), "{at}, {edge}");
            }
        }
        assert!(qr.is_dark(QUIET, QUIET), "the corner of a finder pattern");
    }

    #[test]
    fn what_does_not_fit() {
        assert_eq!(Qr::new(""), Err(DoesNotFit));
        assert_eq!(Qr::new(&"x".repeat(QR_TEXT_LEN_MAX + 1)), Err(DoesNotFit));
        let longest = "\u{1f3ac}".repeat(QR_TEXT_LEN_MAX / 4);
        let qr = Qr::new(&longest).unwrap();
        assert_eq!(read(qr.side(), qr.side(), |x, y| qr.is_dark(x, y)), longest);
    }
}

//! A frame's number as black and white cells in a row, and back from what a screen shows of them.
//!
//! From left to right: a black cell, 16 bits of number, 8 check bits, a white cell. The two at the ends say what black and
//! white are here. One line of pixels holds all of it, so a picture that is being replaced while it is read is seen whole.

use std::ops::Range;

/// Cells in a row, with the two at the ends.
pub const CELLS: usize = NUMBER_BITS + CHECK_BITS + 2;

/// Which lines of a picture are cells, in hundredths of its height: below the middle, since players write into the upper part.
pub const ROWS_PERCENT: Range<usize> = 81..95;

const NUMBER_BITS: usize = 16;
const CHECK_BITS: usize = 8;

/// White is so much brighter than black, of 255, or it is no picture of ours.
const CONTRAST_MIN: u32 = 100;

/// The cells of a frame; `true` is white.
pub fn cells(frame: u16) -> [bool; CELLS] {
    let code = u32::from(frame) << CHECK_BITS | u32::from(check(frame));
    let mut cells = [false; CELLS];
    cells[CELLS - 1] = true;
    for (place, cell) in cells[1..CELLS - 1].iter_mut().rev().enumerate() {
        *cell = code >> place & 1 == 1;
    }
    cells
}

/// The cell in which a pixel of a line lies.
pub fn cell_at(pixel: usize, width: usize) -> usize {
    pixel * CELLS / width
}

/// The frame that a line of brightness across a picture shows; `None` when that is no picture of ours, or half of one.
pub fn read(line: &[u8]) -> Option<u16> {
    let middle = |cell: usize| {
        let at = (2 * cell + 1) * line.len() / (2 * CELLS);
        let around = line.get(at.checked_sub(1)?..=at + 1)?;
        Some(around.iter().map(|&value| u32::from(value)).sum::<u32>() / 3)
    };
    let (black, white) = (middle(0)?, middle(CELLS - 1)?);
    if white < black + CONTRAST_MIN {
        return None;
    }
    let threshold = u32::midpoint(black, white);
    let mut code = 0;
    for cell in 1..CELLS - 1 {
        code = code << 1 | u32::from(middle(cell)? > threshold);
    }
    let frame = u16::try_from(code >> CHECK_BITS).ok()?;
    (u32::from(check(frame)) == code & ((1 << CHECK_BITS) - 1)).then_some(frame)
}

/// CRC-8 of the number's two bytes, complemented, so that an all black row is nothing.
fn check(frame: u16) -> u8 {
    let mut sum = 0_u8;
    for byte in frame.to_be_bytes() {
        sum ^= byte;
        for _ in 0..8 {
            sum = if sum & 0x80 == 0 { sum << 1 } else { sum << 1 ^ 0x07 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(frame: u16, width: usize, black: u8, white: u8) -> Vec<u8> {
        let cells = cells(frame);
        (0..width).map(|pixel| if cells[cell_at(pixel, width)] { white } else { black }).collect()
    }

    #[test]
    fn every_frame_is_read_back_at_several_sizes() {
        for frame in 0..=u16::MAX {
            assert_eq!(read(&line(frame, 320, 16, 235)), Some(frame));
        }
        for width in [160, 213, 640, 1919] {
            for frame in (0..=u16::MAX).step_by(97) {
                assert_eq!(read(&line(frame, width, 30, 200)), Some(frame), "{width} pixels");
            }
        }
    }

    #[test]
    fn what_is_no_picture_of_ours_is_nothing() {
        for line in [vec![], vec![0; 320], vec![255; 320], vec![120; 3], line(7, 320, 100, 190)] {
            assert_eq!(read(&line), None);
        }
    }

    #[test]
    fn one_wrong_cell_is_noticed() {
        for cell in 1..CELLS - 1 {
            let mut line = line(4711, 26 * 12, 0, 255);
            line[cell * 12..(cell + 1) * 12].iter_mut().for_each(|value| *value = 255 - *value);
            assert_eq!(read(&line), None, "cell {cell}");
        }
    }
}

//! WebVTT: a head, then blocks. Notes, styles and regions have no times; where a subtitle stands on the screen is left out.

use super::srt::timed_blocks;
use super::timeline::Timed;

/// Every subtitle that has times.
pub(super) fn parse(text: &str) -> Vec<Timed> {
    // A note may not contain "-->" (WebVTT, 4.1), so what has times is a subtitle.
    timed_blocks(text)
}

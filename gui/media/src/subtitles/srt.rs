//! SubRip: a number, a line of times, lines of text, an empty line. Files in the wild lack any of these.

use std::time::Duration;

use super::text::marked_up;
use super::timeline::Timed;
use crate::limits::{CUE_START_MAX, CUES_MAX, LINES_MAX};

/// Every subtitle that has times; all else is left out.
pub(super) fn parse(text: &str) -> Vec<Timed> {
    timed_blocks(text)
}

/// Lines of times, and the lines below each up to an empty one. WebVTT has the same, but for its head.
pub(super) fn timed_blocks(text: &str) -> Vec<Timed> {
    let mut cues = Vec::new();
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r')).peekable();
    while let Some(line) = lines.next() {
        let Some((start, end)) = times(line) else { continue };
        let mut words = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty() && times(line).is_none()) {
            words.push(line);
        }
        // Where the empty line is missing, the last one is the number of the next.
        let is_next = lines.peek().is_some_and(|line| times(line).is_some());
        if is_next && words.last().is_some_and(|last| last.trim().bytes().all(|byte| byte.is_ascii_digit())) {
            words.pop();
        }
        words.truncate(LINES_MAX);
        let cue = marked_up(&words.join("\n"));
        if !cue.lines.is_empty() {
            cues.push(Timed { start, end, cue });
        }
        if cues.len() == CUES_MAX {
            break;
        }
    }
    cues
}

/// `00:01:02,345 --> 00:01:04,000`, and whatever follows.
fn times(line: &str) -> Option<(Duration, Duration)> {
    let (start, rest) = line.split_once("-->")?;
    let start = time(start.trim())?;
    let end = time(rest.split_whitespace().next()?)?;
    (start < end && start <= CUE_START_MAX).then_some((start, end.min(CUE_START_MAX * 2)))
}

/// Hours are optional; a fraction of any length comes after a comma or a point.
pub(super) fn time(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let mut seconds = 0_u64;
    let mut fields = 0;
    for field in whole.split(':') {
        let is_number = !field.is_empty() && field.len() <= 6 && field.bytes().all(|byte| byte.is_ascii_digit());
        seconds = seconds.checked_mul(60)?.checked_add(field.parse().ok().filter(|_| is_number)?)?;
        fields += 1;
    }
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !(2..=3).contains(&fields) || !is_number {
        return None;
    }
    let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
    Some(Duration::from_secs(seconds) + Duration::from_millis(millis.parse().ok()?))
}

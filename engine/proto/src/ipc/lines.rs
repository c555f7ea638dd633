//! Bytes in, lines out.

use std::collections::VecDeque;

use crate::limits::LINE_LEN_MAX;

/// Cuts what arrives into lines. A line over [`LINE_LEN_MAX`] is told once, as soon as it is too long, and skipped to its
/// end without being kept.
#[derive(Debug, Default)]
pub struct LineDecoder {
    /// The line that has not ended yet. Invariant: at most [`LINE_LEN_MAX`] bytes, none of them a line feed.
    partial: Vec<u8>,
    /// The rest of an over-long line is being skipped.
    skipping: bool,
    lines: VecDeque<Result<Vec<u8>, LineTooLong>>,
}

/// A line was too long, and is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a command line longer than {LINE_LEN_MAX} bytes")]
pub struct LineTooLong;

impl LineDecoder {
    /// Takes what was read. The lines in it wait in [`LineDecoder::poll_line`], so drain that before reading on.
    pub fn handle_bytes(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.extend(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// Input is over: what came after the last line feed is a line too.
    pub fn handle_end(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
        self.skipping = false;
    }

    /// The next line, without its line feed and a carriage return before it.
    pub fn poll_line(&mut self) -> Option<Result<Vec<u8>, LineTooLong>> {
        self.lines.pop_front()
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.partial.len() + bytes.len() > LINE_LEN_MAX {
            self.partial = Vec::new();
            self.skipping = true;
            self.lines.push_back(Err(LineTooLong));
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.skipping) {
            return;
        }
        let mut line = std::mem::take(&mut self.partial);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.lines.push_back(Ok(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(decoder: &mut LineDecoder) -> Vec<Result<Vec<u8>, LineTooLong>> {
        std::iter::from_fn(|| decoder.poll_line()).collect()
    }

    #[test]
    fn lines_end_with_a_feed_or_the_end() {
        let mut decoder = LineDecoder::default();
        decoder.handle_bytes(b"one\r\n\ntw");
        assert_eq!(drain(&mut decoder), [Ok(b"one".to_vec()), Ok(vec![])]);
        decoder.handle_bytes(b"o");
        assert_eq!(drain(&mut decoder), []);
        decoder.handle_end();
        assert_eq!(drain(&mut decoder), [Ok(b"two".to_vec())]);
        decoder.handle_end();
        assert_eq!(drain(&mut decoder), []);
    }

    #[test]
    fn a_line_of_just_the_bound_passes() {
        let mut decoder = LineDecoder::default();
        decoder.handle_bytes(&vec![b'x'; LINE_LEN_MAX]);
        assert_eq!(drain(&mut decoder), []);
        decoder.handle_bytes(b"\n");
        assert_eq!(drain(&mut decoder)[0].as_ref().unwrap().len(), LINE_LEN_MAX);
    }

    #[test]
    fn a_longer_one_is_told_once_and_not_kept() {
        let mut decoder = LineDecoder::default();
        for _ in 0..5 {
            decoder.handle_bytes(&vec![b'x'; LINE_LEN_MAX / 2]);
            assert!(decoder.partial.capacity() <= 2 * LINE_LEN_MAX);
        }
        assert_eq!(drain(&mut decoder), [Err(LineTooLong)]);
        assert_eq!(decoder.partial.capacity(), 0);
        decoder.handle_bytes(b"xxx\nnext\n");
        assert_eq!(drain(&mut decoder), [Ok(b"next".to_vec())]);
    }

    #[test]
    fn an_overlong_end_is_no_line() {
        let mut decoder = LineDecoder::default();
        decoder.handle_bytes(&vec![b'x'; LINE_LEN_MAX + 1]);
        decoder.handle_end();
        assert_eq!(drain(&mut decoder), [Err(LineTooLong)]);
    }

    proptest! {
        #[test]
        fn how_it_is_cut_does_not_matter(text in "[ab\r\n]{0,60}", cuts in proptest::collection::vec(0usize..60, 0..6)) {
            let bytes = text.as_bytes();
            let mut whole = LineDecoder::default();
            whole.handle_bytes(bytes);
            whole.handle_end();
            let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            places.sort_unstable();
            let mut parts = LineDecoder::default();
            for pair in places.windows(2) {
                parts.handle_bytes(&bytes[pair[0]..pair[1]]);
            }
            parts.handle_end();
            prop_assert_eq!(drain(&mut whole), drain(&mut parts));
        }
    }
}

//! Text of subtitles: encodings, and mark-up as spans.

use super::{Cue, Line, Span};
use crate::limits::{LINE_CHARS_MAX, LINES_MAX};
use crate::words::is_invisible;

/// UTF-8, UTF-16 with a byte order mark, or else Windows-1252, which every byte is.
pub(super) fn decode(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&byte| windows_1252(byte)).collect(),
        },
    }
}

/// Lines with tags like `<i>`, and overrides like `{\an8}`, as SubRip, WebVTT and GStreamer's Pango mark-up have them. What looks
/// like a tag and is not known is left out.
pub(crate) fn marked_up(text: &str) -> Cue {
    let mut writer = Writer::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let tag = match c {
            '<' => tag_of(rest),
            '{' if rest.starts_with("{\\") => enclosed(rest, '{', '}'),
            _ => None,
        };
        if let Some(tag) = tag {
            writer.tag(tag);
            rest = &rest[tag.len()..];
        } else if let Some((meant, len)) = entity(rest) {
            writer.push(meant);
            rest = &rest[len..];
        } else {
            writer.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    writer.finish()
}

/// Puts characters into lines and spans, within bounds.
#[derive(Default)]
pub(super) struct Writer {
    lines: Vec<Line>,
    line: Line,
    chars: usize,
    pub(super) bold: bool,
    pub(super) italic: bool,
}

impl Writer {
    pub(super) fn push(&mut self, c: char) {
        if c == '\n' {
            self.end_line();
        } else if !c.is_control() && !is_invisible(c) && self.chars < LINE_CHARS_MAX {
            self.chars += 1;
            match self.line.spans.last_mut() {
                Some(span) if (span.bold, span.italic) == (self.bold, self.italic) => span.text.push(c),
                Some(_) | None => {
                    self.line.spans.push(Span { text: c.into(), bold: self.bold, italic: self.italic });
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Cue {
        self.end_line();
        Cue { lines: self.lines }
    }

    fn tag(&mut self, tag: &str) {
        let inner = tag.trim_matches(['<', '>']);
        let is_end = inner.starts_with('/');
        let name: String = inner.trim_start_matches('/').chars().take_while(char::is_ascii_alphabetic).collect();
        match name.to_ascii_lowercase().as_str() {
            "b" => self.bold = !is_end,
            "i" => self.italic = !is_end,
            "br" => self.end_line(),
            // Pango's. Spans within spans end all at once, which is rare and does no harm.
            "span" => {
                self.bold = !is_end && inner.contains("bold");
                self.italic = !is_end && inner.contains("italic");
            }
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        self.chars = 0;
        if let Some(first) = line.spans.first_mut() {
            first.text = first.text.trim_start().to_owned();
        }
        if let Some(last) = line.spans.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        line.spans.retain(|span| !span.text.is_empty());
        if !line.spans.is_empty() && self.lines.len() < LINES_MAX {
            self.lines.push(line);
        }
    }
}

/// The tag that a text begins with. "a < b" has none. WebVTT has times as tags.
fn tag_of(text: &str) -> Option<&str> {
    let second = text[1..].chars().next()?;
    enclosed(text, '<', '>').filter(|_| second.is_ascii_alphanumeric() || second == '/')
}

/// The piece of mark-up that a text begins with, from `open` to `close`. It is on one line and has no other within, so that no
/// character is looked at twice, whatever a file consists of.
pub(super) fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    let inner = text.strip_prefix(open)?;
    let end = inner.find([open, close, '\n'])?;
    inner[end..].starts_with(close).then(|| &text[..open.len_utf8() + end + close.len_utf8()])
}

/// The entity that a text begins with, and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 7] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&nbsp;", '\u{a0}'),
        ("&#39;", '\''),
    ];
    if let Some((name, meant)) = NAMED.into_iter().find(|(name, _)| text.starts_with(name)) {
        return Some((meant, name.len()));
    }
    // The largest is U+10FFFF.
    let digits = text.strip_prefix("&#")?;
    let end = digits.bytes().take(8).position(|byte| byte == b';')?;
    let number = match digits[..end].strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => digits[..end].parse(),
    };
    Some((char::from_u32(number.ok()?)?, end + 3))
}

/// Latin-1, but for 0x80 to 0x9f.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

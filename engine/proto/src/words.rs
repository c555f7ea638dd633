//! Numbers as people read them, and text as terminals show it.

use std::time::Duration;

/// `812 bytes`, `1.5 MB`: decimal units, as file managers show them.
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    // From 999,950 on, one decimal would round up to 1000.0 of the smaller unit.
    let unit = UNITS.iter().find(|(size, _)| count >= size - size / 20_000);
    match unit {
        Some((size, name)) => {
            let (count, size) = (u128::from(count), u128::from(*size));
            let tenths = (count * 10 + size / 2) / size;
            if tenths >= 1000 {
                format!("{} {name}", (count + size / 2) / size)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
        None if count == 1 => "1 byte".to_owned(),
        None => format!("{count} bytes"),
    }
}

/// `1.5 MB/s`.
pub fn rate(bytes_per_second: u64) -> String {
    if bytes_per_second == 0 {
        "0 kB/s".to_owned()
    } else {
        format!("{}/s", bytes(bytes_per_second)).replace(" bytes", " B")
    }
}

/// `0:42`, `12:05`, `1:02:03`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Another's text inside a message of ours: in backquotes, control characters escaped, cut at `chars_max` characters.
pub fn quoted(text: &str, chars_max: usize) -> String {
    let mut shown: String = text.chars().take(chars_max).flat_map(char_shown).collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A character, escaped when it could move a cursor or turn the direction of writing.
fn char_shown(character: char) -> impl Iterator<Item = char> {
    let hidden = character.is_control()
        || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = hidden.then(|| character.escape_unicode());
    let plain = (!hidden).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

/// Another's text on a screen of ours: control characters gone, cut to `chars_max` characters.
pub fn printable(text: &str, chars_max: usize) -> String {
    let mut shown: String = text.chars().take(chars_max).flat_map(char_shown).take(chars_max).collect();
    if text.chars().nth(chars_max).is_some() && shown.pop().is_some() {
        shown.push('…');
    }
    shown
}

/// Columns that a text takes, roughly as terminals count: wide East Asian characters and pictures take two.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// The text cut to `width` columns.
pub fn fit(text: &str, width: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|&character| {
            used += char_columns(character);
            used <= width
        })
        .collect()
}

/// The text in exactly `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let mut text = fit(text, width);
    text.push_str(&" ".repeat(width.saturating_sub(columns(&text))));
    text
}

fn char_columns(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1_f300..=0x1_faff | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (count, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_949, "1000 kB"),
            (999_950, "1.0 MB"),
            (1_550_000, "1.6 MB"),
            (123_456_789, "123 MB"),
            (4_700_000_000, "4.7 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(count), words);
        }
        assert_eq!(rate(0), "0 kB/s");
        assert_eq!(rate(12), "12 B/s");
        assert_eq!(rate(1_500_000), "1.5 MB/s");
    }

    #[test]
    fn times() {
        assert_eq!(clock(Duration::from_secs(5)), "0:05");
        assert_eq!(clock(Duration::from_secs(725)), "12:05");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn others_text_cannot_act() {
        assert_eq!(quoted("a\u{1b}[2Jb", 10), "`a\\u{1b}[2Jb`");
        assert_eq!(quoted("abcdef", 3), "`abc…`");
        assert_eq!(printable("abc", 3), "abc");
        assert_eq!(printable("abcdef", 3), "ab…");
        assert_eq!(printable("\u{202e}x", 3), "\\u{");
        assert!(!printable("\u{1b}[31m\n\r", 40).contains(char::is_control));
    }

    #[test]
    fn texts_keep_their_columns() {
        assert_eq!(pad("abc", 5), "abc  ");
        assert_eq!(pad("abcdef", 3), "abc");
        assert_eq!(pad("日本語", 5), "日本 ");
        assert_eq!(columns("e\u{301}日"), 3);
    }
}

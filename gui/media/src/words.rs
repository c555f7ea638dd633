//! Words of films, files and GStreamer, made fit to be shown.

/// Without control characters, runs of white space as one, at most so many characters.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    let visible = |c: char| !c.is_control() && !is_invisible(c);
    let words = text.split_whitespace().map(|word| word.chars().filter(|&c| visible(c)).collect::<String>());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(chars_max).collect()
}

/// Characters that turn the direction of writing, or only pretend to be there.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_clean_short_line() {
        assert_eq!(printable(" a\u{202e}b\r\n\tc\u{7}  d ", 20), "ab c d");
        assert_eq!(printable("abcdef", 3), "abc");
        assert_eq!(printable("\u{1b}[31mred", 20), "[31mred");
    }
}

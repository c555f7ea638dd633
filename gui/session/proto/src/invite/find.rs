//! Finds codes and links in what people paste.

use signal_proto::ids::RoomCode;
use signal_proto::limits::{CODE_LEN_MAX, CODE_LEN_MIN};

use super::InviteError;

/// Beginnings of what may be an invitation.
const SCHEMES: [&str; 3] = ["sharestream:", "https://", "http://"];

/// Beginnings of links that are never one, and that a person should not take for a code.
const OTHER_SCHEMES: [&str; 7] = ["javascript:", "data:", "file:", "ftp:", "magnet:", "ws:", "wss:"];

/// Ends a link in running text, and is in none of ours.
const ENDS_LINK: [char; 14] = ['<', '>', '"', '\'', '`', '(', ')', '{', '}', '|', '\\', '“', '”', '’'];

/// Without what nobody sees: marks of no width are gone, hyphens of all kinds are one, and other controls are spaces.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{61c}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        c if c.is_control() || c.is_whitespace() => Some(' '),
        c => Some(c),
    };
    text.chars().filter_map(plain).collect()
}

/// What looks like a link, first to last, without what a sentence puts behind it.
pub(super) fn links(text: &str) -> impl Iterator<Item = &str> {
    let starts = |token: &str| {
        let lower = token.to_ascii_lowercase();
        let others = OTHER_SCHEMES.into_iter().filter(|scheme| lower.starts_with(scheme)).map(|_| 0);
        SCHEMES.into_iter().filter_map(|scheme| lower.find(scheme)).chain(others).min()
    };
    let token = move |token| starts(token).map(|start| trimmed_end(&token[start..]));
    text.split([' ']).flat_map(|word| word.split(ENDS_LINK)).filter_map(token)
}

/// The code in a text without links.
///
/// A short message around a code is understood ("Room code: ABC1-2345!"); all of a text is a code if it can be.
pub(super) fn code(text: &str) -> Result<RoomCode, InviteError> {
    let whole = trimmed(text);
    // Unmistakable: eight symbols as codes are drawn, alone or in two groups, with a digit.
    let mut drawn: Vec<RoomCode> =
        whole.split(' ').map(trimmed).filter(|word| is_as_drawn(word)).filter_map(RoomCode::parse).collect();
    drawn.dedup();
    match <[RoomCode; 1]>::try_from(drawn) {
        Ok([code]) => Ok(code),
        Err(several) if several.is_empty() => {
            let after_colon = whole.rsplit_once(':').map_or(whole, |(_, rest)| rest.trim());
            checked(after_colon)
        }
        Err(_) => Err(InviteError::NoCode),
    }
}

/// All of a text as a code.
pub(super) fn checked(text: &str) -> Result<RoomCode, InviteError> {
    let text = trimmed(text);
    let is_symbol = |c: &char| c.is_ascii_alphanumeric();
    let symbols = text.chars().filter(is_symbol).count();
    let mut others = text.chars().filter(|c| !is_symbol(c) && !matches!(c, '-' | ' '));
    match (RoomCode::parse(text), others.next(), others.next()) {
        (Some(code), _, _) => Ok(code),
        (None, None, _) if symbols > 0 && !(CODE_LEN_MIN..=CODE_LEN_MAX).contains(&symbols) => {
            Err(InviteError::Length(symbols))
        }
        // One slip in what is about as long as a code.
        (None, Some(other), None) if (CODE_LEN_MIN..=CODE_LEN_MAX).contains(&(symbols + 1)) => {
            Err(InviteError::Symbol(other))
        }
        (None, _, _) => Err(InviteError::NoCode),
    }
}

fn is_as_drawn(word: &str) -> bool {
    let is_one = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let in_groups = word.split_once('-').is_some_and(|(first, second)| is_one(first, 4) && is_one(second, 4));
    (in_groups || is_one(word, 8)) && word.contains(|c: char| c.is_ascii_digit())
}

/// Without the marks that sentences and chat programs put around.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

/// A link may end with `/` or a bracket that it opened itself.
fn trimmed_end(link: &str) -> &str {
    let keeps = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '=' | '~' | '%');
    let end = link.trim_end_matches(|c: char| !keeps(c) && c != ']');
    match end.strip_suffix(']') {
        Some(rest) if !rest.contains('[') => trimmed_end(rest),
        Some(_) | None => end,
    }
}

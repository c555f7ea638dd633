//! A `.env` file: `NAME=value`, a line each.

use std::collections::BTreeMap;

use crate::limits::DOTENV_LEN_MAX;

/// What a `.env` file says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DotEnv {
    values: BTreeMap<String, String>,
}

/// A line that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number} of .env is left out: {why}")]
pub struct BadLine {
    /// From 1.
    pub number: usize,
    /// What is wrong; never what stands there, which may be a secret.
    pub why: &'static str,
}

impl DotEnv {
    /// Reads one, and says which lines are none of it.
    ///
    /// A value may stand in single quotes, where nothing means anything else, or in double quotes, where `\n`, `\t`, `\r`, `\"`,
    /// `\\` and `\$` do. Nothing is put in for `$NAME`. Bytes that are no UTF-8 become question marks of Unicode.
    pub fn parse(bytes: &[u8]) -> (Self, Vec<BadLine>) {
        let (mut read, mut bad) = (Self::default(), Vec::new());
        if bytes.len() > DOTENV_LEN_MAX {
            return (read, vec![BadLine { number: 1, why: "the file is too long" }]);
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        for (number, line) in (1..).zip(text.lines()) {
            match read_line(line.trim()) {
                Ok(Some((name, value))) => {
                    read.values.insert(name.to_owned(), value);
                }
                Ok(None) => {}
                Err(why) => bad.push(BadLine { number, why }),
            }
        }
        (read, bad)
    }

    /// The last value that was given to that name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// The names only.
impl std::fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

fn read_line(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let (name, value) = exported.unwrap_or(line).split_once('=').ok_or("it has no =")?;
    let name = name.trim();
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !is_name {
        return Err("what stands before = is no name");
    }
    let value = value.trim();
    let (value, rest) = match value.as_bytes().first() {
        Some(b'\'') => {
            let (value, rest) = value[1..].split_once('\'').ok_or("its quote does not end")?;
            (value.to_owned(), rest)
        }
        Some(b'"') => double_quoted(&value[1..]).ok_or("its quote does not end")?,
        Some(_) | None => (uncommented(value).to_owned(), ""),
    };
    let rest = rest.trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err("something stands behind its quote");
    }
    Ok(Some((name, value)))
}

/// Up to the closing quote, and what follows it.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

/// A comment begins with a `#` behind a space.
fn uncommented(value: &str) -> &str {
    let is_comment = |&(at, _): &(usize, &str)| at == 0 || value[..at].ends_with([' ', '\t']);
    value.match_indices('#').find(is_comment).map_or(value, |(at, _)| value[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_plans_file_and_what_people_write() {
        let text = "\u{feff}# Server Configuration\r\nSERVER_URL=https://share.example\r\n\r\n  export TURN_URL = turn:relay.example:3478 # ours\n\
            A='it is # $not' # a comment\nB=\"two\\nlines \\\"q\\\" \\x \\$\"\nC=\nD=a#b\nE = #\nF=last\nF=wins\n_1=ü";
        let (read, bad) = DotEnv::parse(text.as_bytes());
        assert_eq!(bad, []);
        for (name, value) in [
            ("SERVER_URL", "https://share.example"),
            ("TURN_URL", "turn:relay.example:3478"),
            ("A", "it is # $not"),
            ("B", "two\nlines \"q\" \\x $"),
            ("C", ""),
            ("D", "a#b"),
            ("E", ""),
            ("F", "wins"),
            ("_1", "ü"),
        ] {
            assert_eq!(read.value(name), Some(value), "{name}");
        }
        assert_eq!(read.value("server_url"), None);
        assert!(!format!("{read:?}").contains("share.example"));
    }

    #[test]
    fn bad_lines_are_named_by_number_and_left_out() {
        let (read, bad) =
            DotEnv::parse(b"X=1\nnonsense\n=2\n1A=3\nA-B=4\nP='secret\nQ=\"secret\\\"\nR='a'b\nexport\nY=5\n");
        assert_eq!(bad.iter().map(|bad| bad.number).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(bad[0].to_string(), "line 2 of .env is left out: it has no =");
        assert!(bad.iter().all(|bad| !bad.to_string().contains("secret")));
        assert_eq!((read.value("X"), read.value("Y"), read.value("P")), (Some("1"), Some("5"), None));
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let (read, bad) = DotEnv::parse(&b"X=1\n".repeat(DOTENV_LEN_MAX / 4 + 1));
        assert_eq!((read.value("X"), bad.len()), (None, 1));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(value in "[ -~é]{0,40}") {
            let quoted: String = value.chars().flat_map(|c| ['\\'].into_iter().filter(move |_| matches!(c, '"' | '\\')).chain([c])).collect();
            let (read, bad) = DotEnv::parse(format!("X=\"{quoted}\"\n").as_bytes());
            prop_assert_eq!((read.value("X"), bad), (Some(value.as_str()), vec![]));
        }

        #[test]
        fn no_file_ends_us(bytes in proptest::collection::vec(any::<u8>(), 0..120), text in "[A=\"'\\\\#\n é]{0,60}") {
            let _ = (DotEnv::parse(&bytes), DotEnv::parse(text.as_bytes()));
        }
    }
}

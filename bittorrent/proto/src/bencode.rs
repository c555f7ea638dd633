//! Reading bencode that strangers wrote (BEP 3, "bencoding").
//!
//! Lenient where clients in the wild are wrong (keys unsorted or twice), strict where leniency would be a danger, and
//! bounded in bytes, depth and tokens. Our own documents are written with bendy, see [`encode_dict`].

use std::fmt;

use bendy::encoding::{Encoder, Error, UnsortedDictEncoder};

use crate::limits::{EXT_HANDSHAKE_LEN_MAX, FRAME_EXTENDED_LEN_MAX, METADATA_LEN_MAX, TORRENT_FILE_LEN_MAX};

/// What a document may cost to read. A token (value or key) takes 150 bytes of memory beside the input at worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the value.
    pub bytes: usize,
    /// Lists and dictionaries inside one another. Dropping a value recurses this deep, so it is a small type.
    pub depth: u8,
    /// Values and keys.
    pub tokens: usize,
}

impl Bounds {
    /// A `.torrent` file: 75 MB of memory at worst, for as long as it is read.
    pub const TORRENT_FILE: Self = Self { bytes: TORRENT_FILE_LEN_MAX, depth: 32, tokens: 500_000 };

    /// An info dictionary that peers sent (BEP 9): 75 MB of memory at worst, and only after its hash was right.
    pub const INFO: Self = Self { bytes: METADATA_LEN_MAX as usize, depth: 32, tokens: 500_000 };

    /// Any message of BEP 10's extensions but the handshake: 600 kB of memory at worst.
    pub const EXTENSION: Self = Self { bytes: FRAME_EXTENDED_LEN_MAX as usize, depth: 8, tokens: 4_000 };

    /// The handshake of BEP 10.
    pub const EXTENSION_HANDSHAKE: Self = Self { bytes: EXT_HANDSHAKE_LEN_MAX, depth: 8, tokens: 4_000 };
}

/// Why bytes are not bencode, or more of it than we read. Offsets count from the first byte given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BencodeError {
    /// The value goes on after the last byte.
    #[error("cut off after {0} bytes")]
    Truncated(usize),
    /// Neither a value nor an end stands here.
    #[error("byte {0} starts no value")]
    UnexpectedByte(usize),
    /// A dictionary's key is not a byte string.
    #[error("the key at byte {0} is not a string")]
    KeyNotString(usize),
    /// A key without a value.
    #[error("the dictionary that ends at byte {0} has a key without a value")]
    ValueMissing(usize),
    /// Empty, `-0`, a leading zero, another character than digits, or not an `i64`.
    #[error("the integer at byte {0} is not one")]
    Integer(usize),
    /// A leading zero, another character than digits, or longer than everything that follows.
    #[error("the length of the string at byte {0} is wrong")]
    StringLen(usize),
    /// Bytes after the value.
    #[error("the value ends at byte {0}, and more follows")]
    Trailing(usize),
    /// [`Bounds::bytes`].
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// [`Bounds::depth`].
    #[error("nested deeper than {0} levels")]
    TooDeep(u8),
    /// [`Bounds::tokens`].
    #[error("more than {0} values")]
    TooManyTokens(usize),
}

/// A value, borrowed from the bytes it was read from.
#[derive(Clone, PartialEq, Eq)]
pub struct Value<'a> {
    raw: &'a [u8],
    kind: Kind<'a>,
}

impl<'a> Value<'a> {
    /// The exact bytes of this value. An infohash is taken over these, never over an encoding of our own (BEP 3).
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The string, when it is one.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.kind {
            Kind::Bytes(bytes) => Some(bytes),
            Kind::Int(_) | Kind::List(_) | Kind::Dict(_) => None,
        }
    }

    /// The string, when it is one and in UTF-8.
    pub fn as_str(&self) -> Option<&'a str> {
        self.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The integer, when it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Int(number) => Some(number),
            Kind::Bytes(_) | Kind::List(_) | Kind::Dict(_) => None,
        }
    }

    /// The items, when it is a list.
    pub fn as_list(&self) -> Option<&[Value<'a>]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            Kind::Bytes(_) | Kind::Int(_) | Kind::Dict(_) => None,
        }
    }

    /// The entries as they stand in the input, in its order and with keys that come twice, when it is a dictionary.
    pub fn as_dict(&self) -> Option<&[(&'a [u8], Value<'a>)]> {
        match &self.kind {
            Kind::Dict(entries) => Some(entries),
            Kind::Bytes(_) | Kind::Int(_) | Kind::List(_) => None,
        }
    }

    /// The first entry of that key; nothing when this is no dictionary.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value<'a>> {
        let key = key.as_ref();
        self.as_dict()?.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.raw.escape_ascii())
    }
}

/// Reads one value that is all of `bytes`.
pub fn parse(bytes: &[u8], bounds: Bounds) -> Result<Value<'_>, BencodeError> {
    if bytes.len() > bounds.bytes {
        return Err(BencodeError::TooLong(bounds.bytes));
    }
    let (value, used) = parse_prefix(bytes, bounds)?;
    if used < bytes.len() {
        return Err(BencodeError::Trailing(used));
    }
    Ok(value)
}

/// Reads one value at the start of `bytes` and says how many bytes it took. What follows is the caller's: a data message
/// of BEP 9 has its piece there. [`Bounds::bytes`] limits the value alone.
pub fn parse_prefix(bytes: &[u8], bounds: Bounds) -> Result<(Value<'_>, usize), BencodeError> {
    let window = &bytes[..bytes.len().min(bounds.bytes)];
    Scanner { bytes: window, at: 0, tokens_left: bounds.tokens, bounds }.value().map_err(|error| match error {
        BencodeError::Truncated(_) if window.len() < bytes.len() => BencodeError::TooLong(bounds.bytes),
        other => other,
    })
}

/// Writes a dictionary with bendy, which sorts the keys. Nested ones: `e.emit_unsorted_dict`.
///
/// # Panics
/// When `content` emits a key twice or a pair without a value, which is a mistake of ours.
pub fn encode_dict(content: impl FnOnce(&mut UnsortedDictEncoder) -> Result<(), Error>) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder
        .emit_and_sort_dict(content)
        .and_then(|()| encoder.get_output())
        .expect("our documents have every key once and a value to each")
}

#[derive(Clone, PartialEq, Eq)]
enum Kind<'a> {
    Bytes(&'a [u8]),
    Int(i64),
    List(Vec<Value<'a>>),
    Dict(Vec<(&'a [u8], Value<'a>)>),
}

/// A list or dictionary that has not ended yet.
struct Open<'a> {
    start: usize,
    items: Items<'a>,
}

enum Items<'a> {
    List(Vec<Value<'a>>),
    Dict { entries: Vec<(&'a [u8], Value<'a>)>, key: Option<&'a [u8]> },
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    tokens_left: usize,
    bounds: Bounds,
}

impl<'a> Scanner<'a> {
    /// The open containers are a `Vec` and not the call stack, so that no input decides how deep we recurse.
    fn value(mut self) -> Result<(Value<'a>, usize), BencodeError> {
        let mut open: Vec<Open<'a>> = Vec::new();
        loop {
            let start = self.at;
            let byte = self.peek()?;
            if byte != b'e' {
                self.tokens_left =
                    self.tokens_left.checked_sub(1).ok_or(BencodeError::TooManyTokens(self.bounds.tokens))?;
                if let Some(Open { items: Items::Dict { key: key @ None, .. }, .. }) = open.last_mut() {
                    *key = Some(self.key()?);
                    continue;
                }
            }
            let kind = match byte {
                b'l' | b'd' if open.len() >= usize::from(self.bounds.depth) => {
                    return Err(BencodeError::TooDeep(self.bounds.depth));
                }
                b'l' => {
                    self.at += 1;
                    open.push(Open { start, items: Items::List(Vec::new()) });
                    continue;
                }
                b'd' => {
                    self.at += 1;
                    open.push(Open { start, items: Items::Dict { entries: Vec::new(), key: None } });
                    continue;
                }
                b'e' => {
                    let ended = open.pop().ok_or(BencodeError::UnexpectedByte(start))?;
                    self.at += 1;
                    let kind = match ended.items {
                        Items::List(items) => Kind::List(items),
                        Items::Dict { entries, key: None } => Kind::Dict(entries),
                        Items::Dict { key: Some(_), .. } => return Err(BencodeError::ValueMissing(start)),
                    };
                    let value = Value { raw: &self.bytes[ended.start..self.at], kind };
                    if let Some(done) = add(&mut open, value) {
                        return Ok((done, self.at));
                    }
                    continue;
                }
                b'i' => Kind::Int(self.integer()?),
                b'0'..=b'9' => Kind::Bytes(self.string()?),
                _ => return Err(BencodeError::UnexpectedByte(start)),
            };
            if let Some(done) = add(&mut open, Value { raw: &self.bytes[start..self.at], kind }) {
                return Ok((done, self.at));
            }
        }
    }

    fn peek(&self) -> Result<u8, BencodeError> {
        self.bytes.get(self.at).copied().ok_or(BencodeError::Truncated(self.bytes.len()))
    }

    fn key(&mut self) -> Result<&'a [u8], BencodeError> {
        if !self.peek()?.is_ascii_digit() {
            return Err(BencodeError::KeyNotString(self.at));
        }
        self.string()
    }

    fn integer(&mut self) -> Result<i64, BencodeError> {
        let start = self.at;
        self.at += 1;
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let digits = self.digits_until(b'e', INTEGER_DIGITS_MAX, BencodeError::Integer(start))?;
        if negative && digits == b"0" {
            return Err(BencodeError::Integer(start));
        }
        // Nineteen digits stay below 10^19 and 2^64, so that only the sign can take it out of an i64.
        let magnitude = digits.iter().fold(0i128, |number, digit| number * 10 + i128::from(digit - b'0'));
        i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| BencodeError::Integer(start))
    }

    fn string(&mut self) -> Result<&'a [u8], BencodeError> {
        let start = self.at;
        let digits = self.digits_until(b':', LEN_DIGITS_MAX, BencodeError::StringLen(start))?;
        let len = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        let rest = &self.bytes[self.at..];
        let string = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let string = string.ok_or(BencodeError::Truncated(self.bytes.len()))?;
        self.at += string.len();
        Ok(string)
    }

    /// Digits without a leading zero and the byte that ends them; leaves `at` behind it.
    fn digits_until(&mut self, end: u8, digits_max: usize, error: BencodeError) -> Result<&'a [u8], BencodeError> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take(digits_max + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &rest[..count];
        if count > digits_max || (count > 1 && digits[0] == b'0') {
            return Err(error);
        }
        match rest.get(count) {
            None => Err(BencodeError::Truncated(self.bytes.len())),
            Some(&byte) if byte == end && count > 0 => {
                self.at += count + 1;
                Ok(digits)
            }
            Some(_) => Err(error),
        }
    }
}

/// Digits of an `i64`.
const INTEGER_DIGITS_MAX: usize = 19;

/// Digits of a string's length: ten say 9 GB, a thousand times what any bound allows.
const LEN_DIGITS_MAX: usize = 10;

/// Puts a value into the innermost open container; without one, the value is the whole document.
fn add<'a>(open: &mut [Open<'a>], value: Value<'a>) -> Option<Value<'a>> {
    match open.last_mut() {
        None => return Some(value),
        Some(Open { items: Items::List(items), .. }) => items.push(value),
        Some(Open { items: Items::Dict { entries, key }, .. }) => {
            let key = key.take().expect("a value in a dictionary is only read after its key");
            entries.push((key, value));
        }
    }
    None
}

#[cfg(test)]
mod tests;

//! The name of a torrent, as the contract writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// SHA-1 of a torrent's info dictionary (BEP 3); 40 lower-case hex digits in JSON, either case accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Infohash(pub [u8; 20]);

/// Text that is no infohash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an infohash has 40 hex digits")]
pub struct NotAnInfohash;

impl fmt::Display for Infohash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Infohash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Infohash {
    type Err = NotAnInfohash;

    fn from_str(text: &str) -> Result<Self, NotAnInfohash> {
        let digits: Vec<u8> = text.bytes().map(hex_digit).collect::<Option<_>>().ok_or(NotAnInfohash)?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        if digits.len() != 40 {
            return Err(NotAnInfohash);
        }
        bytes.try_into().map(Self).map_err(|_| NotAnInfohash)
    }
}

impl Serialize for Infohash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Infohash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The value of a hex digit.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_both_ways() {
        let text = "00112233445566778899aAbBcCdDeEfF01234567";
        let infohash: Infohash = text.parse().unwrap();
        assert_eq!(infohash.to_string(), text.to_lowercase());
        assert_eq!(serde_json::to_string(&infohash).unwrap(), format!("\"{}\"", text.to_lowercase()));
        assert_eq!(serde_json::from_str::<Infohash>(&format!("\"{text}\"")).unwrap(), infohash);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "0", &"0".repeat(39), &"0".repeat(41), &"0".repeat(42), &"g".repeat(40), &"é".repeat(20)] {
            assert_eq!(text.parse::<Infohash>(), Err(NotAnInfohash), "{text:?}");
        }
    }
}

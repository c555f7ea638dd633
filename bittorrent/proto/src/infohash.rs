//! The name of a torrent: SHA-1 over the exact bytes of its info dictionary (BEP 3).

use std::fmt;

/// A torrent's name on the wire, at trackers and in magnets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Infohash([u8; Self::LEN]);

impl Infohash {
    /// Bytes of a SHA-1.
    pub const LEN: usize = 20;

    /// An infohash as it stands in a message.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The infohash of these bytes of an info dictionary, as they came: encoding them again may change them.
    pub fn of(info: &[u8]) -> Self {
        Self(sha1_smol::Sha1::from(info).digest().bytes())
    }

    /// From 40 hexadecimal digits of either case.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits: &[u8; 2 * Self::LEN] = hex.as_bytes().try_into().ok()?;
        let mut bytes = [0; Self::LEN];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; 20]> for Infohash {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

/// 40 lower-case hexadecimal digits.
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

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_sha_1() {
        // FIPS 180's example.
        assert_eq!(Infohash::of(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn only_forty_hex_digits_are_one() {
        for wrong in
            ["", "a9993e36", &"g".repeat(40), &"a".repeat(41), &"é".repeat(20), &format!("+{}", "1".repeat(39))]
        {
            assert_eq!(Infohash::from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn hex_goes_there_and_back(bytes: [u8; 20]) {
            let infohash = Infohash::new(bytes);
            let hex = infohash.to_string();
            prop_assert_eq!(Infohash::from_hex(&hex), Some(infohash));
            prop_assert_eq!(Infohash::from_hex(&hex.to_uppercase()), Some(infohash));
            prop_assert_eq!(format!("{infohash:?}"), hex);
        }
    }
}

//! Names of rooms, people, sockets and actions. A value of these types has been checked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::limits::{ACTION_ID_LEN_MAX, CODE_DRAWN_LEN, CODE_LEN_MAX, CODE_LEN_MIN, PARTICIPANT_ID_LEN_MAX};
use crate::rng::Rng;

/// A room's code as people are told it: upper case, without hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCode(String);

/// A code as codes are compared: what people mix up is one symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomKey(String);

/// A participant's public name for itself, unique in its room. Says nothing about who it is: a session token does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantId(String);

/// What a client calls one of its actions: text, or a number as some clients write it. It is given back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActionId {
    /// At most `ACTION_ID_LEN_MAX` bytes.
    Text(String),
    /// Any number of JSON; the same number as text is another action.
    Number(Number),
}

/// One connection, for as long as it lasts. Public, and no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketId(String);

/// One connection within this process, by a number never used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketKey(pub u64);

impl RoomCode {
    /// A code that a client asks for, or `None` if no room can have it: 4 to 32 letters and digits; hyphens and spaces
    /// are for reading.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 2 * CODE_LEN_MAX {
            return None;
        }
        let symbols: String =
            text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
        let is_code = (CODE_LEN_MIN..=CODE_LEN_MAX).contains(&symbols.len());
        (is_code && symbols.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(Self(symbols))
    }

    /// A code nobody asked for: 8 symbols of Crockford's base32.
    pub fn draw(rng: &mut Rng) -> Self {
        const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let random: [u8; CODE_DRAWN_LEN] = rng.bytes();
        // 32 divides 256, so every symbol is as likely as any other.
        Self(random.iter().map(|byte| char::from(SYMBOLS[usize::from(byte % 32)])).collect())
    }

    /// As it is compared: O is 0, I and L are 1.
    pub fn key(&self) -> RoomKey {
        let fold = |symbol| match symbol {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        RoomKey(self.0.chars().map(fold).collect())
    }

    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoomKey {
    /// The folded symbols.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ParticipantId {
    /// A client's own name for itself: 1 to 120 bytes without control characters.
    pub fn parse(text: &str) -> Option<Self> {
        // Room for what `numbered` appends.
        let fits = (1..=PARTICIPANT_ID_LEN_MAX - 8).contains(&text.len());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The same name for somebody else: `~2`, `~3` and so on.
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}~{number}", self.0))
    }

    /// A name that a token of ours carries, which may have a number appended.
    pub(crate) fn of_token(text: &str) -> Option<Self> {
        let fits = (1..=PARTICIPANT_ID_LEN_MAX).contains(&text.len());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ActionId {
    /// From the wire; `None` for what is neither, or too long.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => (text.len() <= ACTION_ID_LEN_MAX).then(|| Self::Text(text.clone())),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// As it travels.
    pub fn shown(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::Number(number.clone()),
        }
    }

    /// Whether it is text that begins so.
    pub fn starts_with(&self, beginning: &str) -> bool {
        match self {
            Self::Text(text) => text.starts_with(beginning),
            Self::Number(_) => false,
        }
    }
}

impl From<String> for ActionId {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for ActionId {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl SocketId {
    /// A new connection's: 20 symbols of base64, 120 bits.
    pub fn draw(rng: &mut Rng) -> Self {
        Self(URL_SAFE_NO_PAD.encode(rng.bytes::<15>()))
    }

    /// One that another process or a test made.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomCode {
    /// With a hyphen in the middle of eight symbols, as people read it: `ABC1-2345`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_at_checked(CODE_DRAWN_LEN / 2) {
            Some((first, second)) if second.len() == CODE_DRAWN_LEN / 2 => write!(f, "{first}-{second}"),
            Some(_) | None => f.write_str(&self.0),
        }
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_compared_folded() {
        let key = |text| RoomCode::parse(text).map(|code| code.key());
        assert_eq!(key("abc1-2345"), key("ABCI 2345"));
        assert_eq!(key("LOLO"), key("1010"));
        assert_ne!(key("ABC12345"), key("ABC12346"));
        assert_eq!(RoomCode::parse("my-room").unwrap().as_str(), "MYROOM", "as asked for, not folded");
        assert_eq!(RoomCode::parse("abc12345").unwrap().to_string(), "ABC1-2345");
        assert_eq!(RoomCode::parse("myroom").unwrap().to_string(), "MYROOM");
    }

    #[test]
    fn what_no_room_can_be_called() {
        for text in ["", "abc", "----", "ÄÖÜß", "ab_cd", &"a".repeat(33), &"a-".repeat(60)] {
            assert_eq!(RoomCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn drawn_codes_fold_to_themselves() {
        let mut rng = Rng::new([1; 32]);
        for _ in 0..100 {
            let code = RoomCode::draw(&mut rng);
            assert_eq!(code.key().as_str(), code.as_str());
            assert_eq!(RoomCode::parse(&code.to_string()), Some(code));
        }
        assert_ne!(SocketId::draw(&mut rng), SocketId::draw(&mut rng));
    }

    #[test]
    fn actions_are_named_by_text_or_number_and_keep_their_form() {
        for name in
            [json!("1699999999999"), json!(1_699_999_999_999_u64), json!(-1.5), json!(""), json!("x".repeat(128))]
        {
            assert_eq!(ActionId::read(&name).map(|action| action.shown()), Some(name));
        }
        for bad in [json!(null), json!(true), json!(["1"]), json!({}), json!("x".repeat(129))] {
            assert_eq!(ActionId::read(&bad), None, "{bad}");
        }
        assert_ne!(ActionId::read(&json!(7)), ActionId::read(&json!("7")));
        assert!(ActionId::from("wait-7").starts_with("wait-") && !ActionId::Number(7.into()).starts_with(""));
    }

    #[test]
    fn participants_are_named_within_bounds() {
        assert!(ParticipantId::parse("flutter_1234567890").is_some());
        for text in ["", "a\nb", &"x".repeat(121)] {
            assert_eq!(ParticipantId::parse(text), None, "{text:?}");
        }
        assert_eq!(ParticipantId::parse("bea").unwrap().numbered(2).as_str(), "bea~2");
    }
}

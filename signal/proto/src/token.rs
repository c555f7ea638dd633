//! What the server can say again after it forgot everything: session tokens that it signed, and secrets derived from its key.
//!
//! A token is `base64url(claims as JSON) "." base64url(HMAC-SHA256)`. Its bearer is that participant of that room; it is sent to
//! nobody else and stands in no log. Nothing of it is stored: a server with the same key believes it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::ids::{ParticipantId, RoomCode};
use crate::limits::TOKEN_LEN_MAX;
use crate::rng::Rng;
use crate::roles::Role;
use crate::time::ServerTime;

/// Tells one room from an earlier one of the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId([u8; 8]);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The code of the room.
    pub room: RoomCode,
    /// Which room of that code.
    pub room_id: RoomId,
    /// Who bears it.
    pub participant: ParticipantId,
    /// In what role.
    pub role: Role,
    /// Counts the tokens of a room: of two for the host, the higher one is right.
    pub issue: u64,
    /// Not believed from then on.
    pub expires: ServerTime,
}

/// Why a token is not believed. People are told S002 for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not of the form.
    #[error("the token is malformed")]
    Malformed,
    /// Another key signed it, or nobody.
    #[error("the token's signature is wrong")]
    Forged,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// The server's key, for each purpose another.
#[derive(Clone)]
pub struct Signer {
    tokens: Hmac<Sha256>,
    swarms: Hmac<Sha256>,
}

impl RoomId {
    /// A new room's.
    pub fn draw(rng: &mut Rng) -> Self {
        Self(rng.bytes())
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Signer {
    /// From the key of the server, of any length.
    pub fn new(secret: &[u8]) -> Self {
        let purpose = |name: &[u8]| {
            let mut mac = keyed(secret);
            mac.update(name);
            keyed(&mac.finalize().into_bytes())
        };
        Self { tokens: purpose(b"sharestream session tokens"), swarms: purpose(b"sharestream swarms") }
    }

    /// A token.
    pub fn sign(&self, claims: &Claims) -> String {
        let json = json!({
            "v": 1,
            "room": claims.room.as_str(),
            "id": URL_SAFE_NO_PAD.encode(claims.room_id.0),
            "who": claims.participant.as_str(),
            "role": claims.role.as_str(),
            "issue": claims.issue,
            "until": claims.expires.unix_ms(),
        });
        let body = URL_SAFE_NO_PAD.encode(json.to_string());
        let mac = URL_SAFE_NO_PAD.encode(with(&self.tokens, &[body.as_bytes()]).finalize().into_bytes());
        format!("{body}.{mac}")
    }

    /// What a token says, if we signed it and its time is not over.
    ///
    /// # Errors
    /// [`TokenError`] says why it is not believed. The comparison takes the same time wherever it fails.
    pub fn verify(&self, token: &str, now: ServerTime) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Malformed);
        }
        let (body, mac) = token.split_once('.').ok_or(TokenError::Malformed)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| TokenError::Malformed)?;
        with(&self.tokens, &[body.as_bytes()]).verify_slice(&mac).map_err(|_| TokenError::Forged)?;
        // We wrote what follows, perhaps in an older version.
        let claims = URL_SAFE_NO_PAD.decode(body).ok().and_then(|json| read(&json)).ok_or(TokenError::Malformed)?;
        if claims.expires <= now { Err(TokenError::Expired) } else { Ok(claims) }
    }

    /// The key by which members of a room's swarm prove themselves to one another. The same after a restart.
    pub fn swarm_key(&self, room: RoomId) -> [u8; 16] {
        truncated(with(&self.swarms, &[b"key", &room.0]))
    }

    /// A member's public name in that swarm. The same after a restart.
    pub fn swarm_self(&self, room: RoomId, participant: &ParticipantId) -> [u8; 20] {
        truncated(with(&self.swarms, &[b"self", &room.0, participant.as_str().as_bytes()]))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn with(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn truncated<const N: usize>(mac: Hmac<Sha256>) -> [u8; N] {
    const { assert!(N <= 32, "SHA-256 gives 32 bytes") };
    let mut bytes = [0; N];
    bytes.copy_from_slice(&mac.finalize().into_bytes()[..N]);
    bytes
}

fn read(json: &[u8]) -> Option<Claims> {
    let claims: Value = serde_json::from_slice(json).ok()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if claims.get("v")?.as_u64() != Some(1) {
        return None;
    }
    Some(Claims {
        room: RoomCode::parse(text("room")?)?,
        room_id: RoomId(URL_SAFE_NO_PAD.decode(text("id")?).ok()?.try_into().ok()?),
        participant: ParticipantId::of_token(text("who")?)?,
        role: Role::parse(text("role")?)?,
        issue: claims.get("issue")?.as_u64()?,
        expires: ServerTime::from_unix_ms(claims.get("until")?.as_i64()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: ServerTime = ServerTime::from_unix_ms(1_700_000_000_000);

    fn claims() -> Claims {
        Claims {
            room: RoomCode::parse("ABC12345").unwrap(),
            room_id: RoomId([7; 8]),
            participant: ParticipantId::parse("bea").unwrap().numbered(2),
            role: Role::Cohost,
            issue: 42,
            expires: ServerTime::from_unix_ms(1_700_000_000_001),
        }
    }

    #[test]
    fn a_token_says_what_was_signed_until_its_time_is_over() {
        let signer = Signer::new(b"north");
        let token = signer.sign(&claims());
        assert_eq!(signer.verify(&token, NOW), Ok(claims()));
        assert_eq!(signer.verify(&token, claims().expires), Err(TokenError::Expired));
        assert!(token.len() < TOKEN_LEN_MAX / 2);
    }

    #[test]
    fn another_key_is_not_believed() {
        let token = Signer::new(b"north").sign(&claims());
        assert_eq!(Signer::new(b"south").verify(&token, NOW), Err(TokenError::Forged));
    }

    #[test]
    fn what_is_no_token() {
        let signer = Signer::new(b"north");
        let token = signer.sign(&claims());
        let (body, mac) = token.split_once('.').unwrap();
        let long = "a".repeat(TOKEN_LEN_MAX + 1);
        for bad in ["", "a", body, "ä.ö", &format!("{body}.{mac}="), &long] {
            assert_eq!(signer.verify(bad, NOW), Err(TokenError::Malformed), "{bad}");
        }
        for bad in [".".to_owned(), format!("{body}."), format!("{body}.AAAA"), format!(".{mac}")] {
            assert_eq!(signer.verify(&bad, NOW), Err(TokenError::Forged), "{bad}");
        }
    }

    #[test]
    fn claims_of_a_version_to_come_are_not_guessed_at() {
        let signer = Signer::new(b"north");
        let body = URL_SAFE_NO_PAD.encode(r#"{"v":2}"#);
        let mac = URL_SAFE_NO_PAD.encode(with(&signer.tokens, &[body.as_bytes()]).finalize().into_bytes());
        assert_eq!(signer.verify(&format!("{body}.{mac}"), NOW), Err(TokenError::Malformed));
    }

    #[test]
    fn swarms_secrets_come_back_and_differ() {
        let (signer, again) = (Signer::new(b"north"), Signer::new(b"north"));
        let (one, two) = (RoomId([1; 8]), RoomId([2; 8]));
        let [ann, bea] = ["ann", "bea"].map(|name| ParticipantId::parse(name).unwrap());
        assert_eq!(signer.swarm_key(one), again.swarm_key(one));
        assert_ne!(signer.swarm_key(one), signer.swarm_key(two));
        assert_eq!(signer.swarm_self(one, &ann), again.swarm_self(one, &ann));
        assert_ne!(signer.swarm_self(one, &ann), signer.swarm_self(one, &bea));
        assert_ne!(signer.swarm_self(one, &ann), signer.swarm_self(two, &ann));
    }

    proptest! {
        #[test]
        fn no_change_of_a_token_is_believed(at in 0_usize..200, to in "[A-Za-z0-9_.-]") {
            let signer = Signer::new(b"north");
            let mut token = signer.sign(&claims());
            let at = at % token.len();
            token.replace_range(at..=at, &to);
            if token != signer.sign(&claims()) {
                prop_assert!(signer.verify(&token, NOW).is_err());
            }
        }
    }
}

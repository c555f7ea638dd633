//! Passwords for a TURN server that shares a secret with us (coturn's `use-auth-secret`): valid for a while, nothing to store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::time::Duration;

use crate::ids::ParticipantId;
use crate::time::ServerTime;

/// What a client shows the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnCredentials {
    /// `<expiry, Unix seconds>:<participant>`.
    pub username: String,
    /// Base64 of HMAC-SHA1(secret, username).
    pub credential: String,
}

/// Credentials of one participant, valid until `now + ttl`.
pub fn turn_credentials(secret: &[u8], participant: &ParticipantId, now: ServerTime, ttl: Duration) -> TurnCredentials {
    let expiry = now.plus(ttl).unix_ms() / 1000;
    // coturn splits at the first colon; what follows is a label for its log and quotas, so it is kept to plain symbols.
    let label: String = participant.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let username = format!("{expiry}:{label}");
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    let credential = STANDARD.encode(mac.finalize().into_bytes());
    TurnCredentials { username, credential }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_that_of_openssl() {
        // printf %s 1700003600:bea_2 | openssl dgst -sha1 -hmac north -binary | base64
        let bea = ParticipantId::parse("bea~2").unwrap();
        let now = ServerTime::from_unix_ms(1_700_000_000_999);
        let given = turn_credentials(b"north", &bea, now, Duration::from_secs(3600));
        assert_eq!(given.username, "1700003600:bea_2");
        assert_eq!(given.credential, "WmANKYbl3sGexqyQiwzXxUp4+vk=");
    }
}

//! Message stream encryption (MSE, also called PE): a key exchange and RC4 around a connection's bytes.
//!
//! It hides what a connection is from who merely looks at it. It is no secrecy: nobody is authenticated, and whoever
//! sits in between can take both roles. There is no BEP; clients agree on what Azureus wrote down.
//!
//! A [`Negotiation`] is one side's handshake as a state machine: bytes come in and go out, and the two things it cannot
//! do here are asked for as [`Output`]s: the key exchange, which takes a moment of processor time and belongs on another
//! thread, and finding the torrent that the other side means. The deadline is the driver's.
//!
//! ```text
//! A → B   Ya, PadA
//! B → A   Yb, PadB
//! A → B   H("req1" S), H("req2" SKEY) xor H("req3" S), encrypted: VC, provide, PadC, first bytes of payload
//! B → A   encrypted: VC, select, PadD, payload
//! ```

mod accepting;
mod cipher;
mod error;
mod exchange;
mod initiating;
mod negotiation;
mod pending;
mod secret;
#[cfg(test)]
mod tests;

pub use cipher::Cipher;
pub use error::MseError;
pub use exchange::{Exchange, Exchanged, PrivateKey, PublicKey};
pub use negotiation::{Ciphers, Established, Found, Input, Negotiation, Output};
pub use secret::Wanted;

/// Random bytes that hide how long a handshake is: at most [`crate::limits::MSE_PAD_LEN_MAX`], the rest is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pad(Vec<u8>);

impl Pad {
    /// Takes at most the allowed length of `random`.
    pub fn new(random: &[u8]) -> Self {
        Self(random[..random.len().min(crate::limits::MSE_PAD_LEN_MAX)].to_vec())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

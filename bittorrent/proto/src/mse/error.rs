//! How an encrypted handshake fails.

/// A rule of the handshake that the other side broke, or nobody to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MseError {
    /// 1 < Y < P − 1; with others the secret is known to everybody.
    #[error("a public key that makes no secret")]
    WeakKey,
    /// What ends a pad must come within 512 bytes.
    #[error("no end of its first padding")]
    NotSynchronised,
    /// The constant that proves the key is eight zeros.
    #[error("its first encrypted bytes are wrong")]
    WrongConstant,
    /// Pads are at most 512 bytes.
    #[error("a padding of {0} bytes")]
    PadTooLong(u16),
    /// A first payload longer than anybody's handshake.
    #[error("a first payload of {0} bytes")]
    PayloadTooLong(u16),
    /// It offers, or selects, nothing that we offered.
    #[error("no method in common: {0:#x}")]
    NoMethod(u32),
    /// It asks for no torrent of ours.
    #[error("no torrent of ours")]
    UnknownTorrent,
    /// More bytes than a handshake has, while it waits for an answer of ours.
    #[error("too many bytes before its turn")]
    TooEarly,
}

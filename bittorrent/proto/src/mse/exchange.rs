//! The key exchange: Diffie-Hellman over a prime of 768 bits, with private keys of 160.

use std::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U192, U768};

use super::MseError;
use super::secret::Secret;

/// 160 random bits, big endian.
#[derive(Clone, Copy)]
pub struct PrivateKey([u8; Self::LEN]);

/// A number as it stands on the wire: 96 bytes, big endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey(pub [u8; Self::LEN]);

/// Work for another thread: one or two exponentiations, some tenths of a millisecond each on a small machine.
pub struct Exchange {
    private: PrivateKey,
    theirs: Option<PublicKey>,
    own: bool,
}

/// What came of it.
pub struct Exchanged {
    pub(super) own: Option<PublicKey>,
    pub(super) secret: Option<Result<Secret, MseError>>,
}

impl PrivateKey {
    /// Bytes of one.
    pub const LEN: usize = 20;

    /// A key of bytes that nobody can guess.
    pub const fn new(random: [u8; Self::LEN]) -> Self {
        Self(random)
    }
}

impl PublicKey {
    /// Bytes of one.
    pub const LEN: usize = 96;

    /// 1 < Y < P − 1.
    fn is_strong(&self) -> bool {
        let number = U768::from_be_slice(&self.0);
        number > U768::ONE && number < P.wrapping_sub(&U768::ONE)
    }
}

impl Exchange {
    /// The public key of a private one.
    pub(super) const fn own(private: PrivateKey) -> Self {
        Self { private, theirs: None, own: true }
    }

    /// The secret that both keys make, and with `own` the public key of ours in the same go.
    pub(super) const fn with(private: PrivateKey, theirs: PublicKey, own: bool) -> Self {
        Self { private, theirs: Some(theirs), own }
    }

    /// Does the work, in a time that does not depend on the private key.
    pub fn run(self) -> Exchanged {
        let private = &self.private;
        let secret = self.theirs.map(|theirs| {
            // Checked before any work: a stranger's 1 costs nothing.
            if theirs.is_strong() { Ok(Secret::new(power(&theirs, private))) } else { Err(MseError::WeakKey) }
        });
        let refused = matches!(secret, Some(Err(_)));
        let own = (self.own && !refused).then(|| PublicKey(power(&GENERATOR, private)));
        Exchanged { own, secret }
    }
}

/// Nothing of it is shown.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// Nothing of the keys is shown.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchange")
    }
}

/// Nothing of the keys is shown.
impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchanged")
    }
}

/// `base` to the power of the private key, modulo P.
fn power(base: &PublicKey, private: &PrivateKey) -> [u8; PublicKey::LEN] {
    let mut wide = [0; 24];
    wide[4..].copy_from_slice(&private.0);
    let base = FixedMontyForm::new(&U768::from_be_slice(&base.0), &PARAMS);
    let power = base.pow_bounded_exp(&U192::from_be_slice(&wide), PRIVATE_BITS).retrieve();
    let mut bytes = [0; PublicKey::LEN];
    bytes.copy_from_slice(power.to_be_bytes().as_ref());
    bytes
}

const PRIVATE_BITS: u32 = 160;

const P: Odd<U768> = Odd::<U768>::from_be_hex(concat!(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74",
    "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437",
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
));

const PARAMS: FixedMontyParams<{ U768::LIMBS }> = FixedMontyParams::new_vartime(P);

const GENERATOR: PublicKey = PublicKey({
    let mut two = [0; PublicKey::LEN];
    two[PublicKey::LEN - 1] = 2;
    two
});

const _: () = assert!(PrivateKey::LEN * 8 == PRIVATE_BITS as usize);

//! RC4 as MSE uses it.

use std::fmt;

use rc4::{KeyInit, Rc4, StreamCipher};

/// One direction of a stream: encrypting and decrypting are the same.
///
/// 258 bytes of state on the heap, moved on by each byte; so bytes must pass in order, each once.
pub struct Cipher(Box<Rc4>);

impl Cipher {
    /// The stream of that key, past its first 1024 bytes, which tell about the key.
    pub fn new(key: [u8; 20]) -> Self {
        let rc4 = Rc4::new_from_slice(&key).expect("RC4 takes keys of 1 to 256 bytes, and 20 is between");
        let mut cipher = Self(Box::new(rc4));
        cipher.apply(&mut [0; DROPPED]);
        cipher
    }

    /// Encrypts or decrypts in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

/// Nothing of the key is shown.
impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

const DROPPED: usize = 1024;

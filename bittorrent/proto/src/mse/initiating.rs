//! The side that connects ("A").

use std::collections::VecDeque;
use std::fmt;

use super::negotiation::{Ciphers, Established, Output};
use super::pending::{CONSTANT, PLAINTEXT, Pending, RC4, pad_len, with_len};
use super::{Exchange, Exchanged, MseError, Pad, PrivateKey, PublicKey};
use crate::infohash::Infohash;
use crate::wire::Handshake;

#[derive(Debug)]
pub(super) struct Initiating {
    given: Given,
    state: State,
}

/// What it was given at the beginning.
struct Given {
    private: PrivateKey,
    pads: [Pad; 2],
    infohash: Infohash,
    first: [u8; Handshake::LEN],
}

#[derive(Debug)]
enum State {
    /// Our public key is being made.
    OwnKey,
    /// Theirs is to come.
    TheirKey,
    /// The secret is being made.
    Exchanging,
    /// Their padding, and the constant that ends it.
    Constant { mark: [u8; CONSTANT.len()], ciphers: Ciphers },
    /// Their choice.
    Select { ciphers: Ciphers },
    /// Their second padding.
    Pad { len: usize, method: u32, ciphers: Ciphers },
    /// For the moment of a step.
    Over,
}

impl Initiating {
    pub(super) fn new(private: PrivateKey, pads: [Pad; 2], infohash: Infohash, first: [u8; Handshake::LEN]) -> Self {
        Self { given: Given { private, pads, infohash, first }, state: State::OwnKey }
    }

    pub(super) fn exchanged(&mut self, exchanged: &Exchanged, outputs: &mut VecDeque<Output>) -> Result<(), MseError> {
        let Given { pads: [pad_a, pad_c], infohash, first, .. } = &self.given;
        match exchanged.secret {
            None => {
                let own = exchanged.own.expect("the first exchange is for our public key");
                outputs.push_back(Output::Send([&own.0[..], pad_a.as_bytes()].concat()));
                self.state = State::TheirKey;
            }
            Some(secret) => {
                let secret = secret?;
                let (mut write, mut read) = (secret.cipher_a(*infohash), secret.cipher_b(*infohash));
                let offer = (PLAINTEXT | RC4).to_be_bytes();
                let mut sealed = [&CONSTANT[..], &offer, &with_len(pad_c.as_bytes()), &with_len(first)].concat();
                write.apply(&mut sealed);
                let hello = [&secret.mark()[..], &secret.ask(*infohash), &sealed].concat();
                outputs.push_back(Output::Send(hello));
                let mut mark = CONSTANT;
                read.apply(&mut mark);
                self.state = State::Constant { mark, ciphers: Ciphers { read, write } };
            }
        }
        Ok(())
    }

    /// Understands what is there; true when the handshake is through.
    pub(super) fn read(&mut self, pending: &mut Pending, outputs: &mut VecDeque<Output>) -> Result<bool, MseError> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::TheirKey => match pending.take() {
                    Some(key) => {
                        let exchange = Exchange::with(self.given.private, PublicKey(key), false);
                        outputs.push_back(Output::Exchange(exchange));
                        self.state = State::Exchanging;
                    }
                    None => return self.wait(State::TheirKey),
                },
                State::Constant { mark, ciphers } => {
                    if !pending.skip_past(&mark)? {
                        return self.wait(State::Constant { mark, ciphers });
                    }
                    self.state = State::Select { ciphers };
                }
                State::Select { mut ciphers } => {
                    let Some(mut field) = pending.take::<6>() else { return self.wait(State::Select { ciphers }) };
                    ciphers.read.apply(&mut field);
                    let [m0, m1, m2, m3, l0, l1] = field;
                    let method = u32::from_be_bytes([m0, m1, m2, m3]);
                    if method != PLAINTEXT && method != RC4 {
                        return Err(MseError::NoMethod(method));
                    }
                    self.state = State::Pad { len: pad_len([l0, l1])?, method, ciphers };
                }
                State::Pad { len, method, mut ciphers } => {
                    let Some(mut pad) = pending.take_vec(len) else {
                        return self.wait(State::Pad { len, method, ciphers });
                    };
                    ciphers.read.apply(&mut pad);
                    let established = established(self.given.infohash, method, ciphers, pending.take_all());
                    outputs.push_back(Output::Done(established));
                    return Ok(true);
                }
                state @ (State::OwnKey | State::Exchanging | State::Over) => return self.wait(state),
            }
        }
    }

    fn wait(&mut self, state: State) -> Result<bool, MseError> {
        self.state = state;
        Ok(false)
    }
}

/// Nothing of the keys is shown.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.infohash.fmt(f)
    }
}

/// The end of both sides: what came already is payload.
pub(super) fn established(infohash: Infohash, method: u32, mut ciphers: Ciphers, mut received: Vec<u8>) -> Established {
    if method == PLAINTEXT {
        return Established { infohash, ciphers: None, received };
    }
    ciphers.read.apply(&mut received);
    Established { infohash, ciphers: Some(ciphers), received }
}

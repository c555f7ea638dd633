//! The side that is connected to ("B").

use std::collections::VecDeque;

use super::initiating::established;
use super::negotiation::{Ciphers, Found, Output};
use super::pending::{CONSTANT, PLAINTEXT, Pending, RC4, pad_len, with_len};
use super::secret::Secret;
use super::{Exchange, Exchanged, MseError, Pad, PrivateKey, PublicKey};
use crate::infohash::Infohash;
use crate::limits::MSE_FIRST_PAYLOAD_LEN_MAX;

#[derive(Debug)]
pub(super) struct Accepting {
    private: PrivateKey,
    pads: [Pad; 2],
    state: State,
}

#[derive(Debug)]
enum State {
    /// Their public key is to come.
    TheirKey,
    /// The secret and our public key are being made.
    Exchanging,
    /// Their padding, and the mark that ends it.
    Mark { secret: Secret, mark: [u8; 20] },
    /// Which torrent they want.
    Ask { secret: Secret },
    /// It is being looked for.
    Finding { secret: Secret },
    /// The constant, what they offer, the length of their second padding.
    Offer { greeting: Greeting },
    /// That padding, and the length of their first payload.
    Pad { len: usize, method: u32, greeting: Greeting },
    /// That payload.
    First { len: usize, method: u32, greeting: Greeting },
    /// For the moment of a step.
    Over,
}

/// What is known once the torrent is.
#[derive(Debug)]
struct Greeting {
    infohash: Infohash,
    prefer_rc4: bool,
    ciphers: Ciphers,
}

impl Accepting {
    pub(super) fn new(private: PrivateKey, pads: [Pad; 2]) -> Self {
        Self { private, pads, state: State::TheirKey }
    }

    pub(super) fn exchanged(&mut self, exchanged: &Exchanged, outputs: &mut VecDeque<Output>) -> Result<(), MseError> {
        let secret = exchanged.secret.expect("the one exchange is for the secret")?;
        let own = exchanged.own.expect("and for our public key");
        outputs.push_back(Output::Send([&own.0[..], self.pads[0].as_bytes()].concat()));
        self.state = State::Mark { secret, mark: secret.mark() };
        Ok(())
    }

    pub(super) fn found(&mut self, found: Option<Found>) -> Result<(), MseError> {
        let State::Finding { secret } = self.state else { panic!("nobody asked for a torrent") };
        let Found { infohash, prefer_rc4 } = found.ok_or(MseError::UnknownTorrent)?;
        let ciphers = Ciphers { read: secret.cipher_a(infohash), write: secret.cipher_b(infohash) };
        self.state = State::Offer { greeting: Greeting { infohash, prefer_rc4, ciphers } };
        Ok(())
    }

    /// Understands what is there; true when the handshake is through.
    pub(super) fn read(&mut self, pending: &mut Pending, outputs: &mut VecDeque<Output>) -> Result<bool, MseError> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::TheirKey => match pending.take() {
                    Some(key) => {
                        let exchange = Exchange::with(self.private, PublicKey(key), true);
                        outputs.push_back(Output::Exchange(exchange));
                        self.state = State::Exchanging;
                    }
                    None => return self.wait(State::TheirKey),
                },
                State::Mark { secret, mark } => {
                    if !pending.skip_past(&mark)? {
                        return self.wait(State::Mark { secret, mark });
                    }
                    self.state = State::Ask { secret };
                }
                State::Ask { secret } => {
                    let Some(ask) = pending.take() else { return self.wait(State::Ask { secret }) };
                    outputs.push_back(Output::Find(secret.asked(ask)));
                    self.state = State::Finding { secret };
                }
                State::Offer { mut greeting } => {
                    let Some(mut field) = pending.take::<14>() else { return self.wait(State::Offer { greeting }) };
                    greeting.ciphers.read.apply(&mut field);
                    let [constant @ .., m0, m1, m2, m3, l0, l1] = field;
                    if constant != CONSTANT {
                        return Err(MseError::WrongConstant);
                    }
                    let method = greeting.select(u32::from_be_bytes([m0, m1, m2, m3]))?;
                    self.state = State::Pad { len: pad_len([l0, l1])?, method, greeting };
                }
                State::Pad { len, method, mut greeting } => {
                    let Some(mut pad) = pending.take_vec(len + 2) else {
                        return self.wait(State::Pad { len, method, greeting });
                    };
                    greeting.ciphers.read.apply(&mut pad);
                    let len = u16::from_be_bytes([pad[len], pad[len + 1]]);
                    if usize::from(len) > MSE_FIRST_PAYLOAD_LEN_MAX {
                        return Err(MseError::PayloadTooLong(len));
                    }
                    self.state = State::First { len: usize::from(len), method, greeting };
                }
                State::First { len, method, mut greeting } => {
                    let Some(mut first) = pending.take_vec(len) else {
                        return self.wait(State::First { len, method, greeting });
                    };
                    greeting.ciphers.read.apply(&mut first);
                    let pad = with_len(self.pads[1].as_bytes());
                    let mut sealed = [&CONSTANT[..], &method.to_be_bytes(), &pad].concat();
                    greeting.ciphers.write.apply(&mut sealed);
                    outputs.push_back(Output::Send(sealed));
                    let mut established = established(greeting.infohash, method, greeting.ciphers, pending.take_all());
                    established.received.splice(..0, first);
                    outputs.push_back(Output::Done(established));
                    return Ok(true);
                }
                state @ (State::Exchanging | State::Finding { .. } | State::Over) => return self.wait(state),
            }
        }
    }

    fn wait(&mut self, state: State) -> Result<bool, MseError> {
        self.state = state;
        Ok(false)
    }
}

impl Greeting {
    /// The method to go on with, of those that were offered.
    fn select(&self, offer: u32) -> Result<u32, MseError> {
        let wanted = if self.prefer_rc4 { [RC4, PLAINTEXT] } else { [PLAINTEXT, RC4] };
        wanted.into_iter().find(|method| offer & method != 0).ok_or(MseError::NoMethod(offer))
    }
}

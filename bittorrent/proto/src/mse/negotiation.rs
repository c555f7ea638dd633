//! One side's encrypted handshake, from the first byte to the first of the payload.

use std::collections::VecDeque;

use super::accepting::Accepting;
use super::initiating::Initiating;
use super::pending::Pending;
use super::{Cipher, Exchange, Exchanged, MseError, Pad, PrivateKey, Wanted};
use crate::infohash::Infohash;
use crate::limits::MSE_PENDING_LEN_MAX;
use crate::wire::Handshake;

/// One side's handshake. Drain [`Negotiation::poll_output`] after each input.
///
/// It waits for nobody but the other side and for answers to what it asked for, and keeps at most
/// [`MSE_PENDING_LEN_MAX`] bytes meanwhile. It needs no timer: its driver gives it up.
#[derive(Debug)]
pub struct Negotiation {
    side: Side,
    pending: Pending,
    outputs: VecDeque<Output>,
}

/// What happens to a handshake.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes came, cut anywhere. None may follow [`Output::Done`].
    Received(&'a [u8]),
    /// The answer to [`Output::Exchange`].
    Exchanged(Exchanged),
    /// The answer to [`Output::Find`].
    Found(Option<Found>),
}

/// A torrent of ours.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Which.
    pub infohash: Infohash,
    /// Everything is encrypted where the other side can; otherwise only the handshake, where it can do that.
    pub prefer_rc4: bool,
}

/// What a handshake wants.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Do this somewhere else, and answer with [`Input::Exchanged`].
    Exchange(Exchange),
    /// Look among the torrents, and answer with [`Input::Found`].
    Find(Wanted),
    /// The handshake is through. The last output.
    Done(Established),
}

/// What both sides agreed on.
#[derive(Debug)]
pub struct Established {
    /// The torrent it is about.
    pub infohash: Infohash,
    /// How to go on; `None` for plaintext.
    pub ciphers: Option<Ciphers>,
    /// Payload that came with the handshake, in plaintext.
    pub received: Vec<u8>,
}

/// A connection's two streams.
#[derive(Debug)]
pub struct Ciphers {
    /// For what comes in from here on.
    pub read: Cipher,
    /// For what goes out from here on.
    pub write: Cipher,
}

impl Negotiation {
    /// The side that connects, for that torrent. `first` is sent as soon as there is a key; both methods are offered.
    pub fn initiate(private: PrivateKey, pads: [Pad; 2], infohash: Infohash, first: [u8; Handshake::LEN]) -> Self {
        let outputs = VecDeque::from([Output::Exchange(Exchange::own(private))]);
        let side = Side::Initiating(Initiating::new(private, pads, infohash, first));
        Self { side, pending: Pending::default(), outputs }
    }

    /// The side that is connected to.
    pub fn accept(private: PrivateKey, pads: [Pad; 2]) -> Self {
        let side = Side::Accepting(Accepting::new(private, pads));
        Self { side, pending: Pending::default(), outputs: VecDeque::new() }
    }

    /// Something happened.
    ///
    /// # Errors
    /// The rule that the other side broke. The connection is of no use then, and nothing more comes out.
    ///
    /// # Panics
    /// When it is answered what it did not ask.
    pub fn handle_input(&mut self, input: Input<'_>) -> Result<(), MseError> {
        let result = self.advance(input);
        if result.is_err() {
            self.side = Side::Over;
            self.outputs.clear();
        }
        result
    }

    /// What it wants next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn advance(&mut self, input: Input<'_>) -> Result<(), MseError> {
        match input {
            Input::Received(bytes) => self.pending.push(bytes),
            Input::Exchanged(exchanged) => match &mut self.side {
                Side::Initiating(side) => side.exchanged(&exchanged, &mut self.outputs)?,
                Side::Accepting(side) => side.exchanged(&exchanged, &mut self.outputs)?,
                Side::Over => {}
            },
            Input::Found(found) => match &mut self.side {
                Side::Accepting(side) => side.found(found)?,
                Side::Initiating(_) => panic!("who connects knows the torrent"),
                Side::Over => {}
            },
        }
        let over = match &mut self.side {
            Side::Initiating(side) => side.read(&mut self.pending, &mut self.outputs)?,
            Side::Accepting(side) => side.read(&mut self.pending, &mut self.outputs)?,
            Side::Over => true,
        };
        if over {
            self.side = Side::Over;
            self.pending = Pending::default();
        } else if self.pending.len() > MSE_PENDING_LEN_MAX {
            return Err(MseError::TooEarly);
        }
        Ok(())
    }
}

#[derive(Debug)]
enum Side {
    Initiating(Initiating),
    Accepting(Accepting),
    /// It is through, or failed.
    Over,
}

//! The handshake of encrypted streams.

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::limits::MSE_PENDING_LEN_MAX;
use bittorrent_proto::mse::{Found, Input, MseError, Negotiation, Output, Pad, PrivateKey};
use bittorrent_proto::wire::Handshake;

use crate::cuts;

const FILM: Infohash = Infohash::new([0xaa; 20]);

/// The bytes of a connection, to either side of a handshake: however they are cut, it says and ends the same. The first
/// byte chooses the side and what it prefers.
pub fn mse(bytes: &[u8]) {
    let Some((&choice, stream)) = bytes.split_first() else { return };
    // No more than a side may be sent before it has an answer for.
    let stream = &stream[..stream.len().min(MSE_PENDING_LEN_MAX)];
    let whole = run(choice, std::iter::once(stream));
    assert_eq!(whole, run(choice, cuts(stream)), "an end does not depend on how the network cuts");
    let longest = 96 + 512 + 20 + 20 + 14 + 512 + 2 + 1024;
    assert!(whole.1.is_some() || stream.len() < longest, "{} bytes and no end", stream.len());
}

/// What it said where no rule was broken, and how it ended: whether the rest is encrypted, or the error.
fn run<'a>(choice: u8, stream: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<Result<bool, MseError>>) {
    let (private, pads) = (PrivateKey::new([choice; PrivateKey::LEN]), [Pad::new(&[1; 3]), Pad::new(&[2; 4])]);
    let mut negotiation = if choice & 1 == 0 {
        Negotiation::accept(private, pads)
    } else {
        Negotiation::initiate(private, pads, FILM, [0x42; Handshake::LEN])
    };
    let mut said = Vec::new();
    assert_eq!(settle(&mut negotiation, choice, &mut said), Ok(None), "it does not end before it begins");
    for part in stream {
        let taken = negotiation.handle_input(Input::Received(part));
        match taken.and_then(|()| settle(&mut negotiation, choice, &mut said)) {
            Ok(None) => {}
            Ok(Some(encrypted)) => return (said, Some(Ok(encrypted))),
            // How much was said before depends on the cut: what comes with a broken rule is not answered any more.
            Err(error) => return (Vec::new(), Some(Err(error))),
        }
    }
    (said, None)
}

fn settle(negotiation: &mut Negotiation, choice: u8, said: &mut Vec<u8>) -> Result<Option<bool>, MseError> {
    let mut done = None;
    while let Some(output) = negotiation.poll_output() {
        match output {
            Output::Send(bytes) => said.extend(bytes),
            Output::Exchange(exchange) => negotiation.handle_input(Input::Exchanged(exchange.run()))?,
            Output::Find(wanted) => {
                let found = wanted.is(FILM).then_some(Found { infohash: FILM, prefer_rc4: choice & 2 != 0 });
                negotiation.handle_input(Input::Found(found))?;
            }
            Output::Done(established) => done = Some(established.ciphers.is_some()),
        }
    }
    Ok(done)
}

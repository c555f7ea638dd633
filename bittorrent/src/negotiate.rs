//! Drives the handshake of encrypted streams (MSE) over a socket.

use std::io;

use bittorrent_proto::limits::MSE_PAD_LEN_MAX;
use bittorrent_proto::mse::{Established, Found, Input, Negotiation, Output, Pad, PrivateKey, Wanted};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use crate::encryption::KeyExchanges;
use crate::handshake::{HANDSHAKE_READ_LEN, HandshakeError, some};

/// Who called, which says whether keys are made at a pace.
#[derive(Clone, Copy)]
pub(crate) enum Calls<'a> {
    /// We did.
    Ours(&'a KeyExchanges),
    /// The other side did.
    Theirs(&'a KeyExchanges),
}

/// Carries out what the negotiation wants until it is through. `heard` was read before.
pub(crate) async fn negotiate(
    stream: &mut TcpStream,
    mut negotiation: Negotiation,
    heard: &[u8],
    calls: Calls<'_>,
    find: impl Fn(Wanted) -> Option<Found>,
) -> Result<Established, HandshakeError> {
    let mut buffer = vec![0; HANDSHAKE_READ_LEN];
    negotiation.handle_input(Input::Received(heard))?;
    loop {
        while let Some(output) = negotiation.poll_output() {
            match output {
                Output::Send(bytes) => stream.write_all(&bytes).await?,
                Output::Exchange(exchange) => {
                    let exchanged = match calls {
                        Calls::Ours(exchanges) => exchanges.run(exchange).await,
                        Calls::Theirs(exchanges) => exchanges.run_in_turn(exchange).await,
                    };
                    negotiation.handle_input(Input::Exchanged(exchanged))?;
                }
                Output::Find(wanted) => negotiation.handle_input(Input::Found(find(wanted)))?,
                Output::Done(established) => return Ok(established),
            }
        }
        let read = some(stream.read(&mut buffer).await?)?;
        negotiation.handle_input(Input::Received(&buffer[..read]))?;
    }
}

/// A private key and two paddings that nobody can guess.
pub(crate) fn secrets() -> io::Result<(PrivateKey, [Pad; 2])> {
    let mut random = [0; PrivateKey::LEN + 4 + 2 * MSE_PAD_LEN_MAX];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let (private, rest) = random.split_first_chunk().expect("it is longer than a key");
    let (lens, rest) = rest.split_first_chunk::<4>().expect("and than four bytes more");
    let (first, second) = rest.split_at(MSE_PAD_LEN_MAX);
    let [a, b, c, d] = *lens;
    let len = |bytes| usize::from(u16::from_be_bytes(bytes)) % (MSE_PAD_LEN_MAX + 1);
    let pads = [Pad::new(&first[..len([a, b])]), Pad::new(&second[..len([c, d])])];
    Ok((PrivateKey::new(*private), pads))
}

//! Making a connection: dialing, the handshakes (BEP 3), and socket options.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::wire::{Handshake, Reserved};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use smol::Timer;
use smol::net::TcpStream;
use socket2::SockRef;

/// A dial that takes longer leads nowhere, or to a peer of no use.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Both handshakes together; a slower peer is holding the place for nothing.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes the system keeps unsent for a socket. Blocks that wait there cannot be cancelled any more.
const UNSENT_MAX: u32 = 128 * 1024;

/// Why no connection came to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Misbehaved(#[from] PeerMisbehaved),
    #[error("no torrent of ours")]
    Unknown,
    #[error("no answer in time")]
    Timeout,
}

/// Connects, and says hello first.
pub(crate) async fn dial(
    addr: SocketAddr,
    infohash: Infohash,
    peer_id: PeerId,
) -> Result<(TcpStream, Handshake), HandshakeError> {
    let mut stream = within(CONNECT_TIMEOUT, async { Ok(TcpStream::connect(addr).await?) }).await?;
    set_options(&stream);
    let theirs = within(HANDSHAKE_TIMEOUT, async {
        stream.write_all(&ours(infohash, peer_id)).await?;
        receive(&mut stream).await
    })
    .await?;
    if theirs.infohash != infohash {
        return Err(PeerMisbehaved::WrongInfohash.into());
    }
    Ok((stream, theirs))
}

/// Hears what a peer that connected to us wants, and answers if `known` has it.
pub(crate) async fn accept(
    stream: &mut TcpStream,
    known: impl Fn(Infohash) -> Option<PeerId>,
) -> Result<Handshake, HandshakeError> {
    set_options(stream);
    within(HANDSHAKE_TIMEOUT, async {
        let theirs = receive(stream).await?;
        let peer_id = known(theirs.infohash).ok_or(HandshakeError::Unknown)?;
        stream.write_all(&ours(theirs.infohash, peer_id)).await?;
        Ok(theirs)
    })
    .await
}

fn ours(infohash: Infohash, peer_id: PeerId) -> [u8; Handshake::LEN] {
    Handshake { reserved: Reserved::ours(), infohash, peer_id }.encode()
}

async fn receive(stream: &mut TcpStream) -> Result<Handshake, HandshakeError> {
    let mut bytes = [0; Handshake::LEN];
    // The first byte tells whether it is BitTorrent at all.
    stream.read_exact(&mut bytes).await?;
    Ok(Handshake::decode(&bytes)?)
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, HandshakeError>>) -> Result<T, HandshakeError> {
    work.or(async {
        Timer::after(time).await;
        Err(HandshakeError::Timeout)
    })
    .await
}

fn set_options(stream: &TcpStream) {
    // Requests are small and must leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("no TCP_NODELAY: {error}");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_MAX) {
        log::debug!("no TCP_NOTSENT_LOWAT: {error}");
    }
}

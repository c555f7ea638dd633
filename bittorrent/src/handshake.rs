//! Making a connection: dialing, the handshakes (BEP 3, and MSE around it), and socket options.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::mse::{Ciphers, Found, MseError, Negotiation, Wanted};
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::wire::{Handshake, Reserved};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use smol::Timer;
use smol::net::TcpStream;
use socket2::SockRef;

use crate::encryption::{Greeting, KeyExchanges};
use crate::negotiate::{Calls, negotiate, secrets};

/// A dial that takes longer leads nowhere, or to a peer of no use.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Both handshakes together; a slower peer is holding the place for nothing.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The same when there are keys to make first.
const ENCRYPTED_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);

/// Bytes the system keeps unsent for a socket. Blocks that wait there cannot be cancelled any more.
const UNSENT_MAX: u32 = 128 * 1024;

/// Bytes of one read of a handshake.
pub(crate) const HANDSHAKE_READ_LEN: usize = 2048;

/// A connection whose handshakes are through.
pub(crate) struct Greeted {
    pub(crate) stream: TcpStream,
    /// What the peer said.
    pub(crate) theirs: Handshake,
    /// How the rest is encrypted; `None` for plaintext.
    pub(crate) ciphers: Option<Ciphers>,
    /// Messages that came right behind an encrypted handshake, decrypted; a few KiB at most.
    pub(crate) early: Vec<u8>,
}

/// Why no connection came to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("{0}")]
    Unreachable(io::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Misbehaved(#[from] PeerMisbehaved),
    #[error("encryption: {0}")]
    Encryption(#[from] MseError),
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
    greeting: Greeting,
    exchanges: &KeyExchanges,
) -> Result<Greeted, HandshakeError> {
    let connect = async { Ok(TcpStream::connect(addr).await?) };
    let mut stream = within(CONNECT_TIMEOUT, connect).await.map_err(|error| match error {
        HandshakeError::Io(error) => HandshakeError::Unreachable(error),
        error => HandshakeError::Unreachable(io::Error::new(io::ErrorKind::TimedOut, error.to_string())),
    })?;
    set_options(&stream);
    let greeted = match greeting {
        Greeting::Plain => {
            let greet = async {
                stream.write_all(&ours(infohash, peer_id)).await?;
                let mut bytes = [0; Handshake::LEN];
                stream.read_exact(&mut bytes).await?;
                Ok(Greeted { theirs: Handshake::decode(&bytes)?, stream, ciphers: None, early: Vec::new() })
            };
            within(HANDSHAKE_TIMEOUT, greet).await?
        }
        Greeting::Encrypted => {
            let greet = async {
                let (private, pads) = secrets()?;
                let negotiation = Negotiation::initiate(private, pads, infohash, ours(infohash, peer_id));
                let mut established =
                    negotiate(&mut stream, negotiation, &[], Calls::Ours(exchanges), |_| None).await?;
                let mut ciphers = established.ciphers.take();
                let theirs = hear(&mut stream, &mut ciphers, &mut established.received).await?;
                Ok(Greeted { stream, theirs, ciphers, early: established.received })
            };
            within(ENCRYPTED_HANDSHAKE_TIMEOUT, greet).await?
        }
    };
    if greeted.theirs.infohash != infohash {
        return Err(PeerMisbehaved::WrongInfohash.into());
    }
    Ok(greeted)
}

/// What a peer that connected may ask for.
pub(crate) trait Torrents {
    /// Our peer id for a torrent that runs.
    fn known(&self, infohash: Infohash) -> Option<PeerId>;
    /// The torrent that an encrypted handshake means.
    fn find(&self, wanted: Wanted) -> Option<Found>;
}

/// Hears what a peer that connected to us wants, in plaintext or encrypted, and answers if it is a torrent of ours.
pub(crate) async fn accept(
    mut stream: TcpStream,
    torrents: &impl Torrents,
    exchanges: &KeyExchanges,
) -> Result<Greeted, HandshakeError> {
    set_options(&stream);
    let began = Instant::now();
    let mut first = [0; Handshake::LEN];
    let heard = within(HANDSHAKE_TIMEOUT, async {
        let mut heard = 0;
        while heard < first.len() && Handshake::may_begin(&first[..heard]) {
            heard += some(stream.read(&mut first[heard..]).await?)?;
        }
        Ok(heard)
    })
    .await?;
    if Handshake::may_begin(&first[..heard]) {
        let theirs = Handshake::decode(&first)?;
        let peer_id = torrents.known(theirs.infohash).ok_or(HandshakeError::Unknown)?;
        let left = HANDSHAKE_TIMEOUT.saturating_sub(began.elapsed());
        within(left, async { Ok(stream.write_all(&ours(theirs.infohash, peer_id)).await?) }).await?;
        return Ok(Greeted { stream, theirs, ciphers: None, early: Vec::new() });
    }
    within(ENCRYPTED_HANDSHAKE_TIMEOUT.saturating_sub(began.elapsed()), async {
        let (private, pads) = secrets()?;
        let negotiation = Negotiation::accept(private, pads);
        let find = |wanted| torrents.find(wanted);
        let mut established =
            negotiate(&mut stream, negotiation, &first[..heard], Calls::Theirs(exchanges), find).await?;
        let mut ciphers = established.ciphers.take();
        let theirs = hear(&mut stream, &mut ciphers, &mut established.received).await?;
        if theirs.infohash != established.infohash {
            return Err(PeerMisbehaved::WrongInfohash.into());
        }
        let peer_id = torrents.known(theirs.infohash).ok_or(HandshakeError::Unknown)?;
        let mut answer = ours(theirs.infohash, peer_id);
        if let Some(ciphers) = &mut ciphers {
            ciphers.write.apply(&mut answer);
        }
        stream.write_all(&answer).await?;
        Ok(Greeted { stream, theirs, ciphers, early: established.received })
    })
    .await
}

/// The peer's handshake after an encrypted one. Some of it may be in `received`; what is behind it stays there.
async fn hear(
    stream: &mut TcpStream,
    ciphers: &mut Option<Ciphers>,
    received: &mut Vec<u8>,
) -> Result<Handshake, HandshakeError> {
    let mut buffer = vec![0; HANDSHAKE_READ_LEN];
    loop {
        if let Some(theirs) = received.first_chunk() {
            let theirs = Handshake::decode(theirs)?;
            received.drain(..Handshake::LEN);
            return Ok(theirs);
        }
        let read = some(stream.read(&mut buffer).await?)?;
        if let Some(ciphers) = ciphers {
            ciphers.read.apply(&mut buffer[..read]);
        }
        received.extend_from_slice(&buffer[..read]);
    }
}

/// A read of nothing is the end.
pub(crate) fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

fn ours(infohash: Infohash, peer_id: PeerId) -> [u8; Handshake::LEN] {
    Handshake { reserved: Reserved::ours(), infohash, peer_id }.encode()
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

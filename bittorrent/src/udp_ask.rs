//! The socket below one announce to a UDP tracker.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use bittorrent_proto::rng::Rng;
use bittorrent_proto::tracker::udp::{DATAGRAM_LEN_MAX, Output};
use bittorrent_proto::tracker::{Announce, AnswerError, Peers, TrackerUrl, UdpAnnounce};
use futures_lite::FutureExt as _;
use smol::Timer;
use smol::net::UdpSocket;

/// Why there are no peers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UdpError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Answer(#[from] AnswerError),
    #[error("it does not answer")]
    Silent,
}

/// Announces to that address; `url` is whose it is. Ends by itself ([`bittorrent_proto::tracker::udp::PATIENCE`]).
pub(crate) async fn announce(
    addr: SocketAddr,
    url: &TrackerUrl,
    announce: &Announce,
    rng: Rng,
) -> Result<Peers, UdpError> {
    let any = if addr.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    // Connected, so that the system hands in what comes from this very address alone, and says when nobody listens there.
    socket.connect(addr).await?;
    let mut exchange = UdpAnnounce::new(Instant::now(), rng, url, announce.clone(), addr.is_ipv6());
    let mut buffer = vec![0; DATAGRAM_LEN_MAX];
    loop {
        while let Some(output) = exchange.poll_output() {
            match output {
                Output::Send(datagram) => {
                    socket.send(&datagram).await?;
                }
                Output::Answered(peers) => return Ok(peers),
                Output::Failed(error) => return Err(error.into()),
                Output::Silent => return Err(UdpError::Silent),
            }
        }
        let (again_at, _) = exchange.poll_timeout().expect("an exchange that has not ended waits for an answer");
        let received = async { socket.recv(&mut buffer).await.map(Some) };
        let late = async {
            Timer::at(again_at).await;
            Ok(None)
        };
        match received.or(late).await? {
            Some(len) => exchange.handle_input(Instant::now(), &buffer[..len]),
            None => exchange.handle_timeout(Instant::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bittorrent_proto::infohash::Infohash;
    use bittorrent_proto::peer_id::PeerId;

    fn question() -> Announce {
        Announce {
            infohash: Infohash::new([1; 20]),
            peer_id: PeerId::new([2; 20]),
            port: 1,
            uploaded: 0,
            downloaded: 0,
            left: None,
            event: None,
            key: 0,
            tracker_id: None,
            local: Vec::new(),
        }
    }

    async fn ask(addr: SocketAddr) -> Result<Peers, UdpError> {
        let url = TrackerUrl::parse(&format!("udp://{addr}/announce")).unwrap();
        announce(addr, &url, &question(), Rng::new(1)).await
    }

    /// A socket of somebody who repeats the asker's transaction, as nobody but who reads along could.
    async fn answer(socket: &UdpSocket, from: &UdpSocket, action: u32, rest: &[u8]) {
        let mut buffer = [0; 2048];
        let (_, asker) = socket.recv_from(&mut buffer).await.unwrap();
        let datagram = [&action.to_be_bytes(), &buffer[12..16], rest].concat();
        from.send_to(&datagram, asker).await.unwrap();
    }

    #[test]
    fn both_families_are_asked_and_only_the_asked_address_is_heard() {
        smol::block_on(async {
            for ip in ["127.0.0.1:0", "[::1]:0"] {
                let tracker = UdpSocket::bind(ip).await.unwrap();
                let other = UdpSocket::bind(ip).await.unwrap();
                let addr = tracker.local_addr().unwrap();
                let answering = async {
                    // Another's refusal, with the right transaction, and then the tracker's answer to the repetition.
                    answer(&tracker, &other, 3, b"not me").await;
                    answer(&tracker, &tracker, 0, &[9; 8]).await;
                    let peers: &[u8] = if addr.is_ipv6() { &[5; 18] } else { &[5; 6] };
                    answer(&tracker, &tracker, 1, &[&[0; 12][..], peers].concat()).await;
                };
                let (found, ()) = futures_lite::future::zip(ask(addr), answering).await;
                let found = found.unwrap();
                assert_eq!(found.addrs.len(), 1);
                assert_eq!(found.addrs[0].is_ipv6(), addr.is_ipv6());
            }
        });
    }

    #[test]
    fn a_refusal_keeps_its_words_and_nobody_there_is_said_at_once() {
        smol::block_on(async {
            let tracker = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let addr = tracker.local_addr().unwrap();
            let (found, ()) = futures_lite::future::zip(ask(addr), answer(&tracker, &tracker, 3, b"full")).await;
            assert!(matches!(found, Err(UdpError::Answer(AnswerError::Refused(why))) if why == "full"));
            drop(tracker);
            assert!(matches!(ask(addr).await, Err(UdpError::Io(_))));
        });
    }
}

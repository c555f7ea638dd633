//! STUN on the UDP port of the same number: tells engines and browsers how they are seen from outside.

use std::net::SocketAddr;
use std::time::Duration;

use signal_proto::stun;
use smol::Timer;
use smol::net::UdpSocket;

use crate::limits::DATAGRAM_LEN_MAX;

/// Pause after a receive that failed for a reason of the system's own.
const PAUSE: Duration = Duration::from_millis(50);

/// The port beside the listener's, or `None` where the host does not allow it.
pub(crate) fn bind(beside: SocketAddr) -> Option<UdpSocket> {
    let bound = crate::listen::udp(beside).and_then(UdpSocket::try_from);
    bound.inspect_err(|error| log::warn!("no STUN on UDP {}: {error}", beside.port())).ok()
}

/// Answers as long as the server lives. What is no request of STUN's gets nothing.
pub(crate) async fn answer(socket: &UdpSocket) {
    let mut packet = [0; DATAGRAM_LEN_MAX];
    loop {
        match socket.recv_from(&mut packet).await {
            Ok((len, from)) => {
                let seen = SocketAddr::new(from.ip().to_canonical(), from.port());
                if let Some(answer) = stun::answer(&packet[..len], seen)
                    && let Err(error) = socket.send_to(&answer, from).await
                {
                    log::debug!("a STUN answer was not sent: {error}");
                }
            }
            Err(error) => {
                // An answer that reached nobody comes back as an error, too.
                log::debug!("STUN: {error}");
                Timer::after(PAUSE).await;
            }
        }
    }
}

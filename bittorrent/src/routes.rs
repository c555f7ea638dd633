//! Which of our addresses the system uses towards the world. A global address that is on some interface need not lead
//! anywhere: a container's, a tunnel's, one of a network that was left.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Far away for everybody: two root name servers (a and k). Nothing is sent to them; a connected datagram socket only asks
/// the routing table.
const FAR_AWAY: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4)), IpAddr::V6(Ipv6Addr::new(0x2001, 0x7fd, 0, 0, 0, 0, 0, 1))];

/// Our address of each family that a packet to the world would carry; none of a family without a way there.
pub(crate) fn towards_the_world() -> Vec<IpAddr> {
    FAR_AWAY.into_iter().filter_map(source_towards).collect()
}

fn source_towards(far_away: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if far_away.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(far_away, 53)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_canonical()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_ourselves_is_loopback() {
        assert_eq!(source_towards(Ipv4Addr::LOCALHOST.into()), Some(Ipv4Addr::LOCALHOST.into()));
        // Whatever this machine has, each family is named once at most, and with an address.
        let ours = towards_the_world();
        assert!(
            ours.iter().filter(|ip| ip.is_ipv4()).count() <= 1 && ours.iter().filter(|ip| ip.is_ipv6()).count() <= 1
        );
        assert!(ours.iter().all(|ip| !ip.is_unspecified()));
    }
}

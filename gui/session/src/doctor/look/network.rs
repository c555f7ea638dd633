//! This machine on its network: the engine's port, and IPv6.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_lite::future;
use smol::net::{TcpListener, TcpStream, UdpSocket};

use super::{within, words};
use crate::doctor::limits::OWN_REACH_PATIENCE;
use crate::doctor::seen::{Ipv6Seen, PortSeen, Reach};

/// Where the engine looks for a port when the wanted one is taken.
const NEXT_PORTS: std::ops::RangeInclusive<u16> = 6881..=6889;

/// Addresses far away, of the ranges for documentation: a route to them is one to the world, and nothing is sent.
const FAR_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

pub(crate) async fn port(wanted: u16) -> PortSeen {
    let own = own_address().await;
    let Some(listener) = listen(wanted).await else {
        return PortSeen { wanted, got: None, own, tcp: Reach::NotTried, udp: Reach::NotTried };
    };
    let got = listener.local_addr().ok().map(|address| address.port());
    let (Some(ip), Some(port)) = (own, got) else {
        return PortSeen { wanted, got, own, tcp: Reach::NotTried, udp: Reach::NotTried };
    };
    let there = SocketAddr::new(ip, port);
    let tcp = reach(by_tcp(&listener, there)).await;
    let udp = reach(by_udp(there)).await;
    PortSeen { wanted, got, own, tcp, udp }
}

async fn listen(wanted: u16) -> Option<TcpListener> {
    for port in std::iter::once(wanted).chain(NEXT_PORTS).chain([0]) {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await {
            return Some(listener);
        }
    }
    None
}

/// The one that the system uses towards the world, else one that it has.
async fn own_address() -> Option<IpAddr> {
    if let Some(ip) = towards(FAR_V4.into()).await {
        return Some(ip);
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback())
}

/// Connecting a UDP socket asks the routing table and sends nothing.
async fn towards(far: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect((far, 9)).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

async fn reach(attempt: impl Future<Output = io::Result<()>>) -> Reach {
    match within(OWN_REACH_PATIENCE, attempt).await {
        Some(Ok(())) => Reach::Yes,
        Some(Err(error)) => Reach::No { why: words(&error) },
        None => Reach::No { why: "no answer".to_owned() },
    }
}

async fn by_tcp(listener: &TcpListener, there: SocketAddr) -> io::Result<()> {
    let (called, accepted) = future::zip(TcpStream::connect(there), listener.accept()).await;
    called.and(accepted.map(|_| ()))
}

async fn by_udp(there: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, there.port())).await?;
    let caller = UdpSocket::bind((there.ip(), 0)).await?;
    let from = caller.local_addr()?;
    caller.send_to(b"well?", there).await?;
    let mut packet = [0; 64];
    loop {
        // Somebody else may speak to the port as well.
        if socket.recv_from(&mut packet).await?.1 == from {
            return Ok(());
        }
    }
}

pub(crate) async fn ipv6() -> Ipv6Seen {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let global = interfaces.iter().any(|interface| match interface.ip() {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unique_local(),
    });
    Ipv6Seen { global, route: towards(FAR_V6.into()).await.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_gives_way_to_another_and_is_reached() {
        smol::block_on(async {
            let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
            let wanted = taken.local_addr().unwrap().port();
            let seen = port(wanted).await;
            assert_ne!(seen.got, Some(wanted));
            assert!(seen.got.is_some());
            let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, wanted));
            assert_eq!(reach(by_tcp(&taken, loopback)).await, Reach::Yes);
            assert_eq!(reach(by_udp(loopback)).await, Reach::Yes);
        });
    }

    #[test]
    fn a_closed_port_and_one_that_swallows() {
        smol::block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            assert!(matches!(reach(by_tcp(&listener, nowhere)).await, Reach::No { .. }));
            let mute = future::pending();
            assert_eq!(reach(mute).await, Reach::No { why: "no answer".into() });
        });
    }
}

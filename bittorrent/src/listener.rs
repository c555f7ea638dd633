//! The port that peers reach: one number for IPv4 and IPv6.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use smol::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

/// Ports tried after the preferred one: those that BitTorrent has used since its first client.
const USUAL: std::ops::RangeInclusive<u16> = 6881..=6889;

/// Connections that the system keeps for us until we take them.
const BACKLOG: i32 = 128;

/// Listeners of both families; a machine may have only one.
pub(crate) struct Listeners {
    pub(crate) port: u16,
    pub(crate) sockets: Vec<TcpListener>,
}

/// Listens on `preferred`, else on a usual port, else on any.
pub(crate) fn listen(preferred: u16) -> io::Result<Listeners> {
    let usual = USUAL.filter(|port| preferred != 0 && *port != preferred);
    let mut outcome = listen_on(preferred);
    for port in usual.chain([0]) {
        if outcome.is_ok() {
            break;
        }
        outcome = listen_on(port);
    }
    outcome
}

fn listen_on(port: u16) -> io::Result<Listeners> {
    let v4 = bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    let port = v4.local_addr()?.port();
    let mut sockets = vec![v4];
    match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Ok(v6) => sockets.push(v6),
        // Taken by another program: this port is not ours alone. Anything else: no IPv6 here.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(error) => log::info!("no IPv6 for peers: {error}"),
    }
    Ok(Listeners { port, sockets })
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        // Each family has a socket of its own, whatever the system's default.
        socket.set_only_v6(true)?;
    }
    // After a restart, old connections in TIME_WAIT must not keep the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::try_from(std::net::TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_another() {
        let first = listen(0).unwrap();
        let second = listen(first.port).unwrap();
        assert_ne!(first.port, second.port);
        assert!(second.sockets.iter().all(|socket| socket.local_addr().unwrap().port() == second.port));
    }
}

//! Sockets that take IPv4 and IPv6 alike.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// As many as may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listener on `port`: of `address`, or of every address of both families.
///
/// # Errors
/// When the port is taken or not allowed, or the address is not this machine's.
pub fn tcp(address: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    let Some(address) = address else {
        // A machine may have no IPv6 at all.
        return tcp(Some(Ipv6Addr::UNSPECIFIED.into()), port)
            .or_else(|_| tcp(Some(Ipv4Addr::UNSPECIFIED.into()), port));
    };
    let socket = socket(SocketAddr::new(address, port), Type::STREAM, Protocol::TCP)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A UDP socket at the same address.
pub(crate) fn udp(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    Ok(socket(address, Type::DGRAM, Protocol::UDP)?.into())
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if kind == Type::STREAM {
        // A restart must not wait for the last connections' minute in TIME_WAIT.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

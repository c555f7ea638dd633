//! One port on both loopback addresses.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use crate::error::StartError;
use crate::limits::PORT_TRIES_MAX;

/// The sockets of a server.
pub(crate) struct Listeners {
    /// 127.0.0.1.
    pub(crate) v4: TcpListener,
    /// ::1, the same port; none on a machine without IPv6.
    pub(crate) v6: Option<TcpListener>,
    /// The port of both.
    pub(crate) port: u16,
}

/// Binds `preferred`, or any port when it is 0 or cannot be had.
pub(crate) fn listen(preferred: u16) -> Result<Listeners, StartError> {
    if preferred != 0 {
        match bind(preferred) {
            Ok(listeners) => return Ok(listeners),
            Err(error) => log::info!("port {preferred} of the local server: {error}"),
        }
    }
    let mut tries = 1;
    loop {
        // The system picks a port that is free in IPv4; somebody else may have it in IPv6.
        match bind(0) {
            Ok(listeners) => return Ok(listeners),
            Err(_) if tries < PORT_TRIES_MAX => tries += 1,
            Err(error) => return Err(StartError::Bind(error)),
        }
    }
}

fn bind(port: u16) -> io::Result<Listeners> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = v4.local_addr()?.port();
    let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
        Ok(v6) => Some(v6),
        // Whoever resolves localhost to ::1 would talk to somebody else.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(error) => {
            log::debug!("the local server without IPv6: {error}");
            None
        }
    };
    Ok(Listeners { v4, v6, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_taken_in_either_family_is_left_alone() {
        let first = listen(0).unwrap();
        assert_ne!(first.port, 0);
        let second = listen(first.port).unwrap();
        assert_ne!(second.port, first.port);
        let Some(v6) = first.v6 else { return };
        drop(first.v4);
        let third = listen(first.port).unwrap();
        assert_ne!(third.port, first.port, "::1 is still taken");
        drop(v6);
    }

    #[test]
    fn a_free_port_is_taken_in_both_families() {
        let listeners = listen(0).unwrap();
        let port = listeners.port;
        assert_eq!(listeners.v4.local_addr().unwrap().port(), port);
        assert!(listeners.v6.as_ref().is_none_or(|v6| v6.local_addr().unwrap().port() == port));
    }
}

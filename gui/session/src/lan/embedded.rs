//! The signalling server inside the app: what makes a room possible where no server was set up.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use signal::Config;
use smol::channel::{Sender, bounded};

use super::record::server_url;

/// A running server on a thread of its own. Dropping it tells its rooms and ends it, which takes 4 s at most.
#[derive(Debug)]
pub struct EmbeddedServer {
    port: u16,
    /// The server stops when this is gone.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No port, or no thread.
    #[error("the room's server cannot be started on this machine: {0}")]
    System(#[from] io::Error),
}

impl EmbeddedServer {
    /// Starts one for every address of this machine, or for `config.bind`, at `config.port` or, if that is taken, at any. Its key is
    /// of this run alone, unless `config` has one.
    ///
    /// # Errors
    /// When the system gives no port at all, or no thread.
    pub fn start(config: Config) -> Result<Self, EmbeddedError> {
        let listener = listen(&config)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = bounded::<()>(1);
        let serve = move || {
            let stopped = async {
                // Nothing is ever sent: it ends with its sender.
                let _ = stopped.recv().await;
            };
            if let Err(error) = smol::block_on(signal::serve_until(listener, config, stopped)) {
                log::error!("the room's server ended: {error}");
            }
        };
        let thread = thread::Builder::new().name("room server".to_owned()).spawn(serve)?;
        log::info!("the room's server listens at port {port}");
        Ok(Self { port, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, over TCP and, for STUN, over UDP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL for this machine.
    pub fn own_url(&self) -> String {
        server_url(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }

    /// Its URLs for others on the network, by the addresses that this machine has now; those of private networks first.
    pub fn urls(&self) -> Vec<String> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let mut addresses: Vec<IpAddr> =
            interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| is_reached(*ip)).collect();
        addresses.sort_by_key(|ip| (distance(*ip), *ip));
        addresses.dedup();
        addresses.into_iter().map(|ip| server_url(SocketAddr::new(ip, self.port))).collect()
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the room's server panicked");
        }
    }
}

fn listen(config: &Config) -> io::Result<TcpListener> {
    signal::listen::tcp(config.bind, config.port).or_else(|error| {
        log::info!("port {} cannot be listened at: {error}; any other will do", config.port);
        signal::listen::tcp(config.bind, 0)
    })
}

/// Others on the network can use it in a URL.
fn is_reached(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

fn distance(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_private() => 0,
        IpAddr::V4(ip) if ip.is_link_local() => 2,
        IpAddr::V4(_) => 1,
        IpAddr::V6(ip) if ip.is_unique_local() => 3,
        IpAddr::V6(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    fn local(port: u16) -> Config {
        Config { port, bind: Some(Ipv4Addr::LOCALHOST.into()), ..Config::default() }
    }

    fn health(server: &EmbeddedServer) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        write!(stream, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_serves_on_another_port_when_its_own_is_taken_and_ends_with_its_value() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wanted = taken.local_addr().unwrap().port();
        let server = EmbeddedServer::start(local(wanted)).unwrap();
        assert_ne!(server.port(), wanted);
        assert!(health(&server).contains(r#""status":"ok""#));
        assert_eq!(server.own_url(), format!("http://127.0.0.1:{}", server.port()));
        let port = server.port();
        drop(server);
        assert_eq!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }

    #[test]
    fn it_takes_the_port_it_is_asked_for() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = EmbeddedServer::start(local(free)).unwrap();
        assert_eq!(server.port(), free);
    }

    #[test]
    fn an_address_of_nobody_is_an_error() {
        let config = Config { bind: Some("192.0.2.77".parse().unwrap()), ..Config::default() };
        let EmbeddedError::System(error) = EmbeddedServer::start(config).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn addresses_for_others_are_sorted_and_none_is_loopback() {
        let ordered = ["192.168.1.5", "198.51.100.7", "169.254.1.1", "fd00::1", "2001:db8::1"];
        let ordered: Vec<IpAddr> = ordered.iter().map(|ip| ip.parse().unwrap()).collect();
        assert!(ordered.is_sorted_by_key(|ip| distance(*ip)));
        assert!(ordered.iter().all(|ip| is_reached(*ip)));
        for ip in ["127.0.0.1", "::1", "fe80::1"] {
            assert!(!is_reached(ip.parse().unwrap()), "{ip}");
        }
        let server = EmbeddedServer::start(local(0)).unwrap();
        assert!(server.urls().iter().all(|url| url.ends_with(&format!(":{}", server.port()))));
    }
}

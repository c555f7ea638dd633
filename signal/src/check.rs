//! `-check`: asks the server on this machine whether it is well, for a container's `HEALTHCHECK`.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an answer that are looked at.
const ANSWER_LEN_MAX: u64 = 4096;

/// What `/health` says, or why there is no good answer.
///
/// # Errors
/// For people: nobody answers there, or something else does.
pub fn check(config: &Config) -> Result<String, String> {
    let any = IpAddr::from(Ipv4Addr::LOCALHOST);
    let at = SocketAddr::new(config.bind.filter(|address| !address.is_unspecified()).unwrap_or(any), config.port);
    let answer = ask(at).map_err(|error| format!("nobody answers at {at}: {error}"))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") && body.contains("\"status\":\"ok\"") => {
            Ok(body.to_owned())
        }
        Some(_) | None => Err(format!("what answers at {at} is no well server")),
    }
}

fn ask(at: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

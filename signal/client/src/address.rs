//! A server's address, as people give it.

use http::Uri;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As it stands in the address: what the server is called in the request.
    authority: String,
}

/// Why an address is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("this is no address; it looks like https://example.org")]
    Malformed,
    /// Another scheme.
    #[error("an address begins with http://, https://, ws:// or wss://")]
    Scheme,
    /// A path, a query or a user name.
    #[error("an address is a host and perhaps a port, and nothing after it")]
    More,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.trim().parse().map_err(|_| AddressError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            Some(_) | None => return Err(AddressError::Scheme),
        };
        let authority = uri.authority().ok_or(AddressError::Malformed)?;
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(AddressError::More);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // `http` leaves `host:` and `host:99999` without a port and says nothing.
        let names_port = authority.as_str().len() > authority.host().len();
        let port = match authority.port_u16() {
            Some(port) if port > 0 => port,
            None if !names_port => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(_) | None => return Err(AddressError::Malformed),
        };
        if host.is_empty() {
            return Err(AddressError::Malformed);
        }
        Ok(Self { tls, host, port, authority: authority.to_string() })
    }

    /// What the server is called in a request.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What the WebSocket handshake asks for (Engine.IO 4, "Handshake").
    pub(crate) fn request(&self) -> String {
        format!("{}://{}/socket.io/?EIO=4&transport=websocket", if self.tls { "wss" } else { "ws" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_hosts_and_ports() {
        let parsed = |text: &str| Address::parse(text).map(|address| (address.tls, address.host, address.port));
        assert_eq!(parsed("http://localhost:3001"), Ok((false, "localhost".into(), 3001)));
        assert_eq!(parsed(" https://example.org/ "), Ok((true, "example.org".into(), 443)));
        assert_eq!(parsed("ws://10.0.0.1"), Ok((false, "10.0.0.1".into(), 80)));
        assert_eq!(parsed("wss://[::1]:8443"), Ok((true, "::1".into(), 8443)));
        let address = Address::parse("https://[::1]:8443").unwrap();
        assert_eq!(address.request(), "wss://[::1]:8443/socket.io/?EIO=4&transport=websocket");
    }

    #[test]
    fn what_is_no_address() {
        for text in ["", "http://", "http://a b", "http://host:99999", "http://host:0", "http://host:"] {
            assert_eq!(Address::parse(text), Err(AddressError::Malformed), "{text}");
        }
        assert_eq!(Address::parse("ftp://host"), Err(AddressError::Scheme));
        assert_eq!(Address::parse("localhost"), Err(AddressError::Scheme));
        for text in ["http://host/room", "http://host/?a=b", "http://user@host"] {
            assert_eq!(Address::parse(text), Err(AddressError::More), "{text}");
        }
    }
}

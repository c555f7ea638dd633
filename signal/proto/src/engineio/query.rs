//! What the address of a request to `/socket.io/` says.

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// GET to receive, POST to send.
    Polling,
    /// A WebSocket.
    WebSocket,
}

/// The query of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The transport asked for.
    pub transport: Transport,
    /// The session it belongs to; none opens one.
    pub sid: Option<String>,
}

/// A request that is refused with 400 and [`RequestError::body`] (the reference server's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Neither polling nor websocket.
    #[error("Transport unknown")]
    Transport,
    /// No such session.
    #[error("Session ID unknown")]
    Session,
    /// A session is opened with GET.
    #[error("Bad handshake method")]
    Method,
    /// Anything else.
    #[error("Bad request")]
    Bad,
    /// Not protocol 4.
    #[error("Unsupported protocol version")]
    Version,
}

impl Query {
    /// Reads what follows the `?`. Parameters that we do not know (`t`, `b64`) are passed over.
    pub fn parse(query: &str) -> Result<Self, RequestError> {
        let (mut version, mut transport, mut sid) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "EIO" => version = Some(value),
                "transport" => transport = Some(value),
                "sid" => sid = Some(value),
                _ => {}
            }
        }
        let transport = match transport {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            Some(_) | None => return Err(RequestError::Transport),
        };
        if version != Some("4") {
            return Err(RequestError::Version);
        }
        Ok(Self { transport, sid: sid.map(str::to_owned) })
    }
}

impl RequestError {
    /// The answer's body, as the reference server writes it.
    pub fn body(self) -> String {
        let code = match self {
            Self::Transport => 0,
            Self::Session => 1,
            Self::Method => 2,
            Self::Bad => 3,
            Self::Version => 5,
        };
        format!("{{\"code\":{code},\"message\":\"{self}\"}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_what_they_say() {
        let open = Query { transport: Transport::Polling, sid: None };
        assert_eq!(Query::parse("EIO=4&transport=polling&t=abc"), Ok(open));
        let of = Query { transport: Transport::WebSocket, sid: Some("x-1".to_owned()) };
        assert_eq!(Query::parse("transport=websocket&sid=x-1&EIO=4"), Ok(of));
        for (query, error) in [
            ("", RequestError::Transport),
            ("EIO=4", RequestError::Transport),
            ("EIO=4&transport=abc", RequestError::Transport),
            ("EIO=3&transport=polling", RequestError::Version),
            ("transport=websocket", RequestError::Version),
        ] {
            assert_eq!(Query::parse(query), Err(error), "{query}");
        }
        assert_eq!(RequestError::Session.body(), r#"{"code":1,"message":"Session ID unknown"}"#);
    }
}

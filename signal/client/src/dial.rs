//! From an address to an open WebSocket.

use std::future::Future;
use std::io;

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::{WebSocketStream, client_async_with_config};
use futures_lite::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use signal_proto::limits::SERVER_MESSAGE_LEN_MAX;
use smol::net::TcpStream;

use crate::address::Address;
use crate::client::Trust;
use crate::limits::DIAL_PATIENCE;
use crate::tls::{self, TlsError};

/// Why a server was not reached, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// DNS knows no such name, or is not reached.
    #[error("no server named {host} is found: {why}")]
    Name {
        /// The name.
        host: String,
        /// The system's words.
        why: String,
    },
    /// The machine is there, and nothing listens at that port.
    #[error("nobody listens at the server's address")]
    Refused,
    /// None of the name's addresses takes a connection, for another reason.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// Too slow.
    #[error("the server does not answer")]
    TimedOut,
    /// No trust, or no TLS.
    #[error("no safe connection to the server: {0}")]
    Tls(#[from] TlsError),
    /// It answers, though not with a WebSocket.
    #[error("the address is not of a ShareStream server: {0}")]
    NoWebSocket(String),
}

/// Either kind of connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Dials one address, as often as it takes; TLS is made ready once.
pub(crate) struct Dialer {
    address: Address,
    trust: Trust,
    connector: Option<TlsConnector>,
}

impl Dialer {
    pub(crate) const fn new(address: Address, trust: Trust) -> Self {
        Self { address, trust, connector: None }
    }

    /// A WebSocket.
    pub(crate) async fn dial(&mut self) -> Result<Socket, DialError> {
        in_time(self.dial_slowly()).await
    }

    /// What a WebSocket is made on: a connection on which nothing has been said.
    pub(crate) async fn dial_stream(&mut self) -> Result<Box<dyn Stream>, DialError> {
        in_time(self.stream()).await
    }

    async fn dial_slowly(&mut self) -> Result<Socket, DialError> {
        let stream = self.stream().await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(SERVER_MESSAGE_LEN_MAX))
            .max_frame_size(Some(SERVER_MESSAGE_LEN_MAX));
        let (socket, _) = client_async_with_config(self.address.request(), stream, Some(config))
            .await
            .map_err(|error| DialError::NoWebSocket(explain(&error)))?;
        Ok(socket)
    }

    async fn stream(&mut self) -> Result<Box<dyn Stream>, DialError> {
        let tcp = self.tcp().await?;
        if !self.address.tls {
            return Ok(Box::new(tcp));
        }
        let connector = self.connector().await?;
        Ok(Box::new(tls::connect(&connector, &self.address.host, tcp).await?))
    }

    async fn tcp(&self) -> Result<TcpStream, DialError> {
        let Address { host, port, .. } = &self.address;
        let name = |why: String| DialError::Name { host: host.clone(), why };
        let addresses = smol::net::resolve((host.as_str(), *port)).await.map_err(|error| name(error.to_string()))?;
        let mut last = name("it has no address".to_owned());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Events are small, and each is wanted at once.
                    stream.set_nodelay(true).map_err(|error| DialError::Unreachable(error.to_string()))?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => last = DialError::Refused,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => last = DialError::TimedOut,
                Err(error) => last = DialError::Unreachable(error.to_string()),
            }
        }
        Err(last)
    }

    async fn connector(&mut self) -> Result<TlsConnector, DialError> {
        if let Some(connector) = &self.connector {
            return Ok(connector.clone());
        }
        let trust = self.trust.clone();
        let connector = smol::unblock(move || tls::connector(&trust)).await?;
        Ok(self.connector.insert(connector).clone())
    }
}

async fn in_time<T>(what: impl Future<Output = Result<T, DialError>>) -> Result<T, DialError> {
    let late = async {
        smol::Timer::after(DIAL_PATIENCE).await;
        Err(DialError::TimedOut)
    };
    smol::future::or(what, late).await
}

/// A status says more than the library's sentence around it.
fn explain(error: &WsError) -> String {
    match error {
        WsError::Http(answer) => format!("it answers {}", answer.status()),
        other => other.to_string(),
    }
}

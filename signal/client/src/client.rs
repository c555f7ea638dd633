//! What a program holds: [`Client`] to speak with, [`Events`] to hear with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_rustls::pki_types::CertificateDer;
use serde_json::Value;
use signal_proto::limits::MESSAGE_LEN_MAX;
use signal_proto::socketio::Args;
use smol::channel::{Receiver, Sender, bounded};

use crate::address::{Address, AddressError};
use crate::connection::{Driver, LostReason};
use crate::dial::Dialer;
use crate::limits::{COMMANDS_QUEUED_MAX, EVENTS_QUEUED_MAX};

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// An object that the server gets with CONNECT, or null.
    pub auth: Value,
    /// Who may vouch for the server's certificate.
    pub trust: Trust,
}

/// Who may vouch for a server's certificate.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Whomever this system trusts.
    #[default]
    System,
    /// These authorities alone.
    Only(Vec<CertificateDer<'static>>),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The server is there and knows nothing of us yet: the moment for `join-room`, with the session token if there is one.
    Connected {
        /// 1 for the first; a higher one is a connection after a loss.
        connection: u64,
        /// How many attempts it took.
        attempts: u32,
        /// The server's id of this connection.
        sid: String,
    },
    /// There is no connection.
    Disconnected {
        /// Why; its words are for people.
        reason: LostReason,
        /// When it is tried again; `None`: never, and this was the last event.
        retry_in: Option<Duration>,
    },
    /// The server says something.
    Message {
        /// The event's name.
        name: String,
        /// What it carries.
        args: Args,
        /// Set if it is to be answered, by [`Client::acknowledge`].
        ack: Option<AckTicket>,
    },
}

/// Answers one event of the server's, on its own connection only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckTicket {
    pub(crate) connection: u64,
    pub(crate) id: u64,
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// There is no connection now.
    #[error("not connected")]
    NotConnected,
    /// Longer than any server of ours takes.
    #[error("longer than {MESSAGE_LEN_MAX} bytes")]
    Long,
}

/// Why there is no acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// It was not sent.
    #[error("{0}")]
    Emit(#[from] EmitError),
    /// Not in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection was lost before it came; the server may or may not have done what it was asked.
    #[error("the connection was lost before the answer")]
    Lost,
}

pub(crate) type AckSender = Sender<Result<Args, AckError>>;

#[derive(Debug)]
pub(crate) enum Command {
    /// For that connection only.
    Emit {
        connection: u64,
        name: String,
        args: Args,
        ack: Option<(Duration, AckSender)>,
    },
    /// The same.
    Ack {
        connection: u64,
        id: u64,
        args: Args,
    },
    Leave,
}

/// Speaks to a server. Clones speak on the same connection; with the last one dropped it ends.
#[derive(Clone, Debug)]
pub struct Client {
    commands: Sender<Command>,
    /// The connection that the program has heard of, 0 without one.
    connection: Arc<AtomicU64>,
}

/// What is heard of a server, in order. Whoever does not listen makes the server wait, and loses the connection at last;
/// dropping it ends the client.
#[derive(Debug)]
pub struct Events {
    events: Receiver<Event>,
    connection: Arc<AtomicU64>,
    _driver: smol::Task<()>,
}

impl Client {
    /// Begins to connect to `http(s)://HOST[:PORT]` or `ws(s)://HOST[:PORT]`; how it goes is said by the events.
    pub fn connect(url: &str, options: Options) -> Result<(Self, Events), AddressError> {
        let dialer = Dialer::new(Address::parse(url)?, options.trust);
        let (commands, received) = bounded(COMMANDS_QUEUED_MAX);
        let (sender, events) = bounded(EVENTS_QUEUED_MAX);
        let driver = Driver { dialer, auth: options.auth, commands: received, events: sender };
        let driver = smol::spawn(driver.run());
        let connection = Arc::new(AtomicU64::new(0));
        Ok((Self { commands, connection: connection.clone() }, Events { events, connection, _driver: driver }))
    }

    /// Sends one event with one payload. What is sent one after another arrives in that order.
    ///
    /// It goes to the connection of the last [`Event::Connected`] that was taken from [`Events`], or nowhere.
    pub async fn emit(&self, name: &str, payload: Value) -> Result<(), EmitError> {
        self.send(name, payload, None).await
    }

    /// The same, and waits so long for the server's answer.
    pub async fn emit_with_ack(&self, name: &str, payload: Value, patience: Duration) -> Result<Args, AckError> {
        let (sender, answer) = bounded(1);
        self.send(name, payload, Some((patience, sender))).await?;
        answer.recv().await.unwrap_or(Err(AckError::Lost))
    }

    /// Answers an event that asked for it.
    pub async fn acknowledge(&self, ticket: AckTicket, payload: Value) -> Result<(), EmitError> {
        let AckTicket { connection, id } = ticket;
        let command = Command::Ack { connection, id, args: Args::one(payload) };
        self.commands.send(command).await.map_err(|_| EmitError::NotConnected)
    }

    /// Leaves in good order; the last event is [`Event::Disconnected`] with `retry_in: None`.
    pub async fn leave(&self) {
        // Without a driver it has been left already.
        drop(self.commands.send(Command::Leave).await);
    }

    async fn send(&self, name: &str, payload: Value, ack: Option<(Duration, AckSender)>) -> Result<(), EmitError> {
        if payload.to_string().len() + name.len() > MESSAGE_LEN_MAX {
            return Err(EmitError::Long);
        }
        let connection = self.connection.load(Ordering::Acquire);
        if connection == 0 {
            return Err(EmitError::NotConnected);
        }
        let command = Command::Emit { connection, name: name.to_owned(), args: Args::one(payload), ack };
        self.commands.send(command).await.map_err(|_| EmitError::NotConnected)
    }
}

impl Events {
    /// The next; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await.ok()?;
        match &event {
            Event::Connected { connection, .. } => self.connection.store(*connection, Ordering::Release),
            Event::Disconnected { .. } => self.connection.store(0, Ordering::Release),
            Event::Message { .. } => {}
        }
        Some(event)
    }
}

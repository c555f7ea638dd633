//! Who decides about rooms: a lobby alone, or one process of several.

use std::time::Instant;

use signal_proto::cluster::{self, Node};
use signal_proto::lobby::{Input, Lobby, Output, Totals};
use signal_proto::socketio::{ack_message, event_message};

use crate::cluster::{Order, Orders};
use crate::transport::Deed;

pub(crate) enum Backend {
    /// Everything is here.
    Alone(Box<Lobby>),
    /// Other processes may have the rooms of our people, and the people of our rooms.
    Shared(Box<Node>, Orders),
}

impl Backend {
    pub(super) fn handle_input(&mut self, now: Instant, input: Input) {
        match self {
            Self::Alone(lobby) => lobby.handle_input(now, input),
            Self::Shared(node, _) => node.handle_input(now, cluster::Input::Local(input)),
        }
    }

    /// Something of Redis'.
    pub(super) fn hear(&mut self, now: Instant, input: cluster::Input) {
        match self {
            Self::Alone(_) => {}
            Self::Shared(node, _) => node.handle_input(now, input),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Alone(lobby) => lobby.handle_timeout(now),
            Self::Shared(node, _) => node.handle_timeout(now),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Alone(lobby) => lobby.poll_timeout(),
            Self::Shared(node, _) => node.poll_timeout(),
        }
    }

    /// What is for people; what is for Redis goes there on the way.
    pub(super) fn poll_deed(&mut self) -> Option<Deed> {
        match self {
            Self::Alone(lobby) => lobby.poll_encoded().map(|output| match output {
                Output::Emit { to, name, payload } => Deed::Send { to, message: event_message(name, &payload) },
                Output::Ack { to, ack, payload } => Deed::Send { to: vec![to], message: ack_message(ack, &payload) },
                Output::Close(socket) => Deed::Close(socket),
            }),
            Self::Shared(node, orders) => loop {
                match node.poll_output()? {
                    cluster::Output::Send { to, message } => return Some(Deed::Send { to, message }),
                    cluster::Output::Close(socket) => return Some(Deed::Close(socket)),
                    cluster::Output::Store(request) => orders.push(Order::Ask(request)),
                    cluster::Output::Post { to, letter } => orders.push(Order::Post { to, letter }),
                }
            },
        }
    }

    pub(super) fn totals(&self) -> Totals {
        match self {
            Self::Alone(lobby) => lobby.totals(),
            Self::Shared(node, _) => node.totals(),
        }
    }
}

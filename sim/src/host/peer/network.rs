//! A peer's connections: made, listened to, ended.

use std::net::SocketAddr;
use std::time::Instant;

use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::torrent::Input as CoreInput;
use bittorrent_proto::wire::{Handshake, Reserved};
use bytes::Bytes;

use super::Peer;
use super::connection::{Connection, Heard};
use crate::host::{ConnId, HostId, Output};
use crate::link::Side;

impl Peer {
    pub(super) fn on_connected(&mut self, now: Instant, conn: ConnId, peer: HostId) {
        self.conns.insert(conn, Connection::new(now, peer));
        // Who called speaks first.
        if conn.side() == Side::Dialer {
            self.say_handshake(conn);
        }
    }

    fn say_handshake(&mut self, conn: ConnId) {
        let infohash = self.core.infohash();
        let ours = Handshake { reserved: Reserved::ours(), infohash, peer_id: self.peer_id }.encode();
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.said_handshake();
            self.outputs.push_back(Output::Send { conn, bytes: Bytes::copy_from_slice(&ours) });
        }
    }

    pub(super) fn on_bytes(&mut self, now: Instant, conn: ConnId, bytes: &[u8]) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        match connection.hear(bytes) {
            Ok(Heard::Incomplete) => {}
            Ok(Heard::Bytes(peer, bytes)) => self.core.handle_input(now, CoreInput::Received { peer, bytes }),
            Ok(Heard::Handshake(handshake, rest)) => {
                // A driver lets nobody in who wants another torrent.
                if handshake.infohash != self.core.infohash() {
                    return self.refuse(now, conn);
                }
                let peer = self.open(now, conn, handshake);
                if !rest.is_empty() {
                    self.core.handle_input(now, CoreInput::Received { peer, bytes: rest });
                }
            }
            Err(_) => self.refuse(now, conn),
        }
    }

    /// The handshakes are through: the connection is the core's.
    fn open(&mut self, now: Instant, conn: ConnId, handshake: Handshake) -> PeerKey {
        let incoming = conn.side() == Side::Acceptor;
        if incoming {
            self.say_handshake(conn);
        }
        let key = PeerKey(self.key_next);
        self.key_next += 1;
        self.keys.insert(key, conn);
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.open(key);
            let addr = address(connection.peer, conn);
            self.core.handle_input(now, CoreInput::Connected { peer: key, addr, incoming, handshake });
        }
        key
    }

    /// No connection came of it.
    fn refuse(&mut self, now: Instant, conn: ConnId) {
        self.outputs.push_back(Output::Close { conn });
        self.on_ended(now, conn);
    }

    pub(super) fn on_ended(&mut self, now: Instant, conn: ConnId) {
        let Some(ended) = self.conns.remove(&conn) else { return };
        match ended.key() {
            Some(key) => {
                self.keys.remove(&key);
                self.core.handle_input(now, CoreInput::Disconnected(key));
            }
            None if conn.side() == Side::Dialer => {
                self.core.handle_input(now, CoreInput::DialFailed(ended.peer.address()));
            }
            None => {}
        }
    }

    pub(super) fn on_written(&mut self, now: Instant, conn: ConnId, bytes: usize) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let len = connection.written(bytes);
        if let Some(peer) = connection.key().filter(|_| len > 0) {
            self.core.handle_input(now, CoreInput::Written { peer, len });
        }
    }

    pub(super) fn handshake_until(&self) -> Option<Instant> {
        self.conns.values().filter_map(Connection::handshake_until).min()
    }

    pub(super) fn refuse_late_handshakes(&mut self, now: Instant) {
        let is_late = |connection: &Connection| connection.handshake_until().is_some_and(|until| until <= now);
        let late: Vec<ConnId> =
            self.conns.iter().filter(|(_, connection)| is_late(connection)).map(|(conn, _)| *conn).collect();
        late.into_iter().for_each(|conn| self.refuse(now, conn));
    }
}

/// Where the other end of a connection is: whoever called did so from a port that nobody listens at.
fn address(peer: HostId, conn: ConnId) -> SocketAddr {
    let mut addr = peer.address();
    if conn.side() == Side::Acceptor {
        addr.set_port(49_152 + u16::try_from(conn.get() % 16_384).unwrap_or(0));
    }
    addr
}

//! Connections to the swarm: made, taken over, read, written and ended; and whom to dial.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::mse::Ciphers;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::torrent::Input;
use futures_io::{AsyncRead, AsyncWrite};
use smol::Task;

use crate::addresses;
use crate::cipher_stream::{Decrypting, Encrypting};
use crate::connection::{Connection, SendQueue, read_all, write_all};
use crate::encryption;
use crate::handshake::Greeted;

use super::TorrentTask;

impl TorrentTask {
    /// Keeps a peer that broke a rule from coming back.
    pub(super) fn punish(&self, peer: PeerKey, misbehaved: PeerMisbehaved) {
        if let Some(connection) = self.connections.borrow().get(&peer) {
            connection.place.punish(Instant::now(), misbehaved);
        }
    }

    pub(super) async fn dial(self: Rc<Self>, addr: SocketAddr) {
        if let Err(refusal) = self.surroundings.gate.may_dial(Instant::now(), addr.ip()) {
            log::debug!("{}: {addr} is not dialed: {refusal}", self.shared.infohash);
            return self.input(Input::DialFailed(addr));
        }
        let exchanges = &self.surroundings.exchanges;
        let (greetings, infohash) = (&self.surroundings.greetings, self.shared.infohash);
        let prefers = self.order.encryption;
        match encryption::dial(addr, infohash, self.peer_id, prefers, exchanges, greetings).await {
            Ok(greeted) => self.connected(greeted, addr, false),
            Err(error) => {
                log::debug!("{}: no connection to {addr}: {error}", self.shared.infohash);
                self.input(Input::DialFailed(addr));
            }
        }
    }

    /// Takes over a connection whose handshakes are through.
    pub(crate) fn connected(self: &Rc<Self>, greeted: Greeted, addr: SocketAddr, incoming: bool) {
        let Greeted { stream, theirs, ciphers, early } = greeted;
        if self.shared.ended().is_some() {
            // Nothing new begins while the last pieces go to the disk.
            return;
        }
        let place = match self.surroundings.gate.enter(Instant::now(), addr.ip(), theirs.peer_id, incoming) {
            Ok(place) => place,
            Err(refusal) => {
                log::debug!("{}: {addr} is not taken: {refusal}", self.shared.infohash);
                if !incoming {
                    self.input(Input::DialFailed(addr));
                }
                return;
            }
        };
        let peer = PeerKey(self.next_peer.get());
        log::debug!("{}: connection {} {} {addr}", self.shared.infohash, peer.0, if incoming { "from" } else { "to" });
        self.next_peer.set(peer.0 + 1);
        let (queue, closed) = (Rc::new(SendQueue::default()), Rc::new(Cell::new(false)));
        let local = stream.local_addr().ok().map(|addr| addr.ip());
        let encrypted = ciphers.is_some();
        let tasks = match ciphers {
            None => self.spawn_halves(peer, stream.clone(), stream, &queue, &closed),
            Some(Ciphers { read, write }) => {
                let (reader, writer) = (Decrypting::new(stream.clone(), read), Encrypting::new(stream, write));
                self.spawn_halves(peer, reader, writer, &queue, &closed)
            }
        };
        let connection = Connection { queue, closed, tasks, local, encrypted, place };
        self.connections.borrow_mut().insert(peer, connection);
        self.input(Input::Connected { peer, addr, incoming, handshake: theirs });
        if !early.is_empty() {
            self.input(Input::Received { peer, bytes: &early });
        }
    }

    fn spawn_halves(
        self: &Rc<Self>,
        peer: PeerKey,
        reader: impl AsyncRead + Unpin + 'static,
        writer: impl AsyncWrite + Unpin + 'static,
        queue: &Rc<SendQueue>,
        closed: &Rc<Cell<bool>>,
    ) -> [Task<()>; 2] {
        let executor = &self.surroundings.executor;
        let reads = executor.spawn(self.clone().read(peer, reader, closed.clone()));
        let writes = executor.spawn(self.clone().write(peer, writer, queue.clone(), closed.clone()));
        [reads, writes]
    }

    /// Whether what a peer and we say is encrypted.
    pub(crate) fn is_encrypted(&self, peer: PeerKey) -> bool {
        self.connections.borrow().get(&peer).is_some_and(|connection| connection.encrypted)
    }

    async fn read(self: Rc<Self>, peer: PeerKey, mut stream: impl AsyncRead + Unpin, closed: Rc<Cell<bool>>) {
        let take = |bytes: &[u8]| {
            self.core.borrow_mut().handle_input(Instant::now(), Input::Received { peer, bytes });
            self.pump();
        };
        let outcome = read_all(&mut stream, &self.surroundings.download, &closed, take).await;
        self.lost(peer, &closed, outcome);
    }

    async fn write(
        self: Rc<Self>,
        peer: PeerKey,
        mut stream: impl AsyncWrite + Unpin,
        queue: Rc<SendQueue>,
        closed: Rc<Cell<bool>>,
    ) {
        let sent = |len| self.input(Input::Written { peer, len });
        let outcome = write_all(&mut stream, &queue, &self.surroundings.upload, &closed, sent).await;
        self.lost(peer, &closed, outcome);
    }

    fn lost(self: &Rc<Self>, peer: PeerKey, closed: &Cell<bool>, outcome: std::io::Result<()>) {
        if closed.get() {
            return;
        }
        if let Err(error) = outcome {
            log::debug!("{}: connection {} lost: {error}", self.shared.infohash, peer.0);
        }
        self.close(peer);
        self.input(Input::Disconnected(peer));
    }

    /// Ends the connections whose own end is such an address.
    pub(crate) fn end_those_at(self: &Rc<Self>, is_gone: impl Fn(IpAddr) -> bool) {
        let connections = self.connections.borrow();
        let gone = connections.iter().filter(|(_, connection)| connection.local.is_some_and(&is_gone));
        let gone: Vec<PeerKey> = gone.map(|(peer, _)| *peer).collect();
        drop(connections);
        for peer in gone {
            log::debug!("{}: connection {} has lost our address", self.shared.infohash, peer.0);
            self.close(peer);
            self.input(Input::AddressLost(peer));
        }
    }

    pub(super) fn close(&self, peer: PeerKey) {
        let connection = self.connections.borrow_mut().remove(&peer);
        if let Some(connection) = connection {
            connection.closed.set(true);
            drop(connection.tasks);
        }
    }

    pub(super) fn close_all(&self) {
        let peers: Vec<PeerKey> = self.connections.borrow().keys().copied().collect();
        peers.into_iter().for_each(|peer| self.close(peer));
    }

    /// Addresses to dial, told by whom.
    pub(crate) fn add_addresses(self: &Rc<Self>, addrs: &[SocketAddr], named_by: NamedBy) {
        if self.shared.ended().is_some() {
            // One that failed keeps its place, but nothing begins there any more.
            return;
        }
        if named_by < NamedBy::Stranger {
            addrs.iter().for_each(|addr| self.surroundings.gate.name(addr.ip()));
        }
        self.input(Input::Addresses { addrs, named_by });
    }

    /// Takes those of the peers that a peer named which may be dialed.
    pub(super) fn take_named(&self, by: IpAddr, addrs: &[SocketAddr], named_by: NamedBy) {
        let own = addresses::own_networks_or_none();
        let fit: Vec<SocketAddr> =
            addrs.iter().copied().filter(|addr| addresses::may_dial_named_by_peer(*addr, by, &own).is_ok()).collect();
        log::debug!("{}: {by} names {} peers, {} of use", self.shared.infohash, addrs.len(), fit.len());
        if named_by < NamedBy::Stranger {
            fit.iter().for_each(|addr| self.surroundings.gate.name(addr.ip()));
        }
        self.core.borrow_mut().handle_input(Instant::now(), Input::Addresses { addrs: &fit, named_by });
    }
}

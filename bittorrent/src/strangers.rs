//! Peers that only a magnet names: which of them may be dialed, and the addresses of those that are given by name.
//!
//! Looking a name up takes as long as a resolver likes, so it happens beside the torrent, which has begun already.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bittorrent_proto::magnet::{PeerAddress, PeerHost};
use bittorrent_proto::policy::connector::NamedBy;
use futures_lite::FutureExt;
use smol::Timer;

use crate::addresses;
use crate::events::{TorrentEvent, Trouble};
use crate::torrent_task::TorrentTask;

/// A name whose address is not found by then leads nowhere.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(10);

/// A peer's name and port.
pub(crate) type Name = (String, u16);

/// Parts addresses from names.
pub(crate) fn part(peers: Vec<PeerAddress>) -> (Vec<SocketAddr>, Vec<Name>) {
    let (mut addrs, mut names) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer.host {
            PeerHost::Ip(ip) => addrs.push(SocketAddr::new(ip, peer.port)),
            PeerHost::Name(name) => names.push((name, peer.port)),
        }
    }
    (addrs, names)
}

/// Parts addresses that only a stranger names into those that may be dialed and the others.
pub(crate) fn vet(addrs: Vec<SocketAddr>) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let own = addresses::own_networks_or_none();
    addrs.into_iter().partition(|addr| match addresses::may_dial(*addr, NamedBy::Stranger, &own) {
        Ok(()) => true,
        Err(refused) => {
            log::info!("{addr} is not dialed: {refused}");
            false
        }
    })
}

/// Looks each name up, at the same time, and gives the torrent what may be dialed.
pub(crate) fn find(task: &Rc<TorrentTask>, names: Vec<Name>) {
    for (name, port) in names {
        task.spawn(find_one(task.clone(), name, port));
    }
}

async fn find_one(task: Rc<TorrentTask>, name: String, port: u16) {
    let patience = async {
        Timer::after(RESOLVE_PATIENCE).await;
        Err(std::io::ErrorKind::TimedOut.into())
    };
    match smol::net::resolve((name.as_str(), port)).or(patience).await {
        // BEP 27, learned while the name was looked up: nobody but its trackers and the user names peers.
        Ok(_) if task.core.borrow().metainfo().is_some_and(|metainfo| metainfo.private) => {}
        Ok(found) => {
            let (addrs, refused) = vet(found);
            task.add_addresses(&addrs, NamedBy::Stranger);
            if !refused.is_empty() {
                task.shared.tell(&TorrentEvent::Trouble(Trouble::AddressesRefused(refused)));
            }
        }
        Err(error) => log::info!("{name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_wait_and_addresses_do_not() {
        let peers = ["198.51.100.1:1", "host.example:2", "[2001:db8::1]:3"].map(|peer| peer.parse().unwrap());
        let (addrs, names) = part(peers.to_vec());
        assert_eq!(addrs.len(), 2);
        assert_eq!(names, [("host.example".to_owned(), 2)]);
    }

    #[test]
    fn what_is_on_this_machine_is_left_out() {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 6881));
        let elsewhere = SocketAddr::from(([198, 51, 100, 1], 6881));
        assert_eq!(vet(vec![loopback, elsewhere]), (vec![elsewhere], vec![loopback]));
    }
}

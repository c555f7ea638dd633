//! Looking for rooms on the local network.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::{Duration, Instant};

use futures_lite::future;
use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use signal_proto::ids::RoomCode;
use smol::Timer;

use super::limits::{ASKED_EVERY, ROOMS_MAX};
use super::record::{Heard, LanRoom, read};
use super::{LanError, SERVICE};

/// The rooms that are announced on this network. With a code: the rooms that have it, and no longer than until there is one;
/// otherwise all that answer within `patience`, by code.
///
/// # Errors
/// When there is no multicast DNS on this machine.
pub async fn find(code: Option<&RoomCode>, patience: Duration) -> Result<Vec<LanRoom>, LanError> {
    let daemon = Daemon(ServiceDaemon::new()?);
    let loopback = loopback_interfaces();
    let deadline = Instant::now() + patience;
    let mut found: BTreeMap<String, LanRoom> = BTreeMap::new();
    while Instant::now() < deadline {
        // Each call asks the network anew, and repeats what was heard already.
        let events = daemon.0.browse(SERVICE)?;
        let until = deadline.min(Instant::now() + ASKED_EVERY);
        while let Some(event) = before(until, events.recv_async()).await.and_then(Result::ok) {
            match event {
                ServiceEvent::ServiceResolved(service) => {
                    let wanted = |room: &LanRoom| code.is_none_or(|code| code.key() == room.code.key());
                    let Some(room) = room_of(&service, &loopback).filter(wanted) else { continue };
                    if found.len() < ROOMS_MAX || found.contains_key(&service.fullname) {
                        found.insert(service.fullname, room);
                    }
                    if code.is_some() {
                        return Ok(in_order(found));
                    }
                }
                ServiceEvent::ServiceRemoved(_, name) => {
                    found.remove(&name);
                }
                // Theirs may grow.
                _ => {}
            }
        }
        // The channel closes at once when somebody floods the network; the next question waits all the same.
        Timer::at(until).await;
    }
    Ok(in_order(found))
}

fn in_order(found: BTreeMap<String, LanRoom>) -> Vec<LanRoom> {
    let mut rooms: Vec<LanRoom> = found.into_values().collect();
    rooms.sort_by(|a, b| (a.code.as_str(), &a.addresses).cmp(&(b.code.as_str(), &b.addresses)));
    rooms
}

fn room_of(service: &ResolvedService, loopback: &BTreeSet<u32>) -> Option<LanRoom> {
    let heard = service.addresses.iter().map(|address| {
        let on_loopback = match address {
            ScopedIp::V4(address) => address.interface_ids().iter().any(|id| loopback.contains(&id.index)),
            ScopedIp::V6(address) => loopback.contains(&address.scope_id().index),
            // Theirs may grow.
            _ => false,
        };
        Heard { ip: address.to_ip_addr(), on_loopback }
    });
    read(|key| service.txt_properties.get(key)?.val(), heard, service.port)
}

fn loopback_interfaces() -> BTreeSet<u32> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.into_iter().filter(|interface| interface.is_loopback()).filter_map(|interface| interface.index).collect()
}

/// `None` when it is not over by then.
async fn before<T>(until: Instant, what: impl Future<Output = T>) -> Option<T> {
    let late = async {
        Timer::at(until).await;
        None
    };
    future::or(async { Some(what.await) }, late).await
}

/// Its thread ends with the value.
struct Daemon(ServiceDaemon);

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            log::warn!("the search of the local network is not ended: {error}");
        }
    }
}

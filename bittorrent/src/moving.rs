//! A machine that changes networks. A connection from an address that is no longer ours leads nowhere, and the system says
//! so to nobody: what it sends is not answered, and its other end is waited for. So the addresses are looked at now and then,
//! and trackers, which name our old ones to everybody who looks for us, hear of new ones at once. Who was served is dialed, also
//! by a seed: with no tracker between them nobody else can tell a viewer where its host went.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use smol::Timer;

use crate::addresses::{self, OwnNetworks};
use crate::torrent_task::TorrentTask;

/// How often our addresses are looked at. A player has some seconds in store; a look costs one system call or two.
const LOOKED_EVERY: Duration = Duration::from_secs(3);

/// How often trackers hear of new addresses. An interface that comes and goes must not become a flood of announces.
const ANNOUNCED_EVERY: Duration = Duration::from_secs(30);

/// Ends the connections that have lost their address and announces new ones, for as long as it is polled. Who ended is
/// dialed again by the core.
pub(crate) async fn watch(torrents: impl Fn() -> Vec<Rc<TorrentTask>>) {
    let mut reached_at = addresses::reachable(&addresses::own_networks_or_none());
    let (mut announced, mut moved) = (None::<Instant>, false);
    loop {
        Timer::after(LOOKED_EVERY).await;
        let torrents = torrents();
        if torrents.is_empty() {
            continue;
        }
        // A system that does not say may be asked again.
        let Ok(own) = addresses::own_networks() else { continue };
        moved |= has_moved(&mut reached_at, addresses::reachable(&own));
        let announces = moved && announced.is_none_or(|at| at.elapsed() >= ANNOUNCED_EVERY);
        for torrent in torrents {
            torrent.end_those_at(|local| is_gone(local, &own));
            if announces {
                torrent.trackers.moved();
            }
        }
        if announces {
            (announced, moved) = (Some(Instant::now()), false);
        }
    }
}

/// Whether there is an address now that was not there before. A machine without any is not reached, whoever hears of it.
fn has_moved(before: &mut BTreeSet<IpAddr>, now: BTreeSet<IpAddr>) -> bool {
    let moved = !now.is_subset(before);
    if !now.is_empty() {
        *before = now;
    }
    moved
}

/// Whether that address was ours and is not now. Loopback stays, and a machine with no address at all may have its cable
/// pulled for a moment: its connections can outlive that.
fn is_gone(local: IpAddr, own: &OwnNetworks) -> bool {
    let local = local.to_canonical();
    !local.is_loopback() && !own.is_empty() && !own.is_this_machine(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::OwnAddress;

    #[test]
    fn a_new_address_is_a_move_and_one_less_is_not() {
        let set = |ips: &[&str]| -> BTreeSet<IpAddr> { ips.iter().map(|ip| ip.parse().unwrap()).collect() };
        let mut before = set(&["192.168.1.20", "2001:db8::5"]);
        let steps: [(&[&str], bool); 6] = [
            (&["192.168.1.20", "2001:db8::5"], false),
            (&["192.168.1.20"], false),
            (&[], false),
            (&["192.168.1.20"], false),
            (&["192.168.1.21"], true),
            (&["192.168.1.21"], false),
        ];
        for (now, expected) in steps {
            assert_eq!(has_moved(&mut before, set(now)), expected, "{now:?}");
        }
    }

    #[test]
    fn an_address_is_gone_when_others_are_here() {
        let own = |ips: &[&str]| {
            OwnNetworks::new(ips.iter().map(|ip| OwnAddress { ip: ip.parse().unwrap(), prefix_len: 24 }))
        };
        let table = [
            ("192.168.1.20", own(&["192.168.1.20"]), false),
            ("192.168.1.20", own(&["192.168.1.21"]), true),
            ("::ffff:192.168.1.20", own(&["192.168.1.20"]), false),
            ("2001:db8::5", own(&["192.168.1.20"]), true),
            ("127.0.0.1", own(&["192.168.1.20"]), false),
            ("::1", own(&["192.168.1.20"]), false),
            ("192.168.1.20", own(&[]), false),
        ];
        for (local, own, expected) in table {
            assert_eq!(is_gone(local.parse().unwrap(), &own), expected, "{local} beside {own:?}");
        }
    }
}

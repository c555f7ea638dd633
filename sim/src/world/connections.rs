//! How hosts come to hear each other: dials, what a link tells its ends, and what a driver's write half does.

use crate::check::Violation;
use crate::host::{ConnId, Host, HostId, Input};
use crate::limits::DIAL_TIMEOUT;
use crate::link::{Link, LinkEvent, Side};
use crate::shaper::ShaperId;

use super::conn::Conn;
use super::{Event, World, reschedule};

impl<H: Host> World<H> {
    /// The connection of that name; `None` when it is over, which the host may not have heard yet.
    pub(super) fn open_conn(&mut self, id: HostId, conn: ConnId) -> Option<&mut Conn> {
        assert!(conn.link < self.link_next, "a connection of another world");
        let known = self.conns.get_mut(&conn.link)?;
        assert_eq!(known.host(conn.side()), id, "a connection of somebody else");
        known.link.is_open(conn.side()).then_some(known)
    }

    pub(super) fn dial(&mut self, host: HostId, peer: HostId) {
        let now = self.queue.now();
        self.record("dial", host, None, &peer.get().to_le_bytes());
        let Some(from) = self.hosts.get(&host) else { return };
        let Some(to) = self.hosts.get(&peer).filter(|to| to.config.accepts) else {
            let stay = from.stay;
            self.queue.push_after(DIAL_TIMEOUT, Event::DialFailed { host, stay, peer });
            return;
        };
        let line = |out: Option<ShaperId>, into: Option<ShaperId>| out.into_iter().chain(into).collect::<Vec<_>>();
        let shared = [line(from.uplink, to.downlink), line(to.uplink, from.downlink)];
        let path = self.paths.get(&(host.min(peer), host.max(peer))).copied().unwrap_or(self.path_default);
        let link = self.link_next;
        self.link_next += 1;
        let rng = self.links_rng.fork();
        self.conns.insert(link, Conn::new(Link::new(now, path, rng, shared), host, peer));
        self.schedule_link(link);
    }

    pub(super) fn lose_where(&mut self, lost: impl Fn(&Conn) -> bool) -> Result<usize, Violation> {
        let links: Vec<u64> = self.conns.iter().filter(|(_, conn)| lost(conn)).map(|(link, _)| *link).collect();
        for &link in &links {
            if let Some(conn) = self.conns.get_mut(&link) {
                conn.link.lose();
            }
            self.after_link(link);
        }
        self.settle()?;
        Ok(links.len())
    }

    /// What follows every call into a link: what its ends learn, and its next timeout.
    pub(super) fn after_link(&mut self, link: u64) {
        while let Some(conn) = self.conns.get_mut(&link)
            && let Some(event) = conn.link.poll_output()
        {
            self.on_link_event(link, event);
        }
        self.schedule_link(link);
        if let Some(over) = self.conns.get(&link)
            && over.link.is_over()
        {
            self.conns.remove(&link);
        }
    }

    fn on_link_event(&mut self, link: u64, event: LinkEvent) {
        let Some(known) = self.conns.get_mut(&link) else { return };
        let side = event.side();
        let (id, conn, peer) = (known.host(side), ConnId::new(link, side), known.host(side.other()));
        let input = match event {
            LinkEvent::Opened(side) => {
                known.dial_answered |= side == Side::Dialer;
                Input::Connected { conn, peer }
            }
            LinkEvent::Arrived(_, bytes) => Input::Bytes { conn, bytes },
            LinkEvent::Ended(Side::Dialer, _) if !known.dial_answered => Input::DialFailed { peer },
            LinkEvent::Ended(_, ending) => Input::Ended { conn, ending },
            LinkEvent::Sent(..) => {
                self.write(conn);
                return;
            }
        };
        self.inputs.push_back((id, input));
    }

    /// Moves what the host sent into the link's buffer, and tells the host.
    pub(super) fn write(&mut self, conn: ConnId) {
        let Some(known) = self.conns.get_mut(&conn.link) else { return };
        let bytes = known.write(self.queue.now(), conn.side(), &mut self.shapers);
        if bytes > 0 {
            self.inputs.push_back((known.host(conn.side()), Input::Written { conn, bytes }));
        }
    }

    pub(super) fn schedule_link(&mut self, link: u64) {
        if let Some(conn) = self.conns.get_mut(&link) {
            reschedule(&mut self.queue, &mut conn.scheduled, conn.link.poll_timeout(), Event::Link(link));
        }
    }
}

//! Which greeting an address took after it had refused the other, so that a reconnection does not waste a dial.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::encryption::Greeting;

/// Addresses remembered, some 60 bytes each: as many as a torrent knows. Then the oldest is forgotten.
const REMEMBERED_MAX: usize = 512;

/// Who hung up by accident is greeted as we prefer again after this.
const REMEMBERED_FOR: Duration = Duration::from_secs(60 * 60);

/// What addresses have shown.
#[derive(Default)]
pub(crate) struct Greetings {
    took: RefCell<BTreeMap<SocketAddr, (Greeting, Instant)>>,
}

impl Greetings {
    /// What an address takes, when it is known to refuse the other.
    pub(crate) fn known(&self, now: Instant, addr: SocketAddr) -> Option<Greeting> {
        let took = self.took.borrow();
        let (greeting, at) = took.get(&addr)?;
        (now.saturating_duration_since(*at) < REMEMBERED_FOR).then_some(*greeting)
    }

    /// An address took this after it had refused the other.
    pub(crate) fn remember(&self, now: Instant, addr: SocketAddr, greeting: Greeting) {
        let mut took = self.took.borrow_mut();
        if took.len() >= REMEMBERED_MAX && !took.contains_key(&addr) {
            let oldest = took.iter().min_by_key(|(addr, (_, at))| (*at, **addr)).map(|(addr, _)| *addr);
            oldest.and_then(|oldest| took.remove(&oldest));
        }
        took.insert(addr, (greeting, now));
    }

    /// An address no longer takes what it took.
    pub(crate) fn forget(&self, addr: SocketAddr) {
        self.took.borrow_mut().remove(&addr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 1], port))
    }

    #[test]
    fn what_an_address_took_is_known_for_an_hour_or_until_it_is_forgotten() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        assert_eq!(greetings.known(now, addr(1)), None);
        greetings.remember(now, addr(1), Greeting::Encrypted);
        greetings.remember(now, addr(2), Greeting::Plain);
        let later = now + REMEMBERED_FOR - Duration::from_secs(1);
        assert_eq!(greetings.known(later, addr(1)), Some(Greeting::Encrypted));
        assert_eq!(greetings.known(later + Duration::from_secs(1), addr(1)), None);
        greetings.forget(addr(2));
        assert_eq!(greetings.known(now, addr(2)), None);
    }

    #[test]
    fn the_oldest_gives_way() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        let all = u16::try_from(REMEMBERED_MAX).unwrap();
        (0..=all).for_each(|port| {
            greetings.remember(now + Duration::from_millis(port.into()), addr(port), Greeting::Encrypted);
        });
        greetings.remember(now + Duration::from_secs(9), addr(all), Greeting::Plain);
        assert_eq!(greetings.took.borrow().len(), REMEMBERED_MAX);
        assert_eq!(greetings.known(now, addr(0)), None);
        assert_eq!(greetings.known(now, addr(1)), Some(Greeting::Encrypted));
        assert_eq!(greetings.known(now, addr(all)), Some(Greeting::Plain));
    }
}

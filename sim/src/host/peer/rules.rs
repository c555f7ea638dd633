//! What must hold for a peer after everything that happens to it.

use bittorrent_proto::limits::{INFLIGHT_MAX, OPEN_PIECES_BYTES_HARD_MAX};

use super::Peer;

/// What a peer saw that must not be.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The first rule that was broken, in words.
    broken: Option<String>,
    done_told: bool,
}

impl Rules {
    /// Notes a rule that was broken; the next check says it.
    pub(super) fn broken(&mut self, rule: String) {
        self.broken.get_or_insert(rule);
    }

    /// The core says that everything is here.
    pub(super) fn done_told(&mut self) {
        if self.done_told {
            self.broken("said twice that everything is here".into());
        }
        self.done_told = true;
    }

    /// The first rule that does not hold.
    pub(super) fn check(&self, peer: &Peer) -> Result<(), String> {
        match &self.broken {
            Some(rule) => Err(rule.clone()),
            None => self.check_pieces(peer).and_then(|()| check_bounds(peer)),
        }
    }

    /// The core's pieces are those that were written, no more and no less, and it says so when they are all here.
    fn check_pieces(&self, peer: &Peer) -> Result<(), String> {
        let (Some(have), Some(here)) = (peer.core.have(), &peer.here) else { return Ok(()) };
        // Both only grow, so equal counts and one within the other would do; a count is enough after each single piece.
        if have.count_ones() != here.count_ones() {
            return Err(format!("it has {} pieces and was told of {}", have.count_ones(), here.count_ones()));
        }
        if peer.core.is_done() != here.is_full() {
            return Err(format!("done is {} with {} pieces of {}", peer.core.is_done(), here.count_ones(), here.len()));
        }
        if self.done_told != here.is_full() {
            return Err(format!("whether everything is here was said wrong: {}", self.done_told));
        }
        Ok(())
    }
}

fn check_bounds(peer: &Peer) -> Result<(), String> {
    let inflight = peer.core.inflight_deepest();
    if inflight > INFLIGHT_MAX {
        return Err(format!("{inflight} requests are in flight to one peer"));
    }
    let open = peer.core.open_bytes().get();
    if open > OPEN_PIECES_BYTES_HARD_MAX {
        return Err(format!("{open} bytes of pieces are open, {OPEN_PIECES_BYTES_HARD_MAX} at most"));
    }
    Ok(())
}

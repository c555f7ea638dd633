//! Readers of the film, as other threads move them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use bittorrent_proto::reader::ReaderId;
use bittorrent_proto::torrent::{Input, ReaderChange};

use super::TorrentTask;

/// Where readers stood when the core was last told.
#[derive(Default)]
pub(super) struct ReaderWatch {
    known: BTreeMap<u64, (u64, bool)>,
}

impl ReaderWatch {
    /// Tells the core which streams were opened, moved and closed since.
    pub(super) fn look(&mut self, task: &Rc<TorrentTask>) {
        let cells = task.shared.readers();
        let gone: Vec<u64> = self.known.keys().copied().filter(|id| !cells.iter().any(|cell| cell.id == *id)).collect();
        for id in gone {
            self.known.remove(&id);
            task.input(Input::Reader(ReaderId(id), ReaderChange::Closed));
        }
        for cell in cells {
            let position = cell.position.load(Ordering::Acquire);
            let waiting = cell.waiting.load(Ordering::Acquire);
            let before = self.known.insert(cell.id, (position, waiting));
            if before.is_none() {
                let opened = ReaderChange::Opened { file: cell.file, position };
                task.input(Input::Reader(ReaderId(cell.id), opened));
            }
            if before.is_some_and(|before| before != (position, waiting)) || (before.is_none() && waiting) {
                task.input(Input::Reader(ReaderId(cell.id), ReaderChange::Moved { position, waiting }));
            }
        }
    }
}

//! Files that a crash can reach: what was written and not synced may be there afterwards, in part, or not at all.
//!
//! | | a killed process | a power cut |
//! | --- | --- | --- |
//! | written and synced | is there | is there |
//! | written only | is there | any subset of the writes, each whole or up to some sector |
//! | a file's length and time of change | as they were | as at the sync, or as after any write since |
//! | names, before the folder is synced | as they were | as after any of the changes since |

use std::collections::BTreeMap;

use bittorrent_proto::resume::Stamp;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::ByteRange;

/// Bytes that a disk writes whole or not at all.
pub const SECTOR_LEN: u64 = 512;

/// What ended a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// It was killed; the system goes on and forgets nothing.
    Killed,
    /// The machine went dark.
    PowerLost,
}

/// A folder and its files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: BTreeMap<u64, File>,
    file_next: u64,
    /// The names as everybody sees them.
    names: Names,
    /// As they were at the last sync of the folder and after each change since, but for the last.
    names_before: Vec<Names>,
}

type Names = BTreeMap<&'static str, u64>;

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    modified_ns: i64,
    /// Length and time of change at the last sync.
    durable: (usize, i64),
    /// Since then, in order.
    unsynced: Vec<Write>,
}

#[derive(Clone, Debug)]
struct Write {
    at: usize,
    /// What was there; shorter where the file ended.
    before: Vec<u8>,
    after: Vec<u8>,
    modified_ns: i64,
}

impl Files {
    /// Makes a file of zeros, or an empty one in the place of what was there.
    pub fn create(&mut self, name: &'static str, len: usize, now_ns: i64) {
        let file = File { bytes: vec![0; len], modified_ns: now_ns, ..File::default() };
        self.files.insert(self.file_next, file);
        self.change_names(|names, next| {
            names.insert(name, next);
        });
        self.file_next += 1;
    }

    /// Whether there is such a file.
    pub fn exists(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Writes into a file; nothing when it is not there.
    pub fn write(&mut self, name: &str, at: usize, bytes: &[u8], now_ns: i64) {
        let Some(file) = self.file_mut(name) else { return };
        let end = at + bytes.len();
        let before = file.bytes.get(at..end.min(file.bytes.len())).unwrap_or_default().to_vec();
        file.put(at, bytes);
        file.modified_ns = now_ns;
        file.unsynced.push(Write { at, before, after: bytes.to_vec(), modified_ns: now_ns });
    }

    /// What was written to a file is durable; its name is with [`Files::sync_folder`].
    pub fn sync(&mut self, name: &str) {
        if let Some(file) = self.file_mut(name) {
            file.unsynced.clear();
            file.durable = (file.bytes.len(), file.modified_ns);
        }
    }

    /// Gives a file another name, in the place of what had it.
    pub fn rename(&mut self, from: &str, to: &'static str) {
        self.change_names(|names, _| {
            if let Some(file) = names.remove(from) {
                names.insert(to, file);
            }
        });
    }

    /// Removes a name.
    pub fn remove(&mut self, name: &str) {
        self.change_names(|names, _| {
            names.remove(name);
        });
    }

    /// The names are durable.
    pub fn sync_folder(&mut self) {
        self.names_before.clear();
        self.forget_nameless();
    }

    /// A file as everybody sees it.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.file(name).map(|file| file.bytes.as_slice())
    }

    /// Part of a file; `None` past its end.
    pub fn read(&self, name: &str, range: ByteRange) -> Option<&[u8]> {
        let start = usize::try_from(range.start).ok()?;
        self.bytes(name)?.get(start..start + range.len().as_usize())
    }

    /// A file's length and time of change.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let file = self.file(name)?;
        Some(Stamp { size: file.bytes.len() as u64, modified_ns: file.modified_ns })
    }

    /// Bytes that a sync of the file would move.
    pub fn unsynced_len(&self, name: &str) -> u64 {
        self.file(name).map_or(0, |file| file.unsynced.iter().map(|write| write.after.len() as u64).sum())
    }

    /// What a crash leaves.
    pub fn crash(&mut self, crash: Crash, rng: &mut Rng) {
        if crash == Crash::Killed {
            return;
        }
        let changes = self.names_before.len();
        let survived = index_below(rng, changes + 1);
        if survived < changes {
            self.names = self.names_before.swap_remove(survived);
        }
        self.names_before.clear();
        self.forget_nameless();
        self.files.values_mut().for_each(|file| file.lose(rng));
    }

    fn change_names(&mut self, change: impl FnOnce(&mut Names, u64)) {
        self.names_before.push(self.names.clone());
        change(&mut self.names, self.file_next);
    }

    /// Frees files that no name leads to, whatever a crash does.
    fn forget_nameless(&mut self) {
        let (names, before) = (&self.names, &self.names_before);
        let is_named = |id: &u64| before.iter().chain([names]).any(|names| names.values().any(|named| named == id));
        self.files.retain(|id, _| is_named(id));
    }

    fn file(&self, name: &str) -> Option<&File> {
        self.files.get(self.names.get(name)?)
    }

    fn file_mut(&mut self, name: &str) -> Option<&mut File> {
        self.files.get_mut(self.names.get(name)?)
    }
}

impl File {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(bytes);
    }

    /// Back to the last sync, and forward by whatever reached the disk since.
    fn lose(&mut self, rng: &mut Rng) {
        let mut writes = std::mem::take(&mut self.unsynced);
        let len_after = self.bytes.len();
        writes.iter().rev().for_each(|write| self.put(write.at, &write.before));
        // The length may be written without the bytes: zeros are there then.
        let (len_durable, modified_durable) = self.durable;
        let len = if rng.chance(1, 2) { len_after } else { len_durable };
        self.bytes.truncate(len_durable);
        self.bytes.resize(len.max(len_durable), 0);
        let times: Vec<i64> =
            writes.iter().map(|write| write.modified_ns).chain([modified_durable, self.modified_ns]).collect();
        self.modified_ns = times[index_below(rng, times.len())];
        // Power is cut early or late in what the system was writing.
        let survive_in_8 = rng.below(9);
        while !writes.is_empty() {
            let write = writes.swap_remove(index_below(rng, writes.len()));
            if rng.chance(survive_in_8, 8) {
                let survives = if rng.chance(1, 4) { torn(&write, rng) } else { write.after.len() };
                self.put(write.at, &write.after[..survives]);
            }
        }
        self.durable = (self.bytes.len(), self.modified_ns);
    }
}

/// How much of a write is there when it ends at the end of some sector.
fn torn(write: &Write, rng: &mut Rng) -> usize {
    let sector_len = usize::try_from(SECTOR_LEN).unwrap_or(usize::MAX);
    let cut = write.at + index_below(rng, write.after.len() + 1);
    (cut - cut % sector_len).saturating_sub(write.at)
}

fn index_below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(count as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The contents of a file after power cuts of many seeds, and its times of change.
    fn after_power_cuts(files: &Files, name: &str) -> (BTreeSet<Option<Vec<u8>>>, BTreeSet<i64>) {
        let crashed = (0..400).map(|seed| {
            let mut files = files.clone();
            files.crash(Crash::PowerLost, &mut Rng::new(seed));
            files
        });
        let (mut contents, mut times) = (BTreeSet::new(), BTreeSet::new());
        for files in crashed {
            contents.insert(files.bytes(name).map(<[u8]>::to_vec));
            times.extend(files.stamp(name).map(|stamp| stamp.modified_ns));
        }
        (contents, times)
    }

    fn folder() -> Files {
        let mut files = Files::default();
        files.create("film", 2048, 1);
        files.write("film", 0, &[1; 1024], 2);
        files.sync("film");
        files.sync_folder();
        files
    }

    #[test]
    fn what_is_synced_survives_everything() {
        let files = folder();
        let expected = [vec![1; 1024], vec![0; 1024]].concat();
        assert_eq!(after_power_cuts(&files, "film"), ([Some(expected)].into(), [2].into()));
        assert_eq!(files.unsynced_len("film"), 0);
    }

    #[test]
    fn a_killed_process_loses_nothing() {
        let mut files = folder();
        files.write("film", 512, &[2; 1000], 3);
        files.create("resume", 0, 3);
        let before = files.bytes("film").unwrap().to_vec();
        files.crash(Crash::Killed, &mut Rng::new(1));
        assert_eq!(files.bytes("film"), Some(before.as_slice()));
        assert!(files.exists("resume"));
        assert_eq!(files.unsynced_len("film"), 1000);
    }

    #[test]
    fn unsynced_writes_are_lost_torn_at_sectors_and_reordered() {
        let mut files = folder();
        files.write("film", 1000, &[2; 1048], 3);
        files.write("film", 1536, &[3; 512], 4);
        let (contents, times) = after_power_cuts(&files, "film");
        assert_eq!(times, [2, 3, 4].into());
        let contents: Vec<Vec<u8>> = contents.into_iter().flatten().collect();
        assert!(contents.iter().all(|bytes| bytes.len() == 2048 && bytes[..1000] == [1; 1000]));
        let tails: BTreeSet<[u8; 4]> =
            contents.iter().map(|bytes| [1000, 1024, 1535, 1536].map(|at| bytes[at])).collect();
        let sound = [[1, 0, 0, 0], [1, 0, 0, 3], [2, 0, 0, 0], [2, 0, 0, 3], [2, 2, 2, 0], [2, 2, 2, 2], [2, 2, 2, 3]];
        assert_eq!(tails, sound.into());
    }

    #[test]
    fn a_new_files_name_and_a_renamed_one_wait_for_their_folder() {
        let mut files = folder();
        files.create("old", 0, 1);
        files.write("old", 0, b"old", 1);
        files.sync("old");
        files.sync_folder();
        files.create("new", 0, 2);
        files.write("new", 0, b"new", 2);
        files.sync("new");
        files.rename("new", "old");
        let whole = |text: &[u8]| Some(text.to_vec());
        assert_eq!(after_power_cuts(&files, "old").0, [whole(b"old"), whole(b"new")].into());
        assert_eq!(after_power_cuts(&files, "new").0, [None, whole(b"new")].into());
        files.sync_folder();
        assert_eq!(after_power_cuts(&files, "old").0, [whole(b"new")].into());
        files.remove("old");
        assert_eq!(after_power_cuts(&files, "old").0, [None, whole(b"new")].into());
    }

    #[test]
    fn a_renamed_file_that_was_not_synced_may_be_empty_or_zeros() {
        let mut files = Files::default();
        files.create("new", 0, 1);
        files.write("new", 0, b"new", 1);
        files.rename("new", "old");
        files.sync_folder();
        let expected = [b"".to_vec(), vec![0; 3], b"new".to_vec()].map(Some);
        assert_eq!(after_power_cuts(&files, "old").0, expected.into());
    }
}

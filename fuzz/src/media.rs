//! The look into media files.

use bittorrent_proto::media::{INDEX_LEN_MAX, Probe};
use bittorrent_proto::units::{ByteLen, ByteRange};

/// A file of these bytes, and one that repeats them up to a length of their choice: a probe reads only what is there, ends
/// soon, and claims nothing outside the file.
pub fn media(bytes: &[u8]) {
    let Some(&factor) = bytes.last() else { return };
    let len = bytes.len() as u64;
    for file_len in [len, len * (u64::from(factor) + 1), (1 << 40) + len] {
        probe(bytes, file_len);
    }
}

fn probe(bytes: &[u8], file_len: u64) {
    let file = ByteRange::new(0, file_len);
    let mut probe = Probe::new(ByteLen::new(file_len));
    let mut reads = 0;
    while let Some(range) = probe.next_range() {
        reads += 1;
        assert!(reads <= 1000, "a probe ends");
        assert!(!range.is_empty() && range.intersect(file) == range, "{range:?} of {file_len}");
        assert!(range.len().get() <= 4 * 1024 * 1024, "{range:?} is more than a look");
        let content: Vec<u8> = (range.start..range.end).map(|at| byte_at(bytes, at)).collect();
        probe.handle(range, &content);
    }
    let facts = probe.facts();
    assert!(facts.duration.is_none_or(|duration| !duration.is_zero()));
    if let Some(index) = facts.index {
        assert!(index.intersect(file) == index && index.len().get() <= INDEX_LEN_MAX, "{index:?} of {file_len}");
    }
}

fn byte_at(bytes: &[u8], at: u64) -> u8 {
    let place = usize::try_from(at % bytes.len() as u64).expect("below the length of a slice");
    bytes[place]
}

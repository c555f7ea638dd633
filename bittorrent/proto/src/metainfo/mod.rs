//! What a torrent holds (BEP 3, "metainfo files"): from a `.torrent` file or from an info dictionary sent by peers.
//!
//! The info dictionary's bytes are kept as they came, because the infohash is taken over them. Torrents of version 2
//! alone (BEP 52) are refused; of a hybrid, the version 1 half is read. Making new ones: [`crate::create`].

use std::ops::Range;

use bytes::Bytes;

use crate::bencode::{self, BencodeError, Bounds, Value};
use crate::infohash::Infohash;
use crate::layout::{LayoutError, TorrentLayout};
use crate::limits::{PIECE_LEN_MAX, TORRENT_FILE_LEN_MAX};
use crate::paths::{self, PATH_DEPTH_MAX, PATH_LEN_MAX, TooManyDuplicates};
use crate::units::{ByteLen, PieceIndex};

/// Trackers taken from a `.torrent` file; each may cost a connection.
pub const TRACKERS_MAX: usize = 64;

/// Bytes of a tracker's URL; longer ones are left out.
pub const TRACKER_LEN_MAX: usize = 1_024;

/// A torrent's contents, checked.
///
/// Invariant: `info` hashes to `infohash`, has one hash for each piece of `layout`, and `files` are `layout`'s files in
/// order. Paths are safe on every system and no two files share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of `info`.
    pub infohash: Infohash,
    /// The info dictionary, byte for byte: what peers are sent (BEP 9).
    pub info: Bytes,
    /// One safe path component: the file's name, or the folder's.
    pub name: String,
    /// Where pieces and files lie.
    pub layout: TorrentLayout,
    /// In the order of the torrent; indexed by [`crate::units::FileIndex`].
    pub files: Vec<FileEntry>,
    /// BEP 27: peers come from the trackers alone.
    pub private: bool,
    /// Announce URLs in tiers (BEP 12), none of them empty. An info dictionary from peers brings none.
    pub trackers: Vec<Vec<String>>,
    /// Whether the torrent is one file called `name`, and not a folder.
    pub single_file: bool,
    /// Where the piece hashes stand in `info`.
    hashes: Range<usize>,
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Safe components. For a folder's file they count from inside the folder; a single file's only one is its name. Empty
    /// when `pad`.
    pub path: Vec<String>,
    /// Its bytes; 0 is allowed beside other files.
    pub len: ByteLen,
    /// BEP 47: a stretch of zeros between files, or a symbolic link of no bytes. It has a place in the torrent and none
    /// on the disk, and is not shown.
    pub pad: bool,
}

/// Why something is no torrent, or none that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetainfoError {
    /// Not bencode, or beyond our bounds.
    #[error("not a torrent: {0}")]
    Bencode(#[from] BencodeError),
    /// More than [`TORRENT_FILE_LEN_MAX`] bytes.
    #[error("the torrent file is larger than {TORRENT_FILE_LEN_MAX} bytes")]
    TooLong,
    /// No dictionary, or one without a dictionary `info`.
    #[error("not a torrent: it has no info dictionary")]
    InfoMissing,
    /// Only the keys of BEP 52.
    #[error("a torrent of BitTorrent version 2 only, which is not supported")]
    V2Only,
    /// `name` is missing, empty or no string.
    #[error("the torrent has no name")]
    NameMissing,
    /// `piece length` is missing or no positive integer.
    #[error("the torrent has no valid piece length")]
    PieceLenInvalid,
    /// A piece is kept in memory until it is verified, so there is an end to its size.
    #[error("pieces of {0} bytes; at most {PIECE_LEN_MAX} are supported")]
    PieceLenTooLarge(i64),
    /// `pieces` is missing or no string.
    #[error("the torrent has no piece hashes")]
    HashesMissing,
    /// `pieces` is not a multiple of 20 bytes.
    #[error("the piece hashes are {0} bytes, which is no multiple of 20")]
    HashesUnaligned(usize),
    /// Not one hash for each piece.
    #[error("{got} piece hashes for {expected} pieces")]
    HashCount {
        /// ⌈total length / piece length⌉.
        expected: u32,
        /// What came.
        got: usize,
    },
    /// Neither `length` nor a `files` with anything in it.
    #[error("the torrent names no files")]
    FilesMissing,
    /// An entry of `files` is no dictionary, or `files` no list.
    #[error("file {0} of the torrent cannot be read")]
    FileMalformed(usize),
    /// A length that is missing, negative or no integer.
    #[error("file {0} of the torrent has no valid length")]
    FileLen(usize),
    /// A path that is missing, empty or no list of strings.
    #[error("file {0} of the torrent has no valid path")]
    FilePath(usize),
    /// More than [`PATH_DEPTH_MAX`] components or [`PATH_LEN_MAX`] bytes.
    #[error("file {0} of the torrent has a path that is too long")]
    FilePathTooLong(usize),
    /// A symbolic link (BEP 47) that claims bytes.
    #[error("file {0} of the torrent is a link with contents")]
    LinkWithBytes(usize),
    /// Too many files of one name.
    #[error(transparent)]
    Duplicates(#[from] TooManyDuplicates),
    /// Lengths that make no torrent.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl Metainfo {
    /// Reads a `.torrent` file. Bytes after its end are ignored: some sites add a line break.
    pub fn from_torrent(torrent: &[u8]) -> Result<Self, MetainfoError> {
        if torrent.len() > TORRENT_FILE_LEN_MAX {
            return Err(MetainfoError::TooLong);
        }
        let (root, _) = bencode::parse_prefix(torrent, Bounds::TORRENT_FILE)?;
        let info = root.get("info").ok_or(MetainfoError::InfoMissing)?;
        let trackers = read_trackers(&root);
        Ok(Self { trackers, ..Self::read(info, Bytes::copy_from_slice(info.raw()))? })
    }

    /// Reads an info dictionary as peers send it (BEP 9). The caller compares `infohash` with the one it asked for.
    pub fn from_info(info: Bytes) -> Result<Self, MetainfoError> {
        let bytes = info.clone();
        Self::read(&bencode::parse(&bytes, Bounds::INFO)?, info)
    }

    /// The SHA-1 that the piece must have.
    ///
    /// # Panics
    /// When the piece comes from another torrent's layout, which is a mistake of ours.
    pub fn piece_hash(&self, piece: PieceIndex) -> &[u8; 20] {
        let hashes = &self.info[self.hashes.clone()];
        hashes[HASH_LEN * piece.as_usize()..].first_chunk().expect("a layout has as many pieces as there are hashes")
    }

    /// A `.torrent` file with these trackers and the info dictionary as it came.
    pub fn to_torrent(&self) -> Vec<u8> {
        let mut torrent = bencode::encode_dict(|root| {
            if let Some(first) = self.trackers.iter().flatten().next() {
                root.emit_pair(b"announce", first.as_str())?;
                root.emit_pair(b"announce-list", &self.trackers)?;
            }
            Ok(())
        });
        // Put in as bytes, because a stranger's dictionary may have keys in an order that bendy refuses. `info` sorts
        // after both other keys.
        torrent.pop();
        torrent.extend_from_slice(b"4:info");
        torrent.extend_from_slice(&self.info);
        torrent.push(b'e');
        torrent
    }

    fn read(value: &Value<'_>, info: Bytes) -> Result<Self, MetainfoError> {
        if value.as_dict().is_none() {
            return Err(MetainfoError::InfoMissing);
        }
        // A hybrid has `pieces` as well and is read like any torrent of version 1.
        if value.get("pieces").is_none() && (value.get("meta version").is_some() || value.get("file tree").is_some()) {
            return Err(MetainfoError::V2Only);
        }
        let name = string(value, "name.utf-8", "name").ok_or(MetainfoError::NameMissing)?;
        let name = paths::component_or_underscore(name);
        let piece_len = read_piece_len(value)?;
        let (files, single_file) = read_files(value, &name)?;
        let lens: Vec<u64> = files.iter().map(|file| file.len.get()).collect();
        let layout = TorrentLayout::new(piece_len, &lens)?;
        let hashes = read_hashes(value, &layout)?;
        let private = value.get("private").and_then(Value::as_int) == Some(1);
        let infohash = Infohash::of(&info);
        Ok(Self { infohash, info, name, layout, files, private, trackers: Vec::new(), single_file, hashes })
    }
}

const HASH_LEN: usize = 20;

/// A string that is not empty, preferably from the key that is surely UTF-8.
fn string<'a>(dict: &Value<'a>, utf_8: &str, plain: &str) -> Option<&'a [u8]> {
    [utf_8, plain].into_iter().find_map(|key| dict.get(key)?.as_bytes().filter(|bytes| !bytes.is_empty()))
}

fn read_piece_len(info: &Value<'_>) -> Result<u32, MetainfoError> {
    let len = info.get("piece length").and_then(Value::as_int).filter(|&len| len > 0);
    let len = len.ok_or(MetainfoError::PieceLenInvalid)?;
    u32::try_from(len).ok().filter(|&len| len <= PIECE_LEN_MAX).ok_or(MetainfoError::PieceLenTooLarge(len))
}

/// Some torrents carry `length` and `files`; what lists more is right.
fn read_files(info: &Value<'_>, name: &str) -> Result<(Vec<FileEntry>, bool), MetainfoError> {
    match (info.get("files"), info.get("length")) {
        (Some(files), length) => {
            let entries = files.as_list().ok_or(MetainfoError::FileMalformed(0))?;
            if !entries.is_empty() {
                return read_folder(entries).map(|files| (files, false));
            }
            length.ok_or(MetainfoError::FilesMissing)?;
        }
        (None, Some(_)) => {}
        (None, None) => return Err(MetainfoError::FilesMissing),
    }
    let len = read_len(info).ok_or(MetainfoError::FileLen(0))?;
    Ok((vec![FileEntry { path: vec![name.to_owned()], len, pad: false }], true))
}

fn read_folder(entries: &[Value<'_>]) -> Result<Vec<FileEntry>, MetainfoError> {
    let mut files =
        entries.iter().enumerate().map(|(index, entry)| read_file(index, entry)).collect::<Result<Vec<_>, _>>()?;
    paths::make_unique(files.iter_mut().filter(|file| !file.pad).map(|file| &mut file.path))?;
    Ok(files)
}

fn read_file(index: usize, entry: &Value<'_>) -> Result<FileEntry, MetainfoError> {
    if entry.as_dict().is_none() {
        return Err(MetainfoError::FileMalformed(index));
    }
    let len = read_len(entry).ok_or(MetainfoError::FileLen(index))?;
    let attributes = entry.get("attr").and_then(Value::as_bytes).unwrap_or_default();
    let is_link = attributes.contains(&b'l');
    if is_link && len != ByteLen::ZERO {
        return Err(MetainfoError::LinkWithBytes(index));
    }
    if is_link || attributes.contains(&b'p') {
        return Ok(FileEntry { path: Vec::new(), len, pad: true });
    }
    Ok(FileEntry { path: read_path(index, entry)?, len, pad: false })
}

fn read_len(dict: &Value<'_>) -> Option<ByteLen> {
    u64::try_from(dict.get("length")?.as_int()?).ok().map(ByteLen::new)
}

fn read_path(index: usize, entry: &Value<'_>) -> Result<Vec<String>, MetainfoError> {
    let components = entry.get("path.utf-8").or_else(|| entry.get("path")).and_then(Value::as_list);
    let components = components.filter(|list| !list.is_empty()).ok_or(MetainfoError::FilePath(index))?;
    let mut path = Vec::new();
    for component in components {
        let name = component.as_bytes().ok_or(MetainfoError::FilePath(index))?;
        path.extend(paths::component(name));
        if path.len() > PATH_DEPTH_MAX || path.iter().map(|name| name.len() + 1).sum::<usize>() > PATH_LEN_MAX {
            return Err(MetainfoError::FilePathTooLong(index));
        }
    }
    if path.is_empty() {
        path.push(paths::component_or_underscore(b""));
    }
    Ok(path)
}

fn read_hashes(info: &Value<'_>, layout: &TorrentLayout) -> Result<Range<usize>, MetainfoError> {
    let value = info.get("pieces").ok_or(MetainfoError::HashesMissing)?;
    let hashes = value.as_bytes().ok_or(MetainfoError::HashesMissing)?;
    if hashes.len() % HASH_LEN != 0 {
        return Err(MetainfoError::HashesUnaligned(hashes.len()));
    }
    let expected = layout.piece_count();
    let got = hashes.len() / HASH_LEN;
    if u32::try_from(got) != Ok(expected) {
        return Err(MetainfoError::HashCount { expected, got });
    }
    // Both are slices of the same bytes, so the distance of their starts is where one lies in the other.
    let end = value.raw().as_ptr_range().end as usize - info.raw().as_ptr() as usize;
    Ok(end - hashes.len()..end)
}

/// BEP 12: `announce-list` replaces `announce` when it names any tracker.
fn read_trackers(root: &Value<'_>) -> Vec<Vec<String>> {
    let mut room = TRACKERS_MAX;
    let mut tiers = Vec::new();
    for tier in root.get("announce-list").and_then(Value::as_list).unwrap_or_default() {
        let urls = tier.as_list().unwrap_or_default().iter().filter_map(read_tracker).take(room);
        let urls: Vec<String> = urls.collect();
        room -= urls.len();
        if !urls.is_empty() {
            tiers.push(urls);
        }
    }
    if tiers.is_empty() {
        tiers.extend(root.get("announce").and_then(read_tracker).map(|url| vec![url]));
    }
    tiers
}

fn read_tracker(url: &Value<'_>) -> Option<String> {
    let url = url.as_str()?.trim();
    (1..=TRACKER_LEN_MAX).contains(&url.len()).then(|| url.to_owned())
}

#[cfg(test)]
mod tests;

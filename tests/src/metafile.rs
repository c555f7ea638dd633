//! `.torrent` files (BEP 3), made without the engine's own code so that the two can disagree.

use std::path::{Path, PathBuf};

use sha1_smol::Sha1;

/// A torrent, of one file as a rule.
#[derive(Clone, Debug)]
pub struct Metafile {
    /// The file's name.
    pub name: String,
    /// Bytes of every piece but the last.
    pub piece_len: usize,
    /// All of the content.
    pub content: Vec<u8>,
    info: Vec<u8>,
}

impl Metafile {
    /// Hashes `content`.
    pub fn new(name: &str, content: Vec<u8>, piece_len: usize) -> Self {
        let what = format!("6:lengthi{}e", content.len());
        Self::with(name, &what, content, piece_len)
    }

    /// A folder of files: `files` is the bencoded inside of that list, whatever it says, and `content` what they hold.
    pub fn of_files(name: &str, files: &str, content: Vec<u8>, piece_len: usize) -> Self {
        Self::with(name, &format!("5:filesl{files}e"), content, piece_len)
    }

    /// As [`Metafile::new`], for its own trackers alone (BEP 27).
    pub fn new_private(name: &str, content: Vec<u8>, piece_len: usize) -> Self {
        let mut made = Self::new(name, content, piece_len);
        // Last of the dictionary, as `private` comes behind `pieces`.
        made.info.pop();
        made.info.extend(b"7:privatei1ee");
        made
    }

    fn with(name: &str, what: &str, content: Vec<u8>, piece_len: usize) -> Self {
        let hashes: Vec<u8> = content.chunks(piece_len).flat_map(|piece| Sha1::from(piece).digest().bytes()).collect();
        let mut info =
            format!("d{what}4:name{}:{name}12:piece lengthi{piece_len}e6:pieces{}:", name.len(), hashes.len())
                .into_bytes();
        info.extend(hashes);
        info.push(b'e');
        Self { name: name.to_owned(), piece_len, content, info }
    }

    /// SHA-1 of the info dictionary.
    pub fn infohash(&self) -> [u8; 20] {
        Sha1::from(&self.info).digest().bytes()
    }

    /// The same in hexadecimal.
    pub fn infohash_hex(&self) -> String {
        crate::hex(&self.infohash())
    }

    /// The info dictionary, as it is hashed and as peers send it (BEP 9).
    pub fn info(&self) -> &[u8] {
        &self.info
    }

    /// How many pieces.
    pub fn piece_count(&self) -> u32 {
        u32::try_from(self.content.len().div_ceil(self.piece_len)).expect("a test's torrent is small")
    }

    /// The bytes of one piece.
    pub fn piece(&self, index: u32) -> &[u8] {
        let start = index as usize * self.piece_len;
        &self.content[start..(start + self.piece_len).min(self.content.len())]
    }

    /// Writes `NAME.torrent` into `folder`, with that tracker in it when there is one.
    pub fn write(&self, folder: &Path, tracker: Option<&str>) -> PathBuf {
        let mut bytes = b"d".to_vec();
        if let Some(url) = tracker {
            bytes.extend(format!("8:announce{}:{url}", url.len()).into_bytes());
        }
        bytes.extend(b"4:info");
        bytes.extend(&self.info);
        bytes.push(b'e');
        let path = folder.join(format!("{}.torrent", self.name));
        crate::film::write(&path, &bytes);
        path
    }

    /// A magnet that names nothing but the infohash and what `more` adds.
    pub fn magnet(&self, more: &str) -> String {
        format!("magnet:?xt=urn:btih:{}{more}", self.infohash_hex())
    }
}

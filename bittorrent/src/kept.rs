//! Metainfos of downloads, kept beside them: a magnet that is added again needs nobody to ask.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::limits::TORRENT_FILE_LEN_MAX;
use bittorrent_proto::metainfo::Metainfo;

pub(crate) fn path(data_dir: &Path, infohash: Infohash) -> PathBuf {
    data_dir.join(format!("{infohash}.torrent"))
}

/// Writes it, whole or not at all.
pub(crate) fn keep(data_dir: &Path, metainfo: &Metainfo) -> io::Result<()> {
    let path = path(data_dir, metainfo.infohash);
    if find(data_dir, metainfo.infohash).is_some() {
        return Ok(());
    }
    fs::create_dir_all(data_dir)?;
    let unfinished = path.with_extension("torrent.tmp");
    fs::write(&unfinished, metainfo.to_torrent())?;
    fs::rename(&unfinished, &path)
}

/// What was kept, if it is there and still what it says.
pub(crate) fn find(data_dir: &Path, infohash: Infohash) -> Option<Metainfo> {
    let path = path(data_dir, infohash);
    let len = fs::metadata(&path).ok()?.len();
    if len > TORRENT_FILE_LEN_MAX as u64 {
        return None;
    }
    let metainfo = Metainfo::from_torrent(&fs::read(&path).ok()?).ok()?;
    (metainfo.infohash == infohash).then_some(metainfo)
}

/// Forgets it, together with the data.
pub(crate) fn forget(data_dir: &Path, infohash: Infohash) -> io::Result<()> {
    match fs::remove_file(path(data_dir, infohash)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bittorrent_proto::create::{Contents, metainfo};
    use bittorrent_proto::units::ByteLen;

    #[test]
    fn what_is_kept_is_found_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let film = metainfo("film.mp4", &Contents::File(ByteLen::new(70_000)), 65_536, &[7; 40]).unwrap();
        assert_eq!(find(dir.path(), film.infohash), None);
        keep(dir.path(), &film).unwrap();
        assert_eq!(find(dir.path(), film.infohash), Some(film.clone()));
        forget(dir.path(), film.infohash).unwrap();
        forget(dir.path(), film.infohash).unwrap();
        assert_eq!(find(dir.path(), film.infohash), None);
    }

    #[test]
    fn what_was_damaged_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let film = metainfo("film.mp4", &Contents::File(ByteLen::new(70_000)), 65_536, &[7; 40]).unwrap();
        keep(dir.path(), &film).unwrap();
        let path = path(dir.path(), film.infohash);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(find(dir.path(), film.infohash), None);
        keep(dir.path(), &film).unwrap();
        assert_eq!(find(dir.path(), film.infohash), Some(film));
    }
}

//! Resume data: what a download holds already, so that a restart need not read and hash a whole film.
//!
//! A file beside the kept metainfo, `<infohash>.resume`, names the verified pieces and how the files looked when these
//! were durable. [`Saver`] writes it while pieces arrive and when the torrent ends; [`look`] reads it when the torrent is
//! added again. It may be old, but never claims what is not on the disk: bytes are synced before it names them.
//!
//! | module | what |
//! | --- | --- |
//! | `check` | reading what is here |
//! | `saver` | when it is written |
//!
//! Its form, what may be claimed and what of a claim is believed are in [`bittorrent_proto::resume`].

mod check;
mod saver;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::resume::{Resume, ResumeError, decode, encode, len_max};

pub(crate) use check::look;
pub(crate) use saver::{Saver, keep_saving};

/// Forgets it, together with the data.
pub(crate) fn forget(data_dir: &Path, infohash: Infohash) -> io::Result<()> {
    let path = path(data_dir, infohash);
    [unfinished(&path), path].iter().try_for_each(|path| match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    })
}

fn path(data_dir: &Path, infohash: Infohash) -> PathBuf {
    data_dir.join(format!("{infohash}.resume"))
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("resume.tmp")
}

/// Writes it durably, whole or not at all: a crash in between leaves the one before.
fn write(data_dir: &Path, metainfo: &Metainfo, resume: &Resume) -> io::Result<()> {
    let path = path(data_dir, metainfo.infohash);
    let unfinished = unfinished(&path);
    let mut file = File::create(&unfinished)?;
    file.write_all(&encode(metainfo.infohash, &metainfo.layout, resume))?;
    file.sync_all()?;
    drop(file);
    fs::rename(&unfinished, &path)?;
    // The new name is durable with its folder.
    File::open(data_dir)?.sync_all()
}

/// What was written, if there is any and it can be believed.
fn find(data_dir: &Path, metainfo: &Metainfo) -> Option<Resume> {
    let path = path(data_dir, metainfo.infohash);
    let len_max = len_max(&metainfo.layout);
    let mut bytes = Vec::new();
    // One byte more than there can be, so that a longer file is seen to be one.
    let read = File::open(&path).and_then(|file| file.take(len_max as u64 + 1).read_to_end(&mut bytes));
    let found = match read {
        Ok(_) => decode(&bytes, metainfo.infohash, &metainfo.layout),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            log::warn!("{}: {error}", path.display());
            return None;
        }
    };
    let ignored = |error: &ResumeError| log::warn!("{} is ignored: {error}", path.display());
    found.inspect_err(ignored).ok()
}

#[cfg(test)]
mod tests {
    use bittorrent_proto::bitfield::Bitfield;
    use bittorrent_proto::create::{Contents, metainfo};
    use bittorrent_proto::units::ByteLen;

    use super::*;

    fn film() -> (Metainfo, Resume) {
        let film = metainfo("film.mp4", &Contents::File(ByteLen::new(70_000)), 65_536, &[7; 40]).unwrap();
        (film, Resume::new(false, Bitfield::new_full(2), vec![None]))
    }

    #[test]
    fn what_was_written_is_found_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (film, resume) = film();
        assert_eq!(find(dir.path(), &film), None);
        write(dir.path(), &film, &Resume { at_rest: true, ..resume.clone() }).unwrap();
        // One that a killed process left half written is written over.
        fs::write(unfinished(&path(dir.path(), film.infohash)), [b'x'; 4000]).unwrap();
        write(dir.path(), &film, &resume).unwrap();
        assert_eq!(find(dir.path(), &film), Some(resume));
        fs::write(unfinished(&path(dir.path(), film.infohash)), "half").unwrap();
        forget(dir.path(), film.infohash).unwrap();
        forget(dir.path(), film.infohash).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_torn_longer_or_no_file_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let (film, resume) = film();
        write(dir.path(), &film, &resume).unwrap();
        let path = path(dir.path(), film.infohash);
        let whole = fs::read(&path).unwrap();
        let endless = fs::File::create(&path).unwrap();
        endless.set_len(1 << 40).unwrap();
        assert_eq!(find(dir.path(), &film), None);
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(find(dir.path(), &film), None);
        fs::write(&path, &whole).unwrap();
        assert_eq!(find(dir.path(), &film), Some(resume));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(find(dir.path(), &film), None);
    }
}

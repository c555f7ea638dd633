//! The disk that downloads lie on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sharestream_engine::DiskRoom;

use super::words;
use crate::doctor::seen::DiskSeen;

pub(crate) async fn disk(folder: PathBuf) -> DiskSeen {
    smol::unblock(move || {
        let writable = try_writing(&folder).map_err(|error| words(&error));
        DiskSeen { room: DiskRoom::of(&folder).ok(), writable, folder }
    })
    .await
}

/// As the engine would: it makes the folder when it is not there.
fn try_writing(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let written =
        OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(b"well?"));
    match (written, fs::remove_file(&path)) {
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_files_and_one_that_is_a_file() {
        let scratch = tempfile::tempdir().unwrap();
        let new = scratch.path().join("new/films");
        let seen = smol::block_on(disk(new.clone()));
        assert_eq!(seen.writable, Ok(()));
        assert!(seen.room.is_some_and(|room| room.free > 0));
        assert_eq!(fs::read_dir(&new).unwrap().count(), 0, "nothing is left behind");

        let file = scratch.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(smol::block_on(disk(file.join("films"))).writable.is_err());
    }
}

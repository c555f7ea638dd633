//! What the engine's program says of itself, in a file that does not grow without end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A log that is appended to. At its bound it becomes `NAME.old`, in the place of an older one, and begins anew.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    len: u64,
    len_max: u64,
}

impl LogFile {
    /// Opens it, and makes its folder if need be.
    pub(super) fn open(path: &Path, len_max: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = append_to(path)?;
        let len = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, len, len_max })
    }

    /// Adds whole or cut lines as they come.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.len > 0 && self.len.saturating_add(added) > self.len_max {
            let mut old = self.path.clone().into_os_string();
            old.push(".old");
            std::fs::rename(&self.path, &old)?;
            self.file = append_to(&self.path)?;
            self.len = 0;
        }
        self.file.write_all(bytes)?;
        self.len += added;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // It names films, which are nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_anew_at_its_bound_and_keeps_one_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs").join("engine.log");
        let mut log = LogFile::open(&path, 10).unwrap();
        for part in ["12345", "67890", "abcde", "fghij", "xy"] {
            log.append(part.as_bytes()).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "xy");
        assert_eq!(read(&path.with_extension("log.old")), "abcdefghij");
        drop(log);
        let mut again = LogFile::open(&path, 10).unwrap();
        again.append(b"z").unwrap();
        assert_eq!(read(&path), "xyz");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }
}

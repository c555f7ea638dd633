//! Small files that are whole or not there, and nobody else's to read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file's bytes; none when there is no file. Of one that is longer than `len_max`, one byte more than that.
pub(super) fn read(path: &Path, len_max: usize) -> io::Result<Vec<u8>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(u64::try_from(len_max).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}

/// Writes a file in one step: after a crash it has its old content or its new one. Only its owner may read it.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folder(folder)?;
    // Two programs may write at once; the later one's file stays.
    let new = with_ending(path, &format!("{}.new", std::process::id()));
    let written = write_new(&new, content).and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // What is left of the attempt is of no use; that it failed is said.
        let _ = std::fs::remove_file(&new);
        return written;
    }
    // The rename itself lasts once the folder is on the disk; not every system can say so.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Moves a file that cannot be understood out of the way, in the place of an older one.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = with_ending(path, "broken");
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Passwords and tokens are in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

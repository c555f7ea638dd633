//! The key of session tokens, kept in a folder so that tokens outlive the process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::config::Secret;

/// The file's name.
const FILE: &str = "secret";
/// Bytes of a key; the file has twice as many hexadecimal digits.
const LEN: usize = 32;

/// The key that is kept there; made now if there is none.
///
/// # Errors
/// When the folder cannot be used, or holds something else under that name.
pub fn kept_in(folder: &Path) -> io::Result<Secret> {
    fs::create_dir_all(folder)?;
    let path = folder.join(FILE);
    loop {
        match fs::read_to_string(&path) {
            Ok(text) if is_key(text.trim()) => return Ok(Secret::new(text.trim().as_bytes())),
            Ok(_) => return Err(io::Error::other(format!("{} holds no key of ours", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; LEN];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        match place(folder, &path, &text) {
            // Another process was faster: its key stands.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(Secret::new(text.into_bytes())),
        }
    }
}

fn is_key(text: &str) -> bool {
    text.len() == 2 * LEN && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Nobody ever sees half a key: it is written aside, and then has its name or does not.
fn place(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let aside = folder.join(format!("{FILE}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&aside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::hard_link(&aside, path));
    // What stays behind is a file nobody reads.
    let _ = fs::remove_file(&aside);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let first = kept_in(&deep).unwrap();
        assert!(kept_in(&deep).unwrap() == first);
        assert!(kept_in(folder.path()).unwrap() != first, "another folder, another key");
        let names: Vec<_> = fs::read_dir(&deep).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(deep.join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        }
    }

    #[test]
    fn what_is_no_key_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "my own notes").unwrap();
        assert!(kept_in(folder.path()).unwrap_err().to_string().contains("no key of ours"));
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"my own notes");
    }
}

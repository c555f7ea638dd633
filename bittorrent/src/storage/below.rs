//! Opens, makes and removes files below a folder, never through a symbolic link.
//!
//! A torrent names its files, and its folder may lie where others write too. A link planted in it would lead a write
//! outside. So each folder is opened by its own name, from the one before, and a link in its place is refused: nothing can
//! be exchanged between looking and opening. Above the root, links are the user's own and fine.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::error::{Action, StorageError};

/// A file for reading.
pub(super) fn open(root: &Path, parts: &[String]) -> Result<File, StorageError> {
    let (name, folders) = split(parts)?;
    let folder = walk(root, folders, IfMissing::Fail)?;
    // Not blocking: a pipe in a file's place would wait for a writer for ever. Files do not mind.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = rustix::fs::openat(&folder, name, flags, Mode::empty());
    plain(fd, || joined(root, parts))
}

/// A file for reading and writing, made with its folders when missing.
pub(super) fn create(root: &Path, parts: &[String]) -> Result<File, StorageError> {
    let (name, folders) = split(parts)?;
    if !root.is_dir() {
        std::fs::create_dir_all(root).map_err(|source| io_error(root.to_owned(), Action::Open, source))?;
    }
    let folder = walk(root, folders, IfMissing::Make)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o666));
    plain(fd, || joined(root, parts))
}

/// Makes a file's name durable, and those of the folders that lead to it: what the system has not written of a folder is
/// lost with the power, however durable the file in it is.
pub(super) fn sync_names(root: &Path, parts: &[String]) -> Result<(), StorageError> {
    let (_, folders) = split(parts)?;
    for depth in 0..=folders.len() {
        let folder = walk(root, &folders[..depth], IfMissing::Fail)?;
        let path = || joined(root, &folders[..depth]);
        sync_folder(&folder).map_err(|errno| io_error(path(), Action::Sync, errno.into()))?;
    }
    // The root's own name, and its folder's: a download's folder lies in one named after the infohash.
    for above in root.ancestors().skip(1).take(2).filter(|above| !above.as_os_str().is_empty()) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let synced = rustix::fs::open(above, flags, Mode::empty()).and_then(|folder| sync_folder(&folder));
        synced.map_err(|errno| io_error(above.to_owned(), Action::Sync, errno.into()))?;
    }
    Ok(())
}

/// Some file systems have no such thing, and write folders by themselves.
fn sync_folder(folder: &OwnedFd) -> Result<(), Errno> {
    match rustix::fs::fsync(folder) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Removes a file; `false`: there was none.
pub(super) fn remove_file(root: &Path, parts: &[String]) -> Result<bool, StorageError> {
    remove(root, parts, AtFlags::empty())
}

/// Removes a folder if it is empty; `false`: there was none, or it is not.
pub(super) fn remove_folder(root: &Path, parts: &[String]) -> Result<bool, StorageError> {
    remove(root, parts, AtFlags::REMOVEDIR)
}

/// A file that may be anywhere and was named by the user: links are followed, but at their end is a plain file.
pub(super) fn open_anywhere(path: &Path) -> Result<File, StorageError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    plain(rustix::fs::open(path, flags, Mode::empty()), || path.to_owned())
}

/// Whether a name from a torrent can be one step below a folder.
pub(super) fn check_name(name: &str) -> Result<(), StorageError> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(StorageError::Name { name: name.to_owned() });
    }
    Ok(())
}

/// The path for people and errors; nothing is opened by it.
pub(super) fn joined(root: &Path, parts: &[String]) -> PathBuf {
    parts.iter().fold(root.to_owned(), |path, part| path.join(part))
}

fn remove(root: &Path, parts: &[String], flags: AtFlags) -> Result<bool, StorageError> {
    let (name, folders) = split(parts)?;
    let folder = match walk(root, folders, IfMissing::Fail) {
        Ok(folder) => folder,
        Err(error) if error.is_missing() => return Ok(false),
        Err(error) => return Err(error),
    };
    match rustix::fs::unlinkat(&folder, name, flags) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(Errno::NOTEMPTY | Errno::EXIST) if flags.contains(AtFlags::REMOVEDIR) => Ok(false),
        Err(errno) => Err(io_error(joined(root, parts), Action::Delete, errno.into())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IfMissing {
    Fail,
    Make,
}

/// Opens the folders one after the other, down from the root.
fn walk(root: &Path, folders: &[String], if_missing: IfMissing) -> Result<OwnedFd, StorageError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = rustix::fs::open(root, flags, Mode::empty())
        .map_err(|errno| io_error(root.to_owned(), Action::Open, errno.into()))?;
    for (depth, name) in folders.iter().enumerate() {
        check_name(name)?;
        let path = || joined(root, &folders[..=depth]);
        if if_missing == IfMissing::Make {
            match rustix::fs::mkdirat(&folder, name.as_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(io_error(path(), Action::Open, errno.into())),
            }
        }
        folder = match rustix::fs::openat(&folder, name.as_str(), flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => next,
            // A link: Linux and macOS say "not a directory", others "loop" or "too many links". A file says the first too.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => return Err(StorageError::NotPlain { path: path() }),
            Err(errno) => return Err(io_error(path(), Action::Open, errno.into())),
        };
    }
    Ok(folder)
}

/// The file's own name and the folders before it.
fn split(parts: &[String]) -> Result<(&str, &[String]), StorageError> {
    let (name, folders) = parts.split_last().ok_or(StorageError::Name { name: String::new() })?;
    check_name(name)?;
    Ok((name, folders))
}

/// What was opened, when it is a plain file.
fn plain(opened: rustix::io::Result<OwnedFd>, path: impl Fn() -> PathBuf) -> Result<File, StorageError> {
    match opened {
        Ok(fd) => {
            let file = File::from(fd);
            let metadata = file.metadata().map_err(|source| io_error(path(), Action::Open, source))?;
            if metadata.is_file() { Ok(file) } else { Err(StorageError::NotPlain { path: path() }) }
        }
        // Links, folders for writing, and pipes or sockets without another end.
        Err(Errno::LOOP | Errno::MLINK | Errno::ISDIR | Errno::NXIO) => Err(StorageError::NotPlain { path: path() }),
        Err(errno) => Err(io_error(path(), Action::Open, errno.into())),
    }
}

fn io_error(path: PathBuf, action: Action, source: io::Error) -> StorageError {
    StorageError::Io { path, action, source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::symlink;

    use super::*;

    fn parts(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn names_are_synced_with_every_folder_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("hash/film");
        create(&root, &parts("a/b/file")).unwrap();
        sync_names(&root, &parts("a/b/file")).unwrap();
        sync_names(&root, &parts("beside")).unwrap();
        assert!(sync_names(&root, &parts("c/file")).is_err_and(|error| error.is_missing()));
        symlink(folder.path(), root.join("link")).unwrap();
        assert!(matches!(sync_names(&root, &parts("link/file")), Err(StorageError::NotPlain { .. })));
    }

    #[test]
    fn folders_and_files_are_made_and_found_again() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("not/yet/there");
        assert!(open(&root, &parts("a/b/c")).unwrap_err().is_missing());
        create(&root, &parts("a/b/c")).unwrap().write_all(b"hello").unwrap();
        let mut text = String::new();
        open(&root, &parts("a/b/c")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert!(!remove_folder(&root, &parts("a/b")).unwrap(), "not empty");
        assert!(remove_file(&root, &parts("a/b/c")).unwrap());
        assert!(!remove_file(&root, &parts("a/b/c")).unwrap(), "gone already");
        assert!(!remove_file(&root, &parts("x/y")).unwrap(), "never was");
        assert!(remove_folder(&root, &parts("a/b")).unwrap());
        assert!(!remove_folder(&root, &parts("a/b")).unwrap());
    }

    #[test]
    fn links_are_refused_wherever_they_are() {
        let home = tempfile::tempdir().unwrap();
        let (root, outside) = (home.path().join("root"), home.path().join("outside"));
        fs::create_dir_all(root.join("real")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("file"), "theirs").unwrap();
        symlink(&outside, root.join("folder")).unwrap();
        symlink(outside.join("file"), root.join("real/file")).unwrap();
        symlink("nowhere", root.join("real/broken")).unwrap();
        for path in ["folder/file", "folder/new/file", "real/file", "real/broken"] {
            let path = parts(path);
            assert!(matches!(open(&root, &path), Err(StorageError::NotPlain { .. })), "{path:?}");
            assert!(matches!(create(&root, &path), Err(StorageError::NotPlain { .. })), "{path:?}");
        }
        assert!(matches!(remove_file(&root, &parts("folder/file")), Err(StorageError::NotPlain { .. })));
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }

    #[test]
    fn a_linked_root_is_the_users_own_choice() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("disk")).unwrap();
        symlink(home.path().join("disk"), home.path().join("root")).unwrap();
        create(&home.path().join("root"), &parts("a/b")).unwrap();
        assert!(home.path().join("disk/a/b").is_file());
    }

    #[test]
    fn only_plain_files_are_opened() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("folder")).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let fifo = home.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for name in ["folder", "pipe", "file/below"] {
            let path = parts(name);
            assert!(matches!(open(home.path(), &path), Err(StorageError::NotPlain { .. })), "{name}");
            assert!(matches!(create(home.path(), &path), Err(StorageError::NotPlain { .. })), "{name}");
        }
        assert!(matches!(open_anywhere(&fifo), Err(StorageError::NotPlain { .. })));
        assert!(open_anywhere(&home.path().join("file")).is_ok());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let home = tempfile::tempdir().unwrap();
        for name in ["", ".", "..", "a/b", "/etc", "a\0b"] {
            for path in [vec![name.to_owned()], vec![name.to_owned(), "file".to_owned()]] {
                assert!(matches!(create(home.path(), &path), Err(StorageError::Name { .. })), "{path:?}");
                assert!(matches!(open(home.path(), &path), Err(StorageError::Name { .. })), "{path:?}");
                assert!(matches!(remove_file(home.path(), &path), Err(StorageError::Name { .. })), "{path:?}");
            }
        }
        assert!(matches!(create(home.path(), &[]), Err(StorageError::Name { .. })));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}

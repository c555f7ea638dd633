//! What can go wrong between a torrent and its files. Every error names the file.

use std::io;
use std::path::PathBuf;

/// Why bytes could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        action: Action,
        /// The system's words.
        source: io::Error,
    },
    /// A seeded file is not what was hashed: another length, another time of change, or gone. Not one byte that was read
    /// since is handed on.
    #[error("{} changed while it was shared", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Where a file of ours or its folder should be, there is a symbolic link, a device or something else that we did not
    /// make.
    #[error("{} is not a plain file or folder", path.display())]
    NotPlain {
        /// Which file or folder.
        path: PathBuf,
    },
    /// A name that cannot be one file or folder below another. Names from a metainfo are made safe before; this is the
    /// second door.
    #[error("{name:?} is not a name for a file")]
    Name {
        /// The name.
        name: String,
    },
    /// What downloads leave free would be touched.
    #[error("{} would take the last of its disk: {missing} bytes are missing", path.display())]
    Reserve {
        /// The download's folder.
        path: PathBuf,
        /// Bytes to be freed first.
        missing: u64,
    },
    /// The torrent's files were deleted; nothing makes them anew.
    #[error("{} was deleted", path.display())]
    Deleted {
        /// Which file.
        path: PathBuf,
    },
}

/// What was tried with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Opening, creating included.
    Open,
    /// Reading.
    Read,
    /// Writing, giving it its length included.
    Write,
    /// Waiting until what was written is durable.
    Sync,
    /// Removing.
    Delete,
    /// Asking for free space.
    Measure,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Delete => "delete",
            Self::Measure => "measure the disk of",
        })
    }
}

impl StorageError {
    /// Whether there is no room: a full disk, or the user's share of it. Waiting may help.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Reserve { .. } => true,
            Self::Changed { .. } | Self::NotPlain { .. } | Self::Name { .. } | Self::Deleted { .. } => false,
        }
    }

    /// Whether the file, or the part asked for, is simply not there.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
            }
            Self::Changed { .. }
            | Self::NotPlain { .. }
            | Self::Name { .. }
            | Self::Reserve { .. }
            | Self::Deleted { .. } => false,
        }
    }

    /// Whether asking again would bring the same: somebody took the file, its folder or the right to it. A disk that
    /// stumbles over a sector is not that.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                self.is_missing()
                    || matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory)
            }
            Self::Changed { .. } | Self::NotPlain { .. } | Self::Name { .. } => true,
            Self::Reserve { .. } | Self::Deleted { .. } => false,
        }
    }

    /// The file or folder it is about; a bare name when there was never a path.
    pub(crate) fn path(&self) -> &std::path::Path {
        match self {
            Self::Io { path, .. }
            | Self::Changed { path }
            | Self::NotPlain { path }
            | Self::Reserve { path, .. }
            | Self::Deleted { path } => path,
            Self::Name { name } => std::path::Path::new(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_trouble() {
        let of =
            |errno: Errno| StorageError::Io { path: "film.mkv".into(), action: Action::Write, source: errno.into() };
        assert!(of(Errno::NOSPC).is_full());
        assert!(of(Errno::DQUOT).is_full());
        // A file system that cannot hold a file of that size never will.
        for errno in [Errno::FBIG, Errno::IO, Errno::ACCESS, Errno::ROFS] {
            assert!(!of(errno).is_full(), "{errno:?}");
        }
        assert!(!StorageError::Changed { path: "film.mkv".into() }.is_full());
        assert!(of(Errno::NOENT).is_missing());
        assert!(!of(Errno::NOSPC).is_missing());
        for (errno, lasting) in [(Errno::NOENT, true), (Errno::ACCESS, true), (Errno::IO, false), (Errno::NOSPC, false)]
        {
            assert_eq!(of(errno).is_lasting(), lasting, "{errno:?}");
        }
    }

    #[test]
    fn the_message_names_the_file_and_what_was_tried() {
        let error = StorageError::Io { path: "a/film.mkv".into(), action: Action::Write, source: Errno::NOSPC.into() };
        let text = error.to_string();
        assert!(text.starts_with("cannot write a/film.mkv: "), "{text}");
        assert_eq!(error.path(), std::path::Path::new("a/film.mkv"));
    }
}

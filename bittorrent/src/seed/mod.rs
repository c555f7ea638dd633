//! stub
mod hashing;
mod scan;
use std::path::PathBuf;
use std::io;
use crate::storage::StorageError;

/// Why something cannot be shared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    /// A file or folder cannot be opened or read.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Not one byte to share.
    #[error("{} holds no bytes to share", path.display())]
    Empty {
        /// The file, or the folder that was asked for.
        path: PathBuf,
    },
    /// It cannot travel in a torrent.
    #[error("{} cannot be shared: {reason}", path.display())]
    Unfit {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        reason: Unfit,
    },
    /// A file is not what it was when hashing began.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// Whoever asked for it does not want it any more.
    #[error("cancelled")]
    Cancelled,
}

/// Why a file or folder cannot travel in a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("its name is not text in UTF-8")]
    NameNotUtf8,
    #[error("it is not a plain file or a folder")]
    NotPlain,
    #[error("its folders are nested too deeply")]
    TooDeep,
    #[error("it holds too many files")]
    TooManyFiles,
}

impl From<StorageError> for SeedError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io { path, source, .. } => Self::Open { path, source },
            StorageError::Changed { path } | StorageError::Deleted { path } => Self::Changed { path },
            StorageError::NotPlain { path } => Self::Unfit { path, reason: Unfit::NotPlain },
            StorageError::Name { name } => Self::Unfit { path: name.into(), reason: Unfit::NotPlain },
        }
    }
}

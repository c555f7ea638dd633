//! Finds the files to share.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bittorrent_proto::paths::{PATH_DEPTH_MAX, PATH_LEN_MAX};
use bittorrent_proto::units::ByteLen;

use super::{SeedError, Unfit};
use crate::storage::SeededFile;

/// Files of a torrent of ours. Each costs about 100 bytes of metadata, which every viewer fetches before the first picture:
/// half a MiB at worst.
pub(crate) const FILES_MAX: usize = 5_000;

/// What a torrent is made of: one file, or the files of a folder in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file's or folder's own name.
    pub(crate) name: String,
    /// At least one, and together not empty.
    pub(crate) files: Vec<SourceFile>,
    /// Whether it is a folder, even of a single file.
    pub(crate) is_folder: bool,
}

/// A file to share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its path below the folder, one name a part; empty for a single file, which has only the source's name.
    pub(crate) parts: Vec<String>,
    /// Where it lies, and how to tell that it did not change.
    pub(crate) seeded: SeededFile,
}

impl Source {
    /// Bytes of all files.
    pub(crate) fn total_len(&self) -> ByteLen {
        self.files.iter().fold(ByteLen::ZERO, |sum, file| sum + file.seeded.len)
    }
}

/// Looks at a file, or at everything in a folder. Symbolic links inside a folder, devices and the like are left out;
/// hidden files are not. Each file is opened once, so that one without permission is found now and not by a viewer.
pub(crate) fn scan(path: &Path) -> Result<Source, SeedError> {
    let opening = |source| SeedError::Open { path: path.to_owned(), source };
    // The working folder may change while we share.
    let path = std::path::absolute(path).map_err(opening)?;
    let metadata = fs::metadata(&path).map_err(opening)?;
    let name = own_name(&path).map_err(opening)?;
    let name = name.to_str().ok_or_else(|| unfit(&path, Unfit::NameNotUtf8))?.to_owned();
    let mut files = if metadata.is_dir() {
        files_below(&path, FILES_MAX)?
    } else {
        vec![SourceFile { parts: Vec::new(), seeded: SeededFile::look(path.clone())? }]
    };
    files.sort_by(|a, b| a.parts.cmp(&b.parts));
    let source = Source { name, files, is_folder: metadata.is_dir() };
    if source.total_len() == ByteLen::ZERO { Err(SeedError::Empty { path }) } else { Ok(source) }
}

/// The last name of a path; of what it leads to when it ends in `..` or is only a root's sign.
fn own_name(path: &Path) -> io::Result<std::ffi::OsString> {
    if let Some(name) = path.file_name() {
        return Ok(name.to_owned());
    }
    let path = fs::canonicalize(path)?;
    path.file_name().map(ToOwned::to_owned).ok_or_else(|| io::Error::other("a whole disk has no name to share it by"))
}

fn files_below(root: &Path, files_max: usize) -> Result<Vec<SourceFile>, SeedError> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), Vec::<String>::new())];
    while let Some((folder, parts)) = folders.pop() {
        let opening = |source| SeedError::Open { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(opening)? {
            let entry = entry.map_err(opening)?;
            let kind = entry.file_type().map_err(opening)?;
            if !kind.is_dir() && !kind.is_file() {
                continue;
            }
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| unfit(&path, Unfit::NameNotUtf8))?.to_owned();
            let mut parts = parts.clone();
            parts.push(name);
            // What a viewer would refuse. A path's length is counted with its separators.
            if parts.len() > PATH_DEPTH_MAX {
                return Err(unfit(&path, Unfit::TooDeep));
            }
            if parts.iter().map(|part| part.len() + 1).sum::<usize>() > PATH_LEN_MAX {
                return Err(unfit(&path, Unfit::PathTooLong));
            }
            if kind.is_dir() {
                folders.push((path, parts));
            } else if files.len() < files_max {
                files.push(SourceFile { parts, seeded: SeededFile::look(path)? });
            } else {
                return Err(unfit(root, Unfit::TooManyFiles));
            }
        }
    }
    Ok(files)
}

fn unfit(path: &Path, reason: Unfit) -> SeedError {
    SeedError::Unfit { path: PathBuf::from(path), reason }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(source: &Source) -> Vec<String> {
        source.files.iter().map(|file| file.parts.join("/")).collect()
    }

    #[test]
    fn a_single_file_has_only_its_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("Фильм №1.mkv");
        fs::write(&path, "film").unwrap();
        let source = scan(&path).unwrap();
        assert_eq!((source.name.as_str(), source.is_folder), ("Фильм №1.mkv", false));
        assert_eq!(paths(&source), [""]);
        assert_eq!(source.files[0].seeded.path, path);
        assert_eq!(source.total_len(), ByteLen::new(4));
    }

    #[test]
    fn a_folder_is_sorted_by_path_and_links_and_pipes_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("Season 1");
        for path in ["b/2.mkv", "b/10.mkv", "a b/x", ".hidden", "empty", "a/deep/er/y"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, if path.ends_with("empty") { "" } else { "film" }).unwrap();
        }
        fs::write(home.path().join("outside"), "secret").unwrap();
        symlink(home.path().join("outside"), root.join("link")).unwrap();
        symlink(&root, root.join("b/loop")).unwrap();
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), kind, mode, 0).unwrap();
        let source = scan(&root).unwrap();
        assert_eq!((source.name.as_str(), source.is_folder), ("Season 1", true));
        assert_eq!(paths(&source), [".hidden", "a/deep/er/y", "a b/x", "b/10.mkv", "b/2.mkv", "empty"]);
        assert_eq!(source.total_len(), ByteLen::new(20));
        assert_eq!(scan(&root.join("a/..")).unwrap().name, "Season 1");
    }

    #[test]
    fn nothing_to_share_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("empty");
        fs::write(&file, "").unwrap();
        assert!(matches!(scan(&file), Err(SeedError::Empty { path }) if path == file));
        assert!(matches!(scan(home.path()), Err(SeedError::Empty { path }) if path == home.path()));
        let missing = home.path().join("missing");
        assert!(matches!(scan(&missing), Err(SeedError::Open { path, .. }) if path == missing));
        assert!(matches!(scan(Path::new("")), Err(SeedError::Open { .. })));
        assert!(matches!(scan(Path::new("/dev/null")), Err(SeedError::Unfit { reason: Unfit::NotPlain, .. })));
    }

    #[test]
    fn names_must_be_text() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(OsStr::from_bytes(b"film\xff.mkv"));
        fs::write(&path, "film").unwrap();
        for asked in [path.as_path(), home.path()] {
            let error = scan(asked).unwrap_err();
            assert!(matches!(&error, SeedError::Unfit { path: named, reason: Unfit::NameNotUtf8 } if *named == path));
        }
    }

    #[test]
    fn depth_and_number_of_files_are_bounded() {
        let home = tempfile::tempdir().unwrap();
        let deep = (1..PATH_DEPTH_MAX).fold(home.path().join("deep"), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("film"), "x").unwrap();
        let source = scan(&home.path().join("deep")).unwrap();
        assert_eq!(source.files[0].parts.len(), PATH_DEPTH_MAX);
        fs::create_dir_all(deep.join("d/d")).unwrap();
        let error = scan(&home.path().join("deep"));
        assert!(matches!(error, Err(SeedError::Unfit { reason: Unfit::TooDeep, .. })), "{error:?}");
        let long = (0..6).fold(home.path().join("long"), |path, _| path.join("l".repeat(200)));
        fs::create_dir_all(&long).unwrap();
        let error = scan(&home.path().join("long"));
        assert!(matches!(error, Err(SeedError::Unfit { reason: Unfit::PathTooLong, .. })), "{error:?}");
        let many = home.path().join("many");
        fs::create_dir(&many).unwrap();
        for n in 0..3 {
            fs::write(many.join(n.to_string()), "x").unwrap();
        }
        assert_eq!(files_below(&many, 3).unwrap().len(), 3);
        assert!(matches!(files_below(&many, 2), Err(SeedError::Unfit { reason: Unfit::TooManyFiles, .. })));
    }
}

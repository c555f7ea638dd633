//! Small disks and read-only folders: mounts of a test's own, which only root can make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::scratch;

/// A file system of so many bytes; it goes with the value.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one. `None` where mounting is not allowed, said loudly; `SHARESTREAM_ROOT_TESTS=1` makes it a failure.
    pub fn mount(len: u64) -> Option<Self> {
        let folder = scratch();
        let options = format!("size={len},mode=0755");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], folder.path()).then_some(Self { folder })
    }

    /// As [`SmallDisk::mount`], with places for so many files and folders.
    pub fn mount_with_names(len: u64, names: usize) -> Option<Self> {
        let folder = scratch();
        let options = format!("size={len},nr_inodes={names},mode=0755");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], folder.path()).then_some(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills so many bytes of it with a file of somebody else's.
    pub fn fill(&self, name: &str, len: usize) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, vec![1; len]).expect("there is room for that much");
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(self.path());
    }
}

/// A folder in which nothing can be written, by anybody, until the value goes. Root's rights do not help against it.
pub struct ReadOnly<'a> {
    folder: &'a Path,
}

impl<'a> ReadOnly<'a> {
    /// Makes that folder read-only. `None` as for [`SmallDisk::mount`].
    pub fn mount(folder: &'a Path) -> Option<Self> {
        let bound = folder.to_str().expect("temporary folders have plain names");
        if !mount(&["--bind", bound], folder) {
            return None;
        }
        let made = Self { folder };
        mount(&["-o", "remount,bind,ro"], folder).then_some(made)
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        unmount(self.folder);
    }
}

/// Whether `mount` did it. Where it is not allowed that is said loudly.
fn mount(words: &[&str], folder: &Path) -> bool {
    let why = match Command::new("mount").args(words).arg(folder).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let demanded = std::env::var_os("SHARESTREAM_ROOT_TESTS").is_some_and(|value| value == "1");
    assert!(!demanded, "cannot mount: {why}");
    eprintln!("NOT TESTED: nothing can be mounted here ({}); it takes root", why.trim());
    false
}

fn unmount(folder: &Path) {
    // Lazily: an engine that is being killed may still hold a file. A mount that stays is a temporary folder's.
    drop(Command::new("umount").arg("-l").arg(folder).status());
}

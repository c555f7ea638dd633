//! Small disks: a tmpfs of a test's own, which only root can mount.

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
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        let why = match output {
            Ok(output) if output.status.success() => return Some(Self { folder }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let demanded = std::env::var_os("SHARESTREAM_ROOT_TESTS").is_some_and(|value| value == "1");
        assert!(!demanded, "no small disk: {why}");
        eprintln!("NOT TESTED: a small disk cannot be mounted here ({}); it takes root", why.trim());
        None
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
        // Lazily: an engine that is being killed may still hold a file. A mount that stays is a temporary folder's.
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

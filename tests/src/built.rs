//! Programs of other packages, which cargo names to nobody (`CARGO_BIN_EXE_*` is for a package's own).

use std::path::PathBuf;
use std::process::Command;

/// What of a package is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of its programs.
    Binary(&'static str),
    /// One of its examples.
    Example(&'static str),
}

/// The path that a variable says, or the program of the profile these tests were built with, built when it is missing or old.
pub(crate) fn given_or_built(variable: &str, package: &str, kind: Kind) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build(package, kind), PathBuf::from)
}

/// It is found beside us: `TARGET/PROFILE/deps/test-hash` or `TARGET/PROFILE/demo`.
fn build(package: &str, kind: Kind) -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it lies");
    let folder = own.parent().expect("a file lies in a folder");
    let profile_dir = if folder.ends_with("deps") { folder.parent().expect("deps is no root") } else { folder };
    let target_dir = profile_dir.parent().expect("a profile lies in the target folder");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let (flag, name, its_dir) = match kind {
        Kind::Binary(name) => ("--bin", name, profile_dir.to_owned()),
        Kind::Example(name) => ("--example", name, profile_dir.join("examples")),
    };
    command.args(["build", "--quiet", "-p", package, flag, name, "--target-dir"]);
    command.arg(target_dir).current_dir(package_dir().join(".."));
    if profile_dir.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().expect("cargo starts");
    assert!(status.success(), "{package} does not build");
    its_dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The folder of this package, where the programs lie that tests start.
///
/// Asked when a test runs: a target folder may serve several checkouts, and what is built into a test is where another one lay.
pub fn package_dir() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

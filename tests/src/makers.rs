//! `.torrent` files as other people's programs make them.

use std::path::Path;
use std::process::Command;

use crate::SOON;
use crate::process::{Program, find};

/// What a torrent says besides its files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra<'a> {
    /// Announce URLs, each a tier of its own (BEP 12).
    pub trackers: &'a [&'a str],
    /// The flag of BEP 27.
    pub private: bool,
}

/// Made by `transmission-create`, in pieces of 32 KiB.
pub fn transmission_create(path: &Path, torrent: &Path, extra: Extra<'_>) {
    let mut command = Command::new(find("transmission-create"));
    command.arg("-s").arg("32").arg("-o").arg(torrent);
    command.args(extra.trackers.iter().flat_map(|url| ["-t", url]));
    if extra.private {
        command.arg("-p");
    }
    Program::start(command.arg(path)).must_succeed(SOON);
}

/// Made by `mktorrent`, in pieces of 32 KiB. It wants a tracker.
pub fn mktorrent(path: &Path, torrent: &Path, extra: Extra<'_>) {
    let mut command = Command::new(find("mktorrent"));
    command.arg("-l").arg("15").arg("-o").arg(torrent);
    command.args(extra.trackers.iter().flat_map(|url| ["-a", url]));
    if extra.private {
        command.arg("-p");
    }
    Program::start(command.arg(path)).must_succeed(SOON);
}

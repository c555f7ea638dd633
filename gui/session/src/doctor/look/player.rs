//! The player's program: what it says of itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use futures_lite::AsyncReadExt as _;
use smol::process::Command;

use super::{within, words};
use crate::doctor::limits::{PLAYER_PATIENCE, PLAYER_SAYS_LEN_MAX};
use crate::doctor::seen::PlayerSeen;

pub(crate) async fn player(program: &Path) -> PlayerSeen {
    let said = match within(PLAYER_PATIENCE, says(program, "--version")).await {
        Some(Ok(said)) => said,
        Some(Err(error)) => return PlayerSeen::Missing { why: words(&error) },
        None => return PlayerSeen::Strange,
    };
    let Some(version) = version_of(&said) else { return PlayerSeen::Strange };
    let listed = within(PLAYER_PATIENCE, says(program, "--hwdec=help")).await;
    let interfaces = listed.and_then(Result::ok).map(|listed| interfaces_of(&listed)).unwrap_or_default();
    PlayerSeen::Found { version, interfaces, device: device() }
}

/// Its stdout. A program that does not end is ended with the future.
async fn says(program: &Path, flag: &str) -> std::io::Result<String> {
    let mut command = Command::new(program);
    command.arg(flag).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut said = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(PLAYER_SAYS_LEN_MAX).read_to_end(&mut said).await?;
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Of `mpv 0.35.1 Copyright …` or `mpv v0.40.0 Copyright …`.
fn version_of(said: &str) -> Option<String> {
    let word = said.lines().next()?.strip_prefix("mpv ")?.split(' ').next()?;
    let version = word.strip_prefix('v').unwrap_or(word);
    let is_version = version.starts_with(|c: char| c.is_ascii_alphanumeric()) && version.len() <= 40;
    is_version.then(|| words(&version))
}

/// Of lines like `  vaapi (h264-vaapi)`. Those that copy pictures back stand beside the same name without, and `auto` and `no` are
/// no interfaces.
fn interfaces_of(listed: &str) -> BTreeSet<String> {
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let is_interface = |name: &&str| {
        let plain =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
        plain
            && !name.is_empty()
            && name.len() <= 24
            && !name.ends_with("-copy")
            && !name.starts_with("auto")
            && !matches!(*name, "no" | "yes")
    };
    names.filter(is_interface).take(24).map(str::to_owned).collect()
}

/// The system shows a device that may decode: a graphics chip's, or a Raspberry Pi's decoder.
#[cfg(target_os = "linux")]
fn device() -> Option<bool> {
    let graphics = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let renders = graphics.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"));
    let others = ["/dev/nvidia0", "/dev/video10", "/dev/video19"];
    Some(renders || others.iter().any(|path| Path::new(path).exists()))
}

/// Elsewhere nothing like a file shows it.
#[cfg(not(target_os = "linux"))]
fn device() -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_mpv_says_them() {
        let version = |said| version_of(said);
        assert_eq!(version("mpv 0.35.1 Copyright © 2000-2023\n built on X\n").as_deref(), Some("0.35.1"));
        assert_eq!(version("mpv v0.40.0-123-gabc Copyright ©").as_deref(), Some("0.40.0-123-gabc"));
        assert_eq!(version("mpv git-2024-01-01 Copyright").as_deref(), Some("git-2024-01-01"));
        for strange in ["", "VLC 3.0", "mpv", "mpv ", "mpv \u{1b}[2J x", "mplayer 1.5"] {
            assert_eq!(version(strange), None, "{strange:?}");
        }
    }

    #[test]
    fn interfaces_are_listed_once_and_copies_left_out() {
        let listed = "Valid values (with alternative full names):\n  nvdec (h263-nvdec)\n  nvdec (h264-nvdec)\n  vaapi (h264-vaapi)\n  \
                      vaapi-copy (h264-vaapi-copy)\n  v4l2m2m (h264_v4l2m2m-v4l2m2m)\n\n  auto (yes)\n  auto-safe (yes)\n  no\n  \u{1b}[31m\n";
        assert_eq!(interfaces_of(listed), ["nvdec", "v4l2m2m", "vaapi"].map(str::to_owned).into());
        assert_eq!(interfaces_of(""), BTreeSet::new());
    }

    #[test]
    fn programs_that_are_missing_silent_or_something_else() {
        let seen = |program: &str| smol::block_on(player(Path::new(program)));
        assert!(matches!(seen("/nowhere/mpv"), PlayerSeen::Missing { why } if !why.is_empty()));
        assert_eq!(seen("true"), PlayerSeen::Strange);
        assert_eq!(seen("cat"), PlayerSeen::Strange);
    }
}

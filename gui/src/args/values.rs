//! What comes after a flag: numbers, sizes, places.

use engine_proto::flags;

use super::UsageError;

/// `1280x720`.
pub(super) fn size(text: &str) -> Result<(u32, u32), UsageError> {
    let parts = text.split_once(['x', 'X']);
    let parsed = parts.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed
        .filter(|(width, height)| [width, height].iter().all(|side| (100..=16_384).contains(*side)))
        .ok_or_else(|| wrong("size", "WIDTHxHEIGHT in pixels, as 1280x720"))
}

/// `320,0`.
pub(super) fn place(text: &str) -> Result<(i32, i32), UsageError> {
    let parts = text.split_once(',');
    let parsed = parts.and_then(|(left, top)| Some((left.parse().ok()?, top.parse().ok()?)));
    parsed.ok_or_else(|| wrong("place", "LEFT,TOP in pixels, as 320,0"))
}

pub(super) fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|_| wrong(name, "a number"))
}

/// As the engine's flags.
pub(super) fn bytes(name: &str, text: &str) -> Result<u64, UsageError> {
    flags::size(text).ok_or_else(|| wrong(name, "a number of bytes, with K, M or G after it"))
}

pub(super) fn wrong(name: &str, right: &str) -> UsageError {
    UsageError(format!("--{name} takes {right}"))
}

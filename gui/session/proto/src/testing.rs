//! What this crate's tests share.

use std::time::Instant;

/// Where a test's time begins.
#[allow(clippy::disallowed_methods, reason = "a test takes its first instant from somewhere")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

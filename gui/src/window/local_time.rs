//! The clock on the wall.

use chrono::{Local, TimeZone as _};

/// "20:15" where this machine is.
pub(super) fn hours_and_minutes(unix_seconds: i64) -> String {
    Local.timestamp_opt(unix_seconds, 0).single().map(|at| at.format("%H:%M").to_string()).unwrap_or_default()
}

/// "today", "yesterday", "3 days ago".
pub(super) fn days_ago(unix_seconds: u64, now: u64) -> u64 {
    now.saturating_sub(unix_seconds) / (24 * 60 * 60)
}

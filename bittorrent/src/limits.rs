//! Bounds of what lies on the disk, with what they cost. Bounds of one file stand in that file.

use std::time::Duration;

/// How often a full disk is looked at again: a question to the system, and a look through the kept downloads.
pub(crate) const DISK_ASKED_EVERY: Duration = Duration::from_secs(5);

/// The longest rest of a download whose writes find no room although the disk has some, as under a quota: a piece fetched
/// in vain a minute.
pub(crate) const WRITE_TRIED_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// How long a download stays that nobody uses. A film is often finished another weekend.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long it stays even when the disk is short of room.
pub(crate) const KEPT_AT_LEAST: Duration = Duration::from_secs(24 * 60 * 60);

/// Entries of the data folder that are looked at for old downloads: a read of up to 10 MB each that is one's details, of
/// which one is kept in memory. More stay until others went.
pub(crate) const KEPT_LOOKED_AT_MAX: usize = 1000;

//! The log: one line an entry, to stderr.

use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record};

/// Characters of an entry.
const ENTRY_CHARS_MAX: usize = 2000;

/// Sends what the crates log to stderr, unless a program around this one has a logger of its own.
pub fn install(level: LevelFilter) {
    if log::set_boxed_logger(Box::new(Logger { level })).is_ok() {
        log::set_max_level(level);
    }
}

struct Logger {
    level: LevelFilter,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What other people's crates do step by step is of no use here.
        let is_ours = metadata.target().starts_with("signal") || metadata.target().starts_with("sharestream");
        metadata.level() <= if is_ours { self.level } else { self.level.min(LevelFilter::Warn) }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // Entries may quote strangers, so nothing in them may move a cursor.
        let words = record.args().to_string();
        let words: String = words.chars().take(ENTRY_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect();
        // In one piece: several programs may share a terminal. There is nowhere left to say that it failed.
        let _ = io::stderr().write_all(format!("{} {:5} {words}\n", clock(seconds), record.level()).as_bytes());
    }

    fn flush(&self) {}
}

/// `12:34:56Z` of seconds since 1970.
fn clock(seconds: u64) -> String {
    let day = seconds % 86_400;
    format!("{:02}:{:02}:{:02}Z", day / 3600, day / 60 % 60, day % 60)
}

//! The log: one line an entry, to stderr or a file. Stdout belongs to events alone.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use engine_proto::flags::LogLevel;
use engine_proto::words::printable;
use log::{LevelFilter, Log, Metadata, Record};

/// Characters of an entry.
const ENTRY_CHARS_MAX: usize = 2000;

/// The level: the flag's, else `LOG_LEVEL`'s, else `debug` for `DEBUG=true`, else `usual`.
pub fn level(flag: Option<LogLevel>, variable: impl Fn(&str) -> Option<String>, usual: LogLevel) -> LogLevel {
    let debug = || variable("DEBUG").filter(|value| ["true", "1"].contains(&value.trim())).map(|_| LogLevel::Debug);
    let named = || variable("LOG_LEVEL").and_then(|name| LogLevel::named(&name));
    flag.or_else(named).or_else(debug).unwrap_or(usual)
}

/// Sends what the crates log to `file`, or to stderr when there is none or it cannot be opened.
pub fn install(level: LogLevel, file: Option<&str>) {
    let (out, trouble): (Box<dyn Write + Send>, _) = match file.map(open) {
        Some(Ok(file)) => (Box::new(file), None),
        Some(Err(error)) => (Box::new(io::stderr()), Some(error)),
        None => (Box::new(io::stderr()), None),
    };
    if log::set_boxed_logger(Box::new(Logger { out: Mutex::new(out) })).is_err() {
        // A host program has its own logger; ours is then not wanted.
        return;
    }
    set_level(level);
    if let (Some(error), Some(file)) = (trouble, file) {
        log::warn!("cannot open the log file {file}: {error}");
    }
}

/// From now on so much is logged.
pub fn set_level(level: LogLevel) {
    log::set_max_level(filter(level));
}

fn open(path: &str) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::Off,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    }
}

struct Logger {
    out: Mutex<Box<dyn Write + Send>>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= level_for(metadata.target(), log::max_level())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stamp = timestamp(since_epoch.as_secs(), since_epoch.subsec_millis());
        // Entries may quote peers, so nothing in them may move a cursor.
        let words = printable(&record.args().to_string(), ENTRY_CHARS_MAX);
        // In one piece: several programs may share a terminal or a file.
        let line = format!("{stamp} {:5} {}: {words}\n", record.level(), record.target());
        if let Ok(mut out) = self.out.lock() {
            // There is nowhere left to say that the log cannot be written.
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        }
    }

    fn flush(&self) {}
}

/// What other people's crates do step by step is of no use here.
fn level_for(target: &str, level: LevelFilter) -> LevelFilter {
    if is_ours(target) { level } else { level.min(LevelFilter::Warn) }
}

fn is_ours(target: &str) -> bool {
    ["bittorrent", "engine", "httprange", "media", "session", "sharestream", "signal"]
        .iter()
        .any(|ours| target.starts_with(ours))
}

/// RFC 3339 in UTC.
fn timestamp(seconds: u64, millis: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The Gregorian date of a day since 1970-01-01. Years are counted from March, so that the leap day is the last of one:
/// a day of the year then gives its month by a straight line, 153 days to every five months.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let from_year_zero = days + 719_468; // days from 0000-03-01
    let era = from_year_zero / 146_097; // days in 400 years
    let day_of_era = from_year_zero % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (seconds, stamp) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(seconds, 0), stamp);
        }
    }

    #[test]
    fn a_day_follows_the_day_before() {
        let mut last = civil_from_days(0);
        for day in 1..100_000 {
            let next = civil_from_days(day);
            assert!(next > last && (next.2 == last.2 + 1 || next.2 == 1), "{next:?} after {last:?}");
            last = next;
        }
    }

    #[test]
    fn flag_then_variable_then_debug_then_the_usual() {
        let env = |level: &'static str, debug: &'static str| {
            move |name: &str| Some(if name == "DEBUG" { debug } else { level }.to_owned())
        };
        assert_eq!(level(Some(LogLevel::Error), env("trace", "true"), LogLevel::Info), LogLevel::Error);
        assert_eq!(level(None, env("trace", "true"), LogLevel::Info), LogLevel::Trace);
        assert_eq!(level(None, env("loud", "true"), LogLevel::Info), LogLevel::Debug);
        assert_eq!(level(None, env("", "false"), LogLevel::Warn), LogLevel::Warn);
        assert_eq!(level(None, |_| None, LogLevel::Info), LogLevel::Info);
    }

    #[test]
    fn others_crates_are_quiet() {
        assert_eq!(level_for("bittorrent::client", LevelFilter::Debug), LevelFilter::Debug);
        assert_eq!(level_for("media::projector", LevelFilter::Debug), LevelFilter::Debug);
        assert_eq!(level_for("polling", LevelFilter::Debug), LevelFilter::Warn);
        assert_eq!(level_for("polling", LevelFilter::Error), LevelFilter::Error);
    }
}

//! The program `sharestream-engine`: reads the command line and hands over to one of its faces.

use std::io::Write as _;
use std::process::ExitCode;

use engine_proto::flags::{self, Flags, Invocation, LogLevel};
use sharestream_engine::{VERSION, logging, stdio, terminal};

/// What programs return for a command line they cannot follow.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Result<Vec<String>, _> = std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let Ok(words) = words else {
        return misused("a word of the command line is not UTF-8");
    };
    match flags::parse(&words) {
        Ok(Invocation::Help) => show(&flags::help()),
        Ok(Invocation::Version) => show(&format!("sharestream-engine {VERSION}\n")),
        Ok(Invocation::Engine(flags)) => {
            log_as(&flags, LogLevel::Info);
            stdio::run(&flags)
        }
        Ok(Invocation::Share { path, flags }) => {
            log_as(&flags, LogLevel::Error);
            terminal::share(path, &flags)
        }
        Ok(Invocation::Watch { source, peers, flags }) => {
            log_as(&flags, LogLevel::Error);
            terminal::watch(source, peers, &flags)
        }
        Err(error) => misused(&error.to_string()),
    }
}

fn log_as(flags: &Flags, usual: LogLevel) {
    let level = logging::level(flags.log_level, |name| std::env::var(name).ok(), usual);
    logging::install(level, flags.log_file.as_deref());
}

fn show(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn misused(why: &str) -> ExitCode {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(std::io::stderr(), "sharestream-engine: {why}\nsharestream-engine --help shows how it is used.");
    ExitCode::from(EXIT_USAGE)
}

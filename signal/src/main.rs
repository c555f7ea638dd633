//! The program `sharestream-signal`.

use std::io::Write as _;
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use futures_lite::{StreamExt as _, future};
use signal::{Config, Invocation, VERSION, check, help, listen, logging, secret, serve_until};

/// What programs return for a command line they cannot follow.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Result<Vec<String>, _> = std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let Ok(words) = words else { return misused("a word of the command line is not UTF-8") };
    match Config::parse(&words, |name| std::env::var(name).ok()) {
        Ok(Invocation::Help) => show(&help()),
        Ok(Invocation::Version) => show(&format!("sharestream-signal {VERSION}\n")),
        Ok(Invocation::Check(config)) => match check(&config) {
            Ok(health) => show(&format!("{health}\n")),
            Err(why) => {
                say(&format!("sharestream-signal: {why}"));
                ExitCode::FAILURE
            }
        },
        Ok(Invocation::Serve(config)) => match run(*config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                say(&format!("sharestream-signal: {why}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => misused(&error.to_string()),
    }
}

fn run(mut config: Config) -> Result<(), String> {
    logging::install(config.log_level);
    config.notes().iter().for_each(|note| log::warn!("{note}"));
    raise_file_limit();
    if config.secret.is_none() {
        match &config.state_dir {
            Some(folder) => {
                let kept = secret::kept_in(folder);
                let why = |error| format!("the key in {} cannot be used: {error}", folder.display());
                config.secret = Some(kept.map_err(why)?);
            }
            None => log::info!("no SECRET and no -state-dir: after a restart, rooms cannot be resumed"),
        }
    }
    let port = config.port;
    let listener = listen::tcp(config.bind, port).map_err(|error| {
        format!("port {port} cannot be listened at: {error}. Another program may have it: choose one with -port.")
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    log::info!("sharestream-signal {VERSION} listens at {address}: http://localhost:{}/", address.port());
    smol::block_on(async {
        let told = signals().map_err(|error| format!("signals cannot be waited for: {error}"))?;
        serve_until(listener, config, told).await.map_err(|error| error.to_string())
    })
}

/// Over with the first SIGTERM or Ctrl-C. A second one ends the process at once.
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    let wanted: &[Signal] = if cfg!(unix) { &[Signal::Int, Signal::Term, Signal::Hup] } else { &[Signal::Int] };
    let mut first = Signals::new(wanted)?;
    Ok(async move {
        if first.next().await.is_none() {
            return future::pending().await;
        }
        let hard = std::thread::Builder::new().name("second signal".to_owned()).spawn(move || {
            if smol::block_on(first.next()).is_some() {
                std::process::exit(130);
            }
        });
        if let Err(error) = hard {
            log::warn!("a second signal will be ignored: {error}");
        }
    })
}

/// A connection is a file, and the usual bound is 1,024 of them.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        {
            log::warn!("no more than {} connections at once: {error}", current.unwrap_or(0));
        }
    }
}

fn show(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn misused(why: &str) -> ExitCode {
    say(&format!("sharestream-signal: {why}\nsharestream-signal --help shows how it is used."));
    ExitCode::from(EXIT_USAGE)
}

fn say(text: &str) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}

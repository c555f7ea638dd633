//! The engine's own face: commands on stdin, events on stdout, a JSON object a line each.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::process::ExitCode;

use engine_proto::app::Input;
use engine_proto::error::Problem;
use engine_proto::flags::Flags;
use engine_proto::ipc::{Error, Event, LineDecoder, Message};

use crate::{Commands, Config, Ended, Engine, signals};

/// Bytes that are read of stdin at once.
const READ_LEN: usize = 16 * 1024;

/// Runs an engine until it quits.
pub fn run(flags: &Flags) -> ExitCode {
    let engine = match crate::start(Config::from(flags)) {
        Ok(engine) => engine,
        Err(problem) => return report(problem),
    };
    signals::quit_on_signal(engine.commands().clone());
    let commands = engine.commands().clone();
    // Never joined: a read of stdin cannot be called off, and the process ends without it.
    let reader = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read_commands(&commands));
    if let Err(error) = reader {
        log::error!("no thread to read commands: {error}");
        return ExitCode::FAILURE;
    }
    write_events(&engine);
    match engine.end() {
        Ok(()) => ExitCode::SUCCESS,
        Err(crashed) => {
            log::error!("{crashed}; please report it with the lines above");
            ExitCode::FAILURE
        }
    }
}

/// An engine that cannot start still speaks JSON.
fn report(problem: Problem) -> ExitCode {
    log::error!("{problem}");
    let message = Message::from(Event::Error(Error::new(problem, None)));
    // Without a reader there is nobody to tell; the exit code says it too.
    let _ = io::stdout().write_all(message.to_line().as_bytes());
    ExitCode::FAILURE
}

fn read_commands(commands: &Commands) {
    let mut stdin = io::stdin().lock();
    let mut decoder = LineDecoder::default();
    let mut buffer = [0; READ_LEN];
    loop {
        match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => decoder.handle_bytes(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                log::warn!("stdin cannot be read: {error}");
                break;
            }
        }
        if pass_on(&mut decoder, commands).is_err() {
            return;
        }
    }
    decoder.handle_end();
    // The end of the engine is the end of reading, in either order.
    if pass_on(&mut decoder, commands).is_ok() {
        signals::leave_in_time();
        let _ = commands.input_blocking(Input::EndOfInput);
    }
}

fn pass_on(decoder: &mut LineDecoder, commands: &Commands) -> Result<(), Ended> {
    while let Some(line) = decoder.poll_line() {
        commands.input_blocking(line.map_or(Input::LineTooLong, Input::Line))?;
    }
    Ok(())
}

/// Prints events until the engine ends. When nobody reads them, the front end is gone, and the engine is to go too.
fn write_events(engine: &Engine) {
    let mut stdout = io::stdout().lock();
    let mut read = true;
    while let Ok(message) = engine.events().recv_blocking() {
        if read && let Err(error) = write_batch(&mut stdout, &message, engine) {
            log::warn!("stdout is closed: {error}");
            read = false;
            signals::leave_in_time();
            engine.commands().quit();
        }
    }
}

/// Writes an event and all that wait behind it, then flushes once.
fn write_batch(stdout: &mut impl io::Write, first: &Message, engine: &Engine) -> io::Result<()> {
    stdout.write_all(first.to_line().as_bytes())?;
    while let Ok(message) = engine.events().try_recv() {
        stdout.write_all(message.to_line().as_bytes())?;
    }
    stdout.flush()
}

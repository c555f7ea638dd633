//! `sharestream`: hosts a film or joins somebody's, in a window, in a terminal or, with `--headless`, as JSON lines for programs.
//!
//! Faces of [`session::Session`]: they decide nothing. `args` is the command line, `entrance` what becomes of it, `window`,
//! `headless` and `terminal` the faces.

mod args;
mod doctor;
mod entrance;
mod headless;
mod leaving;
#[cfg(feature = "window")]
mod system;
mod terminal;
#[cfg(feature = "window")]
#[expect(elided_lifetimes_in_paths, reason = "Slint's globals are asked for by name, `global::<App>()`")]
mod window;

use std::process::ExitCode;

use args::Invocation;

/// Does what the words after the program's name say, until it is over.
pub fn run(words: &[String]) -> ExitCode {
    let (task, args) = match args::parse(words) {
        Ok(Invocation::Help) => {
            print!("{}", args::help());
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Version) => {
            println!("sharestream {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Doctor(args)) => return doctor::run(&args),
        #[cfg(feature = "window")]
        Ok(Invocation::Window(task, args)) => return window::run(task, *args),
        Ok(Invocation::Room(task, args)) => (task, args),
        Err(error) => {
            eprintln!("{error}\nsharestream --help tells what there is.");
            return ExitCode::from(2);
        }
    };
    let entrance = match entrance::Entrance::prepare(&task, &args) {
        Ok(entrance) => entrance,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if args.headless { headless::run(entrance) } else { terminal::run(entrance) }
}

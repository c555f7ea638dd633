//! `sharestream`: hosts a film or joins somebody's, in a terminal or, with `--headless`, as JSON lines for programs.
//!
//! A face of [`session::Session`]: it decides nothing. `args` is the command line, `entrance` what becomes of it, `headless` and
//! `terminal` the two faces.

mod args;
mod doctor;
mod entrance;
mod headless;
mod leaving;
mod terminal;

use std::process::ExitCode;

use args::Invocation;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (task, args) = match args::parse(&words) {
        Ok(Invocation::Help) => {
            print!("{}", args::help());
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Version) => {
            println!("sharestream {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Doctor(args)) => return doctor::run(&args),
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

//! The program `sharestream`: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    sharestream::run(&words)
}

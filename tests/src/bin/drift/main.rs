//! `./run drift`: how far people in a room are really apart, seen on their screens and heard in their sound.

mod proof;

use std::process::ExitCode;
use std::time::Duration;

use tests::scratch;
use tests::screen::film;
use tests::screen::stage::Stage;

fn main() -> ExitCode {
    let folder = scratch();
    let film = folder.path().join("film.mp4");
    println!("Making the film …");
    film::make(&film, 60);
    let stage = Stage::new(folder.path());
    let proof = proof::run(&stage, folder.path(), &film, Duration::from_secs(20));
    println!("{}", proof.text);
    println!("{}", proof.json);
    if proof.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! `./run drift`: how far people in a room are really apart, seen on their screens and heard in their sound.
//!
//! Four people with an app, a player, a clock and a network of their own each; all players' windows stand on one virtual screen.
//! First the instruments are proved with plain players. docs/sync.md says how to read what comes out.

mod evening;
mod person;
mod profile;
mod proof;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tests::scratch;
use tests::screen::film;
use tests::screen::stage::Stage;

use evening::Plan;
use profile::PROFILES;
use proof::Proof;

const USAGE: &str = "\
drift [lan|rtt40|rtt80]… [--calm] [--short] [--proof] [--keep FOLDER]
  lan, rtt40, rtt80   over these networks; all of them when none is named
  --windows           the film in the app's own windows; in mpv's without this
  --calm              only starts, seeks and undisturbed play: nobody fails
  --short             half a minute undisturbed instead of three
  --proof             only the proof of the instruments
  --keep FOLDER       keeps what everybody said, the sound and the figures there";

/// A player may stumble at its start when the machine is busy, and then what is known is not so: it is tried three times.
fn prove(mut run: impl FnMut() -> Proof) -> Proof {
    let mut tries = 0;
    loop {
        let proof = run();
        println!("{}\n", proof.text);
        tries += 1;
        if proof.holds || tries == PROOFS_MAX {
            return proof;
        }
        println!("That is no proof. Once more …");
    }
}

const PROOFS_MAX: u32 = 3;

/// In seconds; seeks go nearly as far.
const FILM: u16 = 300;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let found = words.iter().position(|word| word == name);
        found.map(|at| words.remove(at)).is_some()
    };
    if flag("--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let (calm, short, only_proof) = (flag("--calm"), flag("--short"), flag("--proof"));
    let in_windows = flag("--windows");
    let keep =
        words.iter().position(|word| word == "--keep").map(|at| words.drain(at..(at + 2).min(words.len())).next_back());
    let unknown = words.iter().find(|word| PROFILES.iter().all(|profile| profile.name != word.as_str()));
    if let Some(unknown) = unknown {
        eprintln!("no such network or option: {unknown}\n{USAGE}");
        return ExitCode::from(2);
    }

    let scratch = scratch();
    let folder = keep.flatten().map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let film = folder.join("film.mp4");
    if !film.exists() {
        println!("Making a film of {FILM} s …");
        film::make(&film, FILM);
    }
    let stage = Stage::new(scratch.path());
    println!("Proving the instruments with four plain players …");
    let proof = prove(|| proof::run(&stage, scratch.path(), &film, Duration::from_secs(15)));
    if only_proof || !proof.holds {
        return if proof.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    let soak = Duration::from_secs(if short { 30 } else { 180 });
    let outage = Duration::from_secs(if short { 20 } else { 60 });
    let plan = Plan { film, folder: folder.clone(), soak, outage, calm, in_windows };
    let chosen = PROFILES.iter().filter(|profile| words.is_empty() || words.iter().any(|word| word == profile.name));
    let (mut tables, mut all, mut broken) = (String::new(), Vec::new(), Vec::new());
    for profile in chosen {
        println!("{}: {}", profile.name, profile.says);
        let evening = evening::spend(&plan, &stage, profile);
        let findings = report::findings(profile, &evening);
        println!("\n{}", findings.markdown);
        tables += &findings.markdown;
        all.push(findings.json);
        broken.extend(findings.broken);
    }
    let figures = json!({ "instruments": proof.json, "profiles": all });
    std::fs::write(folder.join("figures.json"), format!("{figures:#}\n")).expect("the folder takes files");
    std::fs::write(folder.join("figures.md"), tables).expect("the folder takes files");
    if broken.is_empty() {
        println!("Everything that is promised holds.");
        return ExitCode::SUCCESS;
    }
    println!("What is promised does not hold:");
    broken.iter().for_each(|line| println!("* {line}"));
    ExitCode::FAILURE
}

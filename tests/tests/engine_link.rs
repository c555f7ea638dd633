//! A session's link to the engine as a program of its own: the real one, killed under way, and gone in the end.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use engine_proto::error::ErrorCode;
use engine_proto::ipc::{Command, Event, Seed};
use rustix::process::{Pid, Signal, kill_process};
use session::EngineChoice;
use session::engine_link::EngineLink;
use session::proto::participant::EngineNews;
use tests::engine::{ALONE, binary};
use tests::film::random_file;
use tests::{SOON, scratch, within};

#[test]
fn a_killed_engine_comes_back_knowing_nothing_and_ends_with_its_link() {
    let (folder, data) = (scratch(), scratch());
    let film = folder.path().join("film.mkv");
    random_file(&film, 3_000_000, 5);
    let data = data.path().to_str().expect("temporary folders have plain names");
    let flags = [ALONE.as_slice(), &["-data-dir", data]].concat().into_iter().map(str::to_owned).collect();
    let log = folder.path().join("logs").join("engine.log");
    let path = binary().to_owned();
    let link = EngineLink::start(EngineChoice::Program { path, flags, log: Some(log.clone()) });
    let next = || {
        let news = link.news();
        within(SOON, "news of the engine", || news.try_recv().ok())
    };
    let event = |wanted: fn(&Event) -> bool| loop {
        match next() {
            EngineNews::Event(event) if wanted(&event) => return *event,
            EngineNews::Event(_) => {}
            EngineNews::Up => panic!("it was up before"),
            EngineNews::Down { problem, .. } => panic!("{problem}"),
        }
    };
    let command = |command| smol::block_on(link.command(command));

    assert_eq!(next(), EngineNews::Up);
    command(Command::Seed(Seed { file_path: film.display().to_string(), ..Seed::default() }));
    event(|event| matches!(event, Event::Seeding(_)));

    let [first] = children_of_ours(binary())[..] else { panic!("one engine runs") };
    kill_process(first, Signal::KILL).expect("it is ours");
    let problem = loop {
        match next() {
            EngineNews::Down { problem, retry_in } => {
                assert!(retry_in.is_some());
                break problem;
            }
            EngineNews::Event(_) => {}
            EngineNews::Up => panic!("it is down first"),
        }
    };
    assert_eq!(problem.code, ErrorCode::E002);
    assert!(problem.message.contains("signal: 9"), "{}", problem.message);

    assert_eq!(next(), EngineNews::Up);
    command(Command::Status);
    let status = event(|event| matches!(event, Event::Status(_)));
    assert!(matches!(&status, Event::Status(status) if status.torrents.is_empty()), "{status:?}");

    drop(link);
    assert_eq!(children_of_ours(binary()), []);
    let log = fs::read_to_string(log).expect("a log was written");
    assert!(!log.contains("panicked"), "{log}");
}

/// Processes of that program that this one started.
fn children_of_ours(program: &Path) -> Vec<Pid> {
    let ours = std::process::id().to_string();
    let is_ours = |folder: &Path| {
        // "pid (name) state parent …", where the name may hold anything.
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        parent == Some(ours.as_str()) && fs::read_link(folder.join("exe")).is_ok_and(|exe| exe == program)
    };
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten().map(|entry| entry.path());
    let pid = |folder: &Path| folder.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw);
    processes.filter(|folder| is_ours(folder)).filter_map(|folder| pid(&folder)).collect()
}

//! The link to a script that behaves as engines should not, and to the real engine in this process.

use std::path::{Path, PathBuf};

use engine_proto::ipc::{Event, Stop};
use sharestream_engine::Config;

use super::*;

/// Longer than any of this takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const READY: &str = r#"echo '{"event":"ready","version":"1","httpPort":1,"listenPort":2}'"#;

fn next(news: &Receiver<EngineNews>) -> EngineNews {
    smol::block_on(or(async { news.recv().await.expect("there is more to hear") }, async {
        Timer::after(LIMIT).await;
        panic!("nothing was heard for {LIMIT:?}")
    }))
}

fn down(news: &Receiver<EngineNews>) -> (Problem, Option<Duration>) {
    match next(news) {
        EngineNews::Down { problem, retry_in } => (problem, retry_in),
        other => panic!("{other:?}"),
    }
}

fn info(news: &Receiver<EngineNews>) -> String {
    match next(news) {
        EngineNews::Event(event) => match *event {
            Event::Info(info) => info.message,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn up(news: &Receiver<EngineNews>) {
    assert_eq!(next(news), EngineNews::Up);
    assert!(matches!(next(news), EngineNews::Event(event) if matches!(*event, Event::Ready(_))));
}

/// An engine of a few lines of shell. By an interpreter, since a file that was just written may not be startable yet.
#[cfg(unix)]
fn script(folder: &Path, body: &str, log: Option<PathBuf>) -> EngineChoice {
    let path = folder.join("engine.sh");
    std::fs::write(&path, body).unwrap();
    EngineChoice::Program { path: "/bin/sh".into(), flags: vec![path.display().to_string()], log }
}

#[cfg(unix)]
#[test]
fn commands_go_in_and_events_come_out_whatever_is_said_between() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!(
        "echo '{{\"event\":\"info\",\"message\":\"too early\"}}'\n{READY}\necho nonsense\nhead -c 1100000 /dev/zero | tr '\\0' x\necho\n\
         while read -r line; do case \"$line\" in *status*) echo '{{\"event\":\"info\",\"message\":\"asked\"}}';; \
         *quit*) echo bye >> '{0}/bye'; exit 0;; esac; done",
        folder.path().display()
    );
    let link = EngineLink::start(script(folder.path(), &body, None));
    let news = link.news();
    up(&news);
    for _ in 0..3 {
        smol::block_on(link.command(Command::Status));
        assert_eq!(info(&news), "asked");
    }
    drop(link);
    assert_eq!(std::fs::read_to_string(folder.path().join("bye")).unwrap(), "bye\n", "it was told to quit, once");
    assert!(news.recv_blocking().is_err(), "nothing comes after");
}

#[cfg(unix)]
#[test]
fn what_ends_by_itself_is_started_again_with_growing_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("engine.log");
    let heard = folder.path().join("heard");
    let body = format!("echo the reason >&2\n{READY}\nread -r line\necho \"$line\" >> '{}'\nexit 7", heard.display());
    let link = EngineLink::start(script(folder.path(), &body, Some(log.clone())));
    let news = link.news();
    for pause in [500, 1000] {
        up(&news);
        smol::block_on(link.command(Command::Status));
        let (problem, retry_in) = down(&news);
        assert_eq!((problem.code, retry_in), (ErrorCode::E002, Some(Duration::from_millis(pause))));
        assert!(problem.message.contains("7): the reason"), "{}", problem.message);
        // Lost: whoever comes up knows of nothing.
        smol::block_on(link.command(Command::Stop(Stop::default())));
    }
    up(&news);
    smol::block_on(link.end());
    assert_eq!(std::fs::read_to_string(log).unwrap(), "the reason\n".repeat(3));
    let heard = std::fs::read_to_string(heard).unwrap();
    assert_eq!(heard.lines().collect::<Vec<_>>(), [r#"{"cmd":"status"}"#, r#"{"cmd":"status"}"#, r#"{"cmd":"quit"}"#]);
}

#[cfg(target_os = "linux")]
#[test]
fn one_that_does_not_quit_is_killed_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let alive = folder.path().join("pid");
    let body = format!("trap '' TERM\n{READY}\necho $$ > '{}'\nexec sleep 600", alive.display());
    let link = EngineLink::start(script(folder.path(), &body, None));
    up(&link.news());
    let until = Instant::now() + LIMIT;
    let pid = loop {
        match std::fs::read_to_string(&alive).unwrap_or_default().trim().parse::<u32>() {
            Ok(pid) => break pid,
            Err(_) => assert!(Instant::now() < until, "the script never began"),
        }
        std::thread::yield_now();
    };
    drop(link);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone, and was waited for");
}

#[cfg(unix)]
#[test]
fn one_that_is_never_ready_is_e002() {
    let folder = tempfile::tempdir().unwrap();
    let link = EngineLink::start(script(folder.path(), "cat > /dev/null", None));
    let (problem, retry_in) = down(&link.news());
    assert_eq!((problem.code, retry_in), (ErrorCode::E002, Some(Duration::from_millis(500))));
    assert!(problem.message.contains("not ready after 15 s"), "{}", problem.message);
}

#[test]
fn a_program_that_is_not_there_is_e001_and_not_tried_again() {
    let path = PathBuf::from("/nowhere/sharestream-engine");
    let link = EngineLink::start(EngineChoice::Program { path, flags: vec![], log: None });
    let (problem, retry_in) = down(&link.news());
    assert_eq!((problem.code, retry_in), (ErrorCode::E001, None));
    assert!(problem.message.contains("/nowhere/sharestream-engine"), "{}", problem.message);
    smol::block_on(link.command(Command::Status));
    smol::block_on(link.end());
}

#[test]
fn the_engine_in_this_process_answers_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config { http_port: 0, listen_port: 0, data_dir: folder.path().join("data"), pex: false, ..Config::default() };
    let link = EngineLink::start(EngineChoice::InProcess(config));
    let news = link.news();
    up(&news);
    smol::block_on(link.command(Command::Status));
    while !matches!(next(&news), EngineNews::Event(event) if matches!(*event, Event::Status(_))) {}
    // Told to quit, it is not started again.
    smol::block_on(link.command(Command::Quit));
    while let Ok(last) = smol::block_on(news.recv()) {
        assert!(!matches!(last, EngineNews::Down { .. }), "{last:?}");
    }
}

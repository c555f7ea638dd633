//! The engine as a program of its own, over its JSON lines.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use engine_proto::error::{ErrorCode, Problem};
use engine_proto::ipc::{Command, LineDecoder, Message, Request};
use futures_lite::future::or;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use smol::Timer;
use smol::channel::{Sender, bounded};
use smol::lock::Mutex;
use smol::process::{Child, ChildStdin};

use super::log_file::LogFile;
use super::{Line, Outcome, failed, quoted};
use crate::limits::{ENGINE_LOG_LEN_MAX, ENGINE_QUIT_PATIENCE, ENGINE_READ_LEN, ENGINE_TAKES_PATIENCE};

/// How long what a program said of itself may take to arrive after its end: something it started may still hold the pipe.
const LAST_WORDS_PATIENCE: Duration = Duration::from_millis(300);

/// Where the engine's program is: at `path` if that names a folder too, else beside our own program, else where the system
/// looks for programs.
///
/// # Errors
/// E001 with the places that were looked at.
pub fn find(path: &Path) -> Result<PathBuf, Problem> {
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    find_in(path, own, std::env::var_os("PATH").as_deref())
}

fn find_in(path: &Path, own: Option<&Path>, system: Option<&OsStr>) -> Result<PathBuf, Problem> {
    let not_found = |places: String| {
        let why = format!("The engine's program is not at {places}. Install it there, or name another path");
        Err(Problem::new(ErrorCode::E001, why))
    };
    let names_folder = path.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    if names_folder {
        return if path.is_file() { Ok(path.to_owned()) } else { not_found(path.display().to_string()) };
    }
    let name = path.with_extension(std::env::consts::EXE_EXTENSION);
    let beside = own.map(|folder| folder.join(&name));
    let in_system = system.into_iter().flat_map(std::env::split_paths).map(|folder| folder.join(&name));
    match beside.iter().cloned().chain(in_system).find(|place| place.is_file()) {
        Some(found) => Ok(found),
        None => {
            let beside = beside.map(|place| format!("{}, nor ", place.display())).unwrap_or_default();
            not_found(format!("{beside}as {} in any folder of PATH", name.display()))
        }
    }
}

/// One run, from its start to its end.
pub(super) async fn run(path: &Path, flags: &[String], log: Option<&Path>, line: &Line) -> Outcome {
    let path = match find(path) {
        Ok(path) => path,
        Err(problem) => return Outcome::Failed { problem, again: false },
    };
    let mut child = match spawn(&path, flags) {
        Ok(child) => child,
        Err(error) => {
            let problem = Problem::new(ErrorCode::E001, format!("{} cannot be started: {error}", path.display()));
            let again = !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
            return Outcome::Failed { problem, again };
        }
    };
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return failed("the engine's program has no pipes".to_owned());
    };
    let words = smol::spawn(keep_words(stderr, log.map(Path::to_owned)));
    let outcome = talk(stdin, stdout, line, &mut child).await;
    let last = or(words, async {
        Timer::after(LAST_WORDS_PATIENCE).await;
        None
    });
    match (outcome, last.await) {
        (Outcome::Failed { problem, again }, Some(last)) => {
            let problem = Problem::new(problem.code, format!("{}: {last}", problem.message));
            Outcome::Failed { problem, again }
        }
        (outcome, _) => outcome,
    }
}

fn spawn(path: &Path, flags: &[String]) -> io::Result<Child> {
    let mut command = std::process::Command::new(path);
    command.args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C in a terminal is for us: we say goodbye first, and then quit the engine.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    // CREATE_NO_WINDOW: no console appears beside the app.
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0800_0000);
    let mut command = smol::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
}

/// Talks until it ends, nobody wants it any more, or it hangs; afterwards it has ended.
async fn talk(stdin: ChildStdin, mut stdout: impl AsyncRead + Unpin, line: &Line, child: &mut Child) -> Outcome {
    // Held by the one command that is being written; taken for the goodbye.
    let stdin = Mutex::new(stdin);
    let (hung_in, hung) = bounded::<()>(1);
    let say = async |command: Command| {
        let request = Request::from(command).to_line();
        let write = async {
            let mut stdin = stdin.lock().await;
            let written = stdin.write_all(request.as_bytes()).await;
            // A pipe that broke belongs to a program that is ending, which is noticed by its output.
            let _ = written.and(stdin.flush().await);
            true
        };
        let is_taken = or(write, async {
            Timer::after(ENGINE_TAKES_PATIENCE).await;
            false
        });
        if !is_taken.await {
            // Full: it was said already.
            let _ = hung_in.try_send(());
        }
    };
    let hangs = async {
        // Nothing closes it while this waits.
        let _ = hung.recv().await;
        failed(format!("The engine took no command for {} s", ENGINE_TAKES_PATIENCE.as_secs()))
    };
    let (messages_in, messages) = bounded(1);
    let hear = async {
        read_messages(&mut stdout, messages_in).await;
        std::future::pending().await
    };
    let outcome = or(or(line.pass_commands(say), hangs), or(line.pass_news(&messages), hear)).await;
    // What it still says is of no use, but a full pipe would keep it from ending.
    let unheard = async {
        let _ = futures_lite::io::copy(stdout, futures_lite::io::sink()).await;
        std::future::pending().await
    };
    let status = or(end(child, stdin.into_inner()), unheard).await;
    match (outcome, status) {
        (Outcome::Failed { problem, again }, Ok(status)) if problem.message.ends_with("ended by itself") => {
            Outcome::Failed { problem: Problem::new(problem.code, format!("{} ({status})", problem.message)), again }
        }
        (outcome, _) => outcome,
    }
}

/// `quit`, no more input, and after some patience the end by force.
async fn end(child: &mut Child, mut stdin: ChildStdin) -> io::Result<ExitStatus> {
    let goodbye = async {
        let _ = stdin.write_all(Request::from(Command::Quit).to_line().as_bytes()).await;
        drop(stdin);
        child.status().await.map(Some)
    };
    let patience = async {
        Timer::after(ENGINE_QUIT_PATIENCE).await;
        Ok(None)
    };
    match or(goodbye, patience).await? {
        Some(status) => Ok(status),
        None => {
            log::warn!("the engine did not quit in time, and is killed");
            child.kill()?;
            child.status().await
        }
    }
}

/// Reads lines until the program ends or nobody listens. What is no event is told in the log and skipped.
async fn read_messages(stdout: &mut (impl AsyncRead + Unpin), messages: Sender<Message>) {
    let mut decoder = LineDecoder::default();
    let mut buffer = vec![0; ENGINE_READ_LEN];
    loop {
        let len = match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(len) => len,
        };
        decoder.handle_bytes(&buffer[..len]);
        while let Some(line) = decoder.poll_line() {
            let Ok(line) = line.inspect_err(|error| log::warn!("of the engine: {error}")) else { continue };
            match serde_json::from_slice(&line) {
                Ok(message) => {
                    if messages.send(message).await.is_err() {
                        return;
                    }
                }
                Err(error) => log::warn!("the engine said what is no event ({error}): {}", quoted(&line)),
            }
        }
    }
}

/// Writes what a program says of itself to a file, or to our log without one; gives its last line.
async fn keep_words(mut stderr: impl AsyncRead + Unpin, log: Option<PathBuf>) -> Option<String> {
    let open = |path: PathBuf| LogFile::open(&path, ENGINE_LOG_LEN_MAX).map_err(|error| (path, error));
    let mut file = match log.map(open).transpose() {
        Ok(file) => file,
        Err((path, error)) => {
            log::warn!("cannot write the engine's log {}: {error}", path.display());
            None
        }
    };
    let mut decoder = LineDecoder::default();
    let mut buffer = vec![0; ENGINE_READ_LEN];
    let mut last = None;
    while let Ok(len @ 1..) = stderr.read(&mut buffer).await {
        if let Some(Err(error)) = file.as_mut().map(|file| file.append(&buffer[..len])) {
            log::warn!("the engine's log cannot be written any more: {error}");
            file = None;
        }
        decoder.handle_bytes(&buffer[..len]);
        while let Some(line) = decoder.poll_line() {
            let Ok(line) = line else { continue };
            if file.is_none() {
                log::debug!("engine: {}", quoted(&line));
            }
            last = Some(quoted(&line)).filter(|line| !line.is_empty()).or(last);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_path_is_not_replaced_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        let problem = find_in(&path, Some(folder.path()), None).unwrap_err();
        assert_eq!(problem.code, ErrorCode::E001);
        assert!(problem.message.contains(&path.display().to_string()), "{}", problem.message);
        std::fs::write(&path, "").unwrap();
        assert_eq!(find_in(&path, None, None), Ok(path));
    }

    #[test]
    fn a_bare_name_is_looked_for_beside_us_then_in_the_system() {
        let [own, first, second] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
        let name = format!("engine{}", std::env::consts::EXE_SUFFIX);
        let system = std::env::join_paths([first.path(), second.path()]).unwrap();
        let found = || find_in(Path::new("engine"), Some(own.path()), Some(&system));
        let problem = found().unwrap_err();
        assert!(problem.message.contains(&own.path().join(&name).display().to_string()), "{}", problem.message);
        for folder in [&second, &first, &own] {
            // A folder of that name is no program.
            std::fs::create_dir(folder.path().join(&name)).unwrap();
            assert_ne!(found().ok(), Some(folder.path().join(&name)));
            std::fs::remove_dir(folder.path().join(&name)).unwrap();
            std::fs::write(folder.path().join(&name), "").unwrap();
            assert_eq!(found(), Ok(folder.path().join(&name)));
        }
    }
}

//! mpv's process and socket.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream as LifeLine;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_lite::future::or;
use futures_lite::io::{AsyncReadExt as _, AsyncWriteExt as _};
use session_proto::mpv::{KEYS, Mpv, Output};
use session_proto::player::{Command, Event, Failure};
use smol::Timer;
use smol::channel::{Receiver, Sender};
use smol::net::unix::UnixStream;
use smol::process::Child;

use super::MpvOptions;
use crate::limits::{PLAYER_LINE_LEN_MAX, PLAYER_QUIT_PATIENCE, PLAYER_START_PATIENCE};

/// Flags that every mpv of ours has. Its own configuration could bind keys and scripts that move the film.
const FLAGS: [&str; 17] = [
    "--no-config",
    "--idle=yes",
    "--pause=yes",
    "--no-terminal",
    "--force-window=yes",
    "--keep-open=always",
    // At the film's end it does not pause, which would be nobody's wish.
    "--keep-open-pause=no",
    "--hr-seek=yes",
    "--ytdl=no",
    "--load-scripts=no",
    "--input-default-bindings=no",
    "--audio-pitch-correction=yes",
    // It waits for bytes by itself, and goes on with two seconds of them.
    "--cache=yes",
    "--cache-pause-wait=2",
    // The engine keeps the film; a small machine has no room to keep it twice.
    "--demuxer-max-bytes=32MiB",
    "--demuxer-max-back-bytes=8MiB",
    "--stream-buffer-size=1MiB",
];

/// How one mpv ended.
enum Gone {
    /// Nobody wants it any more.
    NotWanted,
    /// It ended by itself.
    ByItself(io::Result<ExitStatus>),
    /// It was ended by us, since it does not speak as it should.
    Broken(io::Error),
}

/// Starts mpv for the first film, and again for the next one after it has gone.
pub(super) async fn run(options: MpvOptions, commands: Receiver<Command>, events: Sender<Event>) {
    while let Ok(command) = commands.recv().await {
        let Command::Load { .. } = command else { continue };
        match Process::start(&options).await {
            Err(error) => {
                let why = format!("{}: {error}", options.program.display());
                if events.send(Event::Failed(Failure::NoPlayer { why })).await.is_err() {
                    return;
                }
            }
            Ok(mut process) => {
                let gone = process.live(&options, command, &commands, &events).await;
                let crashed = match gone {
                    Gone::NotWanted => return process.end().await,
                    Gone::ByItself(status) => !status.is_ok_and(|status| status.success()),
                    Gone::Broken(error) => {
                        log::warn!("mpv: {error}");
                        process.end().await;
                        true
                    }
                };
                drop(process);
                if events.send(Event::Closed { crashed }).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A running mpv. Dropping it kills it and removes its folder.
struct Process {
    child: Child,
    socket: UnixStream,
    /// mpv quits when this closes: with us, however we end.
    _lifeline: LifeLine,
    _folder: Folder,
}

/// A folder of this user's alone, for the socket.
struct Folder(PathBuf);

enum Happened {
    Command(Option<Command>),
    Read(io::Result<usize>),
    Exit(io::Result<ExitStatus>),
}

impl Process {
    async fn start(options: &MpvOptions) -> io::Result<Self> {
        let folder = Folder::make()?;
        let (socket, keys) = (folder.0.join("ipc"), folder.0.join("input.conf"));
        std::fs::write(&keys, KEYS)?;
        let (lifeline, its_end) = LifeLine::pair()?;
        // Nobody reads what mpv would say there.
        (&lifeline).write_all(b"{\"command\":[\"disable_event\",\"all\"]}\n")?;
        let mut command = smol::process::Command::new(&options.program);
        command
            .args(FLAGS)
            .arg(format!("--input-ipc-server={}", socket.display()))
            .arg("--input-ipc-client=fd://0")
            .arg(format!("--input-conf={}", keys.display()))
            .args(&options.flags)
            .stdin(OwnedFd::from(its_end))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let socket = connect(&mut child, &socket).await?;
        Ok(Self { child, socket, _lifeline: lifeline, _folder: folder })
    }

    async fn live(
        &mut self,
        options: &MpvOptions,
        first: Command,
        commands: &Receiver<Command>,
        events: &Sender<Event>,
    ) -> Gone {
        let mut mpv = Mpv::new();
        let clock = options.clock;
        mpv.handle_command(clock.now(), first);
        let mut lines = Lines::default();
        let mut chunk = vec![0; 16 * 1024];
        loop {
            while let Some(output) = mpv.poll_output() {
                match output {
                    Output::Line(line) => {
                        if let Err(error) = self.write(line.as_bytes()).await {
                            // It may just be gone, which is told better.
                            return or(exited(&mut self.child), broken(error)).await;
                        }
                    }
                    Output::Event(event) => {
                        if events.send(event).await.is_err() {
                            return Gone::NotWanted;
                        }
                    }
                }
            }
            let command = async { Happened::Command(commands.recv().await.ok()) };
            let read = async { Happened::Read(self.socket.read(&mut chunk).await) };
            let exit = async { Happened::Exit(self.child.status().await) };
            match or(command, or(read, exit)).await {
                Happened::Command(Some(command)) => mpv.handle_command(clock.now(), command),
                Happened::Command(None) => return Gone::NotWanted,
                Happened::Exit(status) => return Gone::ByItself(status),
                Happened::Read(Ok(0)) => {
                    return or(exited(&mut self.child), broken(io::ErrorKind::UnexpectedEof.into())).await;
                }
                Happened::Read(Err(error)) => return or(exited(&mut self.child), broken(error)).await,
                Happened::Read(Ok(len)) => {
                    let now = clock.now();
                    let whole = lines.take_in(chunk.get(..len).unwrap_or_default(), |line| mpv.handle_line(now, line));
                    if !whole {
                        return Gone::Broken(io::Error::other("a line without end"));
                    }
                }
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = self.socket.write_all(bytes);
        let late = async {
            Timer::after(PLAYER_START_PATIENCE).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        or(write, late).await
    }

    /// Asks it to quit, and kills it when it does not.
    async fn end(&mut self) {
        let quit = async {
            // One that does not hear is killed.
            let _ = self.socket.write_all(b"{\"command\":[\"quit\"]}\n").await;
            let _ = self.child.status().await;
        };
        let late = async {
            Timer::after(PLAYER_QUIT_PATIENCE).await;
        };
        or(quit, late).await;
        if let Ok(None) = self.child.try_status() {
            let _ = self.child.kill();
            let _ = self.child.status().await;
        }
    }
}

async fn exited(child: &mut Child) -> Gone {
    Gone::ByItself(child.status().await)
}

async fn broken(error: io::Error) -> Gone {
    Timer::after(Duration::from_secs(1)).await;
    Gone::Broken(error)
}

/// The socket is there a moment after mpv is.
async fn connect(child: &mut Child, path: &Path) -> io::Result<UnixStream> {
    let deadline = Instant::now() + PLAYER_START_PATIENCE;
    loop {
        if let Ok(socket) = UnixStream::connect(path).await {
            return Ok(socket);
        }
        if let Some(status) = child.try_status()? {
            return Err(io::Error::other(format!("it ended at once ({status})")));
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it opens no way to speak to it"));
        }
        Timer::after(Duration::from_millis(20)).await;
    }
}

/// Cuts what is read into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// `false` when a line grows beyond its bound.
    fn take_in(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) -> bool {
        self.0.extend_from_slice(bytes);
        let end = self.0.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = self.0.split_off(end);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).lines().for_each(&mut line);
        self.0.len() <= PLAYER_LINE_LEN_MAX
    }
}

impl Folder {
    fn make() -> io::Result<Self> {
        let chance = getrandom::u64().map_err(io::Error::other)?;
        let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let path = parent.unwrap_or_else(std::env::temp_dir).join(format!("sharestream-mpv-{chance:016x}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::debug!("the player's folder stays: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for part in ["{\"a\":", "1}\n{\"b\"", ":2}\n{\"c\":3}\n", "x"] {
            assert!(lines.take_in(part.as_bytes(), |line| seen.push(line.to_owned())));
        }
        assert_eq!(seen, ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        let long = vec![b'x'; PLAYER_LINE_LEN_MAX + 1];
        assert!(!lines.take_in(&long, |_| panic!("no line")));
    }
}

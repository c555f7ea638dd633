//! mpv's process and socket.
//!
//! The socket is mpv's standard input, one end of a pair: nobody else can speak through it, nothing of it is in the file system, and
//! mpv quits when it closes, so also when this program is killed.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_lite::future::or;
use futures_lite::io::{AsyncReadExt as _, AsyncWriteExt as _};
use session_proto::mpv::{KEYS, Mpv, Output};
use session_proto::player::{Command, Event, Failure};
use smol::channel::{Receiver, Sender};
use smol::net::unix::UnixStream;
use smol::process::Child;
use smol::{Async, Timer};

use super::MpvOptions;
use crate::limits::{PLAYER_LINE_LEN_MAX, PLAYER_QUIT_PATIENCE, PLAYER_START_PATIENCE};

/// Flags that every mpv of ours has. Its own configuration could bind keys and scripts that move the film.
const FLAGS: [&str; 20] = [
    "--input-ipc-client=fd://0",
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
    // A place on the bar of mpv's own controls is that place, not the key frame before it.
    "--script-opts-append=osc-seekbarkeyframes=no",
    "--title=${?media-title:${media-title}}${!media-title:ShareStream}",
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
    /// It never spoke, so it is no mpv, or one that is too old.
    NeverSpoke(io::Error),
    /// It was ended by us, since it does not speak as it should.
    Broken(io::Error),
}

/// Starts mpv for the first film, and again for the next one after it has gone.
pub(super) async fn run(options: MpvOptions, commands: Receiver<Command>, events: Sender<Event>) {
    while let Ok(command) = commands.recv().await {
        let Command::Load { .. } = command else { continue };
        let gone = match Process::start(&options) {
            Ok(mut process) => {
                let gone = process.live(&options, command, &commands, &events).await;
                process.end().await;
                match gone {
                    Gone::ByItself(status) if !process.has_spoken => Gone::NeverSpoke(ended_at_once(status)),
                    Gone::Broken(error) if !process.has_spoken => Gone::NeverSpoke(error),
                    gone => gone,
                }
            }
            Err(error) => Gone::NeverSpoke(error),
        };
        let event = match gone {
            Gone::NotWanted => return,
            Gone::ByItself(status) => Event::Closed { crashed: !status.is_ok_and(|status| status.success()) },
            Gone::NeverSpoke(error) => {
                let why = format!("{}: {error}", options.program.display());
                Event::Failed(Failure::NoPlayer { why })
            }
            Gone::Broken(error) => {
                log::warn!("mpv: {error}");
                Event::Closed { crashed: true }
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// A running mpv. Dropping it kills it.
struct Process {
    child: Child,
    socket: UnixStream,
    has_spoken: bool,
}

enum Happened {
    Command(Option<Command>),
    Read(io::Result<usize>),
    Exit(io::Result<ExitStatus>),
    Silence,
}

impl Process {
    fn start(options: &MpvOptions) -> io::Result<Self> {
        let (ours, its) = Pair::pair()?;
        let mut command = smol::process::Command::new(&options.program);
        command
            .args(FLAGS)
            .arg(format!("--input-conf=memory://{KEYS}"))
            .args(&options.flags)
            .stdin(Stdio::from(OwnedFd::from(its)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child = command.spawn()?;
        Ok(Self { child, socket: Async::new(ours)?.into(), has_spoken: false })
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
        let mut patience = Timer::after(PLAYER_START_PATIENCE);
        loop {
            if mpv.is_deaf() {
                return Gone::Broken(io::Error::new(io::ErrorKind::TimedOut, "it does not answer"));
            }
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
            match self.next(commands, &mut chunk, &mut patience).await {
                Happened::Command(Some(command)) => mpv.handle_command(clock.now(), command),
                Happened::Command(None) => return Gone::NotWanted,
                Happened::Silence => {
                    return Gone::Broken(io::Error::new(io::ErrorKind::TimedOut, "it says nothing"));
                }
                Happened::Exit(status) => return Gone::ByItself(status),
                Happened::Read(Ok(0)) => {
                    return or(exited(&mut self.child), broken(io::ErrorKind::UnexpectedEof.into())).await;
                }
                Happened::Read(Err(error)) => return or(exited(&mut self.child), broken(error)).await,
                Happened::Read(Ok(len)) => {
                    self.has_spoken = true;
                    let now = clock.now();
                    let whole = lines.take_in(chunk.get(..len).unwrap_or_default(), |line| mpv.handle_line(now, line));
                    if !whole {
                        return Gone::Broken(io::Error::other("a line without end"));
                    }
                }
            }
        }
    }

    async fn next(&mut self, commands: &Receiver<Command>, chunk: &mut [u8], patience: &mut Timer) -> Happened {
        let has_spoken = self.has_spoken;
        let command = async { Happened::Command(commands.recv().await.ok()) };
        let read = async { Happened::Read(self.socket.read(chunk).await) };
        let exit = async { Happened::Exit(self.child.status().await) };
        let silence = async {
            if has_spoken {
                return std::future::pending().await;
            }
            patience.await;
            Happened::Silence
        };
        or(command, or(read, or(exit, silence))).await
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

fn ended_at_once(status: io::Result<ExitStatus>) -> io::Error {
    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    io::Error::other(format!("it ended at once ({how})"))
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

//! The engine for a person at a terminal: `share` and `watch`. Both drive the same engine in process, by the same
//! commands and events as every other front end.

mod paint;
mod screen;
mod view;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use engine_proto::flags::Flags;
use engine_proto::ipc::{Add, AddSource, Command, Fetch, FileChoice, Message, PeerAddr, Request, RequestId, Seed};
use futures_lite::FutureExt as _;
use smol::Timer;

use crate::{Config, Engine, signals};
use screen::Screen;
use view::{Purpose, View};

/// How often the live part is painted.
const PAINT_EVERY: Duration = Duration::from_millis(250);

/// How often the peers are asked for.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// The mark of the one command: an error that carries it is the end.
const MARK: &str = "terminal";

/// Shares a file or folder until Ctrl-C.
pub fn share(path: String, flags: &Flags) -> ExitCode {
    let seed = Seed { file_path: path, ..Seed::default() };
    run(flags, Purpose::Share, Command::Seed(seed))
}

/// Fetches a magnet or `.torrent` file until Ctrl-C, and says where a player finds it.
pub fn watch(source: String, peers: Vec<PeerAddr>, flags: &Flags) -> ExitCode {
    let is_magnet = source.trim_start().to_ascii_lowercase().starts_with("magnet:");
    let source = if is_magnet { AddSource::Magnet(source) } else { AddSource::TorrentFile(source) };
    let (file, fetch) = (FileChoice::default(), Fetch::default());
    let add = Add { source, tracker_url: None, peers, file, private: None, room: None, allow_stock: None, fetch };
    run(flags, Purpose::Watch, Command::Add(add))
}

fn run(flags: &Flags, purpose: Purpose, command: Command) -> ExitCode {
    let engine = match crate::start(Config::from(flags)) {
        Ok(engine) => engine,
        Err(problem) => {
            eprintln!("{problem}\n{}", problem.code.words().advice);
            return ExitCode::FAILURE;
        }
    };
    signals::quit_on_signal(engine.commands().clone());
    let mut screen = Screen::new();
    let mut view = View::new(purpose, Instant::now());
    let request = Request { command, id: Some(RequestId::Text(MARK.to_owned())) };
    smol::block_on(show(&engine, request, &mut view, &mut screen));
    screen.print(&view.farewell());
    if let Err(crashed) = engine.end() {
        eprintln!(
            "{crashed}: this is a mistake of ours. Nothing is lost: start it again, and it goes on where it was."
        );
        return ExitCode::FAILURE;
    }
    if view.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Shows what happens until the engine ends.
async fn show(engine: &Engine, request: Request, view: &mut View, screen: &mut Screen) {
    if engine.commands().send(request).await.is_err() {
        return;
    }
    let mut status_asked = Instant::now();
    let mut leaving = false;
    loop {
        let event = async { engine.events().recv().await.map_or(Turn::Over, Turn::Event) };
        let paint = async {
            Timer::after(PAINT_EVERY).await;
            Turn::Paint
        };
        let now = Instant::now();
        match event.or(paint).await {
            Turn::Over => return,
            Turn::Event(message) => {
                let lines = view.handle_message(Instant::now(), message);
                screen.print(&lines);
            }
            Turn::Paint => {}
        }
        if view.has_failed() && !leaving {
            leaving = true;
            let _ = engine.commands().send(Command::Quit.into()).await;
        }
        if now.duration_since(status_asked) >= STATUS_EVERY && !leaving {
            status_asked = now;
            // An engine that has ended closes its events, which ends the loop.
            let _ = engine.commands().send(Command::Status.into()).await;
        }
        if screen.is_live() {
            let paint = screen.paint();
            screen.draw(view.live(Instant::now(), paint));
        } else if let Some(line) = view.plain(Instant::now()) {
            screen.print(&[line]);
        }
    }
}

enum Turn {
    Event(Message),
    Paint,
    Over,
}

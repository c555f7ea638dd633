//! A room in a terminal: who is there, what they say, where the film is. It plays nothing; it is for looking at a server.

mod room;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use async_signal::{Signal, Signals};
use futures_lite::io::{AsyncBufReadExt as _, BufReader};
use futures_lite::{StreamExt as _, future};
use serde_json::{Value, json};
use sharestream_signal_client::{Client, Event, Events, Options};
use signal_proto::event::parse_server;
use smol::Timer;

use room::Room;

const USAGE: &str = "sharestream-room URL NAME [CODE]
Creates a room on the server at URL (http://, https://), or joins the room CODE.
Then, one a line:
  play | pause          from where the film is
  seek SECONDS          there
  where                 the film's place by the room's clock (the window's title shows it, too)
  who                   who is there
  quit                  leave; so does Ctrl-C
  anything else         is said to all; \"/say play\" says a word that is a command";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, name, code) = match &arguments[..] {
        [url, name] => (url, name, String::new()),
        [url, name, code] => (url, name, code.clone()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let participant = getrandom::u64().map_or_else(|_| name.clone(), |number| format!("{number:016x}"));
    let room = Room::new(Instant::now(), code, name.clone(), participant);
    match smol::block_on(run(url, room)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How often the title is written anew, and probes are looked for.
const TICK: Duration = Duration::from_millis(200);

enum Happened {
    Event(Option<Event>),
    Line(Option<String>),
    Signal,
    Tick,
}

async fn run(url: &str, mut room: Room) -> Result<(), Box<dyn std::error::Error>> {
    let (client, mut events) = Client::connect(url, Options::default())?;
    let mut signals = Signals::new([Signal::Int, Signal::Term])?;
    let mut lines = BufReader::new(smol::Unblock::new(std::io::stdin())).lines();
    let mut ticks = Timer::interval(TICK);
    let has_title = std::io::stdout().is_terminal();
    loop {
        let event = async { Happened::Event(events.next().await) };
        let line = async { Happened::Line(lines.next().await.and_then(Result::ok)) };
        let signal = async {
            signals.next().await;
            Happened::Signal
        };
        let tick = async {
            ticks.next().await;
            Happened::Tick
        };
        let happened = future::or(signal, future::race(future::race(event, line), tick)).await;
        let now = Instant::now();
        match happened {
            Happened::Event(Some(Event::Connected { .. })) => {
                let (name, payload) = room.greeting(now);
                say(&client, name, payload).await;
            }
            Happened::Event(Some(Event::Disconnected { reason, retry_in: Some(pause) })) => {
                println!("{}; again in {:.1} s", clean(&reason.to_string()), pause.as_secs_f64());
            }
            Happened::Event(Some(Event::Disconnected { reason, retry_in: None })) => {
                return Err(clean(&reason.to_string()).into());
            }
            Happened::Event(Some(Event::Message { name, args, .. })) => {
                let told = match parse_server(&name, args.values.first()) {
                    Ok(event) => event.and_then(|event| room.hear(now, event)),
                    Err(problem) => Some(format!("not understood: {}", problem.message)),
                };
                told.iter().for_each(|told| println!("{told}"));
            }
            Happened::Event(None) => return Ok(()),
            Happened::Line(Some(line)) if line.trim() != "quit" => on_line(&client, &room, now, line.trim()).await,
            Happened::Line(_) | Happened::Signal => break,
            Happened::Tick => {
                if let Some(probe) = room.probe(now) {
                    say(&client, "sync-check", probe).await;
                }
                if has_title {
                    // The window's title (OSC 2), so that typing is left alone.
                    print!("\x1b]2;{}\x07", room.place(now));
                    std::io::Write::flush(&mut std::io::stdout())?;
                }
            }
        }
    }
    leave(&client, &mut events).await;
    Ok(())
}

async fn on_line(client: &Client, room: &Room, now: Instant, line: &str) {
    // The server drops a second action of the same name; a moment of this program names only one.
    let action = |time: f64| json!({"time": time, "actionId": format!("{now:?}")});
    match line.split_once(' ').unwrap_or((line, "")) {
        ("", _) => {}
        ("play", "") => say(client, "sync-play", action(room.seconds(now))).await,
        ("pause", "") => say(client, "sync-pause", action(room.seconds(now))).await,
        ("seek", to) if to.parse::<f64>().is_ok_and(f64::is_finite) => {
            say(client, "sync-seek", action(to.parse().unwrap_or(0.0))).await;
        }
        ("where", "") => println!("{}", room.place(now)),
        ("who", "") => println!("{}", room.people()),
        ("help", "") => println!("{USAGE}"),
        ("/say", text) => say(client, "chat-message", json!({"text": text})).await,
        _ => say(client, "chat-message", json!({"text": line})).await,
    }
}

async fn say(client: &Client, name: &str, payload: Value) {
    if let Err(error) = client.emit(name, payload).await {
        println!("not sent: {error}");
    }
}

/// Waits for the goodbye to be out.
async fn leave(client: &Client, events: &mut Events) {
    // Some servers forget what came right before a goodbye, so the answer is waited for. Without one, or without a
    // connection, the server finds out by itself.
    let _ = client.emit_with_ack("leave-room", json!({}), Duration::from_secs(1)).await;
    client.leave().await;
    let gone = async { while events.next().await.is_some() {} };
    let patience = async {
        Timer::after(Duration::from_secs(2)).await;
    };
    future::or(gone, patience).await;
}

/// What another program said, without what would command the terminal.
fn clean(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(SHOWN_CHARS_MAX).collect()
}

/// Characters of it that are shown.
const SHOWN_CHARS_MAX: usize = 2000;

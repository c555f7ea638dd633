//! `--headless`: JSON lines, an object each. Views and lines of chat on stdout, wishes on stdin. docs/guide.md tells the contract.

mod command;

use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_proto::error::ErrorCode;
use futures_lite::future::or;
use serde_json::{Value, json};
use session::Update;
use session::proto::participant::End;
use session::proto::view::View;
use session::proto::wish::Wish;
use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};

use crate::entrance::Entrance;
use crate::leaving::{leave_in_time, leave_on_signal};
use command::{Asked, parse};

/// Bytes of one command.
const COMMAND_LEN_MAX: u64 = 64 * 1024;

/// Answers to commands that wait to be printed. Full: stdin is not read.
pub(crate) const ANSWERS_MAX: usize = 64;

enum Happened {
    Update(Option<Update>),
    Answer(Option<Value>),
    Timeout,
}

/// Until the room is left or ends.
pub(crate) fn run(mut entrance: Entrance) -> ExitCode {
    for note in &entrance.notes {
        print(&json!({"event": "note", "text": note}));
    }
    let wishes = entrance.session.wishes().clone();
    leave_on_signal(wishes.clone());
    let (answers_in, answers) = bounded(ANSWERS_MAX);
    let read = move || read_commands(&wishes, &answers_in);
    if let Err(error) = std::thread::Builder::new().name("stdin".to_owned()).spawn(read) {
        eprintln!("stdin is not read: {error}");
    }
    smol::block_on(print_updates(&mut entrance, &answers))
}

/// Tells a room as lines.
pub(crate) struct Teller {
    every: Duration,
    newest: Option<Arc<View>>,
    printed: Instant,
    code_told: bool,
}

impl Teller {
    /// At least so much time is between two views.
    pub(crate) fn new(every: Duration) -> Self {
        let printed = Instant::now().checked_sub(every).unwrap_or_else(Instant::now);
        Self { every, newest: None, printed, code_told: false }
    }

    /// When the newest view is to be printed.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.newest.as_ref().map(|_| self.printed + self.every)
    }

    /// Tells what is told at once, and keeps the newest view for its time.
    pub(crate) fn tell(&mut self, entrance: &mut Entrance, update: &Update) {
        match update {
            Update::View(view) => {
                if let Some(code) = view.code.as_ref().filter(|_| !self.code_told) {
                    self.code_told = true;
                    let invite = entrance.opened(code);
                    print(
                        &json!({"event": "room", "code": code, "link": invite.app_link(), "webLink": invite.web_link(),
                        "lan": entrance.is_lan()}),
                    );
                }
                self.newest = Some(Arc::clone(view));
            }
            Update::Said(item) => print(&with_event("said", item)),
            Update::Noticed(notice) => print(&with_event("noticed", notice)),
            Update::Keep { code, token } => entrance.keep(code, token.clone()),
            Update::Ended(end) => {
                self.flush();
                print_end(end);
            }
        }
    }

    /// Prints the newest view, if it was not printed yet.
    pub(crate) fn flush(&mut self) {
        if let Some(view) = self.newest.take() {
            self.printed = Instant::now();
            print(&with_event("view", &*view));
        }
    }
}

async fn print_updates(entrance: &mut Entrance, answers: &Receiver<Value>) -> ExitCode {
    let updates = entrance.session.updates().clone();
    let mut teller = Teller::new(entrance.every);
    loop {
        let update = async { Happened::Update(updates.recv().await.ok()) };
        let answer = async {
            match answers.recv().await {
                Ok(answer) => Happened::Answer(Some(answer)),
                Err(_) => std::future::pending().await,
            }
        };
        let due = teller.due();
        let timeout = async {
            match due {
                Some(due) => Timer::at(due).await,
                None => std::future::pending().await,
            };
            Happened::Timeout
        };
        match or(or(answer, timeout), update).await {
            Happened::Update(Some(update)) => {
                teller.tell(entrance, &update);
                if let Update::Ended(end) = update {
                    return ended(&end);
                }
            }
            Happened::Update(None) => return ExitCode::FAILURE,
            Happened::Answer(Some(Value::Null)) | Happened::Timeout => teller.flush(),
            Happened::Answer(Some(answer)) => print(&answer),
            Happened::Answer(None) => {}
        }
    }
}

fn print_end(end: &End) {
    let (why, notice) = match end {
        End::Left => ("left", None),
        End::RoomEnded(_) => ("roomEnded", None),
        End::Removed => ("removed", None),
        End::Refused(notice) => ("refused", Some(notice)),
    };
    let reason = match end {
        End::RoomEnded(reason) => Some(reason),
        End::Left | End::Removed | End::Refused(_) => None,
    };
    print(&json!({"event": "ended", "why": why, "reason": reason, "notice": notice}));
}

fn ended(end: &End) -> ExitCode {
    match end {
        End::Left | End::RoomEnded(_) => ExitCode::SUCCESS,
        End::Removed => {
            eprintln!("The host removed you from the room. (S007)");
            ExitCode::FAILURE
        }
        End::Refused(notice) => {
            eprintln!("{}. {} ({})", notice.title, notice.text, notice.code.as_deref().unwrap_or("S013"));
            ExitCode::FAILURE
        }
    }
}

/// Reads until stdin is closed, which is the wish to leave.
pub(crate) fn read_commands(wishes: &Sender<Wish>, answers: &Sender<Value>) {
    let mut stdin = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        match stdin.by_ref().take(COMMAND_LEN_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let is_whole = line.ends_with(b"\n") || line.len() < usize::try_from(COMMAND_LEN_MAX).unwrap_or(usize::MAX);
        let parsed =
            if is_whole { parse(&text) } else { Err(format!("a command has at most {COMMAND_LEN_MAX} bytes")) };
        let sent = match parsed {
            Ok(Asked::Wish(wish)) => wishes.send_blocking(wish).is_ok(),
            Ok(Asked::View) => answers.send_blocking(Value::Null).is_ok(),
            Err(message) => {
                answers.send_blocking(json!({"event": "error", "code": ErrorCode::E010, "message": message})).is_ok()
            }
        };
        if !sent {
            return;
        }
        if !is_whole {
            // What is left of it is no command.
            let mut rest = Vec::new();
            while stdin.by_ref().take(COMMAND_LEN_MAX).read_until(b'\n', &mut rest).is_ok_and(|len| len > 0) {
                if rest.ends_with(b"\n") {
                    break;
                }
                rest.clear();
            }
        }
    }
    // A session that is over has left already.
    let _ = wishes.send_blocking(Wish::Leave);
    leave_in_time();
}

fn with_event(event: &str, value: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    value["event"] = json!(event);
    value
}

pub(crate) fn print(value: &Value) {
    let mut stdout = std::io::stdout().lock();
    if writeln!(stdout, "{value}").and_then(|()| stdout.flush()).is_err() {
        // Nobody reads: the room is left as by a closed stdin.
        std::process::exit(0);
    }
}

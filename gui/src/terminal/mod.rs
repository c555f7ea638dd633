//! The room in a terminal: lines that stay, below them a part that lives, and keys.
//!
//! `lines` and `phrases` make text of a view, `paint` knows the terminal's width, `input` makes keys of bytes and `keys` wishes of keys, `slash`
//! is what can be typed after `/`, `screen` paints, `raw` is a terminal that tells each key. Where stdout is no terminal, lines alone
//! are printed.

mod input;
mod keys;
mod lines;
mod paint;
mod phrases;
mod raw;
#[cfg(test)]
mod samples;
mod screen;
mod slash;

use std::io::{IsTerminal as _, Read as _};
use std::mem::Discriminant;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use session::Update;
use session::proto::participant::End;
use session::proto::view::{ChatItem, Delivery, RoomState, Stage, View};
use session::proto::wish::Wish;
use session::qr::{Ink, Qr};
use smol::channel::{Receiver, bounded};

use crate::entrance::Entrance;
use crate::leaving::{leave_in_time, leave_on_signal};
use keys::{Asks, Desk};
use paint::Paint;
use phrases::{clean, notice};
use raw::Told;
use screen::Screen;

pub(crate) use raw::restore;

/// Keys that wait to be understood. Full: stdin is not read.
const KEYS_MAX: usize = 256;

/// Lines below an invitation's QR code: the link, and a small live part.
const LINES_BELOW_QR: usize = 6;

/// Lines of a stream that is no terminal come at most this often, while nothing but figures changes.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The room in a terminal.
struct Face {
    screen: Screen,
    view: Option<Arc<View>>,
    desk: Desk,
    /// What was printed last of the film, and when, where there is no live part.
    printed: Option<(Instant, Doing)>,
}

/// What is worth a line at once: the film's stage and what the room does.
type Doing = (Option<Discriminant<Stage>>, RoomState);

enum Happened {
    Update(Option<Update>),
    Typed(Vec<u8>),
    Told(Told),
}

/// Columns of the terminal that stdout is, if it is one.
pub(crate) fn width() -> Option<usize> {
    std::io::stdout().is_terminal().then(|| Paint::of_terminal().width)
}

/// Until the room is left or ends.
pub(crate) fn run(mut entrance: Entrance) -> ExitCode {
    let live = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let wishes = entrance.session.wishes().clone();
    leave_on_signal(wishes.clone());
    let raw = if live { raw::begin() } else { None };
    let live = raw.is_some();
    let mut face = Face { screen: Screen::new(live), view: None, desk: Desk::new(entrance.hosting), printed: None };
    for note in entrance.notes.clone() {
        face.print(&note);
    }
    let typed = read_keys(live);
    let told = if live { raw::told() } else { bounded(1).1 };
    let code = smol::block_on(face.show(&mut entrance, &typed, &told));
    drop(raw);
    code
}

/// Bytes of stdin, as they are typed. Without a terminal it is not read: a closed one is no wish there.
fn read_keys(live: bool) -> Receiver<Vec<u8>> {
    let (typed_in, typed) = bounded(KEYS_MAX);
    if !live {
        return typed;
    }
    let read = move || {
        let mut bytes = [0; 64];
        while let Ok(len @ 1..) = std::io::stdin().lock().read(&mut bytes) {
            if typed_in.send_blocking(bytes.get(..len).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stdin".to_owned()).spawn(read) {
        log::error!("keys are not read: {error}");
    }
    typed
}

impl Face {
    async fn show(&mut self, entrance: &mut Entrance, typed: &Receiver<Vec<u8>>, told: &Receiver<Told>) -> ExitCode {
        let updates = entrance.session.updates().clone();
        let wishes = entrance.session.wishes().clone();
        let mut invited = false;
        loop {
            let update = async { Happened::Update(updates.recv().await.ok()) };
            let typed = async { Happened::Typed(next(typed).await) };
            let told = async { Happened::Told(next(told).await) };
            match or(or(typed, told), update).await {
                Happened::Told(Told::Resized) => self.draw(),
                Happened::Told(Told::Suspend) => {
                    self.screen.erase(Paint::of_terminal());
                    raw::suspend();
                    self.draw();
                }
                Happened::Typed(bytes) => {
                    let view = self.view.clone();
                    for asks in self.desk.type_in(&bytes, view.as_deref()) {
                        match asks {
                            Asks::Wish(wish) => {
                                let leaves = wish == Wish::Leave;
                                // A session that is over says so itself.
                                let _ = wishes.send(wish).await;
                                if leaves {
                                    leave_in_time();
                                }
                            }
                            Asks::Line(line) => self.print(&line),
                        }
                    }
                    self.draw();
                }
                Happened::Update(Some(Update::View(view))) => {
                    if let Some(code) = view.code.as_ref().filter(|_| !invited) {
                        invited = true;
                        self.invite(entrance, code);
                    }
                    self.view = Some(view);
                    self.draw();
                }
                Happened::Update(Some(Update::Said(item))) => self.said(&item),
                Happened::Update(Some(Update::Noticed(news))) => self.print(&notice(Paint::of_terminal(), &news)),
                Happened::Update(Some(Update::Keep { code, token })) => entrance.keep(&code, token),
                Happened::Update(Some(Update::Ended(end))) => return self.ended(end),
                Happened::Update(None) => return ExitCode::FAILURE,
            }
        }
    }

    /// What others are sent.
    fn invite(&mut self, entrance: &mut Entrance, code: &str) {
        let invite = entrance.opened(code);
        if !entrance.hosting {
            return;
        }
        let link = invite.web_link().unwrap_or_else(|| invite.app_link());
        let paint = Paint::of_terminal();
        let shown = if self.screen.is_live() { paint.strong(code) } else { code.to_owned() };
        let mut text = format!("The room is open. Its code:  {shown}\n");
        // Two of its rows make a line; below it the link and the live part have to be seen as well.
        if self.screen.is_live()
            && paint.unicode
            && let Ok(qr) = Qr::new(&link)
            && qr.side() <= paint.width
            && qr.side() / 2 + LINES_BELOW_QR < paint.height
        {
            text.push_str(&qr.text(if paint.color { Ink::Colours } else { Ink::LightOnDark }));
        }
        text.push_str(&format!("Others come in with: sharestream join {link}"));
        if entrance.is_lan() {
            text.push_str("\nor, on this network, with the code alone. The room ends with this program.");
        }
        self.print(&text);
    }

    fn said(&mut self, item: &ChatItem) {
        match (&item.from, item.delivery) {
            // It is printed once the room has it, or will not.
            (Some(_), Delivery::Pending) => {}
            (Some(from), Delivery::Sent) => {
                let line = format!("<{}> {}", clean(from), clean(&item.text));
                self.print(&line);
            }
            (Some(_), Delivery::Failed) => {
                let line = format!("! not sent: {}", clean(&item.text));
                self.print(&line);
            }
            (None, _) => {
                let line = format!("* {}", clean(&item.text));
                self.print(&line);
            }
        }
    }

    fn ended(&mut self, end: End) -> ExitCode {
        self.view = None;
        self.screen.erase(Paint::of_terminal());
        match end {
            End::Left => ExitCode::SUCCESS,
            End::RoomEnded(why) => {
                self.print(&format!("The room ended: {}", clean(&why)));
                ExitCode::SUCCESS
            }
            End::Removed => {
                eprintln!("The host removed you from the room. (S007)");
                ExitCode::FAILURE
            }
            End::Refused(notice) => {
                let code = notice.code.unwrap_or_default();
                eprintln!("{}. {} ({code})", clean(&notice.title), clean(&notice.text));
                ExitCode::FAILURE
            }
        }
    }

    /// Lines that stay.
    fn print(&mut self, text: &str) {
        self.screen.print(Paint::of_terminal(), text);
        self.draw();
    }

    /// Shows the view as it is.
    fn draw(&mut self) {
        let Some(view) = self.view.clone() else { return };
        let paint = Paint::of_terminal();
        if self.screen.is_live() {
            return self.screen.draw(paint, lines::lines(paint, &view, &self.desk));
        }
        let doing = (view.film.as_ref().map(|film| std::mem::discriminant(&film.stage)), view.playback.state);
        let now = Instant::now();
        if self.printed.is_none_or(|(at, before)| before != doing || now >= at + PLAIN_EVERY) {
            self.printed = Some((now, doing));
            self.screen.print(paint, &format!("{}; {}", phrases::state(&view), phrases::stage(&view)));
        }
    }
}

/// The next of a channel; never, once it is closed.
async fn next<T>(channel: &Receiver<T>) -> T {
    match channel.recv().await {
        Ok(next) => next,
        Err(_) => std::future::pending().await,
    }
}

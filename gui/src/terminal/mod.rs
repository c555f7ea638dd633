//! The room in a terminal: lines that stay, below them a part that lives, and keys.
//!
//! `paint` makes text of a view, `keys` wishes of keys, `raw` a terminal that tells each key. Where stdout is no terminal, lines
//! alone are printed.

mod keys;
mod paint;
mod raw;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use futures_lite::future::or;
use session::Update;
use session::proto::participant::End;
use session::proto::view::{ChatItem, Delivery, View};
use session::proto::wish::Wish;
use session::qr::{Ink, Qr};
use smol::channel::{Receiver, bounded};

use crate::entrance::Entrance;
use crate::leaving::{leave_in_time, leave_on_signal};
use keys::{Asks, Desk};
use paint::{Paint, clean};

pub(crate) use raw::restore;

/// Keys that wait to be understood. Full: stdin is not read.
const KEYS_MAX: usize = 256;

/// The room in a terminal.
struct Face {
    paint: Paint,
    live: bool,
    view: Option<Arc<View>>,
    desk: Desk,
    /// Lines of the part that lives, as it stands.
    drawn: usize,
    /// What was printed last of the film's stage, where there is no live part.
    stage: String,
}

enum Happened {
    Update(Option<Update>),
    Typed(Vec<u8>),
}

/// Until the room is left or ends.
pub(crate) fn run(mut entrance: Entrance) -> ExitCode {
    let live = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let wishes = entrance.session.wishes().clone();
    leave_on_signal(wishes.clone());
    let raw = if live { raw::begin() } else { None };
    let mut face = Face {
        paint: Paint::of_terminal(),
        live: raw.is_some(),
        view: None,
        desk: Desk::new(entrance.hosting),
        drawn: 0,
        stage: String::new(),
    };
    for note in entrance.notes.clone() {
        face.print(&note);
    }
    let typed = read_keys(face.live);
    let code = smol::block_on(face.show(&mut entrance, &typed));
    drop(raw);
    code
}

/// Bytes of stdin, as they are typed. Without a terminal it is not read: a closed one is no wish there.
fn read_keys(live: bool) -> Receiver<Vec<u8>> {
    let (typed_in, typed) = bounded(KEYS_MAX);
    if !live {
        // Nothing is ever typed, and the channel stays open.
        std::mem::forget(typed_in);
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
    async fn show(&mut self, entrance: &mut Entrance, typed: &Receiver<Vec<u8>>) -> ExitCode {
        let updates = entrance.session.updates().clone();
        let wishes = entrance.session.wishes().clone();
        let mut invited = false;
        loop {
            let update = async { Happened::Update(updates.recv().await.ok()) };
            let key = async {
                match typed.recv().await {
                    Ok(bytes) => Happened::Typed(bytes),
                    Err(_) => std::future::pending().await,
                }
            };
            match or(key, update).await {
                Happened::Typed(bytes) => {
                    let view = self.view.clone();
                    for asks in self.desk.type_in(&bytes, view.as_deref()) {
                        match asks {
                            Asks::Wish(wish) => {
                                let leaves = matches!(wish, Wish::Leave | Wish::EndRoom);
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
                Happened::Update(Some(Update::Noticed(notice))) => {
                    let code = notice.code.map(|code| format!(" ({code})")).unwrap_or_default();
                    self.print(&format!("! {}{code}\n  {}", clean(&notice.title), clean(&notice.text)));
                }
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
        let mut text = format!("\nThe room is open. Its code: {}\n\n", self.paint.strong(code));
        if self.live
            && let Ok(qr) = Qr::new(&link)
            && qr.side() <= self.paint.width
            && qr.side() / 2 < self.paint.height
        {
            text.push_str(&qr.text(if self.paint.color { Ink::Colours } else { Ink::LightOnDark }));
            text.push('\n');
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
        self.erase();
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

    /// A line that stays.
    fn print(&mut self, text: &str) {
        self.erase();
        // Raw terminals do not return to the first column by themselves.
        let text = if self.live { text.replace('\n', "\r\n") } else { text.to_owned() };
        write(&format!("{text}{}", if self.live { "\r\n" } else { "\n" }));
        self.draw();
    }

    /// Paints the part that lives anew.
    fn draw(&mut self) {
        let Some(view) = self.view.clone() else { return };
        if !self.live {
            let stage = paint::stage(&view);
            if stage != self.stage {
                self.stage.clone_from(&stage);
                write(&format!("{stage}\n"));
            }
            return;
        }
        self.paint = Paint::of_terminal();
        let lines = paint::lines(self.paint, &view, &self.desk);
        let mut text = self.erasure();
        for line in &lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        self.drawn = lines.len();
        write(&text);
    }

    fn erase(&mut self) {
        let text = self.erasure();
        self.drawn = 0;
        write(&text);
    }

    /// What takes the cursor to where the live part began, and clears all below.
    fn erasure(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\u{1b}[{}A\r\u{1b}[J", self.drawn) }
    }
}

fn write(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // A terminal that went takes its person with it.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

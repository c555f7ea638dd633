//! JSON lines beside the window, as `--headless` has them: for harnesses, and for whatever controls a kiosk.

use std::rc::Rc;

use session::proto::wish::Wish;
use smol::Timer;
use smol::channel::{Sender, bounded};

use super::desk::Desk;
use super::seat::spawn;
use crate::headless::{ANSWERS_MAX, Teller, print, read_commands};

/// Views are told from now on, and commands are heard.
pub(super) fn begin(desk: &Rc<Desk>, wishes: &Sender<Wish>) {
    let every = desk.args.every;
    *desk.teller.borrow_mut() = Some(Teller::new(every));
    let (answers_in, answers) = bounded(ANSWERS_MAX);
    let wishes = wishes.clone();
    let read = move || read_commands(&wishes, &answers_in);
    if let Err(error) = std::thread::Builder::new().name("stdin".to_owned()).spawn(read) {
        return log::error!("stdin is not read: {error}");
    }
    let asked = Rc::clone(desk);
    spawn(async move {
        while let Ok(answer) = answers.recv().await {
            if answer.is_null() {
                flush(&asked);
            } else {
                print(&answer);
            }
        }
    });
    let desk = Rc::clone(desk);
    spawn(async move {
        loop {
            Timer::after(every).await;
            if desk.teller.borrow().is_none() {
                return;
            }
            flush(&desk);
        }
    });
}

fn flush(desk: &Desk) {
    if let Some(teller) = desk.teller.borrow_mut().as_mut() {
        teller.flush();
    }
}

//! The window: adapters between a session and what `sharestream-ui` draws. They decide nothing.
//!
//! `desk` is what the window has in hand, `seat` the way into a room and out of it, `show` draws a view, `wire` hears buttons, `acts`
//! does what keys ask for, `keys` says what they ask for, and `words` says it to people.

mod acts;
mod asked;
mod backend;
mod desk;
mod doctor;
mod drops;
mod film;
mod home;
mod keys;
mod lines;
mod local_time;
mod prefs;
mod remote;
mod rows;
mod seat;
mod show;
mod surroundings;
mod wire;
mod words;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::rc::Rc;

use slint::{CloseRequestResponse, ComponentHandle as _, PhysicalPosition, PhysicalSize};
use smol::channel::Receiver;
use ui::{App, AppWindow, Player};

use crate::args::{Args, Task};
#[cfg(unix)]
use crate::system::single_instance::{self, Claim, Instance};
use desk::Desk;

pub(crate) use film::unseen_player;

/// Opens the window, in a room or on the first screen, until it is closed.
pub(crate) fn run(task: Option<Task>, args: Args) -> ExitCode {
    let Ok(calls) = only_one(task.as_ref(), &args) else { return ExitCode::SUCCESS };
    let (_instance, calls) = calls.unzip();
    backend::choose();
    let app = match AppWindow::new() {
        Ok(app) => app,
        Err(error) => {
            eprintln!("{}", no_display(&error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let desk = Desk::new(&app, args);
    prepare(&app, &desk);
    wire::all(&app, &desk);
    {
        let desk = Rc::clone(&desk);
        app.window().on_close_requested(move || {
            seat::close(&desk);
            CloseRequestResponse::HideWindow
        });
    }
    drops::watch(&app, &desk);
    crate::leaving::on_signal(close_from_elsewhere(&app));
    surroundings::begin(&desk, calls);
    home::begin(&desk);
    if let Err(error) = app.show() {
        eprintln!("{}", no_display(&error.to_string()));
        return ExitCode::FAILURE;
    }
    app.invoke_listen();
    if let Some(task) = task {
        home::enter_at_start(&desk, task);
    }
    if let Err(error) = slint::run_event_loop_until_quit() {
        eprintln!("The window stopped: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The place of the only app, and what later starts ask for; `Err`: another one has it, and has what this one was asked for.
/// Whoever names a folder of settings wants an app of its own.
#[cfg(unix)]
fn only_one(task: Option<&Task>, args: &Args) -> Result<Option<(Instance, Receiver<String>)>, Handed> {
    if args.settings.is_some() || args.lines || args.kiosk {
        return Ok(None);
    }
    let word = match task {
        Some(Task::Host { film, .. }) => crate::entrance::absolute(film),
        Some(Task::Join { invite }) => invite.app_link(),
        None => String::new(),
    };
    match single_instance::claim(&single_instance::folder(), &word) {
        Ok(Claim::First(instance)) => {
            let calls = instance.calls();
            Ok(Some((instance, calls)))
        }
        Ok(Claim::Handed) => Err(Handed),
        Err(error) => {
            log::info!("other starts are not heard: {error}");
            Ok(None)
        }
    }
}

/// Elsewhere each start is an app.
#[cfg(not(unix))]
fn only_one(_task: Option<&Task>, _args: &Args) -> Result<Option<((), Receiver<String>)>, Handed> {
    Ok(None)
}

/// Another app does it.
struct Handed;

/// Looks and keys as they are set, before the first picture.
fn prepare(app: &AppWindow, desk: &Rc<Desk>) {
    app.global::<App>().set_version(env!("CARGO_PKG_VERSION").into());
    app.global::<App>().set_kiosk(desk.args.kiosk);
    // Where nobody has a mouse, nothing lies over the film until somebody moves one.
    app.global::<Player>().set_controls(!desk.args.kiosk);
    app.global::<App>().set_full_screen(desk.args.kiosk && desk.args.size.is_none());
    prefs::take_over(desk);
    if let Some((width, height)) = desk.args.size {
        app.window().set_size(PhysicalSize::new(width, height));
    }
    if let Some((left, top)) = desk.args.place {
        app.window().set_position(PhysicalPosition::new(left, top));
    }
}

/// The same as the button that closes the window, from whatever thread.
fn close_from_elsewhere(app: &AppWindow) -> impl FnOnce() + Send + use<> {
    let app = app.as_weak();
    move || {
        let closed = app.upgrade_in_event_loop(|app| {
            app.window().dispatch_event(slint::platform::WindowEvent::CloseRequested);
        });
        if let Err(error) = closed {
            log::warn!("the window has closed already: {error}");
        }
    }
}

fn no_display(error: &str) -> String {
    format!(
        "There is no display to open a window on ({error}).
In a terminal the same rooms are open:
  sharestream host FILE        shares a film in a new room, and plays it
  sharestream join CODE|LINK   comes into somebody's room
  sharestream --help           everything else"
    )
}

//! Into a room, through it, and out again.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use session::Update;
use session::proto::in_both;
use session::proto::participant::End;
use session::proto::view::{ChatItem, View};
use session::proto::wish::Wish;
use session::proto::words::Language;
use session::qr::Qr;
use slint::{ComponentHandle as _, Image, Rgba8Pixel, SharedPixelBuffer, SharedString, Timer};
use smol::channel::Receiver;
use ui::{App, AppWindow, Chat, Dialog, Home as HomeScreen, Room, Screen};

use super::desk::{After, Desk, Seat};
use super::words;
use crate::args::Task;
use crate::entrance::Entrance;
use crate::leaving::leave_in_time;

/// Windows from this width on have people and chat beside the film, to begin with.
const PANEL_FROM: f32 = 860.0;

/// Somebody's words stay over a film in full screen for that long.
const OVERLAY_FOR: Duration = Duration::from_secs(6);

/// Goes into a room, out of the one that one is in first.
pub(super) fn enter(desk: &Rc<Desk>, task: Task) {
    {
        let mut state = desk.state.borrow_mut();
        if state.entering {
            return;
        }
        if state.wishes.is_some() {
            state.after = After::Enter(task);
            drop(state);
            return desk.wish(Wish::Leave);
        }
        state.entering = true;
    }
    let app = desk.app();
    let language = desk.language();
    let home = app.global::<HomeScreen>();
    home.set_trouble(SharedString::new());
    home.set_busy(busy(language, &task).into());
    let generation = desk.generation.get() + 1;
    desk.generation.set(generation);
    let args = desk.args.clone();
    let make_player = desk.stage.player_factory(&args);
    let desk = Rc::clone(desk);
    let prepared = smol::unblock(move || Entrance::prepare_with(&task, &args, make_player));
    spawn(async move {
        let prepared = prepared.await;
        desk.app().global::<HomeScreen>().set_busy(SharedString::new());
        desk.state.borrow_mut().entering = false;
        match prepared {
            Ok(entrance) => seated(&desk, entrance, generation),
            Err(error) => {
                desk.app().global::<HomeScreen>().set_trouble(error.to_string().into());
                desk.open(Screen::Home);
            }
        }
    });
}

fn busy(language: Language, task: &Task) -> String {
    match task {
        Task::Host { film, .. } => {
            let name = std::path::Path::new(film).file_name().map(|name| name.to_string_lossy().into_owned());
            let name = words::clean(&name.unwrap_or_else(|| film.clone()));
            in_both!(language, "Opening a room for {name}…", "Ein Raum für {name} wird geöffnet …")
        }
        Task::Join { invite } => {
            let code = &invite.code;
            in_both!(language, "Looking for the room {code}…", "Der Raum {code} wird gesucht …")
        }
    }
}

/// The session has begun; the room is to come.
fn seated(desk: &Rc<Desk>, entrance: Entrance, generation: u64) {
    let updates = entrance.session.updates().clone();
    let wishes = entrance.session.wishes().clone();
    for note in &entrance.notes {
        log::info!("{note}");
    }
    {
        let mut state = desk.state.borrow_mut();
        state.view = Arc::new(View::default());
        state.wishes = Some(wishes.clone());
        state.room = Some(Seat { entrance, invited: false });
    }
    // The first room's: stdin is one.
    if desk.args.lines && generation == 1 {
        super::lines::begin(desk, &wishes);
    }
    let app = desk.app();
    app.global::<Room>().set_truth(false);
    // Beside a small picture there is no room for it.
    app.global::<Room>().set_panel(app.window().size().to_logical(app.window().scale_factor()).width >= PANEL_FROM);
    app.global::<Room>().set_link(SharedString::new());
    app.global::<Room>().set_web_link(SharedString::new());
    app.global::<Room>().set_qr(Image::default());
    super::remote::withdraw(desk);
    desk.open(Screen::Room);
    desk.draw();
    spawn(follow(Rc::clone(desk), updates, generation));
}

/// Everything that the session tells, until it is over.
async fn follow(desk: Rc<Desk>, updates: Receiver<Update>, generation: u64) {
    while let Ok(update) = updates.recv().await {
        if desk.generation.get() != generation {
            return;
        }
        if let (Some(teller), Some(seat)) = (desk.teller.borrow_mut().as_mut(), desk.state.borrow_mut().room.as_mut()) {
            teller.tell(&mut seat.entrance, &update);
        }
        match update {
            Update::View(view) => seen(&desk, &view),
            Update::Said(item) => said(&desk, &item),
            // They are in the view.
            Update::Noticed(notice) => log::info!("{}: {}", notice.title, notice.text),
            Update::Keep { code, token } => {
                if let Some(seat) = &desk.state.borrow().room {
                    seat.entrance.keep(&code, token);
                }
            }
            Update::Ended(end) => return over(&desk, Some(end)),
        }
    }
    over(&desk, None);
}

fn seen(desk: &Rc<Desk>, view: &Arc<View>) {
    let before = desk.view().playback.clone();
    let code = view.code.clone();
    {
        let mut state = desk.state.borrow_mut();
        state.view = Arc::clone(view);
        // Still known when the film is over.
        if let Some(measured) = view.film.as_ref().map(|film| film.upload_capacity).filter(|rate| *rate > 0) {
            state.upload_capacity = measured;
        }
        let hosting = state.room.as_ref().is_some_and(|seat| seat.entrance.hosting);
        if let (Some(code), Some(seat)) = (code, state.room.as_mut().filter(|seat| !seat.invited)) {
            seat.invited = true;
            let invite = seat.entrance.opened(&code);
            let lan = seat.entrance.is_lan();
            drop(state);
            invited(&desk.app(), &invite, lan);
            if desk.args.kiosk {
                super::remote::offer(desk, &invite);
            }
            let shows = hosting && !desk.args.kiosk;
            desk.invites_until_it_plays.set(shows);
            if shows {
                desk.app().global::<App>().set_dialog(Dialog::Invite);
            }
        }
    }
    super::remote::admit(desk, view);
    super::asked::ask(desk, &before, view);
    super::surroundings::follow(desk, view);
    desk.draw();
}

/// The room has its code.
fn invited(app: &AppWindow, invite: &session::proto::invite::Invite, lan: bool) {
    let room = app.global::<Room>();
    let web = invite.web_link();
    room.set_link(invite.app_link().into());
    if let Ok(qr) = Qr::new(web.as_deref().unwrap_or(&invite.app_link())) {
        room.set_qr(picture(&qr));
    }
    room.set_web_link(web.unwrap_or_default().into());
    room.set_lan(lan);
}

/// A dot a pixel; the window makes it large.
pub(super) fn picture(qr: &Qr) -> Image {
    let side = u32::try_from(qr.side()).unwrap_or_default();
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(side, side);
    for (index, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let shade = if qr.is_dark(index % qr.side(), index / qr.side()) { 0 } else { 255 };
        *pixel = Rgba8Pixel { r: shade, g: shade, b: shade, a: 255 };
    }
    Image::from_rgba8(pixels)
}

/// Somebody said something: seen in the chat, counted where it is hidden, and over the film where there is nothing else.
fn said(desk: &Rc<Desk>, item: &ChatItem) {
    let Some(from) = item.from.as_ref().filter(|_| !item.mine) else { return };
    let app = desk.app();
    let (room, chat) = (app.global::<Room>(), app.global::<Chat>());
    let hidden =
        app.global::<App>().get_full_screen() || room.get_theatre() || !room.get_panel() || room.get_tab() != 1;
    if !hidden {
        return;
    }
    chat.set_unread(chat.get_unread().saturating_add(1));
    let line: SharedString = format!("{}: {}", words::clean(from), words::clean(&item.text)).into();
    chat.set_overlay(line.clone());
    let weak = app.as_weak();
    Timer::single_shot(OVERLAY_FOR, move || {
        if let Some(app) = weak.upgrade()
            && app.global::<Chat>().get_overlay() == line
        {
            app.global::<Chat>().set_overlay(SharedString::new());
        }
    });
}

/// The room is left, or it is over.
fn over(desk: &Rc<Desk>, end: Option<End>) {
    let (seat, after, language) = {
        let mut state = desk.state.borrow_mut();
        state.view = Arc::new(View::default());
        state.wishes = None;
        (state.room.take(), std::mem::replace(&mut state.after, After::Home), state.language)
    };
    let app = desk.app();
    super::surroundings::rest(desk);
    desk.shown.clear(&app);
    desk.draw_toasts();
    app.set_window_title("ShareStream".into());
    app.global::<App>().set_dialog(Dialog::None);
    // An engine that writes its last pieces may take a moment.
    let gone = smol::unblock(move || drop(seat));
    if matches!(after, After::Quit) {
        spawn(async move {
            gone.await;
            quit();
        });
        return;
    }
    gone.detach();
    if desk.teller.borrow_mut().take().is_some() {
        // Whoever drives it has no use for the first screen.
        return quit();
    }
    app.global::<App>().set_full_screen(desk.args.kiosk && desk.args.size.is_none());
    app.global::<HomeScreen>().set_trouble(why(language, end).into());
    super::home::refresh(desk);
    desk.open(Screen::Home);
    if let After::Enter(task) = after {
        enter(desk, task);
    }
}

/// What to say of an end; nothing of one that was wished for.
fn why(language: Language, end: Option<End>) -> String {
    match end {
        Some(End::Left) => String::new(),
        Some(End::RoomEnded(why)) => {
            let why = words::clean(&why);
            in_both!(language, "The room has ended: {why}", "Der Raum ist zu Ende: {why}")
        }
        Some(End::Removed) => {
            language.of("The host removed you from the room. (S007)", "Der Gastgeber hat dich aus dem Raum entfernt. (S007)").to_owned()
        }
        Some(End::Refused(notice)) => {
            let code = notice.code.map(|code| format!(" ({code})")).unwrap_or_default();
            format!("{}. {}{code}", words::clean(&notice.title), words::clean(&notice.text))
        }
        None => language
            .of(
                "The room's part of ShareStream stopped by itself. The log tells more; you can enter again.",
                "Der Teil von ShareStream für den Raum ist von selbst stehen geblieben. Mehr steht im Protokoll; du kannst wieder hinein.",
            )
            .to_owned(),
    }
}

/// The window is to close: out of the room first, and at once to the eye.
pub(super) fn close(desk: &Rc<Desk>) {
    let in_room = {
        let mut state = desk.state.borrow_mut();
        state.after = After::Quit;
        state.wishes.is_some()
    };
    leave_in_time();
    if in_room {
        desk.wish(Wish::Leave);
    } else {
        quit();
    }
}

fn quit() {
    if let Err(error) = slint::quit_event_loop() {
        log::error!("the window does not close: {error}");
    }
}

/// Runs beside the window, on its thread.
pub(super) fn spawn(task: impl Future<Output = ()> + 'static) {
    if let Err(error) = slint::spawn_local(task) {
        log::error!("nothing runs beside the window: {error}");
    }
}

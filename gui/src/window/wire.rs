//! What the window's parts say, and who hears it.

use std::rc::Rc;

use session::proto::player::TrackKind;
use session::proto::view::Action;
use session::proto::wish::{Control, LateJoin, Wish};
use signal_proto::ids::ParticipantId;
use signal_proto::roles::Role;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::{MediaTime, Rate};
use slint::{ComponentHandle as _, SharedString};
use ui::{App, AppWindow, Chat, Dialog, Player, Room, Screen};

use super::desk::Desk;
use super::keys::Pressed;
use super::{acts, doctor, home, prefs};

/// Wires everything.
pub(super) fn all(app: &AppWindow, desk: &Rc<Desk>) {
    window(app, desk);
    home::wire(app, desk);
    room(app, desk);
    people(app, desk);
    player(app, desk);
    chat(app, desk);
    prefs::wire(app, desk);
    doctor::wire(app, desk);
}

/// A callback that has the desk.
macro_rules! on {
    ($global:expr, $name:ident, $desk:expr, |$shared:ident $(, $arg:ident)*| $body:expr) => {{
        let $shared = Rc::clone($desk);
        $global.$name(move |$($arg),*| $body);
    }};
}
pub(super) use on;

fn window(app: &AppWindow, desk: &Rc<Desk>) {
    let global = app.global::<App>();
    on!(global, on_open, desk, |desk, screen| desk.open(screen));
    on!(global, on_open_dialog, desk, |desk, dialog| desk.app().global::<App>().set_dialog(dialog));
    on!(global, on_close_dialog, desk, |desk| {
        desk.app().global::<App>().set_dialog(Dialog::None);
        desk.app().invoke_listen();
    });
    on!(global, on_key, desk, |desk, text, ctrl, shift, alt| {
        acts::press(&desk, Pressed { text: &text, ctrl, shift, alt })
    });
    on!(global, on_choose_path, desk, |desk, path| {
        desk.app().global::<App>().set_dialog(Dialog::None);
        home::share(&desk, path.as_str().to_owned());
    });
}

fn room(app: &AppWindow, desk: &Rc<Desk>) {
    let global = app.global::<Room>();
    on!(global, on_leave, desk, |desk| desk.wish(Wish::Leave));
    on!(global, on_end_room, desk, |desk| desk.wish(Wish::EndRoom));
    on!(global, on_copy, desk, |desk, text| {
        desk.app().invoke_copy(text);
        desk.toast(desk.language().of("Copied", "Kopiert"));
    });
    on!(global, on_act, desk, |desk, key, _code| act(&desk, key));
    on!(global, on_dismiss, desk, |desk, key| desk.wish(Wish::Dismiss(u64::try_from(key).unwrap_or_default())));
    on!(global, on_share_other, desk, |desk| home::choose_film(&desk));
    on!(global, on_late, desk, |desk, now| {
        desk.wish(Wish::JoinFilm(if now { LateJoin::Now } else { LateJoin::FromStart }));
    });
    on!(global, on_take_subtitles, desk, |desk, shared| super::drops::take_subtitles(&desk, shared));
    on!(global, on_start_anyway, desk, |desk| desk.wish(Wish::StartAnyway));
    on!(global, on_ready_now, desk, |desk| desk.wish(Wish::Ready));
    on!(global, on_spectate, desk, |desk, on| desk.wish(Wish::Spectate(on)));
    on!(global, on_note, desk, |desk, words| desk.toast(words.as_str()));
    on!(global, on_watch, desk, |desk, on| desk.wish(Wish::WatchReports(on)));
}

fn people(app: &AppWindow, desk: &Rc<Desk>) {
    let global = app.global::<Room>();
    on!(global, on_make_cohost, desk, |desk, id, on| {
        let role = if on { Role::Cohost } else { Role::Viewer };
        of_person(&desk, &id, |id| Wish::SetRole(id, role));
    });
    on!(global, on_make_host, desk, |desk, id| of_person(&desk, &id, |id| Wish::SetRole(id, Role::Host)));
    on!(global, on_kick, desk, |desk, id| of_person(&desk, &id, Wish::Kick));
    on!(global, on_set_control, desk, |desk, choice| {
        desk.wish(Wish::SetControl(if choice == 0 { Control::Host } else { Control::Everyone }));
    });
    on!(global, on_set_waiting, desk, |desk, choice| {
        desk.wish(Wish::SetWaiting(match choice {
            1 => WaitPolicy::Wait,
            2 => WaitPolicy::Flow,
            _ => WaitPolicy::Auto,
        }));
    });
    on!(global, on_set_lock, desk, |desk, on| desk.wish(Wish::Lock(on)));
    on!(global, on_set_pauses, desk, |desk, on| desk.wish(Wish::PauseWithoutHost(on)));
}

fn of_person(desk: &Desk, id: &SharedString, wish: impl FnOnce(ParticipantId) -> Wish) {
    if let Some(id) = ParticipantId::parse(id) {
        desk.wish(wish(id));
    }
}

fn player(app: &AppWindow, desk: &Rc<Desk>) {
    let global = app.global::<Player>();
    on!(global, on_hover, desk, |desk, part| {
        super::show::hover(desk.language(), &desk.view(), f64::from(part)).into()
    });
    on!(global, on_toggle, desk, |desk| desk.wish(Wish::TogglePlay));
    on!(global, on_seek, desk, |desk, part| acts::act(&desk, super::keys::Asked::SeekTo(f64::from(part))));
    on!(global, on_seek_by, desk, |desk, seconds| desk.wish(Wish::SeekBy(f64::from(seconds))));
    on!(global, on_seek_at, desk, |desk, seconds| desk.wish(Wish::Seek(MediaTime::saturating(f64::from(seconds)))));
    on!(global, on_set_volume, desk, |desk, volume| {
        if desk.view().playback.muted {
            desk.wish(Wish::SetMuted(false));
        }
        desk.wish(Wish::SetVolume(f64::from(volume).clamp(0.0, 1.0)));
    });
    on!(global, on_set_muted, desk, |desk, muted| desk.wish(Wish::SetMuted(muted)));
    on!(global, on_set_rate, desk, |desk, rate| {
        if let Some(rate) = Rate::new(f64::from(rate)) {
            desk.wish(Wish::SetRate(rate));
        }
    });
    on!(global, on_select_audio, desk, |desk, id| acts::select(&desk, TrackKind::Audio, u32::try_from(id).ok()));
    on!(global, on_select_subtitles, desk, |desk, id| {
        acts::select(&desk, TrackKind::Subtitle, u32::try_from(id).ok().filter(|id| *id > 0));
    });
    on!(global, on_add_subtitles, desk, |desk| home::choose_subtitles(&desk));
    on!(global, on_delay_subtitles, desk, |desk, step| acts::delay_subtitles(&desk, f64::from(step)));
    on!(global, on_full_screen, desk, |desk| {
        acts::full_screen(&desk, !desk.app().global::<App>().get_full_screen());
    });
}

fn chat(app: &AppWindow, desk: &Rc<Desk>) {
    let global = app.global::<Chat>();
    on!(global, on_say, desk, |desk, text| desk.wish(Wish::Say(text.as_str().to_owned())));
    on!(global, on_retry, desk, |desk, key| desk.wish(Wish::RetrySaying(u64::try_from(key).unwrap_or_default())));
    on!(global, on_seen, desk, |desk| desk.app().global::<Chat>().set_unread(0));
}

/// The button of a notice.
fn act(desk: &Rc<Desk>, key: i32) {
    let view = desk.view();
    let Some(notice) = view.notices.iter().find(|notice| i32::try_from(notice.key) == Ok(key)) else { return };
    let of_server = notice.code.as_ref().is_some_and(|code| code.starts_with('S'));
    match notice.action {
        Some(Action::Retry) if of_server => desk.wish(Wish::RetryServer),
        Some(Action::Retry) => desk.wish(Wish::OpenPlayer),
        Some(Action::Doctor) => {
            desk.open(Screen::Doctor);
            doctor::start(desk);
        }
        Some(Action::EditInvite) => desk.wish(Wish::Leave),
        Some(Action::ChooseFile) => home::choose_film(desk),
        Some(Action::FreeDisk) => desk.open(Screen::Settings),
        Some(Action::AskHost) => acts::act(desk, super::keys::Asked::Chat),
        Some(Action::StartAnyway) => desk.wish(Wish::StartAnyway),
        Some(Action::Update | Action::Wait | Action::Install | Action::Dismiss) | None => {
            desk.wish(Wish::Dismiss(notice.key));
        }
    }
}

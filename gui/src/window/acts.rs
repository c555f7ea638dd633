//! Keys are done: as wishes of the room, or as what the window does by itself.

use std::rc::Rc;

use session::proto::in_both;
use session::proto::player::TrackKind;
use session::proto::wish::Wish;
use signal_proto::time::{MediaTime, Rate};
use slint::ComponentHandle as _;
use ui::{App, Chat, Dialog, Menu, Player, Room, Screen};

use super::desk::Desk;
use super::keys::{Asked, Pressed, meaning};

/// A key while nothing else has the keyboard; true when it meant something.
pub(super) fn press(desk: &Rc<Desk>, key: Pressed<'_>) -> bool {
    let app = desk.app();
    let style = desk.state.borrow().keys;
    // Whoever uses the keyboard sees what it can reach.
    app.global::<Player>().set_controls(true);
    let Some(asked) = meaning(style, key) else { return false };
    let screen = app.global::<App>().get_screen();
    match asked {
        Asked::Back => back(desk),
        Asked::ShowKeys => {
            app.global::<App>().set_dialog(Dialog::Keys);
            true
        }
        // Behind a dialog nothing moves.
        _ if screen != Screen::Room || app.global::<App>().get_dialog() != Dialog::None => false,
        asked => {
            act(desk, asked);
            true
        }
    }
}

/// Does it, in a room.
pub(super) fn act(desk: &Rc<Desk>, asked: Asked) {
    let app = desk.app();
    let view = desk.view();
    let playback = &view.playback;
    let duration = view.film.as_ref().and_then(|film| film.duration);
    match asked {
        Asked::TogglePlay => desk.wish(Wish::TogglePlay),
        Asked::SeekBy(seconds) => desk.wish(Wish::SeekBy(seconds)),
        Asked::SeekTo(part) => {
            if let Some(duration) = duration {
                desk.wish(Wish::Seek(MediaTime::saturating(duration * part)));
            }
        }
        Asked::UndoSeek => desk.wish(Wish::UndoSeek),
        Asked::VolumeBy(step) => {
            let volume = (playback.volume + step).clamp(0.0, 1.0);
            desk.wish(Wish::SetVolume(volume));
            let percent = format!("{:.0}", volume * 100.0);
            desk.toast(in_both!(desk.language(), "Sound {percent} %", "Ton {percent} %"));
        }
        Asked::ToggleMute => desk.wish(Wish::SetMuted(!playback.muted)),
        Asked::ToggleFullScreen => full_screen(desk, !app.global::<App>().get_full_screen()),
        Asked::ToggleTheatre => app.global::<Room>().set_theatre(!app.global::<Room>().get_theatre()),
        Asked::ToggleSubtitles => toggle_subtitles(desk),
        Asked::NextSubtitles => next_track(desk, TrackKind::Subtitle),
        Asked::NextAudio => next_track(desk, TrackKind::Audio),
        Asked::SubtitleDelayBy(step) => delay_subtitles(desk, step),
        Asked::SpeedBy(step) => match Rate::new(playback.rate.max(0.1) + step) {
            Some(rate) => desk.wish(Wish::SetRate(rate)),
            None => desk.toast(desk.language().of("No further that way", "Weiter geht es nicht")),
        },
        Asked::UsualSpeed => desk.wish(Wish::SetRate(Rate::ONE)),
        Asked::Step(frames) => desk.wish(Wish::StepFrame(frames)),
        Asked::ToggleTruth => {
            let truth = !app.global::<Room>().get_truth();
            app.global::<Room>().set_truth(truth);
            desk.wish(Wish::WatchReports(truth));
        }
        Asked::Chat => {
            let room = app.global::<Room>();
            room.set_tab(1);
            room.set_panel(true);
            app.global::<Chat>().set_unread(0);
            app.global::<Chat>().set_writing(true);
        }
        Asked::Ready => desk.wish(Wish::Ready),
        Asked::Call => {
            desk.toast(desk.language().of("This version has no calls yet", "Diese Version kann noch keine Anrufe"));
        }
        Asked::Leave => app.global::<App>().set_dialog(Dialog::Leave),
        Asked::Back | Asked::ShowKeys => {}
    }
    app.global::<Player>().set_controls(true);
}

/// Out of whatever is innermost; false when one is out already.
fn back(desk: &Rc<Desk>) -> bool {
    let app = desk.app();
    let (window, room, player) = (app.global::<App>(), app.global::<Room>(), app.global::<Player>());
    if window.get_dialog() != Dialog::None {
        window.invoke_close_dialog();
    } else if player.get_menu() != Menu::None {
        player.set_menu(Menu::None);
    } else if window.get_full_screen() && !desk.args.kiosk {
        full_screen(desk, false);
    } else if room.get_theatre() {
        room.set_theatre(false);
    } else if window.get_screen() != Screen::Home && window.get_screen() != Screen::Room {
        desk.open(Screen::Home);
    } else {
        return false;
    }
    true
}

pub(super) fn full_screen(desk: &Desk, on: bool) {
    let app = desk.app();
    app.global::<App>().set_full_screen(on || (desk.args.kiosk && desk.args.size.is_none()));
}

fn toggle_subtitles(desk: &Rc<Desk>) {
    let view = desk.view();
    let tracks = view.film.iter().flat_map(|film| &film.tracks).filter(|track| track.kind == TrackKind::Subtitle);
    let mut tracks = tracks.peekable();
    let Some(first) = tracks.peek().map(|track| track.id) else {
        return desk.toast(desk.language().of("This film has no subtitles", "Dieser Film hat keine Untertitel"));
    };
    let shown = tracks.any(|track| track.selected);
    let last = desk.stage.last_subtitles.get().unwrap_or(first);
    desk.wish(Wish::SelectTrack(TrackKind::Subtitle, (!shown).then_some(last)));
}

/// The one after the one that is chosen; after the last subtitles come none.
fn next_track(desk: &Rc<Desk>, kind: TrackKind) {
    let view = desk.view();
    let tracks: Vec<_> = view.film.iter().flat_map(|film| &film.tracks).filter(|track| track.kind == kind).collect();
    if tracks.is_empty() {
        return;
    }
    let next = match tracks.iter().position(|track| track.selected) {
        None => tracks.first(),
        Some(at) if at + 1 < tracks.len() => tracks.get(at + 1),
        Some(_) if kind == TrackKind::Subtitle => None,
        Some(_) => tracks.first(),
    };
    select(desk, kind, next.map(|track| track.id));
}

/// A track for oneself, or none.
pub(super) fn select(desk: &Desk, kind: TrackKind, id: Option<u32>) {
    if kind == TrackKind::Subtitle && id.is_some() {
        desk.stage.last_subtitles.set(id);
    }
    desk.wish(Wish::SelectTrack(kind, id));
}

/// Subtitles so many seconds later than they are.
pub(super) fn delay_subtitles(desk: &Rc<Desk>, step: f64) {
    let delay = ((desk.stage.subtitle_delay.get() + step) * 10.0).round() / 10.0;
    desk.stage.subtitle_delay.set(delay);
    desk.wish(Wish::SetSubtitleDelay(delay));
    let language = desk.language();
    let shown = language.number(&format!("{delay:+.1} s"));
    desk.app().global::<Player>().set_subtitle_delay(shown.clone().into());
    desk.toast(in_both!(language, "Subtitles {shown}", "Untertitel {shown}"));
}

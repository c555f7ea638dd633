//! Keys, and what they are wishes for.

use session::proto::view::{Part, PersonState, View};
use session::proto::wish::{LateJoin, Wish};
use signal_proto::limits::CHAT_CHARS_MAX;
use signal_proto::time::{MediaTime, Rate};

use super::input::{Input, Key};
use super::phrases::clean;
use super::slash;

/// What the person at the terminal is doing.
pub(super) struct Desk {
    hosting: bool,
    input: Input,
    /// A line of chat that is being typed.
    pub(super) typed: Option<String>,
    /// The panel with everybody's figures is shown.
    pub(super) truth: bool,
    /// Asked whether to leave or to end the room.
    pub(super) leaving: bool,
}

/// What follows from keys.
#[derive(Debug, PartialEq)]
pub(super) enum Asks {
    Wish(Wish),
    /// A line to show.
    Line(String),
}

/// Shown by `?`.
pub(super) const HELP: &str = "\
Space k   play or pause             ← →       5 s; with Ctrl 10; j l 10
0 … 9     to that tenth             Home End  to the start, to the end
u         undo the last jump        [ ]       the room's speed; Backspace: usual
↑ ↓       louder, quieter           m         no sound
t Enter   say something, / a command; Esc: nothing
w         who is here               i         everybody's figures
r         ready, or in step again   f         from the film's start, faster
s         only watch, or take part  a         start without who is not ready
o         open the player again     g         try the server again now
x         away with the notices     q ?       leave; these keys";

/// Steps of the room's speed.
const SPEED_STEP: f64 = 0.1;

/// Steps of the sound, of 1.
const VOLUME_STEP: f64 = 0.05;

impl Desk {
    pub(super) fn new(hosting: bool) -> Self {
        Self { hosting, input: Input::default(), typed: None, truth: false, leaving: false }
    }

    /// What these bytes of the terminal ask for.
    pub(super) fn type_in(&mut self, bytes: &[u8], view: Option<&View>) -> Vec<Asks> {
        self.input.keys(bytes).into_iter().flat_map(|key| self.press(key, view)).collect()
    }

    fn press(&mut self, key: Key, view: Option<&View>) -> Vec<Asks> {
        if let Some(typed) = &mut self.typed {
            match key {
                Key::Char(char) if typed.chars().count() < CHAT_CHARS_MAX => typed.push(char),
                Key::Erase | Key::ShiftErase => {
                    typed.pop();
                }
                Key::Enter => {
                    let text = self.typed.take().unwrap_or_default();
                    return said(&text, view);
                }
                Key::Escape => self.typed = None,
                Key::Char(_)
                | Key::Up
                | Key::Down
                | Key::Left
                | Key::Right
                | Key::FarLeft
                | Key::FarRight
                | Key::Home
                | Key::End => {}
            }
            return Vec::new();
        }
        if std::mem::take(&mut self.leaving) {
            return match key {
                Key::Char('l' | 'L') => vec![Asks::Wish(Wish::Leave)],
                Key::Char('e' | 'E') => vec![Asks::Wish(Wish::EndRoom)],
                _ => Vec::new(),
            };
        }
        let wish = |wish| vec![Asks::Wish(wish)];
        match key {
            Key::Char(' ' | 'k' | 'K') => wish(Wish::TogglePlay),
            Key::Left => wish(Wish::SeekBy(-5.0)),
            Key::Right => wish(Wish::SeekBy(5.0)),
            Key::FarLeft | Key::Char('j' | 'J') => wish(Wish::SeekBy(-10.0)),
            Key::FarRight | Key::Char('l' | 'L') => wish(Wish::SeekBy(10.0)),
            Key::Home => wish(Wish::Seek(MediaTime::ZERO)),
            Key::End => duration(view).map(|end| Asks::Wish(Wish::Seek(end))).into_iter().collect(),
            Key::Char(digit @ '0'..='9') => {
                let tenth = f64::from(digit.to_digit(10).unwrap_or_default()) / 10.0;
                let to = duration(view).map(|end| MediaTime::saturating(end.seconds() * tenth));
                to.map(|to| Asks::Wish(Wish::Seek(to))).into_iter().collect()
            }
            Key::Char('u') | Key::ShiftErase => wish(Wish::UndoSeek),
            Key::Up => volume(view, VOLUME_STEP),
            Key::Down => volume(view, -VOLUME_STEP),
            Key::Char('m') => wish(Wish::SetMuted(view.is_none_or(|view| !view.playback.muted))),
            Key::Char('[') => speed(view, -SPEED_STEP),
            Key::Char(']') => speed(view, SPEED_STEP),
            Key::Erase => wish(Wish::SetRate(Rate::ONE)),
            Key::Char('t') | Key::Enter => {
                self.typed = Some(String::new());
                Vec::new()
            }
            Key::Char('w') => vec![Asks::Line(who(view))],
            Key::Char('i') => {
                self.truth = !self.truth;
                wish(Wish::WatchReports(self.truth))
            }
            // A film that runs already: where the others are, or from its start.
            Key::Char('r') if is_choosing(view) => wish(Wish::JoinFilm(LateJoin::Now)),
            Key::Char('r') => wish(Wish::Ready),
            Key::Char('f') => wish(Wish::JoinFilm(LateJoin::FromStart)),
            Key::Char('s') => {
                let me = view.and_then(|view| view.people.iter().find(|person| person.me));
                wish(Wish::Spectate(me.is_none_or(|me| me.state != PersonState::Spectating)))
            }
            Key::Char('a') => wish(Wish::StartAnyway),
            Key::Char('o') => wish(Wish::OpenPlayer),
            Key::Char('g') => wish(Wish::RetryServer),
            Key::Char('x') => {
                let notices = view.map(|view| view.notices.as_slice()).unwrap_or_default();
                notices.iter().map(|notice| Asks::Wish(Wish::Dismiss(notice.key))).collect()
            }
            Key::Char('q') if self.hosting && view.is_some_and(|view| view.may_manage && view.people.len() > 1) => {
                self.leaving = true;
                Vec::new()
            }
            Key::Char('q') => wish(Wish::Leave),
            Key::Char('?') => vec![Asks::Line(HELP.to_owned())],
            Key::Char(_) | Key::Escape => Vec::new(),
        }
    }
}

/// A line that was typed: words for the others, or a command.
fn said(text: &str, view: Option<&View>) -> Vec<Asks> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let Some(command) = text.strip_prefix('/') else { return vec![Asks::Wish(Wish::Say(text.to_owned()))] };
    let people = view.map(|view| view.people.as_slice()).unwrap_or_default();
    vec![match slash::parse(command, people) {
        Ok(wish) => Asks::Wish(wish),
        Err(words) => Asks::Line(words),
    }]
}

fn is_choosing(view: Option<&View>) -> bool {
    view.is_some_and(|view| view.playback.part == Part::Choosing)
}

fn duration(view: Option<&View>) -> Option<MediaTime> {
    MediaTime::new(view?.film.as_ref()?.duration?)
}

fn speed(view: Option<&View>, step: f64) -> Vec<Asks> {
    let now = view.map_or(1.0, |view| view.playback.rate);
    let next = ((now + step) * 10.0).round() / 10.0;
    Rate::new(next).map(|rate| Asks::Wish(Wish::SetRate(rate))).into_iter().collect()
}

fn volume(view: Option<&View>, step: f64) -> Vec<Asks> {
    let now = view.map_or(1.0, |view| view.playback.volume);
    vec![Asks::Wish(Wish::SetVolume((now + step).clamp(0.0, 1.0)))]
}

fn who(view: Option<&View>) -> String {
    let people = view.map(|view| view.people.as_slice()).unwrap_or_default();
    let names: Vec<String> =
        people.iter().map(|person| format!("{} ({})", clean(&person.name), person.role.as_str())).collect();
    format!("here: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn view() -> View {
        let mut view = samples::view();
        view.film.as_mut().expect("it has a film").duration = Some(200.0);
        view.playback.volume = 0.5;
        view
    }

    fn wishes(bytes: &str) -> Vec<Asks> {
        Desk::new(false).type_in(bytes.as_bytes(), Some(&view()))
    }

    #[test]
    fn keys_of_the_contract() {
        let at = |seconds| Wish::Seek(MediaTime::new(seconds).unwrap());
        for (bytes, wish) in [
            (" ", Wish::TogglePlay),
            ("k", Wish::TogglePlay),
            ("\u{1b}[D", Wish::SeekBy(-5.0)),
            ("\u{1b}OC", Wish::SeekBy(5.0)),
            ("\u{1b}[1;5C", Wish::SeekBy(10.0)),
            ("j", Wish::SeekBy(-10.0)),
            ("l", Wish::SeekBy(10.0)),
            ("\u{1b}[H", at(0.0)),
            ("\u{1b}[4~", at(200.0)),
            ("7", at(140.0)),
            ("u", Wish::UndoSeek),
            ("\u{1b}[127;2u", Wish::UndoSeek),
            ("\u{1b}[A", Wish::SetVolume(0.55)),
            ("\u{1b}[B", Wish::SetVolume(0.45)),
            ("m", Wish::SetMuted(true)),
            ("]", Wish::SetRate(Rate::new(1.1).unwrap())),
            ("[", Wish::SetRate(Rate::new(0.9).unwrap())),
            ("f", Wish::JoinFilm(LateJoin::FromStart)),
            ("g", Wish::RetryServer),
            ("\u{7f}", Wish::SetRate(Rate::ONE)),
            ("r", Wish::Ready),
            ("s", Wish::Spectate(true)),
            ("a", Wish::StartAnyway),
            ("o", Wish::OpenPlayer),
            ("q", Wish::Leave),
        ] {
            assert_eq!(wishes(bytes), [Asks::Wish(wish)], "{bytes:?}");
        }
        assert_eq!(wishes("?"), [Asks::Line(HELP.to_owned())]);
        assert!(HELP.lines().all(|line| line.chars().count() <= 80), "terminals have 80 columns");
        for nothing in ["\u{1b}", "\u{1b}[15~", "\u{1}", "y", "", "x", "t\r", "t  \r"] {
            assert_eq!(wishes(nothing), [], "{nothing:?}");
        }
        assert_eq!(wishes("t/dance\r").len(), 1, "an answer");
        assert_eq!(wishes("t/lock\r"), [Asks::Wish(Wish::Lock(true))]);
    }

    #[test]
    fn figures_are_watched_while_they_are_shown() {
        let mut desk = Desk::new(false);
        assert_eq!(desk.type_in(b"i", None), [Asks::Wish(Wish::WatchReports(true))]);
        assert_eq!(desk.type_in(b"i", None), [Asks::Wish(Wish::WatchReports(false))]);
    }

    #[test]
    fn a_film_that_runs_already_is_joined_where_it_is() {
        let mut view = view();
        view.playback.part = Part::Choosing;
        assert_eq!(Desk::new(false).type_in(b"r", Some(&view)), [Asks::Wish(Wish::JoinFilm(LateJoin::Now))]);
    }

    #[test]
    fn a_line_is_as_long_as_the_room_takes() {
        let mut desk = Desk::new(false);
        desk.type_in(format!("t{}", "ä".repeat(CHAT_CHARS_MAX + 9)).as_bytes(), None);
        assert_eq!(desk.typed.map(|typed| typed.chars().count()), Some(CHAT_CHARS_MAX));
    }

    #[test]
    fn a_line_is_typed_mended_and_sent_or_dropped() {
        let mut desk = Desk::new(false);
        let mut typed = |text: &str| desk.type_in(text.as_bytes(), None);
        assert_eq!(typed("thellö q\u{7f}!\r"), [Asks::Wish(Wish::Say("hellö !".into()))]);
        assert_eq!(typed("\rk\u{1b}"), []);
        assert_eq!(typed("k"), [Asks::Wish(Wish::TogglePlay)], "typing is over");
    }

    #[test]
    fn a_host_with_company_is_asked_before_it_goes() {
        let view = View { may_manage: true, ..view() };
        let alone = View { people: Vec::new(), ..view.clone() };
        assert_eq!(Desk::new(true).type_in(b"q", Some(&alone)), [Asks::Wish(Wish::Leave)]);
        let mut desk = Desk::new(true);
        let mut typed = |text: &str| desk.type_in(text.as_bytes(), Some(&view));
        assert_eq!(typed("q"), []);
        assert_eq!(typed("n"), [], "it stays");
        assert_eq!(typed("ql"), [Asks::Wish(Wish::Leave)]);
        assert_eq!(typed("qe"), [Asks::Wish(Wish::EndRoom)]);
    }
}

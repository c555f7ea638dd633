//! Keys, and what they are wishes for.

use session::proto::view::{Notice, PersonState, View};
use session::proto::wish::Wish;
use signal_proto::time::{MediaTime, Rate};

/// What the person at the terminal is doing.
pub(super) struct Desk {
    hosting: bool,
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

/// A key, as terminals send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Char(char),
    Enter,
    Escape,
    Erase,
    Left,
    Right,
    FarLeft,
    FarRight,
    Home,
    End,
}

/// Shown by `?`.
pub(super) const HELP: &str = "\
Space k   play or pause             ← →       5 s; with Ctrl 10; j l 10
0 … 9     to that tenth             Home End  to the start, to the end
u         undo the last jump        [ ]       the room's speed; Backspace: usual
t Enter   say something             w         who is here
i         everybody's figures       r         ready, or in step again
s         only watch, or take part  a         start without who is not ready
o         open the player again     x         away with the notices
q         leave                     ?         these keys";

/// Steps of the room's speed.
const SPEED_STEP: f64 = 0.1;

impl Desk {
    pub(super) const fn new(hosting: bool) -> Self {
        Self { hosting, typed: None, truth: false, leaving: false }
    }

    /// What these bytes of the terminal ask for.
    pub(super) fn type_in(&mut self, bytes: &[u8], view: Option<&View>) -> Vec<Asks> {
        keys(bytes).into_iter().flat_map(|key| self.press(key, view)).collect()
    }

    fn press(&mut self, key: Key, view: Option<&View>) -> Vec<Asks> {
        if let Some(typed) = &mut self.typed {
            match key {
                Key::Char(char) => typed.push(char),
                Key::Erase => {
                    typed.pop();
                }
                Key::Enter => {
                    let text = self.typed.take().unwrap_or_default();
                    return vec![Asks::Wish(Wish::Say(text))];
                }
                Key::Escape => self.typed = None,
                Key::Left | Key::Right | Key::FarLeft | Key::FarRight | Key::Home | Key::End => {}
            }
            return Vec::new();
        }
        if std::mem::take(&mut self.leaving) {
            return match key {
                Key::Char('l') => vec![Asks::Wish(Wish::Leave)],
                Key::Char('e') => vec![Asks::Wish(Wish::EndRoom)],
                _ => Vec::new(),
            };
        }
        let wish = |wish| vec![Asks::Wish(wish)];
        match key {
            Key::Char(' ' | 'k') => wish(Wish::TogglePlay),
            Key::Left => wish(Wish::SeekBy(-5.0)),
            Key::Right => wish(Wish::SeekBy(5.0)),
            Key::FarLeft | Key::Char('j') => wish(Wish::SeekBy(-10.0)),
            Key::FarRight | Key::Char('l') => wish(Wish::SeekBy(10.0)),
            Key::Home => wish(Wish::Seek(MediaTime::ZERO)),
            Key::End => duration(view).map(|end| Asks::Wish(Wish::Seek(end))).into_iter().collect(),
            Key::Char(digit @ '0'..='9') => {
                let tenth = f64::from(digit.to_digit(10).unwrap_or_default()) / 10.0;
                let to = duration(view).map(|end| MediaTime::saturating(end.seconds() * tenth));
                to.map(|to| Asks::Wish(Wish::Seek(to))).into_iter().collect()
            }
            Key::Char('u') => wish(Wish::UndoSeek),
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
                wish(Wish::WatchReports(true))
            }
            Key::Char('r') => wish(Wish::Ready),
            Key::Char('s') => {
                let me = view.and_then(|view| view.people.iter().find(|person| person.me));
                wish(Wish::Spectate(me.is_none_or(|me| me.state != PersonState::Spectating)))
            }
            Key::Char('a') => wish(Wish::StartAnyway),
            Key::Char('o') => wish(Wish::OpenPlayer),
            Key::Char('x') => {
                let keys = view.map(|view| view.notices.iter().map(|notice: &Notice| notice.key).collect::<Vec<_>>());
                keys.unwrap_or_default().into_iter().map(|key| Asks::Wish(Wish::Dismiss(key))).collect()
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

fn duration(view: Option<&View>) -> Option<MediaTime> {
    MediaTime::new(view?.film.as_ref()?.duration?)
}

fn speed(view: Option<&View>, step: f64) -> Vec<Asks> {
    let now = view.map_or(1.0, |view| view.playback.rate);
    let next = ((now + step) * 10.0).round() / 10.0;
    Rate::new(next).map(|rate| Asks::Wish(Wish::SetRate(rate))).into_iter().collect()
}

fn who(view: Option<&View>) -> String {
    let people = view.map(|view| view.people.as_slice()).unwrap_or_default();
    let names: Vec<String> =
        people.iter().map(|person| format!("{} ({})", person.name, person.role.as_str())).collect();
    format!("here: {}", names.join(", "))
}

/// What a terminal's bytes mean. A sequence that is cut or unknown is nothing.
fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (key, len) = match first {
            '\u{1b}' => escape(rest),
            '\r' | '\n' => (Some(Key::Enter), 1),
            '\u{8}' | '\u{7f}' => (Some(Key::Erase), 1),
            char if char.is_control() => (None, char.len_utf8()),
            char => (Some(Key::Char(char)), char.len_utf8()),
        };
        keys.extend(key);
        rest = rest.get(len..).unwrap_or_default();
    }
    keys
}

/// A sequence that begins with Escape, and its length.
fn escape(text: &str) -> (Option<Key>, usize) {
    const SEQUENCES: [(&str, Key); 12] = [
        ("\u{1b}[D", Key::Left),
        ("\u{1b}[C", Key::Right),
        ("\u{1b}OD", Key::Left),
        ("\u{1b}OC", Key::Right),
        ("\u{1b}[1;5D", Key::FarLeft),
        ("\u{1b}[1;5C", Key::FarRight),
        ("\u{1b}[H", Key::Home),
        ("\u{1b}[F", Key::End),
        ("\u{1b}[1~", Key::Home),
        ("\u{1b}[4~", Key::End),
        ("\u{1b}OH", Key::Home),
        ("\u{1b}OF", Key::End),
    ];
    if text.len() == 1 {
        return (Some(Key::Escape), 1);
    }
    if let Some((sequence, key)) = SEQUENCES.iter().find(|(sequence, _)| text.starts_with(sequence)) {
        return (Some(*key), sequence.len());
    }
    // Others end with a letter or a tilde.
    let after = text.get(2..).unwrap_or_default();
    let end = after.find(|char: char| char.is_ascii_alphabetic() || char == '~');
    (None, end.map_or(text.len(), |end| end + 3))
}

#[cfg(test)]
mod tests {
    use session::proto::view::{Film, Forecast, Stage};

    use super::*;

    fn view() -> View {
        let film = Film {
            name: "f".into(),
            info_hash: None,
            url: None,
            shared_here: true,
            stage: Stage::Complete,
            duration: Some(200.0),
            length: 1,
            downloaded: 1.0,
            download_rate: 0,
            upload_rate: 0,
            peers: 0,
            ranges: Vec::new(),
            ahead: 0.0,
            forecast: Forecast::Unknown,
            tracks: Vec::new(),
        };
        View { film: Some(film), ..View::default() }
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
        for nothing in ["\u{1b}", "\u{1b}[15~", "\u{1}", "y", ""] {
            assert_eq!(wishes(nothing), [], "{nothing:?}");
        }
        assert_eq!(wishes("\u{1b}[15~k").len(), 1, "what follows a sequence that is not known");
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
        let person = |me: bool| session::proto::view::Person {
            id: "p".into(),
            name: "P".into(),
            role: signal_proto::roles::Role::Host,
            me,
            in_call: false,
            may_control: true,
            state: PersonState::Here,
            drift: None,
            ahead: None,
            rtt: None,
            position: None,
        };
        let view = View { may_manage: true, people: vec![person(true), person(false)], ..view() };
        let mut desk = Desk::new(true);
        let mut typed = |text: &str| desk.type_in(text.as_bytes(), Some(&view));
        assert_eq!(typed("q"), []);
        assert_eq!(typed("n"), [], "it stays");
        assert_eq!(typed("ql"), [Asks::Wish(Wish::Leave)]);
        assert_eq!(typed("qe"), [Asks::Wish(Wish::EndRoom)]);
    }
}

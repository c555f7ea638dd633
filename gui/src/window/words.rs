//! What the window says of a room, in both languages. Pure.

use session::proto::in_both;
use session::proto::view::{
    Action, Correction, Film, Forecast, Notice, Part, PersonState, Playback, RoomState, Server, Stage, View,
};
use session::proto::words::Language;
use signal_proto::roles::Role;
use signal_proto::time::MediaTime;

use engine_proto::words::{printable, rate};

/// Characters of somebody's text in one place.
const TEXT_CHARS_MAX: usize = 2_000;

/// Another's text, without what would turn lines around or hide in them.
pub(super) fn clean(text: &str) -> String {
    printable(text, TEXT_CHARS_MAX)
}

/// `1:02:03`, `2:03`.
pub(super) fn time(seconds: f64) -> String {
    MediaTime::saturating(seconds).to_string()
}

/// As a screen reader says it: "12 minutes 34".
pub(super) fn spoken_time(language: Language, seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let hour = if hours == 1 { language.of("hour", "Stunde") } else { language.of("hours", "Stunden") };
    let minute = if minutes == 1 { language.of("minute", "Minute") } else { language.of("minutes", "Minuten") };
    let second = if seconds == 1 { language.of("second", "Sekunde") } else { language.of("seconds", "Sekunden") };
    match (hours, minutes) {
        (0, 0) => format!("{seconds} {second}"),
        (0, _) => format!("{minutes} {minute} {seconds}"),
        _ => format!("{hours} {hour} {minutes}"),
    }
}

/// "12 minutes 34 of 1 hour 48".
pub(super) fn spoken_place(language: Language, position: f64, duration: Option<f64>) -> String {
    let at = spoken_time(language, position);
    match duration {
        None => at,
        Some(duration) => {
            let end = spoken_time(language, duration);
            in_both!(language, "{at} of {end}", "{at} von {end}")
        }
    }
}

/// Bytes a second.
pub(super) fn speed(language: Language, bytes: u64) -> String {
    language.number(&rate(bytes))
}

/// What is waited for: in large words, in small ones, and how far it is, from 0 to 1. `None` when nothing is.
pub(super) fn waiting(language: Language, view: &View) -> Option<Waiting> {
    let Some(film) = &view.film else { return Some(no_film(language, view)) };
    let name = clean(&film.name);
    let now = |head: String, more: String, progress| Some(Waiting { head, more, progress });
    match film.stage {
        Stage::Hashing { progress, left } if view.playback.position.is_none() => {
            let left = left.map(time);
            let more = left.map(|left| in_both!(language, "{left} left", "noch {left}")).unwrap_or_default();
            now(in_both!(language, "Reading {name}", "{name} wird gelesen"), more, Some(progress))
        }
        Stage::Looking { since } => {
            let host = host(language, view);
            let head = in_both!(
                language,
                "Looking for {host}'s computer… {since:.0} s",
                "Der Computer von {host} wird gesucht … {since:.0} s"
            );
            now(head, String::new(), None)
        }
        Stage::Details => now(
            language.of("Fetching video details", "Angaben zum Film werden geholt").into(),
            peers(language, film),
            None,
        ),
        Stage::Opening => {
            let head = match film.forecast {
                Forecast::ReadyIn { .. } | Forecast::Stalls { .. } => forecast(language, film),
                Forecast::Unknown | Forecast::PlaysThrough => {
                    language.of("The film is being opened", "Der Film wird geöffnet").to_owned()
                }
            };
            now(head, in_step_of(language, film), None)
        }
        Stage::DiskFull => now(
            language.of("The disk is full", "Die Festplatte ist voll").into(),
            language.of("Nothing more of the film arrives.", "Vom Film kommt nichts mehr an.").into(),
            None,
        ),
        Stage::Failed => now(
            language.of("The film cannot be had", "Der Film ist nicht zu bekommen").into(),
            language.of("The note above says why.", "Der Hinweis oben sagt, warum.").into(),
            None,
        ),
        Stage::Hashing { .. } | Stage::Arriving | Stage::Complete => playing(language, view, film),
    }
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) head: String,
    pub(super) more: String,
    pub(super) progress: Option<f64>,
}

fn no_film(language: Language, view: &View) -> Waiting {
    let (head, more) = if view.code.is_none() {
        (language.of("Entering the room…", "Der Raum wird betreten …"), String::new())
    } else if view.may_manage {
        (
            language.of("No film yet", "Noch kein Film"),
            language.of("Choose one, or drop it here.", "Wähle einen, oder zieh ihn hierher.").to_owned(),
        )
    } else {
        let host = host(language, view);
        (
            language.of("No film yet", "Noch kein Film"),
            in_both!(language, "{host} has not chosen one.", "{host} hat noch keinen ausgesucht."),
        )
    };
    Waiting { head: head.to_owned(), more, progress: None }
}

fn playing(language: Language, view: &View, film: &Film) -> Option<Waiting> {
    let playback = &view.playback;
    if playback.state == RoomState::Waiting {
        let names = waited_for(language, view);
        let most = playback.waits_for.map(|wait| format!("{:.0}", wait.max(0.0).ceil()));
        let most = most.map(|most| in_both!(language, "At most {most} s.", "Höchstens {most} s.")).unwrap_or_default();
        let head = in_both!(language, "Waiting for {names}", "Warten auf {names}");
        return Some(Waiting { head, more: most, progress: None });
    }
    if playback.buffering {
        let head = language.of("The film is not here yet", "So weit ist der Film noch nicht da").to_owned();
        return Some(Waiting { head, more: in_step_of(language, film), progress: None });
    }
    if playback.part == Part::Choosing {
        return None;
    }
    None
}

/// `you, Bea and Carl`.
fn waited_for(language: Language, view: &View) -> String {
    let me = view.playback.waits_for_me.then(|| language.of("you", "dich").to_owned());
    let others = view.others_waited_for().into_iter().map(clean);
    let mut names: Vec<String> = me.into_iter().chain(others).collect();
    let Some(last) = names.pop() else { return language.of("everybody", "alle").to_owned() };
    if names.is_empty() {
        return last;
    }
    let and = language.of("and", "und");
    format!("{} {and} {last}", names.join(", "))
}

fn in_step_of(language: Language, film: &Film) -> String {
    let down = speed(language, film.download_rate);
    let peers = peers(language, film);
    in_both!(language, "{down} from {peers}", "{down} von {peers}")
}

fn peers(language: Language, film: &Film) -> String {
    let count = film.peers;
    if count == 1 {
        language.of("1 computer", "1 Computer").to_owned()
    } else {
        in_both!(language, "{count} computers", "{count} Computern")
    }
}

fn host(language: Language, view: &View) -> String {
    let host = view.people.iter().find(|person| !person.me && person.role == Role::Host);
    host.map_or_else(|| language.of("the host", "dem Gastgeber").to_owned(), |person| clean(&person.name))
}

/// What will come of playing on: "Will play through".
pub(super) fn forecast(language: Language, film: &Film) -> String {
    match film.forecast {
        Forecast::Unknown => String::new(),
        Forecast::PlaysThrough => language.of("Will play through", "Läuft ohne Halt durch").to_owned(),
        Forecast::ReadyIn { seconds } => {
            let left = time(seconds.ceil());
            in_both!(language, "Ready in {left}", "Bereit in {left}")
        }
        Forecast::Stalls { after, unless_waiting } => {
            let after = span(after);
            match unless_waiting.map(span) {
                Some(wait) => in_both!(
                    language,
                    "Will stall in {after} unless you wait {wait}",
                    "Stockt in {after}, wenn ihr nicht {wait} wartet"
                ),
                None => in_both!(
                    language,
                    "Will stall in {after}: nothing arrives",
                    "Stockt in {after}: es kommt nichts an"
                ),
            }
        }
    }
}

/// `12 min`, `40 s`.
pub(super) fn span(seconds: f64) -> String {
    if seconds >= 90.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{:.0} s", seconds.max(0.0)) }
}

/// What somebody is doing.
pub(super) fn doing(language: Language, state: PersonState) -> String {
    match state {
        PersonState::Here => language.of("here", "da").to_owned(),
        PersonState::Ready => language.of("ready", "bereit").to_owned(),
        PersonState::Buffering { percent: Some(percent) } => {
            in_both!(language, "buffering {percent} %", "lädt {percent} %")
        }
        PersonState::Buffering { percent: None } => language.of("buffering", "lädt").to_owned(),
        PersonState::Behind { seconds } => in_both!(language, "{seconds:.0} s behind", "{seconds:.0} s zurück"),
        PersonState::CatchingUp => language.of("catching up", "holt auf").to_owned(),
        PersonState::InStep => language.of("in step", "im Takt").to_owned(),
        PersonState::Away => language.of("away", "nicht da").to_owned(),
        PersonState::Spectating => language.of("only watching", "schaut nur zu").to_owned(),
    }
}

/// What somebody is in the room; nothing for a viewer.
pub(super) fn role(language: Language, role: Role) -> &'static str {
    match role {
        Role::Host => language.of("Host", "Gastgeber"),
        Role::Cohost => language.of("Cohost", "Hilft mit"),
        Role::Viewer => "",
    }
}

/// What is done to stay in step.
pub(super) fn correction(language: Language, playback: &Playback) -> String {
    match playback.correction {
        Correction::None => language.of("none", "keine").to_owned(),
        Correction::Nudging { by } => {
            let by = language.number(&format!("{:+.1}", by * 100.0));
            in_both!(language, "{by} % of speed", "{by} % Tempo")
        }
        Correction::Seeking => language.of("jumping to the others", "springt zu den anderen").to_owned(),
    }
}

/// How the server is, and how well that is: 0 well, 1 trying.
pub(super) fn server(language: Language, server: &Server, playback: &Playback) -> (String, i32) {
    if !server.connected {
        let words = match server.retry_in {
            Some(seconds) => in_both!(
                language,
                "No server, next try in {seconds:.0} s",
                "Kein Server, neuer Versuch in {seconds:.0} s"
            ),
            None => language.of("Connecting…", "Wird verbunden …").to_owned(),
        };
        return (words, 1);
    }
    let words = match (playback.state, playback.drift) {
        (RoomState::Playing, Some(drift)) if playback.part == Part::InStep => {
            let off = language.number(&format!("{:.1}", drift.abs()));
            if drift.abs() < 0.1 {
                language.of("In step", "Im Takt").to_owned()
            } else if drift < 0.0 {
                in_both!(language, "{off} s behind", "{off} s zurück")
            } else {
                in_both!(language, "{off} s ahead", "{off} s voraus")
            }
        }
        (_, _) => language.of("Connected", "Verbunden").to_owned(),
    };
    (words, 0)
}

/// What somebody can do about a notice here, as a button's words; empty without one.
pub(super) fn action(language: Language, notice: &Notice) -> &'static str {
    let of_server = notice.code.as_ref().is_some_and(|code| code.starts_with('S'));
    match notice.action {
        Some(Action::Retry) if of_server || notice.code.is_none() => language.of("Retry", "Noch einmal"),
        Some(Action::Doctor) => language.of("Connection help", "Hilfe zur Verbindung"),
        Some(Action::EditInvite) => language.of("Change the code", "Code ändern"),
        Some(Action::ChooseFile) => language.of("Choose a file…", "Datei wählen …"),
        Some(Action::FreeDisk) => language.of("Settings", "Einstellungen"),
        Some(Action::AskHost) => language.of("Write to them", "Ihnen schreiben"),
        Some(Action::StartAnyway) => language.of("Start anyway", "Trotzdem anfangen"),
        Some(Action::Retry | Action::Update | Action::Wait | Action::Install | Action::Dismiss) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use session::proto::view::Person;

    use super::*;
    use crate::window::tests::person;

    const BOTH: [Language; 2] = Language::ALL;

    fn film(stage: Stage, forecast: Forecast) -> Film {
        Film {
            name: "A film.mkv".into(),
            info_hash: None,
            url: None,
            shared_here: false,
            stage,
            duration: Some(100.0),
            length: 1000,
            downloaded: 0.5,
            download_rate: 1_500_000,
            upload_rate: 900,
            upload_capacity: 0,
            peers: 1,
            ranges: vec![],
            ahead: 1.0,
            forecast,
            tracks: vec![],
        }
    }

    #[test]
    fn every_wait_says_what_it_waits_for() {
        let stages = [
            Stage::Hashing { progress: 0.5, left: Some(61.0) },
            Stage::Looking { since: 12.4 },
            Stage::Details,
            Stage::Opening,
            Stage::DiskFull,
            Stage::Failed,
        ];
        for language in BOTH {
            for stage in stages {
                let view = View { film: Some(film(stage, Forecast::Unknown)), ..View::default() };
                let said = waiting(language, &view).expect("it waits");
                assert!(said.head.len() > 5, "{stage:?}");
            }
            assert!(waiting(language, &View::default()).is_some());
        }
        let view = View { film: Some(film(Stage::Looking { since: 12.4 }, Forecast::Unknown)), ..View::default() };
        assert_eq!(waiting(Language::English, &view).unwrap().head, "Looking for the host's computer… 12 s");
    }

    #[test]
    fn a_room_that_waits_names_for_whom() {
        let mut view = View { film: Some(film(Stage::Arriving, Forecast::PlaysThrough)), ..View::default() };
        assert_eq!(waiting(Language::English, &view), None);
        view.playback.state = RoomState::Waiting;
        view.playback.waiting_on = vec!["Bea".into(), "Carl".into()];
        view.playback.waits_for = Some(7.2);
        let said = waiting(Language::English, &view).unwrap();
        assert_eq!((said.head.as_str(), said.more.as_str()), ("Waiting for Bea and Carl", "At most 8 s."));
        let called =
            |name: &str, me| Person { name: name.into(), me, ..person("bea", Role::Viewer, PersonState::InStep) };
        view.people = vec![called("Bea", true), called("Bea", false), called("Carl", false)];
        view.playback.waiting_on = vec!["Bea".into(), "Carl".into(), "Bea".into()];
        view.playback.waits_for_me = true;
        let head = |view: &View, language| waiting(language, view).unwrap().head;
        assert_eq!(head(&view, Language::English), "Waiting for you, Carl and Bea");
        assert_eq!(head(&view, Language::German), "Warten auf dich, Carl und Bea");
        view.playback.waiting_on.truncate(1);
        assert_eq!(head(&view, Language::English), "Waiting for you");
    }

    #[test]
    fn times_as_they_are_said_aloud() {
        let of = |seconds| spoken_place(Language::English, seconds, Some(6480.0));
        assert_eq!(of(754.0), "12 minutes 34 of 1 hour 48");
        assert_eq!(spoken_time(Language::English, 1.0), "1 second");
        assert_eq!(spoken_time(Language::German, 61.0), "1 Minute 1");
    }

    #[test]
    fn forecasts() {
        let said = |forecast| super::forecast(Language::English, &film(Stage::Arriving, forecast));
        assert_eq!(said(Forecast::ReadyIn { seconds: 39.2 }), "Ready in 0:40");
        assert_eq!(said(Forecast::PlaysThrough), "Will play through");
        assert_eq!(
            said(Forecast::Stalls { after: 720.0, unless_waiting: Some(180.0) }),
            "Will stall in 12 min unless you wait 3 min"
        );
        assert_eq!(said(Forecast::Unknown), "");
    }
}

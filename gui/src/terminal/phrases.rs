//! What a room does, in the words of a terminal. Pure.

use engine_proto::words::{printable, rate};
use session::proto::view::{Action, Correction, Forecast, Notice, Part, PersonState, RoomState, Stage, View};
use signal_proto::roles::Role;
use signal_proto::time::MediaTime;

use super::paint::Paint;

/// Characters of somebody's text in a line.
const TEXT_CHARS_MAX: usize = 2_000;

/// What is being done for the film, in words.
pub(super) fn stage(view: &View) -> String {
    let Some(film) = &view.film else { return "No film yet.".to_owned() };
    let host = view.people.iter().find(|person| !person.me && person.role == Role::Host);
    let host = host.map_or_else(|| "the host".to_owned(), |person| clean(&person.name));
    let rates = format!("{} down, {} up, {}", rate(film.download_rate), rate(film.upload_rate), peers(film.peers));
    match film.stage {
        Stage::Hashing { progress, left } => {
            let left = left.map(|left| format!(", {} left", time(left))).unwrap_or_default();
            format!("Reading {}: {}{left}", clean(&film.name), percent(progress))
        }
        Stage::Looking { since } => format!("Looking for {host}'s computer… {since:.0} s"),
        Stage::Details => "Fetching video details".to_owned(),
        Stage::DiskFull => "The disk is full; nothing arrives.".to_owned(),
        Stage::Failed => "The film cannot be had.".to_owned(),
        Stage::Complete if film.shared_here => format!("Shared from here; {rates}"),
        Stage::Complete => format!("All here; {rates}"),
        Stage::Opening | Stage::Arriving => {
            let forecast = match film.forecast {
                Forecast::Unknown => String::new(),
                Forecast::PlaysThrough => ". Will play through".to_owned(),
                Forecast::ReadyIn { seconds } => format!(". Ready in {}", time(seconds.ceil())),
                Forecast::Stalls { after, unless_waiting: Some(wait) } => {
                    format!(". Will stall at about {} unless you wait {}", span(after), span(wait))
                }
                Forecast::Stalls { after, unless_waiting: None } if after < 1.0 => ". Nothing arrives yet".to_owned(),
                Forecast::Stalls { after, unless_waiting: None } => format!(". Will stall in {}", span(after)),
            };
            format!("{} here, {:.0} s ahead{forecast}; {rates}", percent(film.downloaded), film.ahead)
        }
    }
}

/// What the room does, and what is done to be with it.
pub(super) fn state(view: &View) -> String {
    let playback = &view.playback;
    let mut text = match playback.state {
        RoomState::Empty => "no film".to_owned(),
        RoomState::Paused if playback.ended => "the end".to_owned(),
        RoomState::Paused => "paused".to_owned(),
        RoomState::Starting => format!("starts in {:.1} s", playback.starts_in.unwrap_or_default()),
        RoomState::Playing => "playing".to_owned(),
        RoomState::Waiting => waiting(view),
    };
    if (playback.rate - 1.0).abs() > 0.001 {
        text.push_str(&format!(" at {:.1}x", playback.rate));
    }
    match playback.part {
        Part::Spectating => text.push_str("; you only watch (s: with the others)"),
        Part::CatchingUp => text.push_str("; you play faster until you meet the others"),
        Part::Choosing => text.push_str("; r: to where the others are, f: from its start"),
        Part::InStep => {}
    }
    if playback.buffering {
        text.push_str("; your player waits for bytes");
    } else if let Some(drift) = playback.drift {
        let side = if drift < 0.0 { "behind" } else { "ahead" };
        text.push_str(&format!("; {:.0} ms {side}", drift.abs() * 1000.0));
    }
    match playback.correction {
        Correction::None => {}
        Correction::Nudging { by } => text.push_str(&format!(", corrected by {:+.0} %", by * 100.0)),
        Correction::Seeking => text.push_str(", jumping to the others"),
    }
    if playback.muted {
        text.push_str("; no sound (m)");
    } else if playback.volume < 0.995 {
        text.push_str(&format!("; sound {}", percent(playback.volume)));
    }
    text
}

/// What somebody is doing.
pub(super) fn doing(state: PersonState) -> String {
    match state {
        PersonState::Here => "here".to_owned(),
        PersonState::Ready => "ready".to_owned(),
        PersonState::Buffering { percent: Some(percent) } => format!("buffering {percent} %"),
        PersonState::Buffering { percent: None } => "buffering".to_owned(),
        PersonState::Behind { seconds } => format!("{seconds:.0} s behind"),
        PersonState::CatchingUp => "catching up".to_owned(),
        PersonState::InStep => "in step".to_owned(),
        PersonState::Away => "away".to_owned(),
        PersonState::Spectating => "only watching".to_owned(),
    }
}

/// A notice as lines that stay.
pub(super) fn notice(paint: Paint, notice: &Notice) -> String {
    let within = Paint { width: paint.width - 2, ..paint };
    let text = within.wrap(&clean(&notice.text), usize::MAX).join("\n");
    let head = format!("! {}{}{}", clean(&notice.title), code(notice), hint(notice));
    format!("{}\n  {text}", paint.wrap(&head, usize::MAX).join("\n"))
}

/// A notice's code, for whom one asks for help.
pub(super) fn code(notice: &Notice) -> String {
    notice.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}

/// What the person can do about it here.
pub(super) fn hint(notice: &Notice) -> &'static str {
    let of_server = notice.code.as_ref().is_some_and(|code| code.starts_with('S'));
    match notice.action {
        Some(Action::Retry) if of_server => ": g tries again now",
        Some(Action::Retry) if notice.code.is_none() => ": o opens it again",
        Some(Action::StartAnyway) => ": a starts anyway",
        Some(Action::ChooseFile) => ": t, /share FILE",
        Some(Action::Doctor) => ": sharestream doctor",
        Some(
            Action::Retry
            | Action::EditInvite
            | Action::FreeDisk
            | Action::Update
            | Action::AskHost
            | Action::Wait
            | Action::Install
            | Action::Dismiss,
        )
        | None => "",
    }
}

/// Another's text, without what would command the terminal.
pub(super) fn clean(text: &str) -> String {
    printable(text, TEXT_CHARS_MAX)
}

/// `1:02:03`, `2:03`.
pub(super) fn time(seconds: f64) -> String {
    MediaTime::saturating(seconds).to_string()
}

/// Whole hundredths; 100 only for all of it.
fn percent(part: f64) -> String {
    format!("{:.0} %", (part * 100.0).floor())
}

fn waiting(view: &View) -> String {
    let me = view.playback.waits_for_me.then(|| "you".to_owned());
    let names: Vec<String> = me.into_iter().chain(view.others_waited_for().into_iter().map(clean)).collect();
    let whom = if names.is_empty() { "everybody".to_owned() } else { names.join(", ") };
    let most =
        view.playback.waits_for.map(|wait| format!(" (at most {:.0} s)", wait.max(0.0).ceil())).unwrap_or_default();
    let anyway = if view.may_control { "; a: start anyway" } else { "" };
    format!("waiting for {whom}{most}{anyway}")
}

fn peers(count: u32) -> String {
    if count == 1 { "1 peer".to_owned() } else { format!("{count} peers") }
}

/// `12 min`, `40 s`.
fn span(seconds: f64) -> String {
    if seconds >= 90.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{seconds:.0} s") }
}

#[cfg(test)]
mod tests {
    use session::proto::view::{Film, Level, Playback};

    use super::super::samples::{film, trouble, view};
    use super::*;

    #[test]
    fn notices_say_what_can_be_done_here() {
        let paint = Paint { width: 18, height: 24, color: false, unicode: false };
        assert_eq!(
            notice(paint, &trouble(Some("S001"), Level::Error, Action::Retry)),
            "! The server is\n  gone (S001): g\n  tries again now\n  Playing\n  continues."
        );
        for (code, action, words) in [
            (None, Action::Retry, ": o opens it again"),
            (Some("E002"), Action::Retry, ""),
            (None, Action::StartAnyway, ": a starts anyway"),
            (Some("E005"), Action::ChooseFile, ": t, /share FILE"),
            (Some("E004"), Action::Doctor, ": sharestream doctor"),
            (Some("S010"), Action::Wait, ""),
        ] {
            assert_eq!(hint(&trouble(code, Level::Warning, action)), words, "{code:?} {action:?}");
        }
    }

    #[test]
    fn stages_in_words() {
        let said = |stage| stage_of(film(stage));
        assert_eq!(said(Stage::Looking { since: 12.4 }), "Looking for An\\u{1b}a's computer… 12 s");
        assert_eq!(said(Stage::Details), "Fetching video details");
        assert_eq!(said(Stage::Hashing { progress: 0.5, left: Some(61.0) }), "Reading A film.mkv: 50 %, 1:01 left");
        let mut ready = film(Stage::Opening);
        ready.forecast = Forecast::ReadyIn { seconds: 39.2 };
        assert!(stage_of(ready).contains("Ready in 0:40"));
        let mut through = film(Stage::Arriving);
        through.forecast = Forecast::PlaysThrough;
        assert!(stage_of(through).contains("Will play through"));
        let mut stalls = film(Stage::Arriving);
        stalls.forecast = Forecast::Stalls { after: 40.0, unless_waiting: None };
        assert!(stage_of(stalls).contains("Will stall in 40 s;"));
        stalls = film(Stage::Arriving);
        stalls.forecast = Forecast::Stalls { after: 0.0, unless_waiting: None };
        assert!(stage_of(stalls).contains("ahead. Nothing arrives yet;"));
        assert_eq!(said(Stage::Complete), "All here; 1.5 MB/s down, 900 B/s up, 1 peer");
        assert_eq!(stage(&View { film: None, ..view() }), "No film yet.");
    }

    #[test]
    fn states_in_words() {
        let of = |change: &dyn Fn(&mut Playback)| {
            let mut view = view();
            view.playback = Playback { state: RoomState::Playing, rate: 1.0, volume: 1.0, ..Playback::default() };
            change(&mut view.playback);
            state(&view)
        };
        assert_eq!(of(&|it| it.drift = Some(-0.0124)), "playing; 12 ms behind");
        assert_eq!(of(&|it| it.buffering = true), "playing; your player waits for bytes");
        assert_eq!(of(&|it| (it.state, it.ended) = (RoomState::Paused, true)), "the end");
        assert_eq!(of(&|it| (it.state, it.starts_in) = (RoomState::Starting, Some(0.84))), "starts in 0.8 s");
        assert_eq!(of(&|it| it.rate = 1.2), "playing at 1.2x");
        assert_eq!(of(&|it| it.muted = true), "playing; no sound (m)");
        assert_eq!(of(&|it| it.volume = 0.5), "playing; sound 50 %");
        assert!(of(&|it| it.part = Part::Choosing).ends_with("r: to where the others are, f: from its start"));
        assert!(of(&|it| it.correction = Correction::Nudging { by: 0.03 }).ends_with("corrected by +3 %"));
    }

    fn stage_of(film: Film) -> String {
        stage(&View { film: Some(film), ..view() })
    }
}

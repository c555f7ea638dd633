//! A view as lines of a terminal of some width. Pure, but for asking the terminal what it can.

use session::proto::view::{
    Correction, Film, Forecast, Level, Part, Person, PersonState, Phase, RoomState, Stage, View,
};

use super::keys::Desk;

/// Columns and lines of a terminal that does not say.
const SIZE_USUAL: (usize, usize) = (80, 24);
/// People in the list; the rest are a number.
const PEOPLE_SHOWN_MAX: usize = 12;
/// Characters of somebody's text in a line.
const TEXT_CHARS_MAX: usize = 2_000;

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Columns.
    pub(super) width: usize,
    /// Lines.
    pub(super) height: usize,
    /// Colours are welcome.
    pub(super) color: bool,
    /// It shows more than ASCII.
    pub(super) unicode: bool,
}

impl Paint {
    pub(super) fn of_terminal() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (width, height) = size().unwrap_or(SIZE_USUAL);
        let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG"));
        let is_utf8 = |locale: String| locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self {
            width: width.clamp(20, 1000),
            height: height.clamp(5, 1000),
            // no-color.org: set and not empty, whatever its value.
            color: variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb"),
            unicode: cfg!(windows) || cfg!(target_os = "macos") || locale.is_some_and(is_utf8),
        }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.ink("1", text)
    }

    fn ink(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Cut to the width; a line that wraps would break the live part.
    fn fit(self, text: &str) -> String {
        let wide = text.chars().count() > self.width;
        if !wide {
            return text.to_owned();
        }
        let more = if self.unicode { "…" } else { "~" };
        text.chars().take(self.width - 1).chain(more.chars()).collect()
    }

    /// What is here of the film, with its gaps, and where the room is.
    fn bar(self, film: &Film, room: Option<f64>, cells: usize) -> String {
        let part = |cell: usize| fraction(cell, cells);
        let at = room.zip(film.duration).map(|(room, duration)| room / duration.max(0.001));
        (0..cells)
            .map(|cell| {
                let (from, to) = (part(cell), part(cell + 1));
                let here: f64 = film.ranges.iter().map(|range| (range.1.min(to) - range.0.max(from)).max(0.0)).sum();
                let is_head = at.is_some_and(|at| (from..to).contains(&at));
                match (is_head, here / (to - from), self.unicode) {
                    (true, _, true) => '●',
                    (true, _, false) => 'O',
                    (false, all, true) if all > 0.99 => '█',
                    (false, some, true) if some > 0.01 => '▒',
                    (false, _, true) => '░',
                    (false, all, false) if all > 0.99 => '#',
                    (false, some, false) if some > 0.01 => '+',
                    (false, _, false) => '.',
                }
            })
            .collect()
    }
}

/// The part that lives.
pub(super) fn lines(paint: Paint, view: &View, desk: &Desk) -> Vec<String> {
    let mut lines = vec![paint.fit(&title(view))];
    if let Some(film) = &view.film {
        let room = (view.playback.state != RoomState::Empty).then_some(view.playback.room_position);
        let times =
            format!(" {} / {}", time(view.playback.room_position), film.duration.map_or_else(|| "?".to_owned(), time));
        let cells = paint.width.saturating_sub(times.len()).max(8);
        lines.push(format!("{}{times}", paint.bar(film, room, cells)));
        lines.push(paint.fit(&state(view)));
        lines.push(paint.fit(&stage(view)));
    }
    let room_for = paint.height.saturating_sub(lines.len() + 6).clamp(2, PEOPLE_SHOWN_MAX);
    lines.extend(view.people.iter().take(room_for).map(|person| paint.fit(&person_line(person, desk.truth))));
    if view.people.len() > room_for {
        lines.push(format!("  and {} more", view.people.len() - room_for));
    }
    for notice in view.notices.iter().take(2) {
        let code = notice.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let line = paint.fit(&format!("! {}{code}", clean(&notice.title)));
        lines.push(if notice.level == Level::Error { paint.ink("31", &line) } else { line });
    }
    lines.push(match (&desk.typed, desk.leaving) {
        (Some(typed), _) => {
            // The end of a long line is what is being typed.
            let shown = paint.width.saturating_sub(4);
            let skipped = typed.chars().count().saturating_sub(shown);
            format!("> {}_", typed.chars().skip(skipped).collect::<String>())
        }
        (None, true) => paint.fit("Leave (l), end the room for everybody (e), or stay (any other key)?"),
        (None, false) => paint.ink("2", &paint.fit("Space play/pause, arrows, t say, ? keys, q leave")),
    });
    lines
}

/// The room, and how the server is.
fn title(view: &View) -> String {
    let code = view.code.as_deref().unwrap_or("");
    let server = match (view.phase, view.server.connected, view.server.retry_in) {
        (Phase::Connecting, ..) => "connecting".to_owned(),
        (Phase::Entering, ..) => "asking for the room".to_owned(),
        (Phase::Ended, ..) => "over".to_owned(),
        (Phase::InRoom, true, _) => match view.server.rtt {
            Some(rtt) => format!("server {:.0} ms away", rtt * 1000.0),
            None => "connected".to_owned(),
        },
        (Phase::InRoom, false, Some(wait)) => format!("no server; next try in {:.0} s", wait.ceil()),
        (Phase::InRoom, false, None) => "no server".to_owned(),
    };
    let film = view.film.as_ref().map(|film| format!("  {}", clean(&film.name))).unwrap_or_default();
    format!("Room {code}  {server}{film}")
}

/// What the room does, and what is done to be with it.
fn state(view: &View) -> String {
    let playback = &view.playback;
    let mut text = match playback.state {
        RoomState::Empty => "no film".to_owned(),
        RoomState::Paused if playback.ended => "the end".to_owned(),
        RoomState::Paused => "paused".to_owned(),
        RoomState::Starting => format!("starts in {:.1} s", playback.starts_in.unwrap_or_default()),
        RoomState::Playing => "playing".to_owned(),
        RoomState::Waiting => {
            let names: Vec<String> = playback.waiting_on.iter().map(|name| clean(name)).collect();
            format!("waiting for {} (at most {:.0} s)", names.join(", "), playback.waits_for.unwrap_or_default().ceil())
        }
    };
    if (playback.rate - 1.0).abs() > 0.001 {
        text.push_str(&format!(" at {:.1}x", playback.rate));
    }
    match playback.part {
        Part::Spectating => text.push_str("; you only watch (s: with the others)"),
        Part::CatchingUp => text.push_str("; you play faster until you meet the others"),
        Part::Choosing => text.push_str("; r: stay with the others"),
        Part::InStep => {}
    }
    if playback.buffering {
        text.push_str("; your player waits for bytes");
    } else if let Some(drift) = playback.drift {
        text.push_str(&format!(
            "; {} ms {}",
            (drift.abs() * 1000.0).round(),
            if drift < 0.0 { "behind" } else { "ahead" }
        ));
    }
    match playback.correction {
        Correction::None => {}
        Correction::Nudging { by } => text.push_str(&format!(", corrected by {:+.0} %", by * 100.0)),
        Correction::Seeking => text.push_str(", jumping to the others"),
    }
    text
}

/// What is being done for the film, in words.
pub(super) fn stage(view: &View) -> String {
    let Some(film) = &view.film else { return "No film yet.".to_owned() };
    let host = view.people.iter().find(|person| !person.me && person.role == signal_proto::roles::Role::Host);
    let host = host.map_or_else(|| "the host".to_owned(), |person| clean(&person.name));
    match film.stage {
        Stage::Hashing { progress, left } => {
            let left = left.map(|left| format!(", {} left", time(left))).unwrap_or_default();
            format!("Reading {}: {:.0} %{left}", clean(&film.name), (progress * 100.0).floor())
        }
        Stage::Looking { since } => format!("Looking for {host}'s computer… {since:.0} s"),
        Stage::Details => "Fetching video details".to_owned(),
        Stage::DiskFull => "The disk is full; nothing arrives.".to_owned(),
        Stage::Failed => "The film cannot be had.".to_owned(),
        Stage::Opening | Stage::Arriving | Stage::Complete => {
            let rates =
                format!("{} down, {} up, {} peers", rate(film.download_rate), rate(film.upload_rate), film.peers);
            let here = match film.stage {
                Stage::Complete if film.shared_here => "shared from here".to_owned(),
                Stage::Complete => "all here".to_owned(),
                _ => format!("{:.0} % here, {:.0} s ahead", (film.downloaded * 100.0).floor(), film.ahead),
            };
            let forecast = match film.forecast {
                _ if film.stage == Stage::Complete => String::new(),
                Forecast::Unknown => String::new(),
                Forecast::PlaysThrough => ". Will play through".to_owned(),
                Forecast::ReadyIn { seconds } => format!(". Ready in {}", time(seconds.ceil())),
                Forecast::Stalls { after, unless_waiting: Some(wait) } => {
                    format!(". Will stall at about {} unless you wait {}", span(after), span(wait))
                }
                Forecast::Stalls { after, unless_waiting: None } => format!(". Will stall in {}", span(after)),
            };
            format!("{here}{forecast}; {rates}")
        }
    }
}

fn person_line(person: &Person, truth: bool) -> String {
    let role = match person.role {
        signal_proto::roles::Role::Viewer => String::new(),
        role => format!(", {}", role.as_str()),
    };
    let me = if person.me { " (you)" } else { "" };
    let state = match person.state {
        PersonState::Here => "here".to_owned(),
        PersonState::Ready => "ready".to_owned(),
        PersonState::Buffering { percent: Some(percent) } => format!("buffering {percent} %"),
        PersonState::Buffering { percent: None } => "buffering".to_owned(),
        PersonState::Behind { seconds } => format!("{seconds:.0} s behind"),
        PersonState::CatchingUp => "catching up".to_owned(),
        PersonState::InStep => "in step".to_owned(),
        PersonState::Away => "away".to_owned(),
        PersonState::Spectating => "only watching".to_owned(),
    };
    let mut line = format!("  {}{me}{role}: {state}", clean(&person.name));
    if truth {
        let millis = |seconds: f64| format!("{:.0} ms", seconds * 1000.0);
        let known = |value: Option<f64>, say: &dyn Fn(f64) -> String| value.map_or_else(|| "?".to_owned(), say);
        line.push_str(&format!(
            "  drift {}, {} ahead, {} to the server",
            known(person.drift, &|drift| format!("{:+.0} ms", drift * 1000.0)),
            known(person.ahead, &|ahead| format!("{ahead:.0} s")),
            known(person.rtt, &millis),
        ));
    }
    line
}

/// `1:02:03`, `2:03`.
fn time(seconds: f64) -> String {
    signal_proto::time::MediaTime::saturating(seconds).to_string()
}

/// `12 min`, `40 s`.
fn span(seconds: f64) -> String {
    if seconds >= 90.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{seconds:.0} s") }
}

fn rate(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B/s"),
        1_000..1_000_000 => format!("{} kB/s", bytes / 1_000),
        _ => format!("{}.{} MB/s", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Another's text, without what would command the terminal.
pub(super) fn clean(text: &str) -> String {
    engine_proto::words::printable(text, TEXT_CHARS_MAX)
}

fn fraction(cell: usize, cells: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(cell) / float(cells.max(1))
}

#[cfg(unix)]
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(not(unix))]
fn size() -> Option<(usize, usize)> {
    None
}

#[cfg(test)]
mod tests {
    use session::proto::view::{Playback, Server};
    use signal_proto::roles::Role;

    use super::*;

    const PLAIN: Paint = Paint { width: 60, height: 24, color: false, unicode: false };

    fn film(stage: Stage) -> Film {
        Film {
            name: "A film.mkv".into(),
            info_hash: None,
            url: None,
            shared_here: false,
            stage,
            duration: Some(100.0),
            length: 1,
            downloaded: 0.25,
            download_rate: 1_500_000,
            upload_rate: 900,
            peers: 2,
            ranges: vec![(0.0, 0.25), (0.5, 0.51)],
            ahead: 12.0,
            forecast: Forecast::Stalls { after: 720.0, unless_waiting: Some(180.0) },
            tracks: Vec::new(),
        }
    }

    fn person(name: &str, me: bool, role: Role, state: PersonState) -> Person {
        Person {
            id: name.into(),
            name: name.into(),
            role,
            me,
            in_call: false,
            may_control: false,
            state,
            drift: Some(-0.012),
            ahead: Some(30.0),
            rtt: Some(0.04),
            position: None,
        }
    }

    fn view() -> View {
        View {
            phase: Phase::InRoom,
            code: Some("ABC1-2345".into()),
            server: Server { connected: true, retry_in: None, rtt: Some(0.04) },
            people: vec![
                person("Bea", true, Role::Viewer, PersonState::Buffering { percent: Some(42) }),
                person("An\u{1b}a", false, Role::Host, PersonState::Behind { seconds: 3.2 }),
            ],
            film: Some(film(Stage::Arriving)),
            playback: Playback {
                state: RoomState::Waiting,
                room_position: 10.0,
                rate: 1.0,
                waiting_on: vec!["Bea".into()],
                waits_for: Some(8.2),
                ..Playback::default()
            },
            ..View::default()
        }
    }

    #[test]
    fn a_room_as_lines() {
        let lines = lines(PLAIN, &view(), &Desk::new(false));
        assert_eq!(
            lines,
            [
                "Room ABC1-2345  server 40 ms away  A film.mkv",
                "####O#######............+....................... 0:10 / 1:40",
                "waiting for Bea (at most 9 s)",
                "25 % here, 12 s ahead. Will stall at about 12 min unless yo~",
                "  Bea (you): buffering 42 %",
                "  An\\u{1b}a, host: 3 s behind",
                "Space play/pause, arrows, t say, ? keys, q leave",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [20, 40, 80, 120] {
            let mut desk = Desk::new(false);
            desk.truth = true;
            desk.typed = Some("x".repeat(500));
            for line in lines(Paint { width, ..PLAIN }, &view(), &desk) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
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
        assert!(said(Stage::Complete).starts_with("all here; 1.5 MB/s down, 900 B/s up"));
    }

    fn stage_of(film: Film) -> String {
        stage(&View { film: Some(film), ..view() })
    }
}

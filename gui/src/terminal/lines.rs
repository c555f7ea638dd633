//! A view as lines of a terminal. Pure.

use engine_proto::words::{columns, pad};
use session::proto::view::{Delivery, Film, Level, Person, Phase, RoomState, Stage, View};
use signal_proto::roles::Role;

use super::keys::Desk;
use super::paint::Paint;
use super::phrases::{clean, code, doing, hint, stage, state, time};

/// People in the list; the rest are a number.
const PEOPLE_SHOWN_MAX: usize = 12;
/// Notices and messages that wait, in the part that lives.
const NOTICES_SHOWN_MAX: usize = 2;
/// Columns of names in the list.
const NAME_COLUMNS_MAX: usize = 32;
/// Narrower terminals show people without columns.
const TABLE_FROM: usize = 60;

/// The part that lives: never wider than the terminal, never as high.
pub(super) fn lines(paint: Paint, view: &View, desk: &Desk) -> Vec<String> {
    let mut lines = vec![title(paint, view)];
    if let Some(film) = &view.film {
        lines.push(bar(paint, film, view));
        lines.extend(paint.wrap(&state(view), 2));
    }
    lines.extend(paint.wrap(&stage(view), 2));
    if let Some(resume) = view.resume {
        let question = format!("You left it at {}. t /resume goes on there, t /resume no does not.", time(resume.at));
        lines.extend(paint.wrap(&question, 2));
    }
    let room_for = paint.height.saturating_sub(lines.len() + 6).clamp(2, PEOPLE_SHOWN_MAX);
    lines.extend(people(paint, view, desk, room_for));
    for item in view.chat.iter().filter(|item| item.delivery == Delivery::Pending).take(NOTICES_SHOWN_MAX) {
        lines.push(paint.faint(&paint.fit(&format!("… {}", clean(&item.text)))));
    }
    if view.held_back > 0 {
        let number = view.held_back;
        let what = if number == 1 { "message waits".to_owned() } else { "messages wait".to_owned() };
        lines.push(paint.faint(&paint.fit(&format!("{number} {what} until you are there"))));
    }
    // What is only worth knowing was printed when it came, and scrolls away.
    let standing = view.notices.iter().filter(|notice| notice.level != Level::Info);
    for notice in standing.take(NOTICES_SHOWN_MAX) {
        let line = paint.fit(&format!("! {}{}{}", clean(&notice.title), code(notice), hint(notice)));
        lines.push(if notice.level == Level::Error { paint.alarming(&line) } else { line });
    }
    lines.push(prompt(paint, desk));
    // Above the last line, so that one sees what one types.
    while lines.len() >= paint.height {
        lines.remove(lines.len() - 2);
    }
    lines
}

/// The room, and how the server is.
fn title(paint: Paint, view: &View) -> String {
    let server = match (view.phase, view.server.connected, view.server.retry_in) {
        (Phase::Connecting, _, Some(wait)) => format!("no server; next try in {:.0} s", wait.ceil()),
        (Phase::Connecting, _, None) => "connecting".to_owned(),
        (Phase::Entering, ..) => "asking for the room".to_owned(),
        (Phase::Ended, ..) => "over".to_owned(),
        (Phase::InRoom, true, _) => match view.server.rtt {
            Some(rtt) => format!("server {:.0} ms away", rtt * 1000.0),
            None => "connected".to_owned(),
        },
        (Phase::InRoom, false, Some(wait)) => format!("no server; next try in {:.0} s", wait.ceil()),
        (Phase::InRoom, false, None) => "no server".to_owned(),
    };
    let locked = if view.rules.as_ref().is_some_and(|rules| rules.locked) { "  locked" } else { "" };
    let film = view.film.as_ref().map(|film| format!("  {}", clean(&film.name))).unwrap_or_default();
    let line = match &view.code {
        Some(code) => format!("Room {code}  {server}{locked}{film}"),
        None => format!("{server}{film}"),
    };
    paint.strong(&paint.fit(&line))
}

/// The film from its start to its end: what is here, and where the room is.
fn bar(paint: Paint, film: &Film, view: &View) -> String {
    let playback = &view.playback;
    let times = format!(" {} / {}", time(playback.room_position), film.duration.map_or_else(|| "?".to_owned(), time));
    let cells = paint.width.saturating_sub(columns(&times)).max(8);
    if let Stage::Hashing { progress, .. } = film.stage {
        return paint.progress(progress, paint.width);
    }
    let room = film.duration.filter(|_| playback.state != RoomState::Empty);
    let mark = room.map(|duration| playback.room_position / duration.max(0.001));
    paint.fit(&format!("{}{times}", paint.ranges(&film.ranges, mark, cells)))
}

fn people(paint: Paint, view: &View, desk: &Desk, lines_max: usize) -> Vec<String> {
    let name = |person: &Person| {
        let role = if person.role == Role::Viewer { String::new() } else { format!(", {}", person.role.as_str()) };
        format!("{}{}{role}", clean(&person.name), if person.me { " (you)" } else { "" })
    };
    let shown = || view.people.iter().take(lines_max);
    let widest = shown().map(|person| columns(&name(person))).max().unwrap_or_default().min(NAME_COLUMNS_MAX);
    let mut lines = Vec::new();
    for person in shown() {
        let name = if paint.width < TABLE_FROM { name(person) } else { pad(&name(person), widest) };
        let state = doing(person.state);
        lines.push(paint.fit(&match (desk.truth, paint.width < TABLE_FROM) {
            (false, _) => format!("  {name}  {state}"),
            (true, false) => format!("  {name}  {}  {}", pad(&state, 14), figures(person)),
            (true, true) => format!("  {name}  {}, {} ahead", drift(person), ahead(person)),
        }));
    }
    if view.people.len() > lines_max {
        lines.push(paint.fit(&format!("  and {} more", view.people.len() - lines_max)));
    }
    lines
}

/// Somebody's drift, what is ahead of them, and their way to the server.
fn figures(person: &Person) -> String {
    let server = person.rtt.map_or_else(|| "?".to_owned(), |rtt| format!("{:.0} ms", rtt * 1000.0));
    format!("drift {:>8}  {:>6} ahead  server {server:>6}", drift(person), ahead(person))
}

fn drift(person: &Person) -> String {
    person.drift.map_or_else(|| "?".to_owned(), |drift| format!("{:+.0} ms", drift * 1000.0))
}

fn ahead(person: &Person) -> String {
    person.ahead.map_or_else(|| "?".to_owned(), |ahead| format!("{ahead:.0} s"))
}

fn prompt(paint: Paint, desk: &Desk) -> String {
    match (&desk.typed, desk.leaving) {
        (Some(typed), _) => {
            // The end of a long line is what is being typed.
            let mut shown = typed.as_str();
            while columns(shown) + 3 > paint.width {
                let mut chars = shown.chars();
                chars.next();
                shown = chars.as_str();
            }
            format!("> {shown}_")
        }
        (None, true) => paint.fit("Leave (l), end the room for everybody (e), or stay (any other key)?"),
        (None, false) => paint.faint(&paint.fit("Space play/pause, arrows, t say, ? keys, q leave")),
    }
}

#[cfg(test)]
mod tests {
    use session::proto::view::{Action, ChatItem, PersonState};

    use super::super::samples::{film, person, trouble, view};
    use super::*;

    const PLAIN: Paint = Paint { width: 60, height: 24, color: false, unicode: false };

    #[test]
    fn a_room_as_lines() {
        assert_eq!(
            lines(PLAIN, &view(), &Desk::new(false)),
            [
                "Room ABC1-2345  server 40 ms away  A film.mkv",
                "####O#######............+....................... 0:10 / 1:40",
                "waiting for Bea (at most 9 s)",
                "25 % here, 12 s ahead. Will stall at about 12 min unless you",
                "  wait 3 min; 1.5 MB/s down, 900 B/s up, 1 peer",
                "  Bea (you)        buffering 42 %",
                "  An\\u{1b}a, host  3 s behind",
                "Space play/pause, arrows, t say, ? keys, q leave",
            ]
        );
    }

    #[test]
    fn figures_trouble_and_what_waits_to_be_sent() {
        let item = ChatItem {
            key: 1,
            from: Some("Bea".into()),
            mine: true,
            text: "hello".into(),
            at: None,
            film_time: None,
            delivery: Delivery::Pending,
        };
        let notices =
            vec![trouble(Some("S001"), Level::Error, Action::Retry), trouble(None, Level::Info, Action::AskHost)];
        let view = View { chat: vec![item], notices, may_control: true, ..view() };
        let mut desk = Desk::new(false);
        desk.truth = true;
        let wide = Paint { width: 100, ..PLAIN };
        let lines = lines(wide, &view, &desk);
        assert_eq!(lines[2], "waiting for Bea (at most 9 s); a: start anyway");
        assert!(
            lines
                .contains(&"  Bea (you)        buffering 42 %  drift   -12 ms    30 s ahead  server  40 ms".to_owned())
        );
        assert!(
            super::lines(Paint { width: 40, ..PLAIN }, &view, &desk)
                .contains(&"  Bea (you)  -12 ms, 30 s ahead".to_owned())
        );
        assert!(lines.contains(&"… hello".to_owned()));
        assert!(lines.contains(&"! The server is gone (S001): g tries again now".to_owned()));
        assert_eq!(lines.iter().filter(|line| line.starts_with('!')).count(), 1, "{lines:#?}");
    }

    #[test]
    fn nothing_is_wider_or_higher_than_the_terminal() {
        let crowd =
            (0..50).map(|number| person(&format!("日本語の人 {number}"), false, Role::Viewer, PersonState::Ready));
        let notices = vec![trouble(Some("S001"), Level::Error, Action::Retry); 9];
        let view = View { people: crowd.collect(), notices, ..view() };
        for (width, height) in [(20, 5), (40, 10), (80, 24), (120, 40)] {
            let paint = Paint { width, height, ..PLAIN };
            let mut desk = Desk::new(false);
            desk.truth = true;
            desk.typed = Some("日".repeat(500));
            let lines = lines(paint, &view, &desk);
            assert!(lines.len() < height, "{height}: {lines:#?}");
            assert!(lines.last().is_some_and(|line| line.starts_with("> ")));
            for line in lines {
                assert!(columns(&line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn whoever_may_is_asked_where_to_go_on() {
        let asked = View { resume: Some(session::proto::view::Resume { at: 754.0 }), ..view() };
        let wide = Paint { width: 100, ..PLAIN };
        let question = "You left it at 12:34. t /resume goes on there, t /resume no does not.";
        assert!(lines(wide, &asked, &Desk::new(true)).contains(&question.to_owned()));
    }

    #[test]
    fn what_is_held_back_is_a_number() {
        for (held_back, line) in
            [(1, "1 message waits until you are there"), (3, "3 messages wait until you are there")]
        {
            let view = View { held_back, ..view() };
            assert!(lines(PLAIN, &view, &Desk::new(false)).contains(&line.to_owned()));
        }
    }

    #[test]
    fn a_film_that_is_read_shows_how_far() {
        let hashing = View { film: Some(film(Stage::Hashing { progress: 0.5, left: None })), ..view() };
        assert_eq!(lines(PLAIN, &hashing, &Desk::new(true))[1], format!("{}{}", "#".repeat(30), ".".repeat(30)));
    }
}

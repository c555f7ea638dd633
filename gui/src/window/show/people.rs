//! People as rows, and as ticks on the seek bar.

use session::proto::view::{Person, PersonState, View};
use session::proto::words::Language;
use signal_proto::roles::Role;
use slint::Color;
use ui::PersonRow;

use super::words;

pub(super) fn row(language: Language, person: &Person, view: &View) -> PersonRow {
    let name = words::clean(&person.name);
    let duration = view.film.as_ref().and_then(|film| film.duration).filter(|duration| *duration > 0.0);
    let part = person.position.zip(duration).map(|(position, duration)| position / duration);
    let seconds = |value: f64| {
        // No minus before nothing.
        let value = if value.abs() < 0.005 { 0.0 } else { value };
        language.number(&format!("{value:+.2} s"))
    };
    PersonRow {
        id: person.id.clone().into(),
        initials: initials(&name).into(),
        colour: colour(&person.id),
        role: words::role(language, person.role).into(),
        state: words::doing(language, person.state).into(),
        mood: mood(person.state),
        me: person.me,
        in_call: person.in_call,
        is_host: person.role == Role::Host,
        is_cohost: person.role == Role::Cohost,
        drift: person.drift.map(seconds).unwrap_or_default().into(),
        ahead: person.ahead.map(words::span).unwrap_or_default().into(),
        rtt: person.rtt.map(|rtt| format!("{:.0} ms", rtt * 1000.0)).unwrap_or_default().into(),
        place: person.position.map(words::time).unwrap_or_default().into(),
        #[expect(clippy::cast_possible_truncation, reason = "a part of the seek bar")]
        progress: part.unwrap_or(-1.0).clamp(-1.0, 1.0) as f32,
        name: name.into(),
    }
}

/// Where the others are.
pub(super) fn ticks(language: Language, view: &View) -> Vec<PersonRow> {
    let others = view.people.iter().filter(|person| !person.me && person.position.is_some());
    others.map(|person| row(language, person, view)).filter(|row| row.progress >= 0.0).collect()
}

/// 0 nothing, 1 well, 2 waiting, 3 away: beside the words, never instead of them.
fn mood(state: PersonState) -> i32 {
    match state {
        PersonState::Here | PersonState::Spectating => 0,
        PersonState::Ready | PersonState::InStep => 1,
        PersonState::Buffering { .. } | PersonState::Behind { .. } | PersonState::CatchingUp => 2,
        PersonState::Away => 3,
    }
}

/// "AB" of "Ana Bell".
pub(super) fn initials(name: &str) -> String {
    let letters = name.split_whitespace().filter_map(|word| word.chars().next());
    letters.take(2).flat_map(char::to_uppercase).collect()
}

/// The same for the same person, everywhere; far enough apart for most rooms.
pub(super) fn colour(id: &str) -> Color {
    // FNV-1a: any even spread would do.
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let hue = f32::from(u16::try_from(hash % 360).unwrap_or_default());
    Color::from_hsva(hue, 0.42, 0.86, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_names() {
        assert_eq!(initials("Ana Bell Cole"), "AB");
        assert_eq!(initials("ana"), "A");
        assert_eq!(initials("  "), "");
        assert_eq!(initials("ße"), "SS");
    }

    #[test]
    fn a_person_keeps_their_colour() {
        assert_eq!(colour("p1"), colour("p1"));
        assert_ne!(colour("p1"), colour("p2"));
    }
}

//! What a host can type after `/`: what is wished too seldom for a key of its own.

use session::proto::view::Person;
use session::proto::wish::{Control, Wish};
use signal_proto::ids::ParticipantId;
use signal_proto::roles::Role;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::MediaTime;

use super::phrases::clean;

/// Shown for whatever is no command.
pub(super) const HELP: &str = "\
/share FILE   another film              /seek 1:02:03   there, for everybody
/subtitles FILE   for everybody who sees the film
/resume, /resume no   where the film was left, or from its start
/control host, /control everyone: who moves the film
/wait auto, /wait wait, /wait flow: for who stalls
/cohost NAME, /viewer NAME, /kick NAME
/lock, /unlock   nobody new, or all     /claim   be host again
/end   the room, for everybody";

/// # Errors
/// What there is, or what is missing.
pub(super) fn parse(line: &str, people: &[Person]) -> Result<Wish, String> {
    let (command, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    let rest = rest.trim();
    Ok(match (command, rest) {
        ("share", path) if !path.is_empty() => Wish::Share(crate::entrance::absolute(path)),
        ("subtitles", path) if !path.is_empty() => Wish::ShareSubtitles(crate::entrance::absolute(path)),
        ("seek", place) => Wish::Seek(time(place).ok_or("Where to? As 95, 1:35 or 1:02:03.")?),
        ("resume", "") => Wish::Resume(true),
        ("resume", "no") => Wish::Resume(false),
        ("control", "host") => Wish::SetControl(Control::Host),
        ("control", "everyone") => Wish::SetControl(Control::Everyone),
        ("wait", "auto") => Wish::SetWaiting(WaitPolicy::Auto),
        ("wait", "wait") => Wish::SetWaiting(WaitPolicy::Wait),
        ("wait", "flow") => Wish::SetWaiting(WaitPolicy::Flow),
        ("cohost", name) => Wish::SetRole(person(name, people)?, Role::Cohost),
        ("viewer", name) => Wish::SetRole(person(name, people)?, Role::Viewer),
        ("kick", name) => Wish::Kick(person(name, people)?),
        ("lock", "") => Wish::Lock(true),
        ("unlock", "") => Wish::Lock(false),
        ("claim", "") => Wish::ClaimHost,
        ("end", "") => Wish::EndRoom,
        _ => return Err(HELP.to_owned()),
    })
}

/// Who is meant: another of that name, or the only one whose name begins so.
fn person(name: &str, people: &[Person]) -> Result<ParticipantId, String> {
    let folded = name.to_lowercase();
    let others = || people.iter().filter(|person| !person.me);
    let exact: Vec<&Person> = others().filter(|person| person.name.to_lowercase() == folded).collect();
    let begins = || others().filter(|person| !folded.is_empty() && person.name.to_lowercase().starts_with(&folded));
    let found = if exact.is_empty() { begins().collect() } else { exact };
    match &found[..] {
        [only] => ParticipantId::parse(&only.id).ok_or_else(|| "Nobody of that name is here.".to_owned()),
        [] if others().next().is_none() => Err("Nobody else is here.".to_owned()),
        [] => {
            let names: Vec<String> = others().map(|person| clean(&person.name)).collect();
            Err(format!("Whom? Here are {}.", names.join(", ")))
        }
        [_, _, ..] => Err("Several people are called so.".to_owned()),
    }
}

/// `95`, `1:35`, `1:02:03`.
fn time(text: &str) -> Option<MediaTime> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    let mut seconds = 0.0;
    for part in parts {
        let number: f64 = part.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
        seconds = seconds * 60.0 + number;
    }
    MediaTime::new(seconds)
}

#[cfg(test)]
mod tests {
    use session::proto::view::PersonState;

    use super::super::samples;
    use super::*;

    fn people() -> Vec<Person> {
        let named = |id: &str, name: &str, me: bool| Person {
            id: id.into(),
            ..samples::person(name, me, Role::Viewer, PersonState::Here)
        };
        vec![
            named("p1", "Ana", true),
            named("p2", "Bea", false),
            named("p3", "Bert", false),
            named("p4", "Bert", false),
        ]
    }

    fn id(id: &str) -> ParticipantId {
        ParticipantId::parse(id).expect("an id")
    }

    #[test]
    fn each_command_is_a_wish() {
        for (line, wish) in [
            ("share /films/a b.mkv", Wish::Share("/films/a b.mkv".into())),
            ("seek 1:02:03", Wish::Seek(MediaTime::new(3723.0).unwrap())),
            ("seek 95.5", Wish::Seek(MediaTime::new(95.5).unwrap())),
            ("subtitles /films/a b.srt", Wish::ShareSubtitles("/films/a b.srt".into())),
            ("resume", Wish::Resume(true)),
            ("resume no", Wish::Resume(false)),
            ("control host", Wish::SetControl(Control::Host)),
            (" control  everyone ", Wish::SetControl(Control::Everyone)),
            ("wait auto", Wish::SetWaiting(WaitPolicy::Auto)),
            ("wait wait", Wish::SetWaiting(WaitPolicy::Wait)),
            ("wait flow", Wish::SetWaiting(WaitPolicy::Flow)),
            ("cohost bea", Wish::SetRole(id("p2"), Role::Cohost)),
            ("viewer Be\u{61}", Wish::SetRole(id("p2"), Role::Viewer)),
            ("kick BEA", Wish::Kick(id("p2"))),
            ("lock", Wish::Lock(true)),
            ("unlock", Wish::Lock(false)),
            ("claim", Wish::ClaimHost),
            ("end", Wish::EndRoom),
        ] {
            assert_eq!(parse(line, &people()), Ok(wish), "{line}");
        }
        assert!(HELP.lines().all(|line| line.chars().count() <= 80), "terminals have 80 columns");
    }

    #[test]
    fn what_is_none_is_answered() {
        for (line, about) in [
            ("", "/share"),
            ("dance", "/share"),
            ("share", "/share"),
            ("control mine", "/control"),
            ("wait", "/wait"),
            ("lock the door", "/lock"),
            ("seek", "1:35"),
            ("seek -5", "1:35"),
            ("seek 1:2:3:4", "1:35"),
            ("seek nan", "1:35"),
            ("kick", "Here are Bea, Bert"),
            ("kick Dan", "Here are Bea, Bert"),
            ("kick Ana", "Here are Bea, Bert"),
            ("kick bert", "Several"),
            ("kick B", "Several"),
        ] {
            let words = parse(line, &people()).expect_err(line);
            assert!(words.contains(about), "{line}: {words}");
        }
        assert_eq!(parse("kick Bea", &[]), Err("Nobody else is here.".to_owned()));
    }
}

//! Every code and every sentence, in each language.

use std::collections::BTreeSet;

use signal_proto::roles::{ControlMode, Role};
use signal_proto::time::MediaTime;

use super::*;
use crate::player::Failure;

const KNOWN: Context<'_> = Context {
    language: Language::English,
    host_name: Some("Ana"),
    server: Some("share.example"),
    room: Some("ABC1-2345"),
    film: Some("Film.mkv"),
    other: Some("Bea"),
    sharing: false,
    in_room: true,
    retry_in: Some(Duration::from_millis(4_200)),
    detail: None,
};

#[test]
fn every_code_has_words_of_its_own_in_every_language() {
    // Across all languages: what is forgotten in one of them would be said twice.
    for sharing in [false, true] {
        for context in [Context::default(), KNOWN] {
            let (mut titles, mut texts) = (BTreeSet::new(), BTreeSet::new());
            for language in Language::ALL {
                for code in AnyCode::all() {
                    let Words { title, text, .. } = words(code, &Context { sharing, language, ..context });
                    for shown in [&title, &text] {
                        is_well_written(shown);
                        assert!(!shown.contains(&code.to_string()), "{code}: {shown}");
                    }
                    assert!(title.len() > 10 && !title.ends_with('.'), "{code}: {title}");
                    assert!(text.len() > 20 && text.ends_with('.'), "{code}: {text}");
                    assert!(titles.insert(title.clone()) && texts.insert(text), "{code} has another's words: {title}");
                }
            }
            assert_eq!(titles.len(), 28 * Language::ALL.len());
        }
    }
}

/// No article without its noun, no hole where a name was to be.
fn is_well_written(shown: &str) {
    let begins_well = shown.starts_with(|c: char| c.is_uppercase() || matches!(c, '“' | '„'));
    assert!(begins_well || shown.starts_with("share.example"), "{shown}");
    assert!(!shown.to_lowercase().contains("went wrong"), "{shown}");
    assert!(!shown.contains("  ") && !shown.contains(['{', '}']), "{shown}");
}

#[test]
fn every_happening_is_told_in_every_language() {
    let chosen = ControlMode::Chosen(BTreeSet::new());
    let (name, film, to) = ("Ana", "Film.mkv", MediaTime::new(754.0).unwrap());
    let moved = [Moved::Played, Moved::Paused, Moved::Jumped];
    let mut all = vec![
        Happening::Entered { code: "ABC1-2345" },
        Happening::ServerBack,
        Happening::Joined { name },
        Happening::Left { name },
        Happening::Removed { name },
        Happening::LostConnection { name },
        Happening::Back { name },
        Happening::HostLost { name, seconds: 60 },
        Happening::Host { name },
        Happening::YouHost,
        Happening::Role { name, role: Role::Cohost },
        Happening::Role { name, role: Role::Viewer },
        Happening::Control(&ControlMode::Host),
        Happening::Control(&ControlMode::Everyone),
        Happening::Control(&chosen),
        Happening::Locked,
        Happening::Unlocked,
        Happening::Ends { seconds: 60, why: "it is late" },
        Happening::Without { name },
        Happening::Shares { by: Some(name), film },
        Happening::Shares { by: None, film },
        Happening::FilmEnded { by: Some(name) },
        Happening::FilmEnded { by: None },
        Happening::AllHere { film },
        Happening::Subtitles { by: Some(name), name: "film.srt" },
    ];
    all.extend(moved.into_iter().flat_map(|how| [Some(name), None].map(|by| Happening::Moved { by, how, to })));
    let kinds: BTreeSet<usize> = all.iter().map(kind).collect();
    assert_eq!(kinds, (0..=LAST_KIND).collect(), "one of each kind at least");
    let mut said = BTreeSet::new();
    for (happening, language) in all.iter().flat_map(|it| Language::ALL.map(|language| (it, language))) {
        let text = happening.text(language);
        is_well_written(&text);
        assert!(!text.ends_with('.') && said.insert(text.clone()), "{language:?}: {text}");
    }
    let paused = Happening::Moved { by: Some(name), how: Moved::Paused, to };
    let told = Language::ALL.map(|language| paused.text(language));
    assert_eq!(told, ["Ana paused at 12:34", "Ana hat bei 12:34 angehalten"]);
}

const LAST_KIND: usize = 20;

/// A number for each kind of happening, so that the list above cannot lack one.
const fn kind(happening: &Happening<'_>) -> usize {
    match happening {
        Happening::Entered { .. } => 0,
        Happening::ServerBack => 1,
        Happening::Joined { .. } => 2,
        Happening::Left { .. } => 3,
        Happening::Removed { .. } => 4,
        Happening::LostConnection { .. } => 5,
        Happening::Back { .. } => 6,
        Happening::HostLost { .. } => 7,
        Happening::Host { .. } => 8,
        Happening::YouHost => 9,
        Happening::Role { .. } => 10,
        Happening::Control(_) => 11,
        Happening::Locked => 12,
        Happening::Unlocked => 13,
        Happening::Ends { .. } => 14,
        Happening::Moved { .. } => 15,
        Happening::Without { .. } => 16,
        Happening::Shares { .. } => 17,
        Happening::FilmEnded { .. } => 18,
        Happening::AllHere { .. } => 19,
        Happening::Subtitles { .. } => LAST_KIND,
    }
}

#[test]
fn what_is_not_allowed_and_what_has_no_code_in_every_language() {
    let no_codec = Failure::NoDecoder { codec: "H.265".into() };
    let (no_player, unreadable) =
        (Failure::NoPlayer { why: "no mpv.".into() }, Failure::Unreadable { why: "no film.".into() });
    let plain = [
        Plain::StreamBroke,
        Plain::PlayerCrashed,
        Plain::PlayerClosed,
        Plain::PlayerFailed(&no_codec),
        Plain::PlayerFailed(&no_player),
        Plain::PlayerFailed(&unreadable),
        Plain::KeptLessClosely,
        Plain::NoFilm,
        Plain::NoSeekToUndo,
        Plain::NoSpeedNow,
    ];
    let mut titles = BTreeSet::new();
    let mut check = |words: Words| {
        is_well_written(&words.title);
        is_well_written(&words.text);
        assert!(words.text.ends_with('.') && titles.insert(words.title.clone()), "{words:?}");
    };
    for language in Language::ALL {
        plain.iter().for_each(|it| check(it.words(language)));
        for deed in Deed::ALL {
            check(not_allowed(deed, true, language));
            check(not_allowed(deed, false, language));
        }
    }
    let told = Language::ALL.map(|language| not_allowed(Deed::Pause, true, language).title);
    assert_eq!(told, ["Only the host can pause", "Nur der Host kann den Film anhalten"]);
}

#[test]
fn the_reasons_of_our_servers_are_known_in_every_language() {
    let (english, german) = (Language::English, Language::German);
    // As signal-proto's rooms say them.
    for reason in [
        "the host ended the room",
        "nobody is here any more",
        "the room is older than rooms may get",
        "you joined from elsewhere",
    ] {
        assert_eq!(why_it_ends(Some(reason), english), reason);
        assert_ne!(why_it_ends(Some(reason), german), reason);
    }
    assert_eq!(why_it_ends(Some("a party"), german), "a party", "another server's own words");
    assert_ne!(why_it_ends(None, german), why_it_ends(None, english));
}

#[test]
fn codes_are_written_as_everywhere() {
    let all: Vec<String> = AnyCode::all().map(|code| code.to_string()).collect();
    assert_eq!((all[0].as_str(), all[9].as_str()), ("E001", "E010"));
    assert_eq!((all[10].as_str(), all[24].as_str()), ("S001", "S015"));
    assert_eq!(all[25..], ["W001", "W002", "W003"]);
}

#[test]
fn names_are_in_place() {
    let told = |code: AnyCode| words(code, &KNOWN);
    assert_eq!(told(ErrorCode::E004.into()).title, "We can't reach Ana's computer");
    assert_eq!(told(ErrorCode::E004.into()).action, Action::Doctor);
    assert_eq!(told(Code::S001.into()).title, "Can't reach share.example");
    assert!(told(Code::S001.into()).text.ends_with("when the server is back. Next try in 5 s."));
    assert_eq!(told(Code::S002.into()).title, "There is no room ABC1-2345 on share.example");
    assert_eq!(told(CallCode::W003.into()).title, "Can't connect your call with Bea");
    assert_eq!(words(CallCode::W003.into(), &Context::default()).title, "Can't connect your call with the others");
    assert!(!words(Code::S001.into(), &Context::default()).text.contains("Next try"));
}

#[test]
fn german_declines_what_has_no_name() {
    let german = Context { language: Language::German, ..KNOWN };
    let nameless = Context { language: Language::German, ..Context::default() };
    let title = |code: AnyCode, context| words(code, context).title;
    assert_eq!(title(ErrorCode::E004.into(), &german), "Wir erreichen den Computer von Ana nicht");
    assert_eq!(title(ErrorCode::E004.into(), &nameless), "Wir erreichen den Computer vom Host nicht");
    assert_eq!(title(Code::S002.into(), &german), "Den Raum ABC1-2345 gibt es auf share.example nicht");
    assert_eq!(title(Code::S012.into(), &nameless), "Der Server startet gerade neu");
    assert_eq!(title(CallCode::W003.into(), &nameless), "Die Sprachverbindung mit den anderen kommt nicht zustande");
    let sharing = words(ErrorCode::E003.into(), &Context { sharing: true, ..german });
    assert_eq!(sharing.title, "„Film.mkv“ lässt sich nicht teilen");
    let again = words(Code::S001.into(), &Context { detail: Some("refused"), ..german }).text;
    assert!(again.ends_with("zurück ist. Nächster Versuch in 5 s. Genaueres: refused."), "{again}");
}

#[test]
fn who_shares_is_told_something_else() {
    let sharing = Context { sharing: true, ..KNOWN };
    for code in [ErrorCode::E003, ErrorCode::E004, ErrorCode::E008] {
        assert_ne!(words(code.into(), &sharing).title, words(code.into(), &KNOWN).title, "{code}");
    }
    assert_eq!(words(ErrorCode::E008.into(), &sharing).action, Action::ChooseFile);
    assert_eq!(words(ErrorCode::E008.into(), &KNOWN).action, Action::AskHost);
}

#[test]
fn anothers_words_are_a_detail_and_cannot_act() {
    let with = |detail| words(Code::S013.into(), &Context { detail: Some(detail), ..KNOWN }).text;
    assert!(with("`text` is too long.").ends_with(" Details: `text` is too long."));
    let plain = words(Code::S013.into(), &KNOWN).text;
    assert_eq!(with(Code::S013.title()), plain, "what only repeats the code is left out");
    assert_eq!(with(" \n "), plain);
    let hostile = with("a\u{1b}[2J\nb\u{202e}c");
    assert!(!hostile.contains(|c: char| c.is_control() || c == '\u{202e}'), "{hostile}");
    let long = with(&"x".repeat(100_000));
    assert!(long.chars().count() < plain.chars().count() + DETAIL_CHARS_MAX + 20, "{}", long.len());
    let named = words(ErrorCode::E004.into(), &Context { host_name: Some("A\u{7}\n\u{202e}na"), ..KNOWN }).title;
    assert!(!named.contains(|c: char| c.is_control() || c == '\u{202e}'), "{named}");
    let nameless = words(ErrorCode::E004.into(), &Context { host_name: Some("  "), ..KNOWN }).title;
    assert_eq!(nameless, "We can't reach the host's computer");
}

#[test]
fn a_notice_carries_the_small_code() {
    let notice = notice(7, Code::S010.into(), &KNOWN);
    assert_eq!((notice.key, notice.code.as_deref(), notice.action), (7, Some("S010"), Some(Action::Wait)));
}

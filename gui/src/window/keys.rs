//! Keys, and what they ask for: ShareStream's own and those that users of mpv have in their fingers.

use session::proto::words::Language;
use slint::SharedString;
use slint::platform::Key;

/// What a key asks for. Whether the person may is the room's to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    TogglePlay,
    /// Seconds.
    SeekBy(f64),
    /// From 0 to 1 of the film.
    SeekTo(f64),
    UndoSeek,
    /// Of 1.
    VolumeBy(f64),
    ToggleMute,
    ToggleFullScreen,
    /// Out of whatever is innermost: a menu, a dialog, full screen, the theatre.
    Back,
    ToggleTheatre,
    ToggleSubtitles,
    NextSubtitles,
    NextAudio,
    /// Seconds.
    SubtitleDelayBy(f64),
    /// Of 1.
    SpeedBy(f64),
    UsualSpeed,
    /// Frames.
    Step(i32),
    ToggleTruth,
    ShowKeys,
    Chat,
    Ready,
    /// A key of the call.
    Call,
    Leave,
}

/// A key with what is held beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressed<'a> {
    /// As Slint tells it: a letter, or a character that stands for a key.
    pub(super) text: &'a str,
    pub(super) ctrl: bool,
    pub(super) shift: bool,
    pub(super) alt: bool,
}

/// Whose keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Own,
    Mpv,
}

const SPEED_STEP: f64 = 0.1;
const VOLUME_STEP: f64 = 0.05;
const DELAY_STEP: f64 = 0.1;

/// What it asks for; `None` for a key that means nothing here.
pub(super) fn meaning(style: Style, key: Pressed<'_>) -> Option<Asked> {
    if key.alt {
        return None;
    }
    match style {
        Style::Own => own(key),
        Style::Mpv => mpv(key).or_else(|| shared(key)),
    }
}

fn own(key: Pressed<'_>) -> Option<Asked> {
    let far = if key.ctrl { 10.0 } else { 5.0 };
    if is(key, Key::LeftArrow) {
        return Some(Asked::SeekBy(-far));
    }
    if is(key, Key::RightArrow) {
        return Some(Asked::SeekBy(far));
    }
    if is(key, Key::UpArrow) {
        return Some(Asked::VolumeBy(VOLUME_STEP));
    }
    if is(key, Key::DownArrow) {
        return Some(Asked::VolumeBy(-VOLUME_STEP));
    }
    if is(key, Key::Home) {
        return Some(Asked::SeekTo(0.0));
    }
    if is(key, Key::End) {
        return Some(Asked::SeekTo(1.0));
    }
    if key.ctrl {
        return match key.text {
            "d" | "D" | "e" | "E" => Some(Asked::Call),
            _ => None,
        };
    }
    match key.text {
        "k" | "K" => Some(Asked::TogglePlay),
        "j" | "J" => Some(Asked::SeekBy(-10.0)),
        "l" | "L" => Some(Asked::SeekBy(10.0)),
        "z" | "Z" => Some(Asked::SubtitleDelayBy(-DELAY_STEP)),
        "x" | "X" => Some(Asked::SubtitleDelayBy(DELAY_STEP)),
        "t" | "T" => Some(Asked::ToggleTheatre),
        "c" | "C" => Some(Asked::NextSubtitles),
        "i" | "I" => Some(Asked::ToggleTruth),
        "r" | "R" => Some(Asked::Ready),
        "`" => Some(Asked::Call),
        digit => match digit.parse::<u8>() {
            Ok(tenth @ 0..=9) => Some(Asked::SeekTo(f64::from(tenth) / 10.0)),
            Ok(_) | Err(_) => shared(key),
        },
    }
}

/// The same in both.
fn shared(key: Pressed<'_>) -> Option<Asked> {
    if is(key, Key::Escape) {
        return Some(Asked::Back);
    }
    if is(key, Key::Return) {
        return Some(Asked::Chat);
    }
    if is(key, Key::Backspace) {
        return Some(if key.shift { Asked::UndoSeek } else { Asked::UsualSpeed });
    }
    if key.ctrl {
        return None;
    }
    match key.text {
        " " => Some(Asked::TogglePlay),
        "m" | "M" => Some(Asked::ToggleMute),
        "f" | "F" => Some(Asked::ToggleFullScreen),
        "v" | "V" => Some(Asked::ToggleSubtitles),
        "#" => Some(Asked::NextAudio),
        "[" => Some(Asked::SpeedBy(-SPEED_STEP)),
        "]" => Some(Asked::SpeedBy(SPEED_STEP)),
        "," => Some(Asked::Step(-1)),
        "." => Some(Asked::Step(1)),
        "?" => Some(Asked::ShowKeys),
        _ => None,
    }
}

/// As mpv's input.conf has them.
fn mpv(key: Pressed<'_>) -> Option<Asked> {
    if key.ctrl {
        return None;
    }
    let near = if key.shift { 1.0 } else { 5.0 };
    if is(key, Key::LeftArrow) {
        return Some(Asked::SeekBy(-near));
    }
    if is(key, Key::RightArrow) {
        return Some(Asked::SeekBy(near));
    }
    if is(key, Key::UpArrow) {
        return Some(Asked::SeekBy(if key.shift { 5.0 } else { 60.0 }));
    }
    if is(key, Key::DownArrow) {
        return Some(Asked::SeekBy(if key.shift { -5.0 } else { -60.0 }));
    }
    if is(key, Key::Home) {
        return Some(Asked::SeekTo(0.0));
    }
    match key.text {
        "p" => Some(Asked::TogglePlay),
        "9" | "/" => Some(Asked::VolumeBy(-0.02)),
        "0" | "*" => Some(Asked::VolumeBy(0.02)),
        "j" | "J" => Some(Asked::NextSubtitles),
        "z" => Some(Asked::SubtitleDelayBy(-DELAY_STEP)),
        "Z" | "x" => Some(Asked::SubtitleDelayBy(DELAY_STEP)),
        "i" | "I" => Some(Asked::ToggleTruth),
        "q" | "Q" => Some(Asked::Leave),
        "r" => Some(Asked::Ready),
        _ => None,
    }
}

fn is(key: Pressed<'_>, which: Key) -> bool {
    SharedString::from(which) == key.text
}

/// The keys and what they do, for people.
pub(super) fn sheet(style: Style, language: Language) -> Vec<(&'static str, &'static str)> {
    let rows: &[[&'static str; 3]] = match style {
        Style::Own => &OWN,
        Style::Mpv => &MPV,
    };
    rows.iter().chain(&SHARED).map(|[keys, english, german]| (*keys, language.of(english, german))).collect()
}

const OWN: [[&str; 3]; 12] = [
    ["Space  K", "Play or pause", "Abspielen oder anhalten"],
    ["←  →", "5 seconds back or on; with Ctrl 10", "5 Sekunden zurück oder weiter; mit Strg 10"],
    ["J  L", "10 seconds back or on", "10 Sekunden zurück oder weiter"],
    ["Home  End  0–9", "To the start, the end, that tenth", "Zum Anfang, zum Ende, zu diesem Zehntel"],
    ["↑  ↓", "Louder, quieter", "Lauter, leiser"],
    ["T", "Theatre: the film alone", "Kino: nur der Film"],
    ["C", "Next subtitles", "Nächste Untertitel"],
    ["Z  X", "Subtitles earlier, later", "Untertitel früher, später"],
    ["I", "What is going on: who is in step", "Was gerade geschieht: wer im Takt ist"],
    ["R", "Ready, or in step again now", "Bereit, oder jetzt wieder im Takt"],
    ["Ctrl+D  Ctrl+E", "Microphone, camera of a call", "Mikrofon, Kamera eines Anrufs"],
    ["`", "Hold to talk in a call", "Halten, um im Anruf zu sprechen"],
];

const MPV: [[&str; 3]; 9] = [
    ["Space  p", "Play or pause", "Abspielen oder anhalten"],
    ["←  →", "5 seconds back or on; with Shift 1", "5 Sekunden zurück oder weiter; mit Umschalt 1"],
    ["↑  ↓", "A minute on or back; with Shift 5 s", "Eine Minute weiter oder zurück; mit Umschalt 5 s"],
    ["9  0", "Quieter, louder", "Leiser, lauter"],
    ["j  J", "Next subtitles", "Nächste Untertitel"],
    ["z  Z", "Subtitles earlier, later", "Untertitel früher, später"],
    ["i", "What is going on: who is in step", "Was gerade geschieht: wer im Takt ist"],
    ["r", "Ready, or in step again now", "Bereit, oder jetzt wieder im Takt"],
    ["q", "Leave the room", "Den Raum verlassen"],
];

const SHARED: [[&str; 3]; 10] = [
    ["M", "Sound on or off", "Ton an oder aus"],
    ["F  Esc", "Full screen, and back", "Vollbild, und zurück"],
    ["V", "Subtitles on or off", "Untertitel an oder aus"],
    ["#", "Next sound track", "Nächste Tonspur"],
    ["[  ]", "The room's speed", "Tempo des Raums"],
    ["Backspace", "Usual speed", "Übliches Tempo"],
    ["Shift+Backspace", "Undo the last jump", "Den letzten Sprung zurücknehmen"],
    [",  .", "A frame back or on, while it stands", "Ein Bild zurück oder weiter, wenn er steht"],
    ["Enter", "Write in the chat", "Im Chat schreiben"],
    ["?", "These keys", "Diese Tasten"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn press(style: Style, text: &str, held: &str) -> Option<Asked> {
        let (ctrl, shift, alt) = (held.contains('c'), held.contains('s'), held.contains('a'));
        meaning(style, Pressed { text, ctrl, shift, alt })
    }

    fn special(style: Style, key: Key, held: &str) -> Option<Asked> {
        press(style, &SharedString::from(key), held)
    }

    #[test]
    fn every_key_of_the_sheet_means_something() {
        for (style, rows) in [(Style::Own, &OWN[..]), (Style::Mpv, &MPV[..]), (Style::Own, &SHARED[..])] {
            for name in rows.iter().flat_map(|[keys, ..]| keys.split_whitespace()) {
                let (held, name) = match name.split_once('+') {
                    Some(("Ctrl", name)) => ("c", name),
                    Some(("Shift", name)) => ("s", name),
                    _ => ("", name),
                };
                let meant = match name {
                    "Space" => press(style, " ", held),
                    "←" => special(style, Key::LeftArrow, held),
                    "→" => special(style, Key::RightArrow, held),
                    "↑" => special(style, Key::UpArrow, held),
                    "↓" => special(style, Key::DownArrow, held),
                    "Home" => special(style, Key::Home, held),
                    "End" => special(style, Key::End, held),
                    "Esc" => special(style, Key::Escape, held),
                    "Enter" => special(style, Key::Return, held),
                    "Backspace" => special(style, Key::Backspace, held),
                    "0–9" => press(style, "7", held),
                    letter => press(style, letter, held),
                };
                assert!(meant.is_some(), "{name} in {style:?}");
            }
        }
    }

    #[test]
    fn own_keys() {
        let own = |text| press(Style::Own, text, "");
        assert_eq!(own(" "), Some(Asked::TogglePlay));
        assert_eq!(own("K"), Some(Asked::TogglePlay));
        assert_eq!(own("7"), Some(Asked::SeekTo(0.7)));
        assert_eq!(own("0"), Some(Asked::SeekTo(0.0)));
        assert_eq!(own("j"), Some(Asked::SeekBy(-10.0)));
        assert_eq!(special(Style::Own, Key::RightArrow, ""), Some(Asked::SeekBy(5.0)));
        assert_eq!(special(Style::Own, Key::RightArrow, "c"), Some(Asked::SeekBy(10.0)));
        assert_eq!(special(Style::Own, Key::Backspace, "s"), Some(Asked::UndoSeek));
        assert_eq!(special(Style::Own, Key::Backspace, ""), Some(Asked::UsualSpeed));
        assert_eq!(press(Style::Own, "d", "c"), Some(Asked::Call));
        assert_eq!(own("ö"), None);
        assert_eq!(own("10"), None);
        assert_eq!(press(Style::Own, "f", "c"), None, "another program's shortcut");
        assert_eq!(press(Style::Own, "f", "a"), None);
    }

    #[test]
    fn keys_of_mpv() {
        let mpv = |text| press(Style::Mpv, text, "");
        assert_eq!(special(Style::Mpv, Key::UpArrow, ""), Some(Asked::SeekBy(60.0)));
        assert_eq!(mpv("9"), Some(Asked::VolumeBy(-0.02)));
        assert_eq!(mpv("q"), Some(Asked::Leave));
        assert_eq!(mpv("."), Some(Asked::Step(1)));
        assert_eq!(mpv("7"), None);
        assert_eq!(special(Style::Mpv, Key::LeftArrow, "s"), Some(Asked::SeekBy(-1.0)));
    }

    #[test]
    fn sheets_are_complete_in_both_languages() {
        for style in [Style::Own, Style::Mpv] {
            let (english, german) = (sheet(style, Language::English), sheet(style, Language::German));
            assert_eq!(english.len(), german.len());
            for ((keys, english), (_, german)) in english.iter().zip(&german) {
                assert!(!english.is_empty() && english != german, "{keys}");
            }
        }
    }
}

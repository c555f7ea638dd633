//! The film: where it is, what of it is here, what can be chosen.

use session::proto::in_both;
use session::proto::player::{Track, TrackKind};
use session::proto::view::{Film, RoomState, View};
use session::proto::words::Language;
use ui::{Player, Span, TrackRow};

use super::words;

#[expect(clippy::cast_possible_truncation, reason = "parts of a bar and a volume")]
pub(super) fn show(player: &Player<'_>, language: Language, view: &View) {
    let playback = &view.playback;
    let film = view.film.as_ref();
    let duration = film.and_then(|film| film.duration).filter(|duration| *duration > 0.0);
    let position = playback.position.unwrap_or(playback.room_position);
    player.set_running(playback.running || playback.state == RoomState::Starting);
    player.set_buffering(playback.buffering);
    player.set_position(words::time(position).into());
    player.set_length(duration.map(words::time).unwrap_or_default().into());
    player.set_spoken(words::spoken_place(language, position, duration).into());
    player.set_played(duration.map_or(0.0, |duration| (position / duration).clamp(0.0, 1.0)) as f32);
    player.set_volume(playback.volume as f32);
    player.set_muted(playback.muted);
    player.set_rate(rate(playback.rate).into());
    player.set_stalls(playback.stalls.to_string().into());
    player.set_correction(words::correction(language, playback).into());
    let waiting = words::waiting(language, view);
    player.set_waiting_progress(waiting.as_ref().and_then(|waiting| waiting.progress).map_or(-1.0, |part| part as f32));
    player.set_waiting_detail(waiting.as_ref().map(|waiting| waiting.more.clone()).unwrap_or_default().into());
    player.set_waiting(waiting.map(|waiting| waiting.head).unwrap_or_default().into());
    player.set_forecast(film.map(|film| words::forecast(language, film)).unwrap_or_default().into());
    player.set_download(film.map(|film| words::speed(language, film.download_rate)).unwrap_or_default().into());
    player.set_upload(film.map(|film| words::speed(language, film.upload_rate)).unwrap_or_default().into());
    player.set_verified(film.map(verified).unwrap_or_default().into());
    let no_subtitles = film.is_none_or(|film| !of_kind(film, TrackKind::Subtitle).any(|track| track.selected));
    player.set_no_subtitles(no_subtitles);
    if film.is_none() {
        player.set_has_picture(false);
    }
}

/// What is verified here, with its gaps.
#[expect(clippy::cast_possible_truncation, reason = "parts of a bar")]
pub(super) fn ranges(view: &View) -> Vec<Span> {
    let ranges = view.film.iter().flat_map(|film| &film.ranges);
    ranges.map(|(from, to)| Span { from: *from as f32, to: *to as f32 }).collect()
}

pub(super) fn tracks(language: Language, view: &View, kind: TrackKind) -> Vec<TrackRow> {
    let tracks = view.film.iter().flat_map(|film| of_kind(film, kind));
    tracks
        .map(|track| TrackRow {
            id: i32::try_from(track.id).unwrap_or(i32::MAX),
            label: label(language, track).into(),
            selected: track.selected,
        })
        .collect()
}

/// What the seek bar says of the place under the mouse, from 0 to 1.
pub(in crate::window) fn hover(language: Language, view: &View, part: f64) -> String {
    let Some(film) = &view.film else { return String::new() };
    let Some(duration) = film.duration else { return String::new() };
    let at = words::time(part * duration);
    if film.ranges.iter().any(|(from, to)| (*from..*to).contains(&part)) || film.shared_here {
        return at;
    }
    match wait(film, duration) {
        Some(seconds) => {
            let wait = words::span(seconds);
            in_both!(
                language,
                "{at} · seeking here makes the room wait about {wait}",
                "{at} · hierher zu springen lässt den Raum etwa {wait} warten"
            )
        }
        None => in_both!(
            language,
            "{at} · not here yet, and nothing arrives",
            "{at} · noch nicht da, und es kommt nichts an"
        ),
    }
}

/// Film that has to be there before it runs on, in seconds: what the room asks of everybody by default.
const ENOUGH: f64 = 5.0;

/// How long it takes until enough of the film is there at a place where there is nothing. `None` while nothing arrives.
fn wait(film: &Film, duration: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (length, rate) = (film.length as f64, film.download_rate as f64);
    (rate > 0.0 && duration > 0.0).then(|| (length / duration * ENOUGH / rate).max(1.0))
}

fn of_kind(film: &Film, kind: TrackKind) -> impl Iterator<Item = &Track> {
    film.tracks.iter().filter(move |track| track.kind == kind)
}

/// "English · Commentary · AC-3".
fn label(language: Language, track: &Track) -> String {
    let number = language.of("Track", "Spur");
    let tongue = track.language.as_deref().map(|tag| tongue(language, tag));
    let parts: Vec<String> =
        [tongue, track.title.as_deref().map(words::clean), track.codec.clone()].into_iter().flatten().collect();
    if parts.is_empty() { format!("{number} {}", track.id) } else { parts.join(" · ") }
}

/// A language by its tag (ISO 639-1 or 639-2), in the person's; the tag itself where we know no better.
fn tongue(language: Language, tag: &str) -> String {
    let base = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
    let known = TONGUES.iter().find(|(tags, ..)| tags.split(' ').any(|known| known == base));
    known.map_or_else(|| words::clean(tag), |(_, english, german)| language.of(english, german).to_owned())
}

const TONGUES: [(&str, &str, &str); 24] = [
    ("ar ara", "Arabic", "Arabisch"),
    ("cs ces cze", "Czech", "Tschechisch"),
    ("da dan", "Danish", "Dänisch"),
    ("de deu ger", "German", "Deutsch"),
    ("el ell gre", "Greek", "Griechisch"),
    ("en eng", "English", "Englisch"),
    ("es spa", "Spanish", "Spanisch"),
    ("fa fas per", "Persian", "Persisch"),
    ("fi fin", "Finnish", "Finnisch"),
    ("fr fra fre", "French", "Französisch"),
    ("he heb", "Hebrew", "Hebräisch"),
    ("hi hin", "Hindi", "Hindi"),
    ("hu hun", "Hungarian", "Ungarisch"),
    ("it ita", "Italian", "Italienisch"),
    ("ja jpn", "Japanese", "Japanisch"),
    ("ko kor", "Korean", "Koreanisch"),
    ("nl nld dut", "Dutch", "Niederländisch"),
    ("no nor nb nob", "Norwegian", "Norwegisch"),
    ("pl pol", "Polish", "Polnisch"),
    ("pt por", "Portuguese", "Portugiesisch"),
    ("ru rus", "Russian", "Russisch"),
    ("sv swe", "Swedish", "Schwedisch"),
    ("tr tur", "Turkish", "Türkisch"),
    ("zh zho chi", "Chinese", "Chinesisch"),
];

/// `1×`, `1.25×`.
fn rate(rate: f64) -> String {
    let text = format!("{:.2}", if rate > 0.0 { rate } else { 1.0 });
    format!("{}×", text.trim_end_matches('0').trim_end_matches('.'))
}

fn verified(film: &Film) -> String {
    format!("{:.0} %", (film.downloaded * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use session::proto::view::{Forecast, Stage};

    use super::*;

    fn film() -> Film {
        Film {
            name: "a".into(),
            info_hash: None,
            url: None,
            shared_here: false,
            stage: Stage::Arriving,
            duration: Some(100.0),
            length: 100_000_000,
            downloaded: 0.5,
            download_rate: 500_000,
            upload_rate: 0,
            upload_capacity: 0,
            peers: 1,
            ranges: vec![(0.0, 0.25), (0.9, 1.0)],
            ahead: 0.0,
            forecast: Forecast::Unknown,
            tracks: vec![],
        }
    }

    #[test]
    fn the_seek_bar_tells_the_price_of_a_place() {
        let mut view = View { film: Some(film()), ..View::default() };
        let said = |view: &View, part| hover(Language::English, view, part);
        assert_eq!(said(&view, 0.1), "0:10");
        assert_eq!(said(&view, 0.5), "0:50 · seeking here makes the room wait about 10 s");
        view.film.as_mut().unwrap().download_rate = 0;
        assert_eq!(said(&view, 0.5), "0:50 · not here yet, and nothing arrives");
        assert_eq!(said(&View::default(), 0.5), "");
    }

    #[test]
    fn tracks_have_names() {
        let track = |language: Option<&str>, title: Option<&str>| Track {
            kind: TrackKind::Audio,
            id: 2,
            language: language.map(str::to_owned),
            title: title.map(str::to_owned),
            codec: None,
            selected: false,
        };
        assert_eq!(label(Language::English, &track(Some("ger"), Some("Director"))), "German · Director");
        assert_eq!(label(Language::German, &track(Some("en-GB"), None)), "Englisch");
        assert_eq!(label(Language::German, &track(None, None)), "Spur 2");
        assert_eq!(label(Language::English, &track(Some("tlh"), None)), "tlh");
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([rate(1.0), rate(1.25), rate(0.9), rate(0.0)], ["1×", "1.25×", "0.9×", "1×"]);
    }
}

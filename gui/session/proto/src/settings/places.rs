//! Where films were left: a place each, so that whoever opens one again can go on from there.

use engine_proto::infohash::Infohash;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::{PLACES_MAX, SETTINGS_LEN_MAX};
use crate::settings::NotSettings;

/// Where a film was left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Which film.
    pub info_hash: Infohash,
    /// Seconds from its start.
    pub at: f64,
    /// Its length in seconds.
    pub duration: f64,
}

/// Places of films, the one that was watched last first; two hundred.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places(Vec<Place>);

impl Places {
    /// From a file's bytes. Places in it that cannot be are left out.
    ///
    /// # Errors
    /// When it is no JSON object, or too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotSettings> {
        if bytes.len() > SETTINGS_LEN_MAX {
            return Err(NotSettings::TooLong);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let file: serde_json::Map<String, Value> = serde_json::from_slice(bytes)?;
        let places = file.get("places").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut read = Self::default();
        // The last of them first, so that the first is on top in the end.
        for place in places.into_iter().take(PLACES_MAX).rev() {
            if let Ok(place) = serde_json::from_value(place) {
                read.keep(place);
            }
        }
        Ok(read)
    }

    /// The film was left there: it is first, in the place of what was known of it.
    pub fn keep(&mut self, place: Place) {
        if !(place.at.is_finite() && place.duration.is_finite() && (0.0..=place.duration).contains(&place.at)) {
            return;
        }
        self.0.retain(|other| other.info_hash != place.info_hash);
        self.0.insert(0, place);
        self.0.truncate(PLACES_MAX);
    }

    /// Where that film was left.
    pub fn of(&self, film: Infohash) -> Option<Place> {
        self.0.iter().find(|place| place.info_hash == film).copied()
    }

    /// For the file.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", json!({ "places": self.0 }))
    }
}

impl Place {
    /// It is worth going on from there: something was watched, less than nine tenths, and more than ten seconds are left.
    pub fn is_worth_resuming(&self) -> bool {
        self.at >= WATCHED_MIN && self.at < self.duration * WATCHED_WHOLE && self.duration - self.at > LEFT_MIN
    }
}

/// Nearer to its start a film was not begun, in seconds.
pub(crate) const WATCHED_MIN: f64 = 10.0;
/// A film of which that part was watched is over.
const WATCHED_WHOLE: f64 = 0.9;
/// With so little left, a film is over, in seconds.
const LEFT_MIN: f64 = 10.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(film: u8, at: f64, duration: f64) -> Place {
        Place { info_hash: Infohash([film; 20]), at, duration }
    }

    #[test]
    fn a_film_has_one_place_and_the_oldest_are_forgotten() {
        let mut places = Places::default();
        for film in 0..=u8::MAX {
            places.keep(place(film, 60.0, 5400.0));
        }
        places.keep(place(250, 70.0, 5400.0));
        assert_eq!(places.0.len(), PLACES_MAX);
        assert_eq!(places.0[0], place(250, 70.0, 5400.0));
        assert_eq!((places.of(Infohash([3; 20])), places.of(Infohash([255; 20])).map(|it| it.at)), (None, Some(60.0)));
        assert_eq!(Places::parse(places.to_text().as_bytes()).unwrap(), places);
        assert!(places.to_text().len() < SETTINGS_LEN_MAX, "a full file can be read again");
    }

    #[test]
    fn what_is_worth_resuming() {
        for (at, duration, worth) in [
            (9.9, 100.0, false),
            (10.0, 100.0, true),
            (89.9, 100.0, true),
            (90.0, 100.0, false),
            (79.0, 90.0, true),
            (44.0, 54.0, false),
            (43.9, 54.0, true),
            (5000.0, 5400.0, false),
        ] {
            assert_eq!(place(1, at, duration).is_worth_resuming(), worth, "{at} of {duration}");
        }
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let digits = "ab".repeat(20);
        let text = format!(
            r#"{{"places": [5, {{"infoHash": "zz", "at": 1, "duration": 2}}, {{"infoHash": "{digits}", "at": -1, "duration": 2}},
            {{"infoHash": "{digits}", "at": 3, "duration": 2}}, {{"infoHash": "{digits}", "at": 1.5, "duration": 2, "more": 1}}], "more": 1}}"#
        );
        assert_eq!(Places::parse(text.as_bytes()).unwrap().0, [place(0xab, 1.5, 2.0)]);
        assert_eq!((Places::parse(b" ").unwrap(), Places::parse(b"{}").unwrap()), Default::default());
        assert!(matches!(Places::parse(b"[1"), Err(NotSettings::Malformed(_))));
        assert!(matches!(Places::parse(&vec![b' '; SETTINGS_LEN_MAX + 1]), Err(NotSettings::TooLong)));
    }

    proptest! {
        #[test]
        fn no_file_ends_us(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Places::parse(&bytes);
        }
    }
}

//! Rooms that one was in lately with what brings one's place there back, and films that one shared.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signal_proto::ids::RoomCode;

use crate::limits::{RECENT_FILMS_MAX, RECENT_ROOMS_MAX, SETTING_LEN_MAX, SETTINGS_LEN_MAX};
use crate::server_url::ServerUrl;
use crate::settings::NotSettings;

/// A room that one was in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recent {
    /// Its code.
    pub code: String,
    /// Its server, as `https://share.example`.
    pub server: String,
    /// What it is shown as: the host's name or the film's.
    pub name: String,
    /// When one was last there: seconds since 1970.
    pub when: u64,
    /// Brings one's place back. Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A film of this computer that was shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentFilm {
    /// Where it was then.
    pub path: String,
    /// When: seconds since 1970.
    pub when: u64,
}

/// Rooms that one was in, twenty, and films that one shared, ten; the last first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recents {
    rooms: Vec<Recent>,
    films: Vec<RecentFilm>,
}

impl Recents {
    /// From a file's bytes. What in it cannot be is left out.
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
        let list = |name: &str| file.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let (rooms, films) = (list("rooms"), list("films"));
        let mut read = Self::default();
        // The last of them first, so that the first is on top in the end.
        for room in rooms.into_iter().take(RECENT_ROOMS_MAX).rev() {
            if let Ok(room) = serde_json::from_value::<Recent>(room)
                && room.key().is_some()
            {
                read.add(room);
            }
        }
        for film in films.into_iter().take(RECENT_FILMS_MAX).rev() {
            if let Ok(RecentFilm { path, when }) = serde_json::from_value(film) {
                read.add_film(path, when);
            }
        }
        Ok(read)
    }

    /// One is there now: it is first, in the place of an older entry of the same room.
    pub fn add(&mut self, room: Recent) {
        self.rooms.retain(|other| other.key() != room.key());
        self.rooms.insert(0, room);
        self.rooms.truncate(RECENT_ROOMS_MAX);
    }

    /// The room is over, or is to be forgotten.
    pub fn forget(&mut self, server: &ServerUrl, code: &RoomCode) {
        self.rooms.retain(|room| !room.is(server, code));
    }

    /// What brings one's place in a room back.
    pub fn token(&self, server: &ServerUrl, code: &RoomCode) -> Option<&str> {
        self.rooms.iter().find(|room| room.is(server, code)).and_then(|room| room.token.as_deref())
    }

    /// The last first.
    pub fn rooms(&self) -> &[Recent] {
        &self.rooms
    }

    /// A film is shared now: it is first. A path that no file can have is not remembered.
    pub fn add_film(&mut self, path: String, when: u64) {
        if path.is_empty() || path.len() > SETTING_LEN_MAX {
            return;
        }
        self.forget_film(&path);
        self.films.insert(0, RecentFilm { path, when });
        self.films.truncate(RECENT_FILMS_MAX);
    }

    /// It is to be forgotten.
    pub fn forget_film(&mut self, path: &str) {
        self.films.retain(|film| film.path != path);
    }

    /// The last first.
    pub fn films(&self) -> &[RecentFilm] {
        &self.films
    }

    /// For the file.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", json!({ "rooms": self.rooms, "films": self.films }))
    }
}

impl Recent {
    /// A room of a server, entered at that time.
    pub fn new(server: &ServerUrl, code: &RoomCode, name: &str, when: u64, token: Option<String>) -> Self {
        Self { code: code.to_string(), server: server.signal(), name: name.to_owned(), when, token }
    }

    /// `None` when no room can be so called, or no server be there.
    fn key(&self) -> Option<(ServerUrl, signal_proto::ids::RoomKey)> {
        Some((ServerUrl::parse(&self.server).ok()?, RoomCode::parse(&self.code)?.key()))
    }

    fn is(&self, server: &ServerUrl, code: &RoomCode) -> bool {
        self.key() == Some((server.clone(), code.key()))
    }
}

/// Without the token.
impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("code", &self.code)
            .field("server", &self.server)
            .field("name", &self.name)
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str) -> ServerUrl {
        ServerUrl::parse(host).unwrap()
    }

    fn code(text: &str) -> RoomCode {
        RoomCode::parse(text).unwrap()
    }

    fn room(host: &str, text: &str, when: u64) -> Recent {
        Recent::new(&server(host), &code(text), "Ana", when, Some(format!("secret-{when}")))
    }

    #[test]
    fn the_last_is_first_and_a_room_is_there_once() {
        let mut rooms = Recents::default();
        for (text, when) in [("AAAA", 1), ("BBBB", 2), ("aaaa", 3)] {
            rooms.add(room("share.example", text, when));
        }
        rooms.add(room("other.example", "BBBB", 4));
        let shown: Vec<_> = rooms.rooms().iter().map(|room| (room.code.as_str(), room.when)).collect();
        assert_eq!(shown, [("BBBB", 4), ("AAAA", 3), ("BBBB", 2)]);
        assert_eq!(rooms.token(&server("wss://share.example"), &code("aa-aa")), Some("secret-3"));
        rooms.forget(&server("share.example"), &code("AAAA"));
        assert_eq!(rooms.token(&server("share.example"), &code("AAAA")), None);
        assert_eq!(Recents::parse(rooms.to_text().as_bytes()).unwrap(), rooms);
        assert!(!format!("{rooms:?}").contains("secret"));
    }

    #[test]
    fn twenty_are_remembered() {
        let mut rooms = Recents::default();
        (1000..1000 + 30).for_each(|when| rooms.add(room("share.example", &format!("ROOM{when}"), when)));
        assert_eq!(rooms.rooms().len(), RECENT_ROOMS_MAX);
        assert_eq!(rooms.rooms()[0].code, "ROOM-1029");
        let again = Recents::parse(rooms.to_text().as_bytes()).unwrap();
        assert_eq!(again, rooms);
    }

    #[test]
    fn ten_films_are_remembered_each_once() {
        let mut recents = Recents::default();
        (0..15).for_each(|when| recents.add_film(format!("/films/{when}.mkv"), when));
        recents.add_film("/films/9.mkv".to_owned(), 20);
        recents.add_film(String::new(), 21);
        recents.add_film("x".repeat(SETTING_LEN_MAX + 1), 22);
        assert_eq!((recents.films().len(), recents.films()[0].when), (RECENT_FILMS_MAX, 20));
        assert_eq!(recents.films().iter().filter(|film| film.path == "/films/9.mkv").count(), 1);
        assert_eq!(Recents::parse(recents.to_text().as_bytes()).unwrap(), recents);
        recents.forget_film("/films/9.mkv");
        assert_eq!((recents.films().len(), recents.films()[0].when), (RECENT_FILMS_MAX - 1, 14));
        let odd = Recents::parse(br#"{"films": [7, {"path": 1, "when": 1}, {"path": "/a", "when": 1}]}"#).unwrap();
        assert_eq!(odd.films(), [RecentFilm { path: "/a".to_owned(), when: 1 }]);
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let text = r#"{"rooms": [5, {"code": "?", "server": "x", "name": "", "when": 1}, {"code": "AAAA", "server": "ftp://x",
            "name": "", "when": 1}, {"code": "AAAA", "server": "https://x.example", "name": "Ana", "when": 1}], "more": 1}"#;
        let rooms = Recents::parse(text.as_bytes()).unwrap();
        assert_eq!(rooms.rooms().len(), 1);
        assert_eq!(Recents::parse(b"").unwrap().rooms(), []);
        assert_eq!(Recents::parse(b"{}").unwrap().rooms(), []);
        assert!(matches!(Recents::parse(b"[1"), Err(NotSettings::Malformed(_))));
        assert!(matches!(Recents::parse(&vec![b' '; SETTINGS_LEN_MAX + 1]), Err(NotSettings::TooLong)));
    }
}

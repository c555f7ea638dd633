//! What this program knows of its room, from what the server says: pure, and what it has to tell as lines of text.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::sync::clock::{Answer, RoomClock};
use signal_proto::time::{MediaTime, Rate, ServerTime};

/// A room as its member sees it.
pub(crate) struct Room {
    name: String,
    participant: String,
    /// Empty until one is created or joined.
    code: String,
    token: Option<String>,
    people: BTreeMap<String, String>,
    clock: RoomClock,
    anchor: Anchor,
}

impl Room {
    pub(crate) fn new(now: Instant, code: String, name: String, participant: String) -> Self {
        Self {
            name,
            participant,
            code,
            token: None,
            people: BTreeMap::new(),
            clock: RoomClock::new(now),
            anchor: Anchor::new(ServerTime::from_unix_ms(0)),
        }
    }

    /// What to say on a new connection: the server knows nothing of us. The token brings our place and role back.
    pub(crate) fn greeting(&mut self, now: Instant) -> (&'static str, Value) {
        self.clock.restart(now);
        let mut payload = json!({
            "participantId": self.participant, "name": self.name,
            "capabilities": {"version": env!("CARGO_PKG_VERSION")},
        });
        if self.code.is_empty() {
            return ("create-room", payload);
        }
        payload["code"] = json!(self.code);
        if let Some(token) = &self.token {
            payload["sessionToken"] = json!(token);
        }
        ("join-room", payload)
    }

    /// The next probe of the clock, if one is due.
    pub(crate) fn probe(&mut self, now: Instant) -> Option<Value> {
        if self.people.is_empty() {
            return None;
        }
        let probe = self.clock.poll_probe(now)?;
        Some(json!({"roomCode": self.code, "t0": probe.t0, "n": probe.n}))
    }

    /// Takes in an event; returns what there is to tell.
    pub(crate) fn hear(&mut self, now: Instant, name: &str, payload: &Value) -> Option<String> {
        match name {
            "room-created" | "room-joined" => Some(self.on_entered(payload)),
            "session-token" => {
                self.token = text(payload, "sessionToken");
                None
            }
            "participant-list" => {
                let list = payload["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
                self.people = list.iter().take(PEOPLE_MAX).filter_map(person).collect();
                Some(self.people())
            }
            "participant-joined" | "participant-updated" => {
                let (id, shown) = person(payload.get("participant").unwrap_or(payload))?;
                if self.people.len() < PEOPLE_MAX || self.people.contains_key(&id) {
                    self.people.insert(id, shown.clone());
                }
                Some(format!("{shown}{}", if name == "participant-joined" { " came" } else { "" }))
            }
            "participant-left" => {
                let gone = self.people.remove(&text(payload, "id")?)?;
                Some(format!("{gone} left"))
            }
            "chat-message" => Some(chat(payload)),
            "chat-history" => {
                let messages = payload["messages"].as_array().filter(|messages| !messages.is_empty())?;
                Some(messages.iter().map(chat).collect::<Vec<_>>().join("\n"))
            }
            "sync-play" => self.on_moved(now, payload, PlaybackState::Playing, "plays"),
            "sync-pause" => self.on_moved(now, payload, PlaybackState::Paused, "is paused"),
            // The room goes on as it did; it plays again with the anchor's own moment.
            "sync-seek" => self.on_moved(now, payload, self.anchor.state, "goes on"),
            "playback-snapshot" => {
                let playback = &payload["playback"];
                let playing = playback["type"] == "play";
                let state = if playing { PlaybackState::Playing } else { PlaybackState::Paused };
                let at = playback["startAt"].as_i64().or(playback["at"].as_i64())?;
                self.move_anchor(playback, state, ServerTime::from_unix_ms(at));
                None
            }
            "sync-check" => {
                let moment = |field| payload[field].as_i64().map(ServerTime::from_unix_ms);
                let answer = Answer { n: payload["n"].as_u64()?, t1: moment("t1")?, timestamp: moment("timestamp")? };
                self.clock.handle_answer(now, answer);
                None
            }
            "host-changed" | "host-away" | "room-closing" | "server-restarting" => {
                Some(format!("{name} {}", clean(&payload.to_string())))
            }
            "error" => Some(format!("refused: {}", refusal(payload))),
            _ => None,
        }
    }

    /// Who is there.
    pub(crate) fn people(&self) -> String {
        let people: Vec<&str> = self.people.values().map(String::as_str).collect();
        format!("here: {}", people.join(", "))
    }

    /// Where the film is now by the room's clock, in one line.
    pub(crate) fn place(&self, now: Instant) -> String {
        let Some(server_now) = self.clock.server_time(now) else {
            return "the room's clock is not known yet".to_owned();
        };
        let state = match self.anchor.state {
            PlaybackState::Playing if self.anchor.starts_at(server_now).is_some() => "starting",
            PlaybackState::Playing => "playing",
            PlaybackState::Paused => "paused",
            PlaybackState::Waiting => "waiting",
        };
        let exact = self.clock.delay().map_or(0, |delay| delay.as_millis() / 2);
        format!("{} {state} (clock within {exact} ms)", shown(self.anchor.position_at(server_now)))
    }

    /// The film's place now, in seconds.
    pub(crate) fn seconds(&self, now: Instant) -> f64 {
        self.clock
            .server_time(now)
            .map_or(self.anchor.position, |server_now| self.anchor.position_at(server_now))
            .seconds()
    }

    fn on_entered(&mut self, payload: &Value) -> String {
        if payload["success"] != true {
            return format!("refused: {}", refusal(payload));
        }
        let room = &payload["room"];
        self.code = text(room, "code").unwrap_or_default();
        self.token = text(payload, "sessionToken");
        self.participant = text(payload, "participantId").unwrap_or_else(|| self.participant.clone());
        let list = room["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.people = list.iter().take(PEOPLE_MAX).filter_map(person).collect();
        if self.people.is_empty() {
            self.people.insert(self.participant.clone(), self.name.clone());
        }
        format!("room {}; {}", clean(&self.code), self.people())
    }

    fn on_moved(&mut self, now: Instant, payload: &Value, state: PlaybackState, verb: &str) -> Option<String> {
        let at = payload["startAt"].as_i64().or(payload["timestamp"].as_i64()).map(ServerTime::from_unix_ms);
        let at = at.or_else(|| self.clock.server_time(now))?;
        self.move_anchor(payload, state, at);
        let by =
            text(payload, "by").and_then(|id| self.people.get(&id).cloned()).unwrap_or_else(|| "the room".to_owned());
        Some(format!("the film {verb} at {} ({by})", shown(self.anchor.position)))
    }

    fn move_anchor(&mut self, said: &Value, state: PlaybackState, at: ServerTime) {
        let place = said["time"].as_f64().and_then(MediaTime::new);
        let rate = said["rate"].as_f64().and_then(Rate::new);
        let (epoch, seq) = (said["epoch"].as_u64().unwrap_or(0), said["seq"].as_u64().unwrap_or(0));
        self.anchor.position = place.unwrap_or(self.anchor.position);
        self.anchor.rate = rate.unwrap_or(self.anchor.rate);
        (self.anchor.epoch, self.anchor.seq, self.anchor.state, self.anchor.at) = (epoch, seq, state, at);
    }
}

/// People that are remembered, whatever a server claims.
const PEOPLE_MAX: usize = 1024;

/// Characters of anything that is shown.
const SHOWN_CHARS_MAX: usize = 2000;

/// Without what would command the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(SHOWN_CHARS_MAX).collect()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn person(value: &Value) -> Option<(String, String)> {
    let name = clean(&text(value, "name")?);
    let role = clean(&text(value, "role").unwrap_or_default());
    let away = if value["away"] == true { ", away" } else { "" };
    Some((text(value, "id")?, format!("{name} ({role}{away})")))
}

fn chat(message: &Value) -> String {
    let part = |field| clean(&text(message, field).unwrap_or_default());
    format!("<{}> {}", part("sender"), part("text"))
}

fn refusal(payload: &Value) -> String {
    let part = |field| clean(&text(payload, field).unwrap_or_default());
    format!("{} {}", part("code"), part("message"))
}

fn shown(place: MediaTime) -> String {
    let seconds = place.seconds();
    let (hours, minutes) = ((seconds / 3600.0).floor(), (seconds / 60.0).floor() % 60.0);
    format!("{hours:02}:{minutes:02}:{:04.1}", (seconds % 60.0 * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn joined() -> (Room, Instant) {
        let now = Instant::now();
        let mut room = Room::new(now, "ABC1".into(), "Ana".into(), "a".into());
        let people =
            json!([{"id": "a", "name": "Ana", "role": "host"}, {"id": "b", "name": "Be\u{1b}a", "role": "viewer"}]);
        let answer = json!({"success": true, "sessionToken": "t", "participantId": "a", "room": {"code": "ABC1", "participants": people}});
        let told = room.hear(now, "room-joined", &answer).unwrap();
        assert_eq!(told, "room ABC1; here: Ana (host), Bea (viewer)");
        (room, now)
    }

    #[test]
    fn creates_joins_and_comes_back_by_its_token() {
        let now = Instant::now();
        let mut room = Room::new(now, String::new(), "Ana".into(), "a".into());
        assert_eq!(room.greeting(now).0, "create-room");
        assert_eq!(room.probe(now), None, "nobody to ask before there is a room");
        let (mut room, now) = joined();
        let (name, payload) = room.greeting(now);
        assert_eq!((name, &payload["code"], &payload["sessionToken"]), ("join-room", &json!("ABC1"), &json!("t")));
        let refused = room.hear(now, "room-joined", &json!({"success": false, "code": "S002", "message": "no"}));
        assert_eq!(refused.unwrap(), "refused: S002 no");
    }

    #[test]
    fn the_place_follows_the_rooms_clock() {
        let (mut room, now) = joined();
        assert_eq!(room.place(now), "the room's clock is not known yet");
        let n = room.probe(now).unwrap()["n"].clone();
        room.hear(now, "sync-check", &json!({"n": n, "t1": 5000, "timestamp": 5000}));
        let told = room.hear(now, "sync-play", &json!({"time": 60.0, "startAt": 6000, "by": "b", "rate": 1.0}));
        assert_eq!(told.unwrap(), "the film plays at 00:01:00.0 (Bea (viewer))");
        assert_eq!(room.place(now), "00:01:00.0 starting (clock within 0 ms)");
        assert_eq!(room.place(now + Duration::from_secs(3)), "00:01:02.0 playing (clock within 0 ms)");
        room.hear(now, "sync-pause", &json!({"time": 3661.5, "timestamp": 6000}));
        assert_eq!(room.place(now), "01:01:01.5 paused (clock within 0 ms)");
    }

    #[test]
    fn nonsense_changes_nothing() {
        let (mut room, now) = joined();
        for name in
            ["room-joined", "participant-list", "participant-left", "sync-play", "playback-snapshot", "sync-check"]
        {
            for payload in [json!(null), json!([1]), json!({"time": "x", "n": -1, "participants": 5, "playback": []})] {
                room.hear(now, name, &payload);
            }
        }
        assert_eq!(room.hear(now, "unheard-of", &json!(1)), None);
        assert_eq!(room.place(now), "the room's clock is not known yet");
    }
}

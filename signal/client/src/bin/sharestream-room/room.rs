//! What this program knows of its room, from what the server says: pure, and what it has to tell as lines of text.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::event::{ChatLine, Entered, FilmNews, Moved, Participant, Refusal, Secret, ServerEvent};
use signal_proto::ids::ParticipantId;
use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::sync::clock::RoomClock;
use signal_proto::time::{MediaTime, ServerTime};

/// The version of the contract that this program speaks.
const VERSION: u64 = 1;

/// A room as its member sees it.
pub(crate) struct Room {
    name: String,
    participant: String,
    /// Empty until one is created or joined.
    code: String,
    token: Option<Secret>,
    people: BTreeMap<ParticipantId, String>,
    clock: RoomClock,
    anchor: Anchor,
    /// The film's magnet, and what is known of it, for a server that forgot the room.
    magnet: Option<String>,
    movie: Option<FilmNews>,
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
            magnet: None,
            movie: None,
        }
    }

    /// What to say on a new connection: the server knows nothing of us. The token brings our place and role back.
    pub(crate) fn greeting(&mut self, now: Instant) -> (&'static str, Value) {
        let snapshot = self.snapshot(now);
        self.clock.restart(now);
        let mut payload = json!({
            "participantId": self.participant, "name": self.name,
            "capabilities": {"version": VERSION},
        });
        if self.code.is_empty() {
            return ("create-room", payload);
        }
        payload["code"] = json!(self.code);
        if let Some(token) = &self.token {
            payload["sessionToken"] = json!(token.as_str());
            payload["snapshot"] = snapshot;
        }
        ("join-room", payload)
    }

    /// What we remember of the room: out of that and our token it forms again where it was forgotten.
    fn snapshot(&self, now: Instant) -> Value {
        let position = self.clock.server_time(now).map_or(self.anchor.position, |at| self.anchor.position_at(at));
        let mut snapshot = json!({
            "epoch": self.anchor.epoch, "seq": self.anchor.seq,
            "playing": self.anchor.state == PlaybackState::Playing,
            "position": position.seconds(), "age": 0,
        });
        if let Some(magnet) = &self.magnet {
            snapshot["magnet"] = json!(magnet);
        }
        if let Some(movie) = &self.movie {
            snapshot["movie"] = json!({"name": movie.name, "duration": movie.duration.map(MediaTime::seconds)});
        }
        snapshot
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
    pub(crate) fn hear(&mut self, now: Instant, event: ServerEvent) -> Option<String> {
        match event {
            ServerEvent::RoomCreated(answer) | ServerEvent::RoomJoined(answer) => {
                return Some(match answer {
                    Ok(entered) => self.on_entered(*entered),
                    Err(refusal) => {
                        self.people.clear();
                        refused(&refusal)
                    }
                });
            }
            ServerEvent::SessionToken(token) => self.token = Some(token),
            ServerEvent::ParticipantList(list) => {
                self.people = list.iter().map(person).collect();
                return Some(self.people());
            }
            ServerEvent::ParticipantJoined(somebody) => return Some(format!("{} came", self.on_person(&somebody))),
            ServerEvent::ParticipantUpdated(somebody) => return Some(self.on_person(&somebody)),
            ServerEvent::ParticipantLeft { id, .. } => return Some(format!("{} left", self.people.remove(&id)?)),
            ServerEvent::HostAway { id, grace } => {
                return Some(format!("{} is away; in {} s another is host", self.person(&id), grace.as_secs()));
            }
            ServerEvent::HostChanged { id, .. } => return Some(format!("{} is host now", self.person(&id))),
            ServerEvent::RoomClosing { within, reason } => {
                return Some(format!("the room ends in {} s: {}", within.as_secs(), reason.unwrap_or_default()));
            }
            ServerEvent::ServerRestarting { .. } => return Some("the server restarts".to_owned()),
            ServerEvent::ChatMessage(line) => return Some(chat(&line)),
            ServerEvent::ChatHistory(lines) if !lines.is_empty() => {
                return Some(lines.iter().map(chat).collect::<Vec<_>>().join("\n"));
            }
            ServerEvent::SyncPlay(moved) => return Some(self.on_moved(now, moved, PlaybackState::Playing, "plays")),
            ServerEvent::SyncPause(moved) => {
                return Some(self.on_moved(now, moved, PlaybackState::Paused, "is paused"));
            }
            // Of a server without anchors it goes on as it did.
            ServerEvent::SyncSeek(moved) => return Some(self.on_moved(now, moved, self.anchor.state, "goes on")),
            ServerEvent::PlaybackSnapshot(snapshot) => self.anchor = snapshot.anchor?,
            ServerEvent::RoomState(state) => self.anchor = state.anchor,
            ServerEvent::ClockAnswer(answer) => self.clock.handle_answer(now, answer),
            ServerEvent::Error(refusal) => return Some(refused(&refusal)),
            ServerEvent::TorrentMagnet(film) => self.magnet = Some(film.magnet),
            ServerEvent::MovieLoaded(movie) => self.movie = Some(movie),
            ServerEvent::MediaCleared { .. } => (self.magnet, self.movie) = (None, None),
            // Nothing is played here, nobody is called, nothing is set.
            ServerEvent::ChatHistory(_)
            | ServerEvent::RoomUpdated(_)
            | ServerEvent::SubtitleShared(_)
            | ServerEvent::SyncCorrect { .. }
            | ServerEvent::ReportWanted
            | ServerEvent::SyncReport { .. }
            | ServerEvent::ReadyState { .. }
            | ServerEvent::StartWebrtc { .. }
            | ServerEvent::Relayed(_)
            | ServerEvent::CallState { .. }
            | ServerEvent::PeerLeft { .. }
            | ServerEvent::IceServers { .. } => {}
        }
        None
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

    fn on_entered(&mut self, entered: Entered) -> String {
        entered.room.code.as_str().clone_into(&mut self.code);
        self.token = entered.session_token;
        if let Some(id) = entered.id {
            id.as_str().clone_into(&mut self.participant);
        }
        self.people = entered.room.participants.iter().map(person).collect();
        if let Some(own) = ParticipantId::parse(&self.participant).filter(|_| self.people.is_empty()) {
            self.people.insert(own, self.name.clone());
        }
        format!("room {}; {}", entered.room.code, self.people())
    }

    fn on_person(&mut self, somebody: &Participant) -> String {
        let (id, shown) = person(somebody);
        if self.people.len() < PEOPLE_MAX || self.people.contains_key(&id) {
            self.people.insert(id, shown.clone());
        }
        shown
    }

    fn on_moved(&mut self, now: Instant, moved: Moved, state: PlaybackState, verb: &str) -> String {
        let by = moved.anchor.as_ref().and_then(|anchor| anchor.by.as_ref());
        let by = by.map_or("the room", |id| self.person(id)).to_owned();
        self.anchor = moved.anchor.unwrap_or_else(|| {
            let at = self.clock.server_time(now).unwrap_or(self.anchor.at);
            Anchor { state, position: moved.time, at, ..self.anchor.clone() }
        });
        format!("the film {verb} at {} ({by})", shown(moved.time))
    }

    fn person(&self, id: &ParticipantId) -> &str {
        self.people.get(id).map_or("somebody", String::as_str)
    }
}

/// People that are remembered, whatever a server claims.
const PEOPLE_MAX: usize = 4096;

fn person(somebody: &Participant) -> (ParticipantId, String) {
    let away = if somebody.away { ", away" } else { "" };
    (somebody.id.clone(), format!("{} ({}{away})", somebody.name, somebody.role.as_str()))
}

fn chat(line: &ChatLine) -> String {
    format!("<{}> {}", line.sender_name, line.text)
}

fn refused(refusal: &Refusal) -> String {
    let code = refusal.code.map(|code| format!("{code} ")).unwrap_or_default();
    format!("refused: {code}{}", refusal.message)
}

fn shown(place: MediaTime) -> String {
    let seconds = place.seconds();
    let (hours, minutes) = ((seconds / 3600.0).floor(), (seconds / 60.0).floor() % 60.0);
    format!("{hours:02}:{minutes:02}:{:04.1}", (seconds % 60.0 * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signal_proto::event::parse_server;

    use super::*;

    fn hear(room: &mut Room, now: Instant, name: &str, payload: &Value) -> Option<String> {
        room.hear(now, parse_server(name, Some(payload)).expect("sound").expect("known"))
    }

    fn joined() -> (Room, Instant) {
        let now = Instant::now();
        let mut room = Room::new(now, "ABC1".into(), "Ana".into(), "a".into());
        let people =
            json!([{"id": "a", "name": "Ana", "role": "host"}, {"id": "b", "name": "Be\u{1b}a", "role": "viewer"}]);
        let answer = json!({"success": true, "sessionToken": "t", "participantId": "a",
            "room": {"code": "ABC1", "role": "host", "participants": people}});
        let told = hear(&mut room, now, "room-joined", &answer).unwrap();
        assert_eq!(told, "room ABC1; here: Ana (host), Bea (viewer)");
        (room, now)
    }

    #[test]
    fn creates_joins_and_comes_back_by_its_token() {
        let now = Instant::now();
        let mut room = Room::new(now, String::new(), "Ana".into(), "a".into());
        let (name, payload) = room.greeting(now);
        assert!(
            signal_proto::event::parse_client(name, Some(&payload)).is_ok_and(|event| event.is_some()),
            "{payload}"
        );
        assert_eq!((name, room.probe(now)), ("create-room", None), "nobody to ask before there is a room");
        let (mut room, now) = joined();
        let (name, payload) = room.greeting(now);
        assert!(
            signal_proto::event::parse_client(name, Some(&payload)).is_ok_and(|event| event.is_some()),
            "{payload}"
        );
        assert_eq!((name, &payload["code"], &payload["sessionToken"]), ("join-room", &json!("ABC1"), &json!("t")));
        let plain = json!({"success": true, "room": {"code": "MYROOM", "role": "host"}});
        let mut alone = Room::new(now, String::new(), "Ana".into(), "a".into());
        assert_eq!(hear(&mut alone, now, "room-created", &plain).unwrap(), "room MYROOM; here: Ana");
        let refused = json!({"success": false, "code": "S002", "message": "no"});
        assert_eq!(hear(&mut room, now, "room-joined", &refused).unwrap(), "refused: S002 no");
    }

    #[test]
    fn the_place_follows_the_rooms_clock() {
        let (mut room, now) = joined();
        assert_eq!(room.place(now), "the room's clock is not known yet");
        let n = room.probe(now).unwrap()["n"].clone();
        hear(&mut room, now, "sync-check", &json!({"n": n, "t1": 5000, "timestamp": 5000}));
        let play =
            json!({"time": 60.0, "actionId": "p", "startAt": 6000, "timestamp": 5500, "by": "b", "seq": 1, "epoch": 0});
        let told = hear(&mut room, now, "sync-play", &play);
        assert_eq!(told.unwrap(), "the film plays at 00:01:00.0 (Bea (viewer))");
        assert_eq!(room.place(now), "00:01:00.0 starting (clock within 0 ms)");
        assert_eq!(room.place(now + Duration::from_secs(3)), "00:01:02.0 playing (clock within 0 ms)");
        let snapshot = json!({"time": 70.0, "type": "play", "at": 5000, "seq": 1, "epoch": 0});
        assert_eq!(hear(&mut room, now, "playback-snapshot", &json!({"playback": snapshot})), None);
        assert_eq!(room.place(now), "00:01:10.0 playing (clock within 0 ms)");
    }

    #[test]
    fn a_server_without_anchors_moves_the_film_when_it_says_so() {
        let (mut room, now) = joined();
        let n = room.probe(now).unwrap()["n"].clone();
        hear(&mut room, now, "sync-check", &json!({"n": n, "t1": 5000, "timestamp": 5000}));
        hear(&mut room, now, "sync-play", &json!({"time": 60.0, "actionId": "p"}));
        let later = now + Duration::from_secs(2);
        let told = hear(&mut room, later, "sync-seek", &json!({"time": 3661.5, "actionId": "s"}));
        assert_eq!(told.unwrap(), "the film goes on at 01:01:01.5 (the room)");
        assert_eq!(room.place(later), "01:01:01.5 playing (clock within 0 ms)");
        hear(&mut room, later, "sync-pause", &json!({"time": 5.0, "actionId": "q"}));
        assert_eq!(room.place(later + Duration::from_secs(9)), "00:00:05.0 paused (clock within 0 ms)");
    }

    #[test]
    fn people_come_change_and_go() {
        let (mut room, now) = joined();
        let cem = json!({"id": "c", "name": "Cem"});
        assert_eq!(hear(&mut room, now, "participant-joined", &cem).unwrap(), "Cem (viewer) came");
        let cem = json!({"id": "c", "name": "Cem", "role": "cohost", "away": true});
        assert_eq!(hear(&mut room, now, "participant-updated", &cem).unwrap(), "Cem (cohost, away)");
        assert_eq!(
            hear(&mut room, now, "host-changed", &json!({"id": "c"})).unwrap(),
            "Cem (cohost, away) is host now"
        );
        assert_eq!(hear(&mut room, now, "participant-left", &json!({"id": "c"})).unwrap(), "Cem (cohost, away) left");
        assert_eq!(hear(&mut room, now, "participant-left", &json!({"id": "c"})), None);
        assert_eq!(room.people(), "here: Ana (host), Bea (viewer)");
    }
}

//! A name and a payload become an event.

use serde_json::{Map, Value};

use super::client::{Capabilities, ClientEvent, FilmNews, HostLeft, Mode, Relay, RelayKind, Report, RoomSnapshot};
use super::fields::{Fields, refused};
use crate::error::{Code, Problem};
use crate::ids::{ActionId, ParticipantId, RoomCode};
use crate::limits::{
    ACTION_ID_LEN_MAX, CAPABILITIES_LEN_MAX, CHAT_CHARS_MAX, CHOSEN_MAX, MAGNET_LEN_MAX, NAME_CHARS_MAX, ORDER_MAX,
    PARTICIPANT_ID_LEN_MAX, PATH_LEN_MAX, SDP_LEN_MAX, TITLE_CHARS_MAX, TOKEN_LEN_MAX,
};
use crate::roles::Role;
use crate::sync::gate::WaitPolicy;
use crate::time::Rate;

/// Reads an event of a client. `None` for one that we do not know.
///
/// `payload` is the event's first argument, if it has one.
pub fn parse_client(name: &str, payload: Option<&Value>) -> Result<Option<ClientEvent>, Problem> {
    let empty = Map::new();
    let map = match payload {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(map)) => map,
        Some(_) => return Err(refused(format!("`{}` takes one object", known(name)))),
    };
    event(name, &Fields(map))
        .map_err(|problem| Problem { message: format!("{}: {}", known(name), problem.message), ..problem })
}

/// What a forecast may be: a number of seconds, a word or a small object.
const FORECAST: &str = "at most 256 bytes of JSON";

fn is_small(value: &Value) -> bool {
    value.to_string().len() <= 256
}

/// A stranger's name is not repeated at length.
fn known(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

fn event(name: &str, fields: &Fields<'_>) -> Result<Option<ClientEvent>, Problem> {
    let action = || fields.must("actionId", ACTION, ActionId::read);
    let relay = |kind| relay(kind, fields).map(ClientEvent::Relay);
    Ok(Some(match name {
        "create-room" => create(fields)?,
        "join-room" => join(fields)?,
        "leave-room" => ClientEvent::LeaveRoom,
        "torrent-magnet" => ClientEvent::TorrentMagnet {
            magnet: magnet(fields, "magnetURI")?,
            stream_path: fields.text_maybe("streamPath", PATH_LEN_MAX)?,
            name: title_maybe(fields)?,
        },
        "movie-loaded" => ClientEvent::MovieLoaded(film_news(fields.0)?),
        "media-cleared" => ClientEvent::MediaCleared,
        "sync-play" => ClientEvent::SyncPlay(fields.time("time")?, action()?),
        "sync-pause" => ClientEvent::SyncPause(fields.time("time")?, action()?),
        "sync-seek" => ClientEvent::SyncSeek(fields.time("time")?, action()?),
        "sync-check" => {
            let number = fields.count_maybe("n")?;
            let sent = fields.number_maybe("t0")?;
            ClientEvent::SyncCheck { probe: number.map(|number| (sent.unwrap_or(0.0), number)) }
        }
        "sync-report" => ClientEvent::SyncReport(report(fields)?),
        "sync-correct" => ClientEvent::SyncCorrect {
            time: fields.time("playbackTime")?,
            playing: fields.flag("playing")?,
            action_id: action()?,
        },
        "ready-state" => ClientEvent::ReadyState {
            epoch: fields.count("epoch")?,
            seq: fields.count("seq")?,
            ready: fields.flag("ready")?,
            ahead: fields.number_maybe("ahead")?,
            forecast: fields.maybe("forecast", FORECAST, |value| is_small(value).then(|| value.clone()))?,
        },
        "set-rate" => {
            let rate = fields.must("rate", "a rate from 0.5 to 2", |value| value.as_f64().and_then(Rate::new))?;
            ClientEvent::SetRate(rate, action()?)
        }
        "start-anyway" => ClientEvent::StartAnyway,
        "watch-reports" => ClientEvent::WatchReports(fields.flag("on")?),
        "set-spectating" => ClientEvent::SetSpectating(fields.flag("on")?),
        "start-webrtc" => ClientEvent::StartWebrtc {
            to: fields.text("peerId", PARTICIPANT_ID_LEN_MAX)?,
            initiator: fields.flag("initiator")?,
        },
        "offer" => relay(RelayKind::Offer)?,
        "answer" => relay(RelayKind::Answer)?,
        "ice-candidate" => relay(RelayKind::IceCandidate)?,
        "ready-for-connection" => ClientEvent::ReadyForConnection,
        "call-state" => ClientEvent::CallState {
            audio: fields.flag("audio")?,
            video: fields.flag("video")?,
            screen: fields.flag_or_false("screen")?,
        },
        "leave-call" => ClientEvent::LeaveCall,
        "get-ice-servers" => ClientEvent::GetIceServers,
        "subtitle-shared" => ClientEvent::SubtitleShared {
            magnet: magnet(fields, "magnet")?,
            name: fields.shown("name", TITLE_CHARS_MAX)?,
            language: fields.text_maybe("language", ACTION_ID_LEN_MAX)?,
        },
        "chat-message" => ClientEvent::ChatMessage {
            text: fields.shown("text", CHAT_CHARS_MAX)?,
            client_id: fields.text_maybe("clientId", ACTION_ID_LEN_MAX)?,
            media_time: fields.time_maybe("mediaTime")?,
        },
        "claim-host" => ClientEvent::ClaimHost,
        "set-control-mode" => ClientEvent::SetControlMode(mode(fields)?),
        "set-role" => {
            let role = fields.must("role", "host, cohost or viewer", |value| Role::parse(value.as_str()?))?;
            ClientEvent::SetRole(other(fields)?, role)
        }
        "kick" => ClientEvent::Kick(other(fields)?),
        "lock-room" => ClientEvent::LockRoom(fields.flag("locked")?),
        "set-policy" => policy(fields)?,
        "end-room" => ClientEvent::EndRoom,
        _ => return Ok(None),
    }))
}

fn create(fields: &Fields<'_>) -> Result<ClientEvent, Problem> {
    let asked = fields.text_maybe("requestedCode", PARTICIPANT_ID_LEN_MAX)?.filter(|text| !text.trim().is_empty());
    let requested_code = asked.map(|text| RoomCode::parse(&text).ok_or(Problem::from(Code::S003))).transpose()?;
    let participant = fields.participant("participantId")?;
    let name = fields.shown("name", NAME_CHARS_MAX)?;
    Ok(ClientEvent::CreateRoom { participant, name, capabilities: capabilities(fields)?, requested_code })
}

fn join(fields: &Fields<'_>) -> Result<ClientEvent, Problem> {
    let code = fields.must("code", "a string", Value::as_str)?;
    Ok(ClientEvent::JoinRoom {
        code: RoomCode::parse(code),
        participant: fields.participant("participantId")?,
        name: fields.shown("name", NAME_CHARS_MAX)?,
        capabilities: capabilities(fields)?,
        session_token: fields.text_maybe("sessionToken", TOKEN_LEN_MAX)?,
        snapshot: fields.maybe("snapshot", "an object", Value::as_object)?.map(snapshot).transpose()?,
    })
}

fn capabilities(fields: &Fields<'_>) -> Result<Capabilities, Problem> {
    let Some(map) = fields.maybe("capabilities", "an object", Value::as_object)? else {
        return Ok(Capabilities::default());
    };
    let shown = Value::Object(map.clone());
    if shown.to_string().len() > CAPABILITIES_LEN_MAX {
        return Err(refused(format!("the field `capabilities` is longer than {CAPABILITIES_LEN_MAX} bytes")));
    }
    let own = Fields(map);
    Ok(Capabilities { sync: own.count_maybe("sync")?.unwrap_or(0), version: own.count_maybe("version")?, shown })
}

fn report(fields: &Fields<'_>) -> Result<Report, Problem> {
    let mut more = Map::new();
    for name in ["at", "epoch", "seq", "ahead", "rate", "rtt"] {
        if let Some(number) = fields.maybe(name, "a number", |value| value.is_number().then(|| value.clone()))? {
            more.insert(name.to_owned(), number);
        }
    }
    if let Some(ready) = fields.maybe("ready", "true or false", Value::as_bool)? {
        more.insert("ready".to_owned(), ready.into());
    }
    Ok(Report {
        time: fields.time("playbackTime")?,
        playing: fields.flag("playing")?,
        buffering: fields.flag_or_false("buffering")?,
        drift: fields.number_maybe("drift")?,
        more,
    })
}

fn snapshot(map: &Map<String, Value>) -> Result<RoomSnapshot, Problem> {
    let fields = Fields(map);
    let magnet = map.contains_key("magnet").then(|| magnet(&fields, "magnet")).transpose()?;
    Ok(RoomSnapshot {
        order: (order(&fields, "epoch")?, order(&fields, "seq")?),
        playing: fields.flag("playing")?,
        position: fields.time("position")?,
        // A clock that stepped may have made it a fraction.
        age_ms: fields.must("age", "milliseconds", millis)?,
        magnet,
        movie: fields.maybe("movie", "an object", Value::as_object)?.map(film_news).transpose()?,
        kicked: fields.maybe("kicked", CHOSEN, participants)?.unwrap_or_default(),
    })
}

fn order(fields: &Fields<'_>, field: &str) -> Result<u64, Problem> {
    fields.must(field, "a whole number from 0 to 2^48", |value| value.as_u64().filter(|count| *count <= ORDER_MAX))
}

fn film_news(map: &Map<String, Value>) -> Result<FilmNews, Problem> {
    let fields = Fields(map);
    Ok(FilmNews { name: fields.shown("name", TITLE_CHARS_MAX)?, duration: fields.time_maybe("duration")? })
}

fn millis(value: &Value) -> Option<u64> {
    let rounded = || {
        let ms = value.as_f64().filter(|ms| (0.0..1e15).contains(ms))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1e15")]
        let ms = ms as u64;
        Some(ms)
    };
    value.as_u64().or_else(rounded)
}

/// What an action's id may be.
const ACTION: &str = "a number, or a string of at most 128 bytes";
const _: () = assert!(ACTION_ID_LEN_MAX == 128, "the words say the number");

/// What a list of people may be.
const CHOSEN: &str = "a list of at most 64 participants' ids";
const _: () = assert!(CHOSEN_MAX == 64, "the words say the number");

fn participants(value: &Value) -> Option<Vec<ParticipantId>> {
    let list = value.as_array().filter(|list| list.len() <= CHOSEN_MAX)?;
    list.iter().map(|id| ParticipantId::of_token(id.as_str()?)).collect()
}

fn magnet(fields: &Fields<'_>, field: &str) -> Result<String, Problem> {
    let expected = format!("a link of at most {MAGNET_LEN_MAX} bytes that begins with magnet:?");
    fields.must(field, &expected, |value| {
        let link = value.as_str()?;
        (link.starts_with("magnet:?") && link.len() <= MAGNET_LEN_MAX).then(|| link.to_owned())
    })
}

fn title_maybe(fields: &Fields<'_>) -> Result<Option<String>, Problem> {
    let is_there = fields.maybe("name", "a string", Value::as_str)?.is_some_and(|name| !name.trim().is_empty());
    is_there.then(|| fields.shown("name", TITLE_CHARS_MAX)).transpose()
}

fn relay(kind: RelayKind, fields: &Fields<'_>) -> Result<Relay, Problem> {
    let expected = format!("an object of at most {SDP_LEN_MAX} bytes");
    let body = fields.must(kind.field(), &expected, |value| {
        (value.is_object() && value.to_string().len() <= SDP_LEN_MAX).then(|| value.clone())
    })?;
    Ok(Relay { kind, to: fields.text("to", PARTICIPANT_ID_LEN_MAX)?, body })
}

/// Somebody else, whose id may have a number appended by us.
fn other(fields: &Fields<'_>) -> Result<ParticipantId, Problem> {
    fields.must("id", "a participant's id", |value| ParticipantId::of_token(value.as_str()?))
}

fn mode(fields: &Fields<'_>) -> Result<Mode, Problem> {
    let name = fields.must("mode", "host, everyone or chosen", Value::as_str)?;
    match name {
        "host" => Ok(Mode::Host),
        "everyone" => Ok(Mode::Everyone),
        "chosen" => {
            let chosen = fields.must("participants", CHOSEN, participants)?;
            Ok(Mode::Chosen(chosen))
        }
        _ => Err(refused("the field `mode` must be host, everyone or chosen")),
    }
}

fn policy(fields: &Fields<'_>) -> Result<ClientEvent, Problem> {
    let wait = fields.maybe("wait", "auto, wait or flow", |value| WaitPolicy::parse(value.as_str()?))?;
    let host_left = fields.maybe("hostLeft", "continue or pause", |value| match value.as_str()? {
        "continue" => Some(HostLeft::Continue),
        "pause" => Some(HostLeft::Pause),
        _ => None,
    })?;
    Ok(ClientEvent::SetPolicy(wait, host_left))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

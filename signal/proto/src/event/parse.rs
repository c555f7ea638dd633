//! A name and a payload become an event.

use serde_json::{Map, Value};

use super::client::{Capabilities, ClientEvent, FilmNews, HostLeft, Mode, Relay, RelayKind, Report, RoomSnapshot};
use super::fields::{Fields, payload_of, refused};
use crate::error::{Code, Problem};
use crate::ids::RoomCode;
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
    payload_of(name, payload, |fields| event(name, fields))
}

fn event(name: &str, fields: &Fields<'_>) -> Result<Option<ClientEvent>, Problem> {
    let action = || fields.action("actionId");
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
        "movie-loaded" => ClientEvent::MovieLoaded(film_news(fields)?),
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
            forecast: forecast(fields)?,
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
            ClientEvent::SetRole(fields.member("id")?, role)
        }
        "kick" => ClientEvent::Kick(fields.member("id")?),
        "lock-room" => ClientEvent::LockRoom(fields.flag("locked")?),
        "set-policy" => {
            let (wait, host_left) = policy(fields)?;
            ClientEvent::SetPolicy(wait, host_left)
        }
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
        snapshot: fields.inside_maybe("snapshot", snapshot)?,
    })
}

pub(super) fn capabilities(fields: &Fields<'_>) -> Result<Capabilities, Problem> {
    let said = fields.inside_maybe("capabilities", |own| {
        let shown = Value::Object(own.map().clone());
        if shown.to_string().len() > CAPABILITIES_LEN_MAX {
            return Err(refused(format!("the field `capabilities` is longer than {CAPABILITIES_LEN_MAX} bytes")));
        }
        Ok(Capabilities { sync: own.count_maybe("sync")?.unwrap_or(0), version: own.count_maybe("version")?, shown })
    })?;
    Ok(said.unwrap_or_default())
}

/// What a client expects of its line: a number of seconds, a word or a small object.
pub(super) fn forecast(fields: &Fields<'_>) -> Result<Option<Value>, Problem> {
    let is_small = |value: &Value| value.to_string().len() <= 256;
    fields.maybe("forecast", "at most 256 bytes of JSON", |value| is_small(value).then(|| value.clone()))
}

pub(super) fn report(fields: &Fields<'_>) -> Result<Report, Problem> {
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

fn snapshot(fields: &Fields<'_>) -> Result<RoomSnapshot, Problem> {
    let magnet = fields.map().contains_key("magnet").then(|| magnet(fields, "magnet")).transpose()?;
    Ok(RoomSnapshot {
        order: (order(fields, "epoch")?, order(fields, "seq")?),
        playing: fields.flag("playing")?,
        position: fields.time("position")?,
        // A clock that stepped may have made it a fraction.
        age_ms: fields.must("age", "milliseconds", millis)?,
        magnet,
        movie: fields.inside_maybe("movie", film_news)?,
        kicked: fields.members("kicked", CHOSEN_MAX)?,
    })
}

fn order(fields: &Fields<'_>, field: &str) -> Result<u64, Problem> {
    fields.must(field, "a whole number from 0 to 2^48", |value| value.as_u64().filter(|count| *count <= ORDER_MAX))
}

pub(super) fn film_news(fields: &Fields<'_>) -> Result<FilmNews, Problem> {
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

pub(super) fn magnet(fields: &Fields<'_>, field: &str) -> Result<String, Problem> {
    let expected = format!("a link of at most {MAGNET_LEN_MAX} bytes that begins with magnet:?");
    fields.must(field, &expected, |value| {
        let link = value.as_str()?;
        (link.starts_with("magnet:?") && link.len() <= MAGNET_LEN_MAX).then(|| link.to_owned())
    })
}

pub(super) fn title_maybe(fields: &Fields<'_>) -> Result<Option<String>, Problem> {
    let is_there = fields.maybe("name", "a string", Value::as_str)?.is_some_and(|name| !name.trim().is_empty());
    is_there.then(|| fields.shown("name", TITLE_CHARS_MAX)).transpose()
}

fn relay(kind: RelayKind, fields: &Fields<'_>) -> Result<Relay, Problem> {
    Ok(Relay { kind, body: relayed(kind, fields)?, to: fields.text("to", PARTICIPANT_ID_LEN_MAX)? })
}

/// What is relayed, unread.
pub(super) fn relayed(kind: RelayKind, fields: &Fields<'_>) -> Result<Value, Problem> {
    let expected = format!("an object of at most {SDP_LEN_MAX} bytes");
    fields.must(kind.field(), &expected, |value| {
        (value.is_object() && value.to_string().len() <= SDP_LEN_MAX).then(|| value.clone())
    })
}

fn mode(fields: &Fields<'_>) -> Result<Mode, Problem> {
    let name = fields.must("mode", "host, everyone or chosen", Value::as_str)?;
    match name {
        "host" => Ok(Mode::Host),
        "everyone" => Ok(Mode::Everyone),
        "chosen" => Ok(Mode::Chosen(fields.members_must("participants", CHOSEN_MAX)?)),
        _ => Err(refused("the field `mode` must be host, everyone or chosen")),
    }
}

pub(super) fn policy(fields: &Fields<'_>) -> Result<(Option<WaitPolicy>, Option<HostLeft>), Problem> {
    let wait = fields.maybe("wait", "auto, wait or flow", |value| WaitPolicy::parse(value.as_str()?))?;
    let host_left = fields.maybe("hostLeft", "continue or pause", |value| match value.as_str()? {
        "continue" => Some(HostLeft::Continue),
        "pause" => Some(HostLeft::Pause),
        _ => None,
    })?;
    Ok((wait, host_left))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

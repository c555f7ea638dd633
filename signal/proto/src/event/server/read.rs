//! Reads what events carry, field by field.

use serde_json::Value;

use super::shapes::{
    ChatLine, Entered, IceServer, Moved, Participant, Policy, Refusal, Relayed, RoomShown, RoomState, Rules, Secret,
    Snapshot, Swarm,
};
use crate::error::{Code, Problem};
use crate::event::client::RelayKind;
use crate::event::fields::{Fields, refused};
use crate::event::parse::{capabilities, policy, relayed};
use crate::ids::{ActionId, RoomCode};
use crate::limits::{
    ACTION_ID_LEN_MAX, CHAT_CHARS_MAX, CHOSEN_MAX, ICE_SERVERS_MAX, ICE_TEXT_LEN_MAX, ICE_URLS_MAX, MEMBERS_TOLD_MAX,
    NAME_CHARS_MAX, TOKEN_LEN_MAX, WORDS_CHARS_MAX,
};
use crate::playback::{Anchor, PlaybackState};
use crate::roles::{ControlMode, Role};
use crate::time::{MediaTime, Rate};

pub(super) fn entered(fields: &Fields<'_>) -> Result<Result<Box<Entered>, Refusal>, Problem> {
    if !fields.flag("success")? {
        return refusal(fields).map(Err);
    }
    Ok(Ok(Box::new(Entered {
        room: fields.inside("room", room)?,
        id: fields.member_maybe("participantId")?,
        session_token: fields.text_maybe("sessionToken", TOKEN_LEN_MAX)?.map(Secret),
        peer: fields.socket_maybe("peerId")?,
        ice_servers: fields.list_maybe("iceServers", ICE_SERVERS_MAX, ice_server)?.unwrap_or_default(),
        swarm: fields.inside_maybe("swarm", swarm)?,
    })))
}

fn room(fields: &Fields<'_>) -> Result<RoomShown, Problem> {
    Ok(RoomShown {
        code: fields.must("code", "a room's code", |value| RoomCode::parse(value.as_str()?))?,
        role: fields.must("role", ROLES, role)?,
        host: fields.member_maybe("host")?,
        participants: fields.list_maybe("participants", MEMBERS_TOLD_MAX, participant)?.unwrap_or_default(),
        rules: fields.has("controlMode").then(|| rules(fields, "chosen")).transpose()?,
    })
}

fn swarm(fields: &Fields<'_>) -> Result<Swarm, Problem> {
    Ok(Swarm {
        key: fields.must("key", "16 bytes in hexadecimal", hex)?,
        own: fields.must("self", "20 bytes in hexadecimal", hex)?,
    })
}

pub(super) fn participant(fields: &Fields<'_>) -> Result<Participant, Problem> {
    Ok(Participant {
        id: fields.member("id")?,
        name: fields.words("name", NAME_CHARS_MAX)?,
        role: fields.maybe("role", ROLES, role)?.unwrap_or(Role::Viewer),
        peer: fields.socket_maybe("peerId")?,
        capabilities: capabilities(fields)?,
        away: fields.flag_or_false("away")?,
        in_call: fields.flag_or_false("inCall")?,
        spectating: fields.flag_or_false("spectating")?,
    })
}

/// `chosen` is the field that names who else controls.
pub(super) fn rules(fields: &Fields<'_>, chosen: &str) -> Result<Rules, Problem> {
    let mode = fields.must("controlMode", "a mode of control", Value::as_str)?;
    let control = match mode {
        "host" => ControlMode::Host,
        "everyone" => ControlMode::Everyone,
        "chosen" => ControlMode::Chosen(fields.members(chosen, CHOSEN_MAX)?.into_iter().collect()),
        _ => return Err(refused("the field `controlMode` must be host, everyone or chosen")),
    };
    let (wait, host_left) = fields.inside("policy", policy)?;
    let policy = Policy { wait: wait.unwrap_or_default(), host_left: host_left.unwrap_or_default() };
    Ok(Rules { control, locked: fields.flag_or_false("locked")?, policy })
}

pub(super) fn refusal(fields: &Fields<'_>) -> Result<Refusal, Problem> {
    let code = fields.maybe("code", "a string", Value::as_str)?;
    Ok(Refusal {
        message: fields.words_maybe("message", WORDS_CHARS_MAX)?.unwrap_or_default(),
        code: code.and_then(Code::parse),
        retryable: fields.maybe("retryable", "true or false", Value::as_bool)?,
        hint: fields.words_maybe("hint", WORDS_CHARS_MAX)?,
        wait: fields.delay_maybe("wait")?,
    })
}

pub(super) fn moved(fields: &Fields<'_>, state: PlaybackState) -> Result<Moved, Problem> {
    let (time, action_id) = (fields.time("time")?, fields.action("actionId")?);
    Ok(Moved { time, anchor: anchor(fields, state, "timestamp", time, &action_id)?, action_id })
}

pub(super) fn snapshot(fields: &Fields<'_>) -> Result<Snapshot, Problem> {
    let time = fields.time("time")?;
    let playing = fields.must("type", "play or pause", |value| match value.as_str()? {
        "play" => Some(true),
        "pause" => Some(false),
        _ => None,
    })?;
    let waiting_on = fields.members("waitingOn", MEMBERS_TOLD_MAX)?;
    let state = match (playing, waiting_on.is_empty()) {
        (true, _) => PlaybackState::Playing,
        (false, false) => PlaybackState::Waiting,
        (false, true) => PlaybackState::Paused,
    };
    let anchor = anchor(fields, state, "at", time, &unnamed())?;
    Ok(Snapshot { time, playing, anchor, duration: fields.time_maybe("duration")?, waiting_on })
}

pub(super) fn room_state(fields: &Fields<'_>) -> Result<RoomState, Problem> {
    let state = fields.must("state", "playing, paused or waiting", |value| match value.as_str()? {
        "playing" => Some(PlaybackState::Playing),
        "paused" => Some(PlaybackState::Paused),
        "waiting" => Some(PlaybackState::Waiting),
        _ => None,
    })?;
    let action_id = fields.action_maybe("actionId")?.unwrap_or_else(unnamed);
    let anchor = anchor(fields, state, "at", fields.time("time")?, &action_id)?;
    Ok(RoomState {
        anchor: anchor.ok_or_else(|| refused("missing field `epoch`, `seq` or `at`"))?,
        waiting_on: fields.members("waitingOn", MEMBERS_TOLD_MAX)?,
        deadline: fields.moment_maybe("deadline")?,
        without: fields.members("without", MEMBERS_TOLD_MAX)?,
    })
}

/// An action that nobody is told the name of.
fn unnamed() -> ActionId {
    ActionId::from("")
}

/// The anchor that an event's fields say, if they say so much. `said_at` is the field of the moment when the film is at
/// `position`; a start that is scheduled has its own.
fn anchor(
    fields: &Fields<'_>,
    state: PlaybackState,
    said_at: &str,
    position: MediaTime,
    action_id: &ActionId,
) -> Result<Option<Anchor>, Problem> {
    let starts_at = fields.moment_maybe("startAt")?.filter(|_| state == PlaybackState::Playing);
    let at = starts_at.or(fields.moment_maybe(said_at)?);
    let (epoch, seq) = (fields.count_maybe("epoch")?, fields.count_maybe("seq")?);
    let rate = fields.maybe("rate", "a rate from 0.5 to 2", |value| value.as_f64().and_then(Rate::new))?;
    let by = fields.member_maybe("by")?;
    let (Some(epoch), Some(seq), Some(at)) = (epoch, seq, at) else { return Ok(None) };
    let (rate, action_id) = (rate.unwrap_or(Rate::ONE), action_id.clone());
    Ok(Some(Anchor { epoch, seq, state, position, at, rate, action_id, by }))
}

pub(super) fn relay(kind: RelayKind, fields: &Fields<'_>) -> Result<Relayed, Problem> {
    let (from, id) = (fields.socket("from")?, fields.member_maybe("fromParticipant")?);
    Ok(Relayed { kind, from, id, body: relayed(kind, fields)? })
}

pub(super) fn ice_server(fields: &Fields<'_>) -> Result<IceServer, Problem> {
    Ok(IceServer {
        urls: fields.must("urls", "an address, or a list of at most 64", urls)?,
        username: fields.text_maybe("username", ICE_TEXT_LEN_MAX)?,
        credential: fields.text_maybe("credential", ICE_TEXT_LEN_MAX)?.map(Secret),
    })
}

const _: () = assert!(ICE_URLS_MAX == 64, "the words say the number");

fn urls(value: &Value) -> Option<Vec<String>> {
    let one = |url: &Value| url.as_str().filter(|url| url.len() <= ICE_TEXT_LEN_MAX).map(str::to_owned);
    match value.as_array() {
        Some(many) if many.len() <= ICE_URLS_MAX => many.iter().map(one).collect(),
        Some(_) => None,
        None => one(value).map(|url| vec![url]),
    }
}

pub(super) fn chat_line(fields: &Fields<'_>) -> Result<ChatLine, Problem> {
    Ok(ChatLine {
        id: fields.text("id", ACTION_ID_LEN_MAX)?,
        sender: fields.member("senderId")?,
        sender_name: fields.words("sender", NAME_CHARS_MAX)?,
        sender_role: fields.must("senderRole", ROLES, role)?,
        text: fields.words("text", CHAT_CHARS_MAX)?,
        timestamp: fields.moment("timestamp")?,
        client_id: fields.text_maybe("clientId", ACTION_ID_LEN_MAX)?,
        media_time: fields.time_maybe("mediaTime")?,
    })
}

const ROLES: &str = "host, cohost or viewer";

fn role(value: &Value) -> Option<Role> {
    Role::parse(value.as_str()?)
}

/// Why, in a word or a sentence.
pub(super) fn word(fields: &Fields<'_>) -> Result<Option<String>, Problem> {
    fields.words_maybe("reason", WORDS_CHARS_MAX)
}

fn hex<const LEN: usize>(value: &Value) -> Option<[u8; LEN]> {
    let digits = value.as_str().filter(|text| text.len() == 2 * LEN)?.as_bytes();
    let mut bytes = [0; LEN];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(bytes)
}

//! A name and a payload become an event.

use serde_json::Value;

use super::ServerEvent;
use super::read::{
    chat_line, entered, ice_server, moved, participant, refusal, relay, room_state, rules, snapshot, word,
};
use super::shapes::{FilmShared, Secret, Subtitle};
use crate::error::Problem;
use crate::event::client::RelayKind;
use crate::event::fields::{Fields, payload_of};
use crate::event::parse::{film_news, forecast, magnet, report, title_maybe};
use crate::limits::{
    ACTION_ID_LEN_MAX, CHAT_KEPT, ICE_SERVERS_MAX, MEMBERS_TOLD_MAX, PATH_LEN_MAX, TITLE_CHARS_MAX, TOKEN_LEN_MAX,
};
use crate::playback::PlaybackState;
use crate::sync::clock::Answer;

/// Reads an event of a server, or an acknowledgement that carries the same. `None` for an event that we do not know.
///
/// `payload` is the event's first argument, if it has one.
///
/// # Errors
/// [`Problem`] with S013 names the event and the field that is missing, of the wrong kind or too long: the server does not keep
/// the contract.
pub fn parse_server(name: &str, payload: Option<&Value>) -> Result<Option<ServerEvent>, Problem> {
    payload_of(name, payload, |fields| event(name, fields))
}

fn event(name: &str, fields: &Fields<'_>) -> Result<Option<ServerEvent>, Problem> {
    let relay = |kind| relay(kind, fields).map(ServerEvent::Relayed);
    Ok(Some(match name {
        "room-created" => ServerEvent::RoomCreated(entered(fields)?),
        "room-joined" => ServerEvent::RoomJoined(entered(fields)?),
        "session-token" => ServerEvent::SessionToken(Secret(fields.text("sessionToken", TOKEN_LEN_MAX)?)),
        "participant-list" => {
            ServerEvent::ParticipantList(fields.list("participants", MEMBERS_TOLD_MAX, participant)?)
        }
        "participant-joined" => ServerEvent::ParticipantJoined(participant(fields)?),
        "participant-updated" => ServerEvent::ParticipantUpdated(participant(fields)?),
        "participant-left" => ServerEvent::ParticipantLeft { id: fields.member("id")?, reason: word(fields)? },
        "host-away" => {
            ServerEvent::HostAway { id: fields.member("id")?, grace: fields.delay_maybe("grace")?.unwrap_or_default() }
        }
        "host-changed" => ServerEvent::HostChanged {
            id: fields.member("id")?,
            previous: fields.member_maybe("previous")?,
            reason: word(fields)?,
        },
        "room-updated" => ServerEvent::RoomUpdated(rules(fields, "participants")?),
        "room-closing" => ServerEvent::RoomClosing { within: fields.delay("in")?, reason: word(fields)? },
        "server-restarting" => ServerEvent::ServerRestarting { retry_after: fields.delay("retryAfter")? },
        "torrent-magnet" => ServerEvent::TorrentMagnet(FilmShared {
            magnet: magnet(fields, "magnetURI")?,
            stream_path: fields.text_maybe("streamPath", PATH_LEN_MAX)?,
            name: title_maybe(fields)?,
            epoch: fields.count_maybe("epoch")?,
            by: fields.member_maybe("by")?,
        }),
        "movie-loaded" => ServerEvent::MovieLoaded(film_news(fields)?),
        "media-cleared" => {
            ServerEvent::MediaCleared { by: fields.member_maybe("by")?, epoch: fields.count_maybe("epoch")? }
        }
        "subtitle-shared" => ServerEvent::SubtitleShared(Subtitle {
            magnet: magnet(fields, "magnet")?,
            name: fields.words("name", TITLE_CHARS_MAX)?,
            language: fields.text_maybe("language", ACTION_ID_LEN_MAX)?,
            by: fields.member_maybe("by")?,
        }),
        "playback-snapshot" => ServerEvent::PlaybackSnapshot(fields.inside("playback", snapshot)?),
        "room-state" => ServerEvent::RoomState(room_state(fields)?),
        "sync-play" => ServerEvent::SyncPlay(moved(fields, PlaybackState::Playing)?),
        "sync-pause" => ServerEvent::SyncPause(moved(fields, PlaybackState::Paused)?),
        "sync-seek" => {
            let starts = fields.moment_maybe("startAt")?.is_some();
            let state = if starts { PlaybackState::Playing } else { PlaybackState::Paused };
            ServerEvent::SyncSeek(moved(fields, state)?)
        }
        "sync-correct" => ServerEvent::SyncCorrect {
            time: fields.time("playbackTime")?,
            playing: fields.flag("playing")?,
            action_id: fields.action("actionId")?,
        },
        "sync-check" => match fields.count_maybe("n")? {
            Some(n) => {
                let (t1, timestamp) = (fields.moment("t1")?, fields.moment("timestamp")?);
                ServerEvent::ClockAnswer(Answer { n, t1, timestamp })
            }
            None => ServerEvent::ReportWanted,
        },
        "sync-report" => ServerEvent::SyncReport {
            id: fields.member("participantId")?,
            report: report(fields)?,
            timestamp: fields.moment_maybe("timestamp")?,
        },
        "ready-state" => ServerEvent::ReadyState {
            id: fields.member("id")?,
            ready: fields.flag("ready")?,
            ahead: fields.number_maybe("ahead")?,
            forecast: forecast(fields)?,
        },
        "start-webrtc" => ServerEvent::StartWebrtc {
            peer: fields.socket("peerId")?,
            id: fields.member_maybe("id")?,
            initiator: fields.flag("initiator")?,
        },
        "offer" => relay(RelayKind::Offer)?,
        "answer" => relay(RelayKind::Answer)?,
        "ice-candidate" => relay(RelayKind::IceCandidate)?,
        "call-state" => ServerEvent::CallState {
            id: fields.member("id")?,
            peer: fields.socket("peerId")?,
            audio: fields.flag("audio")?,
            video: fields.flag("video")?,
            screen: fields.flag_or_false("screen")?,
        },
        "peer-left" => ServerEvent::PeerLeft { peer: fields.socket("peerId")?, id: fields.member_maybe("id")? },
        "ice-servers" => ServerEvent::IceServers {
            servers: fields.list("iceServers", ICE_SERVERS_MAX, ice_server)?,
            ttl: fields.delay_maybe("ttl")?,
        },
        "chat-message" => ServerEvent::ChatMessage(chat_line(fields)?),
        "chat-history" => ServerEvent::ChatHistory(fields.list("messages", CHAT_KEPT, chat_line)?),
        "error" => ServerEvent::Error(refusal(fields)?),
        _ => return Ok(None),
    }))
}

//! Reads strangers' packets: every number bounded before it is believed, JSON measured before it is parsed, attachments
//! collected until they are all there.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::packet::{Args, Packet};
use crate::engineio::Message;
use crate::json::{self, JsonError};
use crate::limits::{ATTACHMENTS_MAX, JSON_DEPTH_MAX, MESSAGE_LEN_MAX, NAMESPACE_LEN_MAX};

/// Messages that are not Socket.IO. The connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No packet type, or one that protocol 5 does not have.
    #[error("unknown packet type")]
    Type,
    /// More bytes than allowed, attachments included.
    #[error("longer than allowed")]
    Long,
    /// A namespace that is none.
    #[error("malformed namespace")]
    Namespace,
    /// An acknowledgement's number is missing, or no number.
    #[error("malformed acknowledgement id")]
    Id,
    /// How many attachments is missing, or no number.
    #[error("malformed attachment count")]
    AttachmentCount,
    /// More than `ATTACHMENTS_MAX`.
    #[error("more than {ATTACHMENTS_MAX} attachments")]
    Attachments,
    /// A placeholder that stands for nothing, or for what another one stands for already.
    #[error("placeholder out of place")]
    Placeholder,
    /// Not JSON, or too deep.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// JSON of the wrong form: no list, no name, a reserved name.
    #[error("malformed payload")]
    Payload,
    /// Bytes that no packet announced.
    #[error("binary without a packet")]
    UnexpectedBinary,
    /// Text while attachments are to come.
    #[error("text in place of an attachment")]
    MissingBinary,
}

/// Puts packets together. After an error it is of no use: the connection ends.
#[derive(Debug)]
pub struct Decoder {
    len_max: usize,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    packet: Packet,
    missing: usize,
    bytes: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(MESSAGE_LEN_MAX)
    }
}

impl Decoder {
    /// One that takes packets of at most so many bytes.
    pub const fn new(len_max: usize) -> Self {
        Self { len_max, waiting: None }
    }

    /// Takes one message; `None` while attachments are missing.
    pub fn handle_message(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        match message {
            Message::Text(text) => self.on_text(&text),
            Message::Binary(bytes) => self.on_binary(bytes),
        }
    }

    fn on_text(&mut self, text: &str) -> Result<Option<Packet>, DecodeError> {
        if self.waiting.is_some() {
            return Err(DecodeError::MissingBinary);
        }
        if text.len() > self.len_max {
            return Err(DecodeError::Long);
        }
        let (packet, missing) = decode_text(text)?;
        if missing == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Waiting { packet, missing, bytes: text.len() });
        Ok(None)
    }

    fn on_binary(&mut self, bytes: Bytes) -> Result<Option<Packet>, DecodeError> {
        let mut waiting = self.waiting.take().ok_or(DecodeError::UnexpectedBinary)?;
        waiting.bytes += bytes.len();
        if waiting.bytes > self.len_max {
            return Err(DecodeError::Long);
        }
        match &mut waiting.packet {
            Packet::Event { args, .. } | Packet::Ack { args, .. } => args.attachments.push(bytes),
            Packet::Connect { .. } | Packet::Disconnect { .. } | Packet::ConnectError { .. } => {
                return Err(DecodeError::UnexpectedBinary);
            }
        }
        waiting.missing -= 1;
        if waiting.missing == 0 {
            return Ok(Some(waiting.packet));
        }
        self.waiting = Some(waiting);
        Ok(None)
    }
}

/// A packet, and how many attachments are to come.
fn decode_text(text: &str) -> Result<(Packet, usize), DecodeError> {
    let kind = *text.as_bytes().first().ok_or(DecodeError::Type)?;
    let rest = text.get(1..).filter(|_| (b'0'..=b'6').contains(&kind)).ok_or(DecodeError::Type)?;
    let is_binary = matches!(kind, b'5' | b'6');
    let (attachments, rest) = if is_binary { attachment_count(rest)? } else { (0, rest) };
    let (namespace, rest) = namespace(rest)?;
    let (id, rest) = ack_id(rest)?;
    let data = if rest.is_empty() { None } else { Some(json::parse(rest, JSON_DEPTH_MAX)?) };
    let packet = match kind {
        b'0' if id.is_none() => match data {
            None | Some(Value::Object(_)) => Packet::Connect { namespace, data },
            Some(_) => return Err(DecodeError::Payload),
        },
        b'1' if id.is_none() && data.is_none() => Packet::Disconnect { namespace },
        b'4' if id.is_none() => match data {
            Some(data @ (Value::Object(_) | Value::String(_))) => Packet::ConnectError { namespace, data },
            Some(_) | None => return Err(DecodeError::Payload),
        },
        b'2' | b'5' => {
            let mut values = list(data)?;
            let name = if values.is_empty() { Value::Null } else { values.remove(0) };
            let Value::String(name) = name else { return Err(DecodeError::Payload) };
            if RESERVED.contains(&name.as_str()) {
                return Err(DecodeError::Payload);
            }
            check_placeholders(&values, attachments)?;
            Packet::Event { namespace, id, name, args: Args { values, attachments: Vec::new() } }
        }
        b'3' | b'6' => {
            let values = list(data)?;
            check_placeholders(&values, attachments)?;
            let id = id.ok_or(DecodeError::Id)?;
            Packet::Ack { namespace, id, args: Args { values, attachments: Vec::new() } }
        }
        b'0' | b'1' | b'4' => return Err(DecodeError::Payload),
        _ => return Err(DecodeError::Type),
    };
    Ok((packet, attachments))
}

/// What clients' libraries raise themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

fn attachment_count(text: &str) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = text.split_once('-').ok_or(DecodeError::AttachmentCount)?;
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(DecodeError::AttachmentCount);
    }
    let count = digits.parse().map_err(|_| DecodeError::AttachmentCount)?;
    if count > ATTACHMENTS_MAX { Err(DecodeError::Attachments) } else { Ok((count, rest)) }
}

fn namespace(text: &str) -> Result<(String, &str), DecodeError> {
    if !text.starts_with('/') {
        return Ok(("/".to_owned(), text));
    }
    // A packet without data may end with the namespace, with or without its comma.
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    // A query after the name is of older protocols; it is no part of the name.
    let name = name.split('?').next().unwrap_or(name);
    let is_name = name.len() <= NAMESPACE_LEN_MAX && !name.chars().any(char::is_control);
    if is_name { Ok((name.to_owned(), rest)) } else { Err(DecodeError::Namespace) }
}

fn ack_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = text.split_at(digits);
    match digits {
        0 => Ok((None, rest)),
        // Clients count from 0 in doubles: 2^53 is the most there can be.
        1..=16 => Ok((Some(id.parse().map_err(|_| DecodeError::Id)?), rest)),
        _ => Err(DecodeError::Id),
    }
}

fn list(data: Option<Value>) -> Result<Vec<Value>, DecodeError> {
    match data {
        Some(Value::Array(values)) => Ok(values),
        Some(_) | None => Err(DecodeError::Payload),
    }
}

/// Each attachment has exactly one placeholder, and each placeholder an attachment.
fn check_placeholders(values: &[Value], attachments: usize) -> Result<(), DecodeError> {
    let mut seen = [false; ATTACHMENTS_MAX];
    // Depth is bounded, so a list of what is still to be looked at is as well as a recursion, and as short.
    let mut open: Vec<&Value> = values.iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) if map.get("_placeholder") == Some(&Value::Bool(true)) => {
                let number = placeholder(map).filter(|number| *number < attachments).ok_or(DecodeError::Placeholder)?;
                if std::mem::replace(&mut seen[number], true) {
                    return Err(DecodeError::Placeholder);
                }
            }
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let all = seen.iter().filter(|seen| **seen).count() == attachments;
    if all { Ok(()) } else { Err(DecodeError::Placeholder) }
}

fn placeholder(map: &Map<String, Value>) -> Option<usize> {
    map.get("num")?.as_u64().and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;

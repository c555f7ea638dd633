//! Packets, and writing them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::engineio::Message;
use crate::payload::Payload;

/// Arguments of an event or an acknowledgement. Binary ones are `{"_placeholder":true,"num":n}` in `values`, and the
/// bytes are `attachments[n]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// The arguments; of an event without its name.
    pub values: Vec<Value>,
    /// What the placeholders stand for.
    pub attachments: Vec<Bytes>,
}

/// One packet (Socket.IO protocol 5, "Packet encoding").
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// `0`: asks for a namespace with authentication data, or grants it with `{"sid"}`.
    Connect {
        /// `/` or `/custom`.
        namespace: String,
        /// What comes with it.
        data: Option<Value>,
    },
    /// `1`.
    Disconnect {
        /// Which namespace is left.
        namespace: String,
    },
    /// `2`, or `5` with attachments.
    Event {
        /// Where.
        namespace: String,
        /// Set if an acknowledgement is asked for.
        id: Option<u64>,
        /// The event's name.
        name: String,
        /// What it carries.
        args: Args,
    },
    /// `3`, or `6` with attachments.
    Ack {
        /// Where.
        namespace: String,
        /// Which event is answered.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// `4`: the namespace is refused.
    ConnectError {
        /// Which one.
        namespace: String,
        /// `{"message"}`.
        data: Value,
    },
}

impl Args {
    /// One payload without attachments, as all our events have it.
    pub fn one(payload: Value) -> Self {
        Self { values: vec![payload], attachments: Vec::new() }
    }
}

impl Packet {
    /// As messages: the text, then the attachments in order.
    pub fn encode(&self) -> Vec<Message> {
        match self {
            Self::Connect { namespace, data } => {
                let data = data.as_ref().map(Value::to_string).unwrap_or_default();
                vec![Message::Text(format!("0{}{data}", prefix(namespace)))]
            }
            Self::Disconnect { namespace } => vec![Message::Text(format!("1{}", prefix(namespace)))],
            Self::Event { namespace, id, name, args } => {
                // A list of references would save the copy of what is large; `Value` cannot hold any, so it is joined here.
                let mut list = json!(name).to_string();
                for value in &args.values {
                    list.push(',');
                    list.push_str(&value.to_string());
                }
                with_attachments(['2', '5'], namespace, *id, &list, &args.attachments)
            }
            Self::Ack { namespace, id, args } => {
                let list: Vec<String> = args.values.iter().map(Value::to_string).collect();
                with_attachments(['3', '6'], namespace, Some(*id), &list.join(","), &args.attachments)
            }
            Self::ConnectError { namespace, data } => vec![Message::Text(format!("4{}{data}", prefix(namespace)))],
        }
    }
}

/// An event with one payload in the main namespace, as the whole text that Socket.IO sends: `2["name",payload]`.
///
/// It is the same for everybody who hears it. A server makes it once of what its lobby wants emitted, and gives each connection's
/// [`engineio::Session`](crate::engineio::Session) a copy as `Input::Send`, past the connection's Socket.IO session: who is in the
/// lobby has been granted the namespace, and an event that asks for no acknowledgement leaves no trace there.
pub fn event_message(name: &str, payload: &Payload) -> Message {
    let mut text = String::with_capacity(name.len() + payload.as_str().len() + 6);
    text.push_str("2[");
    text.push_str(&json!(name).to_string());
    for part in [",", payload.as_str(), "]"] {
        text.push_str(part);
    }
    Message::Text(text)
}

/// The answer to the event of that number in the main namespace, in the same way: `3number[payload]`.
pub fn ack_message(id: u64, payload: &Payload) -> Message {
    Message::Text(format!("3{id}[{}]", payload.as_str()))
}

fn with_attachments(
    [plain, binary]: [char; 2],
    namespace: &str,
    id: Option<u64>,
    list: &str,
    attachments: &[Bytes],
) -> Vec<Message> {
    let kind = match attachments.len() {
        0 => plain.to_string(),
        count => format!("{binary}{count}-"),
    };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let text = Message::Text(format!("{kind}{}{id}[{list}]", prefix(namespace)));
    std::iter::once(text).chain(attachments.iter().cloned().map(Message::Binary)).collect()
}

/// The main namespace is left out.
fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_once_travels_like_any_packet() {
        let value = json!({ "text": "\"ö\u{7}", "list": [1, 2.5, null] });
        let payload = Payload::from(value.clone());
        for name in ["chat-message", "a \"name\""] {
            let namespace = "/".to_owned();
            let event = Packet::Event { namespace, id: None, name: name.to_owned(), args: Args::one(value.clone()) };
            assert_eq!([event_message(name, &payload)], *event.encode());
        }
        let ack = Packet::Ack { namespace: "/".to_owned(), id: 12, args: Args::one(value) };
        assert_eq!([ack_message(12, &payload)], *ack.encode());
    }
}

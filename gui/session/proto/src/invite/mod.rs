//! Invitations: what a person pastes, and what they are given to send.

mod find;

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use signal_proto::ids::RoomCode;

use crate::limits::{INVITE_KEY_LEN_MAX, INVITE_LEN_MAX};
use crate::server_url::{ServerUrl, ServerUrlError};

/// What leads into a room.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// The room, as written; shown by its `Display`: `ABC1-2345`.
    pub code: RoomCode,
    /// The server that has it, if that was said.
    pub server: Option<ServerUrl>,
    /// What comes after `#k=`: reserved for sealed rooms, carried along and not used. Secret.
    pub key: Option<String>,
}

/// Why text is no invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// There is nothing.
    #[error("there is nothing; paste an invitation, or type a code such as ABC1-2345")]
    Empty,
    /// Too many bytes.
    #[error("this is longer than {INVITE_LEN_MAX} bytes; paste only the invitation")]
    TooLong,
    /// No code and no link is in it.
    #[error("there is no code and no invitation in this; a code looks like ABC1-2345")]
    NoCode,
    /// It would be a code but for that.
    #[error("`{}` cannot be in a code: letters from A to Z, digits and hyphens can", .0.escape_debug())]
    Symbol(char),
    /// So many letters and digits are no code.
    #[error("a code has 4 to 32 letters and digits, and this has {0}")]
    Length(usize),
    /// A link, but none of ours.
    #[error(
        "this link is no invitation; one looks like https://share.example/j/ABC1-2345 or sharestream://join/ABC1-2345"
    )]
    NotOurs,
    /// The server in the link is none.
    #[error("the server in this invitation: {0}")]
    Server(#[from] ServerUrlError),
}

/// What may stand in a query unescaped (RFC 3986 section 3.4), of what addresses are made of.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

/// The same for a fragment, but for what a sentence may end with.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

impl Invite {
    /// An invitation into a room of a server.
    pub const fn new(code: RoomCode, server: Option<ServerUrl>) -> Self {
        Self { code, server, key: None }
    }

    /// From whatever a person pastes: a code in any case, with or without hyphens; one of our links, also in the middle of a
    /// message and with the marks around it that chat programs leave.
    ///
    /// # Errors
    /// When there is none in it; says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InviteError> {
        if text.len() > INVITE_LEN_MAX {
            return Err(InviteError::TooLong);
        }
        let text = find::plain(text);
        if text.trim().is_empty() {
            return Err(InviteError::Empty);
        }
        let mut first_error = None;
        for link in find::links(&text) {
            match Self::of_link(link) {
                Ok(invite) => return Ok(invite),
                // A message may have other links around ours; what is wrong with ours is worth more than that.
                Err(error) if first_error.is_none() || first_error == Some(InviteError::NotOurs) => {
                    first_error = Some(error);
                }
                Err(_) => {}
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => find::code(&text).map(|code| Self::new(code, None)),
        }
    }

    /// `sharestream://join/ABC1-2345?s=wss://share.example`: opens the app.
    pub fn app_link(&self) -> String {
        let server = self.server.as_ref().map(|server| format!("?s={}", utf8_percent_encode(&server.socket(), QUERY)));
        format!("sharestream://join/{}{}{}", self.code, server.unwrap_or_default(), self.fragment())
    }

    /// `https://share.example/j/ABC1-2345`: the server's page opens the app or says how to get it. `None` without a server.
    pub fn web_link(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        Some(format!("{}/j/{}{}", server.signal(), self.code, self.fragment()))
    }

    /// `https://share.example/j/ABC1-2345/remote#t=TICKET`: a phone that opens it controls the film, by the public name
    /// [`remote_id`] while nobody else has come under it. `None` without a server.
    pub fn remote_link(&self, ticket: &str) -> Option<String> {
        let server = self.server.as_ref()?;
        Some(format!("{}/j/{}/remote#t={ticket}", server.signal(), self.code))
    }

    fn fragment(&self) -> String {
        self.key.as_ref().map(|key| format!("#k={}", utf8_percent_encode(key, FRAGMENT))).unwrap_or_default()
    }

    fn of_link(link: &str) -> Result<Self, InviteError> {
        let (link, fragment) = link.split_once('#').unwrap_or((link, ""));
        let (link, query) = link.split_once('?').unwrap_or((link, ""));
        let (scheme, rest) = link.split_once(':').ok_or(InviteError::NotOurs)?;
        let rest = rest.trim_start_matches('/').trim_end_matches('/');
        let (code, server) = if scheme.eq_ignore_ascii_case("sharestream") {
            let (what, code) = rest.split_once('/').ok_or(InviteError::NotOurs)?;
            if !what.eq_ignore_ascii_case("join") {
                return Err(InviteError::NotOurs);
            }
            let server = value(query, "s").filter(|server| !server.trim().is_empty());
            (code, server.map(|server| ServerUrl::parse(&server)).transpose())
        } else if ["https", "http"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
            let (host, path) = rest.split_once('/').ok_or(InviteError::NotOurs)?;
            let code = path.strip_prefix("j/").or_else(|| path.strip_prefix("J/")).ok_or(InviteError::NotOurs)?;
            let code = code.strip_suffix("/remote").unwrap_or(code);
            (code, ServerUrl::parse(&format!("{scheme}://{host}")).map(Some))
        } else {
            return Err(InviteError::NotOurs);
        };
        let code = decoded(code).ok_or(InviteError::NoCode)?;
        let key = value(fragment, "k").filter(|key| (1..=INVITE_KEY_LEN_MAX).contains(&key.len()));
        Ok(Self { code: find::checked(&code)?, server: server?, key })
    }
}

/// The public name of whoever opens [`Invite::remote_link`] with that ticket.
pub fn remote_id(ticket: &str) -> String {
    format!("remote-{ticket}")
}

/// Without the key.
impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "…");
        f.debug_struct("Invite").field("code", &self.code).field("server", &self.server).field("key", &key).finish()
    }
}

/// The first value of that name in `a=b&c=d`.
fn value(query: &str, name: &str) -> Option<String> {
    let pair =
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case(name)))?;
    decoded(pair.1)
}

/// `None` when the escapes are no text, or hide what moves cursors.
fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains(char::is_control)).then(|| text.into_owned())
}

#[cfg(test)]
mod tests;

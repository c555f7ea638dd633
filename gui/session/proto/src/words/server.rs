//! The server's codes.

use signal_proto::error::Code;

use super::{Context, Words, named, sentence};
use crate::view::{Action, Level};

pub(super) fn words(code: Code, context: &Context<'_>) -> Words {
    let (host, server, next) = (context.host(), context.server(), context.next_try());
    let room = named(context.room).map_or_else(|| "such room".to_owned(), |code| format!("room {code}"));
    let (level, title, text, action) = match code {
        Code::S001 if context.in_room => (
            Level::Warning,
            format!("Can't reach {server}"),
            format!("Playing continues; chat and sync resume when the server is back.{next}"),
            Action::Retry,
        ),
        Code::S001 => (
            Level::Error,
            format!("Can't reach {server}"),
            format!("No room can be entered until it answers. Check your connection and the server's address.{next}"),
            Action::Retry,
        ),
        Code::S002 => (
            Level::Error,
            format!("There is no {room} on {server}"),
            "You cannot come in. It may have ended, the code may be mistyped, or the room is on another server.".to_owned(),
            Action::EditInvite,
        ),
        Code::S003 => (
            Level::Error,
            "This cannot be a room's code".to_owned(),
            "Codes are 4 to 32 letters and digits; hyphens are only for reading. Check it, or paste the whole invitation."
                .to_owned(),
            Action::EditInvite,
        ),
        Code::S004 => (
            Level::Error,
            "Another room has this code".to_owned(),
            "Your room was not made. Choose another code, or let the server draw one.".to_owned(),
            Action::EditInvite,
        ),
        Code::S005 => (
            Level::Error,
            "There is no place left".to_owned(),
            format!("You cannot come in until somebody leaves. Tell {host} that you are waiting.{next}"),
            Action::AskHost,
        ),
        Code::S006 => (
            Level::Error,
            "The room is locked".to_owned(),
            format!("Nobody new comes in. Ask {host} to open it, then try again."),
            Action::AskHost,
        ),
        Code::S007 => (
            Level::Error,
            "You were removed from the room".to_owned(),
            format!("You cannot come back by yourself. Ask {host} to invite you again."),
            Action::AskHost,
        ),
        Code::S008 => (
            Level::Info,
            "You may not do that in this room".to_owned(),
            format!("Nothing was changed. Ask {host} to give you control."),
            Action::AskHost,
        ),
        Code::S009 => (
            Level::Error,
            "This app is too old for the server".to_owned(),
            "You cannot come in with it. Update ShareStream; your rooms stay.".to_owned(),
            Action::Update,
        ),
        Code::S010 => (
            Level::Info,
            "That was too much at once".to_owned(),
            format!("{} did not take it. Wait a moment, then do it again.{next}", sentence(&server)),
            Action::Wait,
        ),
        Code::S011 => (
            Level::Warning,
            format!("{} is away", sentence(&host)),
            "What only the host can do waits until then. You can go on watching and chatting.".to_owned(),
            Action::Wait,
        ),
        Code::S012 => (
            Level::Warning,
            format!("{} is restarting", sentence(&server)),
            format!("Playing continues; the app comes back into the room by itself.{next}"),
            Action::Wait,
        ),
        Code::S013 => (
            Level::Warning,
            format!("{} refused what was said", sentence(&server)),
            "The others did not get it. It may be too long, or app and server are of different versions.".to_owned(),
            Action::Dismiss,
        ),
        Code::S014 => (
            Level::Info,
            "That person is not in the room".to_owned(),
            "Nothing was changed. They may just have left.".to_owned(),
            Action::Dismiss,
        ),
        Code::S015 => (
            Level::Warning,
            "The call is full".to_owned(),
            "You can go on watching and chatting. There is place once somebody leaves the call.".to_owned(),
            Action::Wait,
        ),
    };
    Words { level, title, text, action }
}

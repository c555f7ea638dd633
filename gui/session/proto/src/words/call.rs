//! The call's codes.

use super::{CallCode, Context, Words};
use crate::view::{Action, Level};

pub(super) fn words(code: CallCode, context: &Context<'_>) -> Words {
    let (title, text, action) = match code {
        CallCode::W001 => (
            "Calls are not available on this computer".to_owned(),
            "You can still watch and chat; the others do not hear or see you.".to_owned(),
            Action::Dismiss,
        ),
        CallCode::W002 => (
            "Your microphone or camera cannot be used".to_owned(),
            "The others do not hear or see you; you hear and see them. It may be unplugged, muted by the system, in use by \
             another program, or not allowed to ShareStream."
                .to_owned(),
            Action::Retry,
        ),
        CallCode::W003 => (
            format!("Can't connect your call with {}", context.other()),
            "The film is not affected. Both networks may block direct connections.".to_owned(),
            Action::Retry,
        ),
    };
    Words { level: Level::Warning, title, text, action }
}

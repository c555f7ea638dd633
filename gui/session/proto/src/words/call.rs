//! The call's codes.

use super::names::{English, German};
use super::{CallCode, Context, Words, in_both};
use crate::view::{Action, Level};

pub(super) fn words(code: CallCode, context: &Context<'_>) -> Words {
    let l = context.language;
    let (English { other, .. }, German { den_anderen, .. }) = (English::of(context), German::of(context));
    let (title, text, action) = match code {
        CallCode::W001 => (
            in_both!(l, "Calls are not available on this computer", "Auf diesem Computer kannst du nicht mitsprechen"),
            in_both!(
                l,
                "You can still watch and chat; the others do not hear or see you.",
                "Mitschauen und chatten kannst du trotzdem; die anderen hören und sehen dich nicht."
            ),
            Action::Dismiss,
        ),
        CallCode::W002 => (
            in_both!(
                l,
                "Your microphone or camera cannot be used",
                "Dein Mikrofon oder deine Kamera lässt sich nicht benutzen"
            ),
            in_both!(
                l,
                "The others do not hear or see you; you hear and see them. It may be unplugged, muted by the system, in use by \
                 another program, or not allowed to ShareStream.",
                "Die anderen hören und sehen dich nicht, du sie schon. Vielleicht ist das Gerät nicht angesteckt, vom System \
                 stummgeschaltet, von einem anderen Programm belegt oder für ShareStream nicht freigegeben."
            ),
            Action::Retry,
        ),
        CallCode::W003 => (
            in_both!(
                l,
                "Can't connect your call with {other}",
                "Die Sprachverbindung mit {den_anderen} kommt nicht zustande"
            ),
            in_both!(
                l,
                "The film is not affected. Both networks may block direct connections.",
                "Der Film läuft davon ungestört weiter. Vielleicht lassen beide Netze keine direkten Verbindungen zu."
            ),
            Action::Retry,
        ),
    };
    Words { level: Level::Warning, title, text, action }
}

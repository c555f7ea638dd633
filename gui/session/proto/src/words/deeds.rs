//! What not everybody may do, and what those who may not are told: "Only the host can pause".

use super::{Language, Words, in_both};
use crate::view::{Action, Level};

/// What is done to a film or a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Play,
    Pause,
    Jump,
    ChangeSpeed,
    StartFilm,
    ChooseFilm,
    EndFilm,
    GiveControl,
    GiveRoles,
    RemoveSomebody,
    LockRoom,
    SetWaiting,
    SetWithoutHost,
    EndRoom,
    /// Whatever the server refused.
    That,
}

/// "Only the host can …": `host_is_known` if there is one.
pub(crate) fn not_allowed(deed: Deed, host_is_known: bool, l: Language) -> Words {
    let deed = deed.infinitive(l);
    let title = if host_is_known {
        in_both!(l, "Only the host can {deed}", "Nur der Host kann {deed}")
    } else {
        in_both!(l, "Only a host can {deed}", "Nur ein Host kann {deed}")
    };
    let text = in_both!(
        l,
        "Ask for control in the chat; the host can give it to you or to everyone.",
        "Frag im Chat danach; der Host kann dich oder alle steuern lassen."
    );
    Words { level: Level::Info, title, text, action: Action::AskHost }
}

impl Deed {
    /// What comes after "can".
    const fn infinitive(self, l: Language) -> &'static str {
        match self {
            Self::Play => l.of("play", "den Film starten"),
            Self::Pause => l.of("pause", "den Film anhalten"),
            Self::Jump => l.of("jump in the film", "im Film springen"),
            Self::ChangeSpeed => l.of("change the speed", "das Tempo ändern"),
            Self::StartFilm => l.of("start the film", "den Film sofort starten"),
            Self::ChooseFilm => l.of("choose the film", "den Film aussuchen"),
            Self::EndFilm => l.of("end the film", "den Film beenden"),
            Self::GiveControl => l.of("give control", "andere steuern lassen"),
            Self::GiveRoles => l.of("give roles", "Rollen vergeben"),
            Self::RemoveSomebody => l.of("remove somebody", "jemanden entfernen"),
            Self::LockRoom => l.of("lock the room", "den Raum abschließen"),
            Self::SetWaiting => l.of("set how the room waits", "festlegen, wie der Raum wartet"),
            Self::SetWithoutHost => l.of("set what happens without the host", "festlegen, was ohne Host passiert"),
            Self::EndRoom => l.of("end the room", "den Raum für alle beenden"),
            Self::That => l.of("do that", "das"),
        }
    }
}

#[cfg(test)]
impl Deed {
    pub(super) const ALL: [Self; 15] = [
        Self::Play,
        Self::Pause,
        Self::Jump,
        Self::ChangeSpeed,
        Self::StartFilm,
        Self::ChooseFilm,
        Self::EndFilm,
        Self::GiveControl,
        Self::GiveRoles,
        Self::RemoveSomebody,
        Self::LockRoom,
        Self::SetWaiting,
        Self::SetWithoutHost,
        Self::EndRoom,
        Self::That,
    ];
}

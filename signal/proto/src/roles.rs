//! Who may do what in a room.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::ParticipantId;

/// A participant's standing. Ordered: who comes first inherits first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The one whose room it is.
    Host,
    /// May control what plays, and inherits the room first.
    Cohost,
    /// Everybody else.
    Viewer,
}

/// Who controls playback beside the host and cohosts.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ControlMode {
    /// Nobody.
    #[default]
    Host,
    /// Everybody.
    Everyone,
    /// These.
    Chosen(BTreeSet<ParticipantId>),
}

/// What an action asks of the one who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Move playback, choose the film.
    Control,
    /// Change the room: roles, locks, policies, its end.
    Manage,
}

impl Role {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Cohost => "cohost",
            Self::Viewer => "viewer",
        }
    }

    /// From the wire.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Host, Self::Cohost, Self::Viewer].into_iter().find(|role| role.as_str() == text)
    }
}

impl ControlMode {
    /// As it travels.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Everyone => "everyone",
            Self::Chosen(_) => "chosen",
        }
    }

    /// Whether somebody has a power in a room of this mode.
    pub fn allows(&self, power: Power, who: &ParticipantId, role: Role) -> bool {
        match (power, role) {
            (Power::Manage, role) => role == Role::Host,
            (Power::Control, Role::Host | Role::Cohost) => true,
            (Power::Control, Role::Viewer) => match self {
                Self::Host => false,
                Self::Everyone => true,
                Self::Chosen(chosen) => chosen.contains(who),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_control_and_who_may_manage() {
        let [ann, bea] = ["ann", "bea"].map(|name| ParticipantId::parse(name).unwrap());
        let chosen = ControlMode::Chosen([bea.clone()].into());
        let table = [
            (ControlMode::Host, &ann, false),
            (ControlMode::Everyone, &ann, true),
            (chosen.clone(), &ann, false),
            (chosen, &bea, true),
        ];
        for (mode, who, viewer_may) in table {
            assert_eq!(mode.allows(Power::Control, who, Role::Viewer), viewer_may, "{mode:?} {who}");
            assert!(mode.allows(Power::Control, who, Role::Cohost));
            assert!(mode.allows(Power::Control, who, Role::Host));
            assert!(mode.allows(Power::Manage, who, Role::Host));
            assert!(!mode.allows(Power::Manage, who, Role::Cohost));
            assert!(!mode.allows(Power::Manage, who, Role::Viewer));
        }
    }

    #[test]
    fn roles_travel_by_name_and_inherit_in_order() {
        for role in [Role::Host, Role::Cohost, Role::Viewer] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("HOST"), None);
        assert!(Role::Cohost < Role::Viewer);
    }
}

//! What processes of one server ask of the store between them, and what it answers. Each request is done at once and whole.
//!
//! The store knows which processes live (a lease that runs out), who owns each room, and each room as its owner kept it last. A
//! room's owner is one whose lease runs; its room can be claimed from the moment it does not.

use std::time::Duration;

use super::NodeId;
use crate::ids::RoomKey;

/// A question to the store. They are carried out in order, with the letters between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// This process lives, for [`LEASE`](crate::limits::LEASE) from now on.
    Renew {
        /// Comes back in the answer.
        mark: u64,
    },
    /// This process ends: its rooms are free at once.
    Resign,
    /// Which of these do not live any more?
    Alive(Vec<NodeId>),
    /// Claim a code for a new room.
    Create(RoomKey),
    /// Who owns a room? If nobody living does, and it is kept: this process from now on.
    Find {
        /// Which.
        key: RoomKey,
        /// Claim it also when nothing is kept of it: somebody here remembers it.
        form: bool,
    },
    /// Keep a room that is this process's own.
    Save {
        /// Which.
        key: RoomKey,
        /// As [`Lobby::keep_room`](crate::lobby::Lobby::keep_room) wrote it.
        text: String,
    },
    /// A room of this process is no more.
    Release(RoomKey),
}

/// What the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAnswer {
    /// The lease runs again.
    Renewed {
        /// The request's.
        mark: u64,
        /// It did not run before: others may have claimed rooms of this process meanwhile.
        is_new: bool,
    },
    /// These do not live.
    Dead(Vec<NodeId>),
    /// The answer to [`StoreRequest::Create`].
    Created {
        /// Which.
        key: RoomKey,
        /// Whose it is.
        claimed: Claimed,
    },
    /// The answer to [`StoreRequest::Find`].
    Found {
        /// Which.
        key: RoomKey,
        /// What came of it.
        found: Found,
    },
    /// A room was not kept: it is another process's.
    NotOurs(RoomKey),
}

/// What came of [`StoreRequest::Create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The code is this process's.
    Ours,
    /// Another room has it.
    Taken,
    /// See [`Found::NotYet`].
    NotYet,
}

/// Whose a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// That process's.
    At(NodeId),
    /// This process's, from now on or already.
    Ours {
        /// How often it was claimed.
        claim: u64,
        /// As it was kept last, and how long ago.
        kept: Option<(String, Duration)>,
    },
    /// Nobody's, and nothing is kept of it.
    Nowhere,
    /// The store began a moment ago, or this process's lease does not run: nothing can be claimed yet.
    NotYet,
}

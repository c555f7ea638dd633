//! What rooms are told of the server they are on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ids::ParticipantId;
use crate::time::{ServerClock, ServerTime};
use crate::token::Signer;
use crate::turn_credentials::turn_credentials;

/// Credentials are not renewed more often than this, however short their life.
const RENEWAL_MIN: Duration = Duration::from_secs(1);

/// The same for all rooms of a server.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The rooms' clock.
    pub clock: ServerClock,
    /// Signs tokens.
    pub signer: Signer,
    /// A host that is away this long is replaced.
    pub host_grace: Duration,
    /// Anybody else that is away this long has left.
    pub away_grace: Duration,
    /// An empty room waits this long for its people.
    pub room_idle: Duration,
    /// A room gets no older.
    pub room_max_age: Duration,
    /// Members of a room.
    pub members_max: usize,
    /// What calls go through.
    pub ice: IceSetting,
}

/// STUN and TURN servers for calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceSetting {
    /// URLs of STUN servers.
    pub stun: Vec<String>,
    /// URLs of TURN servers.
    pub turn: Vec<String>,
    /// How clients prove themselves to those.
    pub turn_auth: TurnAuth,
    /// How long credentials are valid.
    pub ttl: Duration,
}

/// How clients prove themselves to a TURN server.
#[derive(Clone, PartialEq, Eq)]
pub enum TurnAuth {
    /// There is none.
    None,
    /// One name and password for everybody.
    Static {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A secret shared with the server makes credentials that run out (coturn's `use-auth-secret`).
    Secret(Vec<u8>),
}

impl Setting {
    /// The contract's values, for a server that starts now.
    pub fn usual(clock: ServerClock, signer: Signer) -> Self {
        Self {
            clock,
            signer,
            host_grace: Duration::from_secs(60),
            away_grace: Duration::from_secs(10),
            room_idle: Duration::from_secs(30 * 60),
            room_max_age: Duration::from_secs(24 * 3600),
            members_max: crate::limits::ROOM_MEMBERS_MAX,
            ice: IceSetting {
                stun: Vec::new(),
                turn: Vec::new(),
                turn_auth: TurnAuth::None,
                ttl: Duration::from_secs(3600),
            },
        }
    }
}

impl IceSetting {
    /// What a browser's `RTCPeerConnection` takes as `iceServers`, for one participant.
    pub fn servers_for(&self, who: &ParticipantId, now: ServerTime) -> Value {
        let mut servers = Vec::new();
        if !self.stun.is_empty() {
            servers.push(json!({ "urls": self.stun }));
        }
        if !self.turn.is_empty() {
            servers.push(match &self.turn_auth {
                TurnAuth::None => json!({ "urls": self.turn }),
                TurnAuth::Static { username, password } => {
                    json!({ "urls": self.turn, "username": username, "credential": password })
                }
                TurnAuth::Secret(secret) => {
                    let given = turn_credentials(secret, who, now, self.ttl);
                    json!({ "urls": self.turn, "username": given.username, "credential": given.credential })
                }
            });
        }
        Value::Array(servers)
    }

    /// When credentials given now are renewed: at 80 % of their life. `None` when they do not run out.
    pub fn renewal(&self, now: Instant) -> Option<Instant> {
        matches!(self.turn_auth, TurnAuth::Secret(_)).then(|| now + (self.ttl * 4 / 5).max(RENEWAL_MIN))
    }
}

impl std::fmt::Debug for TurnAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Static { .. } => "Static { .. }",
            Self::Secret(_) => "Secret(..)",
        })
    }
}

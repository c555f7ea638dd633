//! A room as a person sees it. Everything that is drawn, printed or written as JSON is in here; nobody computes more of it.
//!
//! As JSON (`--headless`): names in camelCase, times of film in seconds, rates in bytes a second.

use serde::{Serialize, Serializer};
use signal_proto::roles::Role;

use crate::player::Track;

/// A room at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// How far in one is.
    pub phase: Phase,
    /// The room's code as people write it: `ABC1-2345`.
    pub code: Option<String>,
    /// One's own id.
    pub me: Option<String>,
    /// One's own role.
    #[serde(serialize_with = "role_or_null")]
    pub role: Option<Role>,
    /// One may move the film.
    pub may_control: bool,
    /// One may change the room.
    pub may_manage: bool,
    /// How the server is.
    pub server: Server,
    /// What the host set.
    pub rules: Option<Rules>,
    /// Everybody, oneself first, then by role and name.
    pub people: Vec<Person>,
    /// The film, once there is one.
    pub film: Option<Film>,
    /// Where the film is, and what is being done about it.
    pub playback: Playback,
    /// One is asked whether the film goes on where one left it; see [`crate::wish::Wish::Resume`].
    pub resume: Option<Resume>,
    /// What was said and what happened, the oldest first; bounded.
    pub chat: Vec<ChatItem>,
    /// Messages that are shown when one's own player is where the film was when they were written.
    pub held_back: u32,
    /// What is wrong now, the gravest first.
    pub notices: Vec<Notice>,
}

impl View {
    /// Whom the room waits for beside oneself, by name.
    pub fn others_waited_for(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.playback.waiting_on.iter().map(String::as_str).collect();
        let me = self.people.iter().find(|person| person.me && self.playback.waits_for_me);
        // Another one may be called the same.
        if let Some(at) = me.and_then(|me| names.iter().position(|name| *name == me.name)) {
            names.remove(at);
        }
        names
    }
}

/// How far in a room one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// There is no connection yet.
    #[default]
    Connecting,
    /// The server was asked for the room.
    Entering,
    /// In it; the connection may be lost meanwhile, see [`Server::connected`].
    InRoom,
    /// It is over.
    Ended,
}

/// The server's connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// There is one.
    pub connected: bool,
    /// Seconds until the next attempt, without one.
    pub retry_in: Option<f64>,
    /// The round trip of its clock's probes, in seconds.
    pub rtt: Option<f64>,
}

/// What the host of a room set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// `host`, `everyone` or `chosen`.
    pub control: &'static str,
    /// Nobody new comes in.
    pub locked: bool,
    /// `auto`, `wait` or `flow`.
    pub waiting: &'static str,
    /// The film pauses when the host leaves.
    pub pauses_without_host: bool,
}

/// Somebody in the room.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Unique in the room.
    pub id: String,
    /// Cleaned; may repeat.
    pub name: String,
    /// What they are here.
    #[serde(serialize_with = "role")]
    pub role: Role,
    /// It is oneself.
    pub me: bool,
    /// They are in the call.
    pub in_call: bool,
    /// They may move the film.
    pub may_control: bool,
    /// What they are doing.
    pub state: PersonState,
    /// Seconds that they are ahead of the room; negative is behind. Known to whoever may see reports.
    pub drift: Option<f64>,
    /// Seconds that are verified ahead of them.
    pub ahead: Option<f64>,
    /// Their round trip to the server, in seconds.
    pub rtt: Option<f64>,
    /// Where their player is, in seconds, when they last said so.
    pub position: Option<f64>,
}

/// What somebody is doing: never only a colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum PersonState {
    /// Nothing is known of them, or there is no film.
    Here,
    /// They can start.
    Ready,
    /// They wait for bytes.
    Buffering {
        /// Of what they need before they go on, where it is known.
        percent: Option<u8>,
    },
    /// They are further back than that is noticed.
    Behind {
        /// So much.
        seconds: f64,
    },
    /// They play faster to meet the room.
    CatchingUp,
    /// In step.
    InStep,
    /// Their connection is lost, and they may be back.
    Away,
    /// They only watch.
    Spectating,
}

/// The room's film, and how much of it is here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Film {
    /// Its name; cleaned.
    pub name: String,
    /// The torrent, in hex, once known.
    pub info_hash: Option<String>,
    /// Where a player on this machine finds it, once known.
    pub url: Option<String>,
    /// It is shared from this machine.
    pub shared_here: bool,
    /// What is being done for it.
    pub stage: Stage,
    /// Seconds, once known.
    pub duration: Option<f64>,
    /// Bytes; 0 while unknown.
    pub length: u64,
    /// 0 to 1 of what was ever verified.
    pub downloaded: f64,
    /// From others, bytes a second.
    pub download_rate: u64,
    /// To others, bytes a second.
    pub upload_rate: u64,
    /// What this line was measured to carry to others, bytes a second; 0 before it was ever busy.
    pub upload_capacity: u64,
    /// Connections to others who have it or want it.
    pub peers: u32,
    /// What is verified here, as parts of the film from 0 to 1: `[from, to]`, ascending, with its gaps.
    pub ranges: Vec<(f64, f64)>,
    /// Seconds verified without a gap from the playhead on.
    pub ahead: f64,
    /// What will come of playing on.
    pub forecast: Forecast,
    /// What can be chosen, once it is open.
    pub tracks: Vec<Track>,
}

/// What is being done for a film.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Stage {
    /// Its file is being read, before it can be shared.
    Hashing {
        /// 0 to 1.
        progress: f64,
        /// Seconds left, once that can be told.
        left: Option<f64>,
    },
    /// Those who have it are looked for.
    Looking {
        /// Seconds since.
        since: f64,
    },
    /// Its details are being fetched.
    Details,
    /// It arrives, and the player is being opened.
    Opening,
    /// It plays while it arrives.
    Arriving,
    /// All of it is here.
    Complete,
    /// Nothing arrives, since the disk is full.
    DiskFull,
    /// It cannot be had or played; the notices say why.
    Failed,
}

/// What will come of playing on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Forecast {
    /// Too little is known.
    Unknown,
    /// It plays to its end.
    PlaysThrough,
    /// Enough will be here soon.
    ReadyIn {
        /// Seconds.
        seconds: f64,
    },
    /// It stalls.
    Stalls {
        /// Seconds of playing until then.
        after: f64,
        /// Seconds to wait first, so that it does not; `None` while nothing arrives.
        unless_waiting: Option<f64>,
    },
}

/// Where the film is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Playback {
    /// What the room does.
    pub state: RoomState,
    /// Where the room is, in seconds.
    pub room_position: f64,
    /// Where the player is, in seconds, by its own word; `None` without one.
    pub position: Option<f64>,
    /// The player runs, by its own word.
    pub running: bool,
    /// The player waits for bytes.
    pub buffering: bool,
    /// How often it had to, while the room ran.
    pub stalls: u32,
    /// The room's speed.
    pub rate: f64,
    /// Seconds that the player is ahead of the room; negative is behind.
    pub drift: Option<f64>,
    /// What is done about that.
    pub correction: Correction,
    /// How one takes part.
    pub part: Part,
    /// Whom the room waits for, by name.
    pub waiting_on: Vec<String>,
    /// One is among them.
    pub waits_for_me: bool,
    /// Seconds until it goes on without them.
    pub waits_for: Option<f64>,
    /// Seconds until the start that is scheduled.
    pub starts_in: Option<f64>,
    /// The film's last frame was shown.
    pub ended: bool,
    /// Where the sound goes, as the system calls it, once the player said so.
    pub output: Option<String>,
    /// How much later than the player says the sound leaves there, in seconds.
    pub output_offset: f64,
    /// 0 to 1.
    pub volume: f64,
    /// No sound.
    pub muted: bool,
}

/// A place of an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resume {
    /// Seconds.
    pub at: f64,
}

/// What a room does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomState {
    /// There is no film.
    #[default]
    Empty,
    /// It stands.
    Paused,
    /// It stands until those who are not ready are.
    Waiting,
    /// It is about to run.
    Starting,
    /// It runs.
    Playing,
}

/// What is done to stay in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Correction {
    /// Nothing.
    #[default]
    None,
    /// The rate differs a little from the room's.
    Nudging {
        /// By that part: 0.01 is one hundredth faster.
        by: f64,
    },
    /// The player seeks to the room's place.
    Seeking,
}

/// How one takes part in a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// In step with the room.
    #[default]
    InStep,
    /// The film ran already, and one has not said how to join it.
    Choosing,
    /// Faster, until the room is met.
    CatchingUp,
    /// By oneself.
    Spectating,
}

/// A line of chat or of what happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatItem {
    /// Unique in this program's life; a later state of the same line has the same.
    pub key: u64,
    /// Who said it, by name; `None` for what happened.
    pub from: Option<String>,
    /// One said it oneself.
    pub mine: bool,
    /// The words; cleaned.
    pub text: String,
    /// The server's clock, Unix milliseconds, once it took it.
    pub at: Option<i64>,
    /// Where the film was, in seconds.
    pub film_time: Option<f64>,
    /// How far it came.
    pub delivery: Delivery,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// The room has it.
    Sent,
    /// It goes out when it can.
    Pending,
    /// It was refused; it stays, and can be sent again.
    Failed,
}

/// Something that is wrong or worth knowing: what happened, what it means, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Unique in this program's life.
    pub key: u64,
    /// How grave.
    pub level: Level,
    /// `E004`, `S001`; what is only worth knowing has none.
    pub code: Option<String>,
    /// What happened.
    pub title: String,
    /// What it means for the person.
    pub text: String,
    /// What helps, as the label of a button.
    pub action: Option<Action>,
}

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something works less well.
    Warning,
    /// Worth knowing.
    Info,
}

/// What a person can do about a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Try it again now.
    Retry,
    /// Look at the connection: the doctor.
    Doctor,
    /// Type another code or server.
    EditInvite,
    /// Choose another file.
    ChooseFile,
    /// Make room on the disk, or choose another folder.
    FreeDisk,
    /// Get a newer app.
    Update,
    /// Ask the host, in the chat or otherwise.
    AskHost,
    /// Start without those who are not ready.
    StartAnyway,
    /// Wait; it goes on by itself.
    Wait,
    /// Install what is missing.
    Install,
    /// Done with it.
    Dismiss,
}

// serde's serialize_with hands out references.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn role<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn role_or_null<S: Serializer>(role: &Option<Role>, serializer: S) -> Result<S::Ok, S::Error> {
    role.map(Role::as_str).serialize(serializer)
}

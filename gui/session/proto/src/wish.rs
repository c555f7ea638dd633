//! What a person can want in a room.

use signal_proto::ids::ParticipantId;
use signal_proto::roles::Role;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::{MediaTime, Rate};

use crate::player::TrackKind;

/// What a person wants. Whether they may, and what comes of it, is seen in the view.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// The film runs, for everybody.
    Play,
    /// The film stands, for everybody.
    Pause,
    /// The other of the two.
    TogglePlay,
    /// The film is there, for everybody.
    Seek(MediaTime),
    /// So many seconds further, or back. Several in a row add up.
    SeekBy(f64),
    /// Back to where the last seek went away from.
    UndoSeek,
    /// The answer to [`crate::view::View::resume`]: the film goes on there, for everybody, or it stays where it is.
    Resume(bool),
    /// So many pictures on, or back, for me alone while the room stands; the next start or seek is together again.
    StepFrame(i32),
    /// The film runs so fast, for everybody.
    SetRate(Rate),
    /// Who is not ready is not waited for, this time.
    StartAnyway,
    /// "I go anyway" while not ready; in step again at once while playing.
    Ready,
    /// Only watch: nobody waits for me, and nothing is commanded to me; or take part again.
    Spectate(bool),
    /// What to do with a film that runs already.
    JoinFilm(LateJoin),
    /// Say this.
    Say(String),
    /// Hold back what others say of a place in the film until I am there; or show all.
    SpoilerSafe(bool),
    /// Send a message again that could not be sent, by its key in the view.
    RetrySaying(u64),
    /// Share the file or folder at that path as the room's film.
    Share(String),
    /// The room has no film any more.
    ClearFilm,
    /// Open the player again.
    OpenPlayer,
    /// Sound, for me alone: 0 to 1.
    SetVolume(f64),
    /// No sound, for me alone.
    SetMuted(bool),
    /// A track, for me alone.
    SelectTrack(TrackKind, Option<u32>),
    /// Subtitles of my own, from a file.
    AddSubtitles(String),
    /// Subtitles for everybody who sees the film, from a file.
    ShareSubtitles(String),
    /// My subtitles so much later, in seconds.
    SetSubtitleDelay(f64),
    /// How much later than the player says the sound leaves my speakers, in seconds: those it goes to now.
    SetOutputOffset(f64),
    /// See everybody's reports, or no longer.
    WatchReports(bool),
    /// Who controls the film beside the host and cohosts.
    SetControl(Control),
    /// Somebody's role.
    SetRole(ParticipantId, Role),
    /// Somebody is to leave.
    Kick(ParticipantId),
    /// Nobody new comes in.
    Lock(bool),
    /// Whether the room waits for who stalls.
    SetWaiting(WaitPolicy),
    /// Whether the film pauses when the host leaves.
    PauseWithoutHost(bool),
    /// Be host again.
    ClaimHost,
    /// Try the server again now.
    RetryServer,
    /// Done with a notice, by its key in the view.
    Dismiss(u64),
    /// Leave; the others go on.
    Leave,
    /// The room ends, for everybody.
    EndRoom,
}

/// Who controls the film beside the host and cohosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nobody.
    Host,
    /// Everybody.
    Everyone,
    /// These.
    Chosen(Vec<ParticipantId>),
}

/// How somebody takes part in a film that runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LateJoin {
    /// The person is asked, and watches with the others until they have answered.
    Ask,
    /// Where the others are.
    #[default]
    Now,
    /// From the beginning, a little faster, until the others are met.
    FromStart,
}

//! Bounds of a session, and what they cost.

use std::time::Duration;

/// Commands that wait for the engine. Full: whoever commands waits.
pub const ENGINE_COMMANDS_MAX: usize = 64;

/// News of the engine that wait to be heard. Full: the engine waits, while its torrents and streams go on.
pub const ENGINE_NEWS_MAX: usize = 256;

/// From the engine's start to its `ready`; a Raspberry Pi with a busy disk needs some seconds. After it: E002.
pub const ENGINE_READY_PATIENCE: Duration = Duration::from_secs(15);

/// For a command to be taken by the engine's program; one that reads nothing for so long hangs, and is started again.
pub const ENGINE_TAKES_PATIENCE: Duration = Duration::from_secs(10);

/// From `quit` to being killed. The engine promises to be gone in that time.
pub const ENGINE_QUIT_PATIENCE: Duration = Duration::from_secs(3);

/// Pauses before the engine is started again: the first, and the longest; each is twice the one before.
pub const ENGINE_BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// An engine that ran for so long was well, and the pauses begin anew.
pub const ENGINE_WELL_AFTER: Duration = Duration::from_secs(30);

/// Bytes of the log of the engine's program; one older log of that size is kept beside it.
pub const ENGINE_LOG_LEN_MAX: u64 = 1024 * 1024;

/// Characters of a line that the engine's program says and nobody understands, in our log.
pub const LINE_QUOTED_CHARS_MAX: usize = 120;

/// Bytes of one read of what the engine's program says.
pub const ENGINE_READ_LEN: usize = 16 * 1024;

/// Wishes that wait for the session. Full: whoever wants waits.
pub const WISHES_MAX: usize = 64;

/// Updates that wait for a face. Full: lines and notices wait, and no new view is made meanwhile.
pub const UPDATES_MAX: usize = 1024;

/// Views that wait for a face: with so many updates unread, the next view is made when there are fewer.
pub const UPDATES_UNREAD_MAX: usize = 64;

/// A view is made at most so often when something changed,
pub const VIEW_EVERY: Duration = Duration::from_millis(100);

/// and so often when only time went by.
pub const VIEW_ANYWAY: Duration = Duration::from_millis(500);

/// An answer of the server's is waited for so long.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// Answers that are waited for at once; each is a small task.
pub const ANSWERS_MAX: usize = 64;

/// A loop that comes so much later than it wanted was asleep, and so was the machine if its two clocks differ by that.
pub const SLEPT: Duration = Duration::from_secs(1);

/// For the goodbye to be out at the end.
pub const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);

/// Characters of what the server or the network says of a failure.
pub const WORDS_CHARS_MAX: usize = 300;

/// Places of films that wait to be read or written. Full: a further one is lost, and the next comes in ten seconds.
pub const PLACES_WAITING_MAX: usize = 16;

/// For places to be on the disk at the end.
pub const PLACES_PATIENCE: Duration = Duration::from_secs(1);

/// Commands that wait for the player. Full: it hangs, and what comes is lost.
pub const PLAYER_COMMANDS_MAX: usize = 256;

/// Events of the player that wait for the session. Full: the player's thread waits.
pub const PLAYER_EVENTS_MAX: usize = 256;

/// From a player's start until it says something; also for one line to be taken by it.
pub const PLAYER_START_PATIENCE: Duration = Duration::from_secs(10);

/// For a player to quit before it is killed.
pub const PLAYER_QUIT_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of a line that a player says.
pub const PLAYER_LINE_LEN_MAX: usize = 1024 * 1024;

//! Bounds of a participant, and what they cost.

use std::time::Duration;

/// Lines of chat that are kept: 2,000 characters each at most, 4 MiB in all in the worst case.
pub const CHAT_ITEMS_MAX: usize = 500;

/// People that are remembered, whatever a server claims.
pub const PEOPLE_MAX: usize = 4096;

/// Notices that stand at once; the oldest of the least grave go first.
pub const NOTICES_MAX: usize = 16;

/// How long a notice stands that is only of what the person just wanted: "Only the host can pause".
pub const NOTICE_OF_A_WISH: Duration = Duration::from_secs(5);

/// Messages that wait for the server; with more, one more is refused with words.
pub const UNSENT_MAX: usize = 50;

/// Ranges of verified bytes that are shown.
pub const RANGES_MAX: usize = 512;

/// Characters of another's name within our sentences.
pub const NAME_CHARS_MAX: usize = 60;

/// Characters of what the engine or the server said, below our own words.
pub const DETAIL_CHARS_MAX: usize = 240;

/// Lines of chat in one view; the rest was told as it came.
pub const CHAT_SHOWN_MAX: usize = 200;

/// Bytes of what is pasted as an invitation; a link of ours is some hundred.
pub const INVITE_LEN_MAX: usize = 4096;

/// Bytes of the key that an invitation carries for a sealed room.
pub const INVITE_KEY_LEN_MAX: usize = 256;

/// Bytes of a server's address: the longest name there is, a scheme and a port.
pub const SERVER_URL_LEN_MAX: usize = 300;

/// Bytes of the files of settings and of recent rooms, and of a `.env`; a full one is some ten thousand.
pub const SETTINGS_LEN_MAX: usize = 256 * 1024;

/// The same of a `.env`.
pub const DOTENV_LEN_MAX: usize = 64 * 1024;

/// Bytes of one setting that is text.
pub const SETTING_LEN_MAX: usize = 4096;
/// Outputs of sound with an offset of their own. Full: one of them has the usual one again.
pub const OUTPUTS_MAX: usize = 32;
/// Seconds that speakers may be late or early: more is a mistake, not a speaker.
pub const OUTPUT_OFFSET_MAX: f64 = 5.0;

/// Rooms that are remembered.
pub const RECENT_ROOMS_MAX: usize = 20;

/// Films that are remembered.
pub const RECENT_FILMS_MAX: usize = 10;

/// Bytes of a file of subtitles that is shared with a room; the longest films have some hundred thousand.
pub const SUBTITLES_LEN_MAX: u64 = 8 * 1024 * 1024;

/// Films whose places are remembered; some 120 bytes each.
pub const PLACES_MAX: usize = 200;

/// Questions to a player without an answer: 16 s at four a second. More: it hangs, and is ended.
pub const PLAYER_ANSWERS_MAX: usize = 64;

/// Tracks of a film that can be chosen; who has more chooses among these.
pub const TRACKS_MAX: usize = 128;

//! Every bound of this crate, and what it costs.

use std::time::Duration;

/// A player can be this much faster or slower without a gap: ±2 %. The sound's pitch goes with it, which at that much nobody hears.
pub const LIVE_RATE_MAX: f64 = 0.02;
/// A change of rate up to this is made without a gap; a larger one by a seek, which keeps the pitch.
pub(crate) const LIVE_STEP_MAX: f64 = 0.05;
/// The slowest and the fastest that is played.
pub(crate) const RATE_MIN: f64 = 0.25;
pub(crate) const RATE_MAX: f64 = 4.0;

/// Commands that wait for the player's thread. Full: the command is lost, and a log says so.
pub(crate) const COMMANDS_MAX: usize = 256;
/// Events that nobody has taken yet. Full: the player's thread waits; pictures and sound go on.
pub(crate) const EVENTS_MAX: usize = 256;

/// Messages of GStreamer's that nobody has taken in yet; a few a second come. Full: the next ones are lost.
pub(crate) const MESSAGES_MAX: usize = 1_024;
/// With so many of them, further news of dropped pictures are left out.
pub(crate) const DROPS_TOLD_MAX: usize = 64;

/// Pictures between GStreamer and whoever shows them: 16 MiB at 1080p. Full: the older one is dropped.
pub(crate) const FRAMES_MAX: u32 = 2;
/// A picture later than this is not shown, so that sound and room are not left behind.
pub(crate) const LATENESS_MAX: Duration = Duration::from_millis(60);
/// Without a picture for so long a film does not move, whatever its clock says.
pub(crate) const STILL_AFTER: Duration = Duration::from_secs(1);

/// A device that has played so much of a film has begun.
pub(crate) const WARM_AFTER: Duration = Duration::from_millis(250);
/// A device that has not begun to play after that is not waited for.
pub(crate) const WARMING_MAX: Duration = Duration::from_secs(2);
/// Nor is a pause.
pub(crate) const COOLING_MAX: Duration = Duration::from_millis(500);
/// A device that begins to play is looked at that often.
pub(crate) const WARMING_LOOK_EVERY: Duration = Duration::from_millis(20);

/// A film that runs is looked at that often.
pub(crate) const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Looked at so much later than that, this process or machine slept meanwhile, and it is no wonder that the film stood.
pub(crate) const SLEPT_AFTER: Duration = Duration::from_secs(2);
/// Further from where it should be: its clock is wrong, and it is opened again.
pub(crate) const ASTRAY_MAX: Duration = Duration::from_secs(4);
/// A film that runs and comes nowhere for so long, though it may be sought meanwhile: the same. A device takes two seconds to begin.
pub(crate) const STOOD_MAX: Duration = Duration::from_millis(2_500);
/// After so often it goes by the system's clock instead of its device's.
pub(crate) const DISTRUSTED_AFTER: u32 = 2;
/// So often in a film. More: it is left as it is.
pub(crate) const ASTRAY_TIMES_MAX: u32 = 8;

/// Tracks of a kind. Full: the others cannot be chosen.
pub(crate) const TRACKS_MAX: u32 = 64;
/// Characters of a name that a film gives to something; the rest is cut.
pub(crate) const NAME_CHARS_MAX: usize = 100;
/// Characters of what GStreamer says of a failure; the rest is cut.
pub(crate) const WHY_CHARS_MAX: usize = 200;
/// Kinds of missing decoders that are remembered of a film.
pub(crate) const MISSING_MAX: usize = 16;
/// Elements whose dropped pictures are counted.
pub(crate) const DROPPERS_MAX: usize = 16;

/// A film that is being opened is looked at that often: twice without a thread at work, and it never opens.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(750);
/// Waiting for bytes is told when it lasts so long: after each seek it waits for a few milliseconds.
pub(crate) const BUFFERING_TOLD_AFTER: Duration = Duration::from_millis(250);
/// A seek that runs for so long does not keep the next one waiting: its bytes may come in an hour.
pub(crate) const SEEK_PATIENCE: Duration = Duration::from_millis(600);
/// Dropped pictures are told at most that often.
pub(crate) const LATE_TOLD_EVERY: Duration = Duration::from_secs(1);
/// Tracks are listed anew so long after their names changed: names come one by one.
pub(crate) const TRACKS_SETTLE: Duration = Duration::from_millis(200);
/// A pipeline is given so long to end before the player goes on without waiting for that.
pub(crate) const CLOSING_MAX: Duration = Duration::from_secs(1);

/// Bytes of a file of subtitles. Longer: it is refused.
pub(crate) const SUBTITLES_LEN_MAX: usize = 4 * 1024 * 1024;
/// Subtitles of a track: about 200 bytes each. Full: the later ones are left out.
pub(crate) const CUES_MAX: usize = 50_000;
/// Characters of a subtitle's line; the rest is cut.
pub(crate) const LINE_CHARS_MAX: usize = 1_000;
/// Lines that are shown at once; further ones are left out.
pub(crate) const LINES_MAX: usize = 12;
/// No film's subtitle is later than this.
pub(crate) const CUE_START_MAX: Duration = Duration::from_secs(100 * 3600);
/// A subtitle that does not say how long it stays.
pub(crate) const CUE_LASTS: Duration = Duration::from_secs(5);
/// Subtitles of the film itself on their way to the player's thread. Full: the next ones are left out.
pub(crate) const CUES_HEARD_MAX: usize = 256;
/// Styles of a file of subtitles that are known by name. Full: the others look plain.
pub(crate) const STYLES_MAX: usize = 1_000;
/// Files of subtitles that are being read, each on a thread. Full: the next one is refused.
pub(crate) const READERS_MAX: usize = 4;
/// Files of subtitles of a film. Full: the next one is refused.
pub(crate) const FILES_MAX: usize = 32;
/// A file of subtitles has come by then, or does not come.
pub(crate) const READING_MAX: Duration = Duration::from_secs(20);
/// Subtitles are at most so much earlier or later, in seconds.
pub(crate) const DELAY_MAX: f64 = 3_600.0;

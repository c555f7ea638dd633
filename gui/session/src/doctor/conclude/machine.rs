//! Of the machine: player, disk, what it can send.

use engine_proto::words::{bytes, rate};

use crate::doctor::check::{Check, Topic};
use crate::doctor::seen::{DiskSeen, PlayerSeen, UplinkSeen};

/// A film in 1080p that plays for two hours: below it a download may not fit.
const FILM_LEN: u64 = 7_000_000_000;

pub(crate) fn player(seen: &PlayerSeen) -> Vec<Check> {
    let install = "Install mpv from mpv.io or your system's packages, or name its program in the settings.";
    match seen {
        PlayerSeen::Missing { why } => vec![
            Check::bad(Topic::Player, format!("mpv does not start ({why}), so nothing is shown here."), install),
            Check::skipped(Topic::Decoding, "There is no player to ask."),
        ],
        PlayerSeen::Strange => vec![
            Check::bad(Topic::Player, "The program that should be mpv does not say that it is.", install),
            Check::skipped(Topic::Decoding, "There is no player to ask."),
        ],
        PlayerSeen::Found { version, interfaces, device } => {
            let named = interfaces.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let slow = "Films are decoded by the processor: up to 1080p that is fine on most machines, beyond it a small one falls behind.";
            let drivers =
                "If films stutter, install your graphics chip's video drivers, or choose films of up to 1080p.";
            let decoding = match device {
                _ if interfaces.is_empty() => Check::warn(
                    Topic::Decoding,
                    format!("This mpv uses no graphics chip. {slow}"),
                    "If films stutter, install a complete mpv.",
                ),
                Some(false) => {
                    Check::warn(Topic::Decoding, format!("No graphics chip that decodes was found. {slow}"), drivers)
                }
                Some(true) => Check::ok(
                    Topic::Decoding,
                    format!(
                        "There is a graphics device, and mpv can use: {named}. Which films it decodes shows when they play."
                    ),
                ),
                None => Check::ok(
                    Topic::Decoding,
                    format!("mpv can use: {named}. Whether this machine has it shows when a film plays."),
                ),
            };
            vec![Check::ok(Topic::Player, format!("mpv {version} plays the films.")), decoding]
        }
    }
}

pub(crate) fn disk(seen: &DiskSeen) -> Vec<Check> {
    let folder = seen.folder.display();
    if let Err(why) = &seen.writable {
        let finding = format!("Nothing can be written to {folder} ({why}), so no film can be fetched.");
        return vec![
            Check::bad(Topic::Disk, finding, "Choose another download folder, or allow writing there.")
                .with_code("E005"),
        ];
    }
    let Some(room) = seen.room else {
        return vec![Check::ok(
            Topic::Disk,
            format!("{folder} can be written to. How much is free the system does not say."),
        )];
    };
    let spare = room.free.saturating_sub(room.reserve);
    let left = format!("{} are free, of which {} stay free for everything else", bytes(room.free), bytes(room.reserve));
    vec![if spare == 0 {
        let finding = format!("The disk is full: {left}. No film can be fetched.");
        Check::bad(Topic::Disk, finding, "Free some space, or choose a folder on another disk.").with_code("E006")
    } else if spare < FILM_LEN {
        let finding = format!("{left}. A long film may not fit.");
        Check::warn(
            Topic::Disk,
            finding,
            "Free some space, or set a disk limit: a film larger than it plays all the same.",
        )
    } else {
        Check::ok(Topic::Disk, format!("{left}."))
    }]
}

/// A host whose line carries the film once can serve any number, since viewers pass parts on to one another; with less than that
/// everybody waits, and with exactly that one who falls behind never catches up.
pub(crate) fn uplink(seen: UplinkSeen) -> Vec<Check> {
    let UplinkSeen { uplink, film_rate, viewers } = seen;
    let Some(uplink) = uplink else {
        let needed = rate(film_rate.saturating_mul(u64::from(viewers.max(1))));
        let finding = format!(
            "How much this line can send is not known yet; it is measured while others watch. {viewers} viewers of a film of {} want {needed} at best, and {} at least.",
            rate(film_rate),
            rate(film_rate),
        );
        return vec![Check::skipped(Topic::Uplink, finding)];
    };
    let sends = format!("This line sends {}, and the film needs {} a viewer", rate(uplink), rate(film_rate));
    let slower = "Share a film of a lower bitrate, or let the room open well before the film begins.";
    vec![if uplink < film_rate {
        Check::bad(Topic::Uplink, format!("{sends}: hosting it from here means long waits for everybody."), slower)
    } else if uplink < film_rate.saturating_mul(u64::from(viewers)) {
        let finding = format!(
            "{sends}. For {viewers} viewers it is enough if they pass parts on to one another, which they do where their own lines allow it."
        );
        Check::warn(Topic::Uplink, finding, slower)
    } else {
        Check::ok(Topic::Uplink, format!("{sends}: enough for {viewers} at once."))
    }]
}

pub(crate) fn devices() -> Vec<Check> {
    vec![Check::skipped(Topic::Devices, "They are examined once there are calls; films need neither.")]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sharestream_engine::DiskRoom;

    use super::*;
    use crate::doctor::check::Grade;

    fn found(interfaces: &[&str], device: Option<bool>) -> Vec<Check> {
        let interfaces: BTreeSet<String> = interfaces.iter().map(|&name| name.to_owned()).collect();
        player(&PlayerSeen::Found { version: "0.40.0".into(), interfaces, device })
    }

    fn grades(checks: &[Check]) -> Vec<Grade> {
        checks.iter().map(|check| check.grade).collect()
    }

    #[test]
    fn a_player_is_there_or_is_not() {
        assert_eq!(grades(&player(&PlayerSeen::Missing { why: "no such file".into() })), [Grade::Bad, Grade::Skipped]);
        assert_eq!(grades(&player(&PlayerSeen::Strange)), [Grade::Bad, Grade::Skipped]);
        let checks = found(&["vaapi", "vulkan"], Some(true));
        assert_eq!(grades(&checks), [Grade::Ok, Grade::Ok]);
        assert!(checks[0].finding.contains("mpv 0.40.0") && checks[1].finding.contains("vaapi, vulkan"));
    }

    #[test]
    fn a_machine_without_a_chip_is_told_what_that_means() {
        for checks in [found(&[], Some(true)), found(&["vaapi"], Some(false))] {
            assert_eq!(grades(&checks), [Grade::Ok, Grade::Warn]);
            assert!(checks[1].finding.contains("decoded by the processor"), "{checks:?}");
        }
        assert_eq!(grades(&found(&["d3d11va"], None)), [Grade::Ok, Grade::Ok]);
    }

    #[test]
    fn disks_large_small_full_and_closed() {
        let seen = |free, writable: Result<(), &str>| {
            let room = Some(DiskRoom { free, reserve: 1 << 30 });
            disk(&DiskSeen { folder: "/films".into(), room, writable: writable.map_err(str::to_owned) }).remove(0)
        };
        let at = |free| seen(free, Ok(()));
        assert_eq!(at(u64::MAX).grade, Grade::Ok);
        assert_eq!(at(FILM_LEN + (1 << 30)).grade, Grade::Ok);
        assert_eq!(at(FILM_LEN + (1 << 30) - 1).grade, Grade::Warn);
        for full in [0, 1, 1 << 30] {
            assert_eq!((at(full).grade, at(full).code), (Grade::Bad, Some("E006")));
        }
        let closed = seen(u64::MAX, Err("permission denied"));
        assert_eq!((closed.grade, closed.code), (Grade::Bad, Some("E005")));
        assert!(closed.finding.contains("/films (permission denied)"));
        let silent = DiskSeen { folder: "/films".into(), room: None, writable: Ok(()) };
        assert_eq!(disk(&silent)[0].grade, Grade::Ok);
    }

    #[test]
    fn a_line_carries_nobody_some_or_all() {
        let with =
            |sends, viewers| uplink(UplinkSeen { uplink: Some(sends), film_rate: 1_000_000, viewers }).remove(0).grade;
        assert_eq!(with(999_999, 1), Grade::Bad);
        assert_eq!(with(1_000_000, 1), Grade::Ok);
        assert_eq!(with(2_999_999, 3), Grade::Warn);
        assert_eq!(with(3_000_000, 3), Grade::Ok);
        assert_eq!(with(u64::MAX, u32::MAX), Grade::Ok);
        let unknown = uplink(UplinkSeen { uplink: None, film_rate: 1_000_000, viewers: 3 }).remove(0);
        assert_eq!(unknown.grade, Grade::Skipped);
        assert!(unknown.finding.contains("3.0 MB/s"), "{}", unknown.finding);
    }
}

//! Of the machine: player, disk, what it can send.

use engine_proto::words::{bytes, rate};
use session_proto::in_both;
use session_proto::words::Language;

use crate::doctor::check::{Check, Topic};
use crate::doctor::own::OwnPlayer;
use crate::doctor::seen::{DiskSeen, PlayerSeen, UplinkSeen};

/// A film in 1080p that plays for two hours: below it a download may not fit.
const FILM_LEN: u64 = 7_000_000_000;

pub(crate) fn player(l: Language, seen: &PlayerSeen) -> Vec<Check> {
    let install = l.of(
        "Install mpv from mpv.io or your system's packages, or name its program in the settings.",
        "Installiere mpv von mpv.io oder aus den Paketen des Systems, oder nenne sein Programm in den Einstellungen.",
    );
    match seen {
        PlayerSeen::Missing { why } => vec![
            Check::bad(
                Topic::Player,
                in_both!(
                    l,
                    "mpv does not start ({why}), so nothing is shown here.",
                    "mpv startet nicht ({why}), deshalb ist hier nichts zu sehen."
                ),
                install,
            ),
            Check::skipped(
                Topic::Decoding,
                l.of("There is no player to ask.", "Es ist kein Player da, den man fragen könnte."),
            ),
        ],
        PlayerSeen::Strange => vec![
            Check::bad(
                Topic::Player,
                l.of(
                    "The program that should be mpv does not say that it is.",
                    "Das Programm, das mpv sein soll, gibt sich nicht als mpv zu erkennen.",
                ),
                install,
            ),
            Check::skipped(
                Topic::Decoding,
                l.of("There is no player to ask.", "Es ist kein Player da, den man fragen könnte."),
            ),
        ],
        PlayerSeen::Found { version, interfaces, device } => {
            let named = interfaces.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let slow = l.of(
                "Films are decoded by the processor: up to 1080p that is fine on most machines, beyond it a small one falls behind.",
                "Filme dekodiert der Prozessor: Bis 1080p genügt das auf den meisten Rechnern, darüber kommt ein kleiner nicht mehr mit.",
            );
            let drivers = l.of(
                "If films stutter, install your graphics chip's video drivers, or choose films of up to 1080p.",
                "Wenn Filme ruckeln, installiere die Videotreiber deines Grafikchips, oder nimm Filme bis 1080p.",
            );
            let decoding = match device {
                _ if interfaces.is_empty() => Check::warn(
                    Topic::Decoding,
                    in_both!(l, "This mpv uses no graphics chip. {slow}", "Dieses mpv nutzt keinen Grafikchip. {slow}"),
                    l.of(
                        "If films stutter, install a complete mpv.",
                        "Wenn Filme ruckeln, installiere ein vollständiges mpv.",
                    ),
                ),
                Some(false) => Check::warn(
                    Topic::Decoding,
                    in_both!(
                        l,
                        "No graphics chip that decodes was found. {slow}",
                        "Es wurde kein Grafikchip gefunden, der dekodiert. {slow}"
                    ),
                    drivers,
                ),
                Some(true) => Check::ok(
                    Topic::Decoding,
                    in_both!(
                        l,
                        "There is a graphics device, and mpv can use: {named}. Which films it decodes shows when they play.",
                        "Ein Grafikgerät ist da, und mpv kann nutzen: {named}. Welche Filme es dekodiert, zeigt sich beim Abspielen."
                    ),
                ),
                None => Check::ok(
                    Topic::Decoding,
                    in_both!(
                        l,
                        "mpv can use: {named}. Whether this machine has it shows when a film plays.",
                        "mpv kann nutzen: {named}. Ob dieser Rechner es hat, zeigt sich beim Abspielen."
                    ),
                ),
            };
            vec![
                Check::ok(
                    Topic::Player,
                    in_both!(l, "mpv {version} plays the films.", "mpv {version} spielt die Filme."),
                ),
                decoding,
            ]
        }
    }
}

/// The app's own player, which is part of it.
pub(crate) fn own_player(l: Language, seen: &Result<OwnPlayer, String>) -> Vec<Check> {
    let own = match seen {
        Ok(own) => own,
        Err(why) => {
            let finding = in_both!(
                l,
                "The app's player does not start ({why}), so nothing is shown here.",
                "Der Player der App startet nicht ({why}), deshalb ist hier nichts zu sehen."
            );
            let help = l.of(
                "Install GStreamer from your system's packages, or start ShareStream with --player mpv.",
                "Installiere GStreamer aus den Paketen des Systems, oder starte ShareStream mit --player mpv.",
            );
            let none = l.of("There is no player to ask.", "Es ist kein Player da, den man fragen könnte.");
            return vec![Check::bad(Topic::Player, finding, help), Check::skipped(Topic::Decoding, none)];
        }
    };
    let version = &own.version;
    let player = if own.missing.is_empty() {
        let finding = in_both!(
            l,
            "The app plays films itself, with {version}: every usual kind of film and sound.",
            "Die App spielt Filme selbst, mit {version}: alle üblichen Arten von Film und Ton."
        );
        Check::ok(Topic::Player, finding)
    } else {
        let named = |which: fn(&(String, String)) -> &String| {
            let mut names: Vec<&str> = own.missing.iter().map(|one| which(one).as_str()).collect();
            names.dedup();
            names.join(", ")
        };
        let (codecs, packages) = (named(|(codec, _)| codec), named(|(_, package)| package));
        let finding = in_both!(
            l,
            "The app plays films itself, with {version}, but not these: {codecs}.",
            "Die App spielt Filme selbst, mit {version}, nur diese nicht: {codecs}."
        );
        let help = in_both!(
            l,
            "On Debian and Ubuntu these packages help: {packages}.",
            "Unter Debian und Ubuntu helfen diese Pakete: {packages}."
        );
        Check::warn(Topic::Player, finding, help)
    };
    let decoding = if own.hardware.is_empty() {
        let finding = l.of(
            "Films are decoded by the processor: up to 1080p that is fine on most machines, beyond it a small one falls behind.",
            "Filme dekodiert der Prozessor: Bis 1080p genügt das auf den meisten Rechnern, darüber kommt ein kleiner nicht mehr mit.",
        );
        let help = l.of(
            "If films stutter, install your graphics chip's video drivers, or choose films of up to 1080p.",
            "Wenn Filme ruckeln, installiere die Videotreiber deines Grafikchips, oder nimm Filme bis 1080p.",
        );
        Check::warn(Topic::Decoding, finding, help)
    } else {
        let named = own.hardware.join(", ");
        let finding = in_both!(
            l,
            "The graphics chip helps with these: {named}. Which films it decodes shows when they play.",
            "Der Grafikchip hilft mit diesen: {named}. Welche Filme er dekodiert, zeigt sich beim Abspielen."
        );
        Check::ok(Topic::Decoding, finding)
    };
    vec![player, decoding]
}

pub(crate) fn disk(l: Language, seen: &DiskSeen) -> Vec<Check> {
    let folder = seen.folder.display();
    if let Err(why) = &seen.writable {
        let finding = in_both!(
            l,
            "Nothing can be written to {folder} ({why}), so no film can be fetched.",
            "Nach {folder} kann nicht geschrieben werden ({why}), deshalb kann kein Film geholt werden."
        );
        return vec![
            Check::bad(
                Topic::Disk,
                finding,
                l.of(
                    "Choose another download folder, or allow writing there.",
                    "Wähle einen anderen Ordner, oder erlaube dort das Schreiben.",
                ),
            )
            .with_code("E005"),
        ];
    }
    let Some(room) = seen.room else {
        return vec![Check::ok(
            Topic::Disk,
            in_both!(
                l,
                "{folder} can be written to. How much is free the system does not say.",
                "Nach {folder} kann geschrieben werden. Wie viel frei ist, sagt das System nicht."
            ),
        )];
    };
    let (free, reserve) = (bytes(room.free), bytes(room.reserve));
    let spare = room.free.saturating_sub(room.reserve);
    let left = in_both!(
        l,
        "{free} are free, of which {reserve} stay free for everything else",
        "{free} sind frei, davon bleiben {reserve} für alles andere frei"
    );
    vec![if spare == 0 {
        let finding = in_both!(
            l,
            "The disk is full: {left}. No film can be fetched.",
            "Die Platte ist voll: {left}. Es kann kein Film geholt werden."
        );
        Check::bad(
            Topic::Disk,
            finding,
            l.of(
                "Free some space, or choose a folder on another disk.",
                "Schaffe Platz, oder wähle einen Ordner auf einer anderen Platte.",
            ),
        )
        .with_code("E006")
    } else if spare < FILM_LEN {
        let finding =
            in_both!(l, "{left}. A long film may not fit.", "{left}. Ein langer Film passt vielleicht nicht.");
        Check::warn(
            Topic::Disk,
            finding,
            l.of(
                "Free some space, or set a disk limit: a film larger than it plays all the same.",
                "Schaffe Platz, oder setze eine Grenze für die Platte: Ein größerer Film spielt trotzdem.",
            ),
        )
    } else {
        Check::ok(Topic::Disk, format!("{left}."))
    }]
}

/// A host whose line carries the film once can serve any number, since viewers pass parts on to one another; with less than that
/// everybody waits, and with exactly that one who falls behind never catches up.
pub(crate) fn uplink(l: Language, seen: UplinkSeen) -> Vec<Check> {
    let UplinkSeen { uplink, film_rate, viewers } = seen;
    let each = rate(film_rate);
    let Some(uplink) = uplink else {
        let needed = rate(film_rate.saturating_mul(u64::from(viewers.max(1))));
        let finding = in_both!(
            l,
            "How much this line can send is not known yet; in a room it is measured while others watch. {viewers} viewers of a film of {each} want {needed} at best, and {each} at least.",
            "Wie viel diese Leitung senden kann, ist noch nicht bekannt; in einem Raum wird es gemessen, während andere zuschauen. {viewers} Zuschauer eines Films mit {each} brauchen bestenfalls {needed}, und mindestens {each}."
        );
        return vec![Check::skipped(Topic::Uplink, finding)];
    };
    let sent = rate(uplink);
    let sends = in_both!(
        l,
        "This line sends {sent}, and the film needs {each} a viewer",
        "Diese Leitung sendet {sent}, und der Film braucht {each} je Zuschauer"
    );
    let slower = l.of(
        "Share a film of a lower bitrate, or let the room open well before the film begins.",
        "Teile einen Film mit niedrigerer Bitrate, oder öffne den Raum lange vor dem Film.",
    );
    vec![if uplink < film_rate {
        Check::bad(
            Topic::Uplink,
            in_both!(
                l,
                "{sends}: hosting it from here means long waits for everybody.",
                "{sends}: Von hier aus müssten alle lange warten."
            ),
            slower,
        )
    } else if uplink < film_rate.saturating_mul(u64::from(viewers)) {
        let finding = in_both!(
            l,
            "{sends}. For {viewers} viewers it is enough if they pass parts on to one another, which they do where their own lines allow it.",
            "{sends}. Für {viewers} Zuschauer genügt das, wenn sie Teile aneinander weitergeben, und das tun sie, wo ihre Leitungen es erlauben."
        );
        Check::warn(Topic::Uplink, finding, slower)
    } else {
        Check::ok(
            Topic::Uplink,
            in_both!(l, "{sends}: enough for {viewers} at once.", "{sends}: genug für {viewers} zugleich."),
        )
    }]
}

pub(crate) fn devices(l: Language) -> Vec<Check> {
    vec![Check::skipped(
        Topic::Devices,
        l.of(
            "They are examined once there are calls; films need neither.",
            "Sie werden untersucht, sobald es Anrufe gibt; Filme brauchen beides nicht.",
        ),
    )]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sharestream_engine::DiskRoom;

    use super::*;
    use crate::doctor::check::Grade;

    const EN: Language = Language::English;

    fn found(interfaces: &[&str], device: Option<bool>) -> Vec<Check> {
        let interfaces: BTreeSet<String> = interfaces.iter().map(|&name| name.to_owned()).collect();
        player(EN, &PlayerSeen::Found { version: "0.40.0".into(), interfaces, device })
    }

    fn grades(checks: &[Check]) -> Vec<Grade> {
        checks.iter().map(|check| check.grade).collect()
    }

    #[test]
    fn a_player_is_there_or_is_not() {
        assert_eq!(
            grades(&player(EN, &PlayerSeen::Missing { why: "no such file".into() })),
            [Grade::Bad, Grade::Skipped]
        );
        assert_eq!(grades(&player(EN, &PlayerSeen::Strange)), [Grade::Bad, Grade::Skipped]);
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
            disk(EN, &DiskSeen { folder: "/films".into(), room, writable: writable.map_err(str::to_owned) }).remove(0)
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
        assert_eq!(disk(EN, &silent)[0].grade, Grade::Ok);
    }

    #[test]
    fn a_line_carries_nobody_some_or_all() {
        let with = |sends, viewers| {
            uplink(EN, UplinkSeen { uplink: Some(sends), film_rate: 1_000_000, viewers }).remove(0).grade
        };
        assert_eq!(with(999_999, 1), Grade::Bad);
        assert_eq!(with(1_000_000, 1), Grade::Ok);
        assert_eq!(with(2_999_999, 3), Grade::Warn);
        assert_eq!(with(3_000_000, 3), Grade::Ok);
        assert_eq!(with(u64::MAX, u32::MAX), Grade::Ok);
        let unknown = uplink(EN, UplinkSeen { uplink: None, film_rate: 1_000_000, viewers: 3 }).remove(0);
        assert_eq!(unknown.grade, Grade::Skipped);
        assert!(unknown.finding.contains("3.0 MB/s"), "{}", unknown.finding);
    }

    #[test]
    fn the_apps_own_player_says_what_it_lacks() {
        let own = |missing: &[(&str, &str)], hardware: &[&str]| OwnPlayer {
            version: "GStreamer 1.22.0".into(),
            hardware: hardware.iter().map(|&name| name.to_owned()).collect(),
            missing: missing.iter().map(|&(codec, package)| (codec.to_owned(), package.to_owned())).collect(),
        };
        let whole = own_player(EN, &Ok(own(&[], &["vah264dec"])));
        assert_eq!(grades(&whole), [Grade::Ok, Grade::Ok]);
        assert!(whole[1].finding.contains("vah264dec"));
        let lacks = [("H.264 video", "gstreamer1.0-libav"), ("AAC sound", "gstreamer1.0-libav")];
        let less = own_player(EN, &Ok(own(&lacks, &[])));
        assert_eq!(grades(&less), [Grade::Warn, Grade::Warn]);
        assert!(less[0].finding.contains("H.264 video, AAC sound"), "{less:?}");
        assert_eq!(less[0].help.as_deref().unwrap().matches("gstreamer1.0-libav").count(), 1);
        assert_eq!(grades(&own_player(EN, &Err("no such library".into()))), [Grade::Bad, Grade::Skipped]);
    }

    #[test]
    fn german_is_spoken_where_it_is_wished() {
        let seen = PlayerSeen::Missing { why: "x".into() };
        let (english, german) = (player(EN, &seen), player(Language::German, &seen));
        for (english, german) in english.iter().zip(&german) {
            assert_eq!((english.topic, english.grade), (german.topic, german.grade));
            assert_ne!(english.finding, german.finding);
        }
    }
}

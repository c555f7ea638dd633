//! The checks as text that people copy for others.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use session_proto::words::Language;

use super::check::{Check, verdict};
use super::redact::redacted;

/// All checks, in the order of their topics, with the program's version and the system's kind. It names no magnet, token or password,
/// no whole address and no home folder.
pub fn report(l: Language, checks: &[Check]) -> String {
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
    report_of(l, checks, home.as_deref())
}

fn report_of(l: Language, checks: &[Check], home: Option<&Path>) -> String {
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| check.topic);
    let mut text =
        format!("ShareStream {} on {} ({})\n", env!("CARGO_PKG_VERSION"), env::consts::OS, env::consts::ARCH);
    for Check { topic, grade, finding, help, code } in sorted {
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{}] {}: {}{code}", grade.word(), topic.title(l), redacted(finding, home));
        if let Some(help) = help {
            let _ = writeln!(text, "    {}", redacted(help, home));
        }
    }
    let _ = writeln!(text, "{}", verdict(l, checks).words);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Topic;

    #[test]
    fn a_report_has_every_check_in_order_and_no_secret() {
        let secrets = [
            "3530453ef100f8cd9235f76b1c06c4f711b67a19",
            "ABC1-2345",
            "hunter2",
            "192.168.1.77",
            "2001:db8::77",
            "/srv/ana",
        ];
        let finding = "magnet:?xt=urn:btih:3530453ef100f8cd9235f76b1c06c4f711b67a19 sharestream://join/ABC1-2345 turn://a:hunter2@h \
                       192.168.1.77:80 2001:db8::77 /srv/ana/films token 3530453ef100f8cd9235f76b1c06c4f711b67a19";
        let checks = [
            Check::bad(Topic::Server, finding, finding).with_code("S001"),
            Check::ok(Topic::Player, "mpv 0.35.1 plays the films."),
        ];
        let text = report_of(Language::English, &checks, Some(Path::new("/srv/ana")));
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("ShareStream "));
        assert_eq!(lines[1], "[ok] Player: mpv 0.35.1 plays the films.");
        assert!(lines[2].starts_with("[bad] Server: ") && lines[2].ends_with(" (S001)"), "{text}");
        assert!(lines[3].starts_with("    ") && lines[4].contains("stands in the way: Server."), "{text}");
    }
}

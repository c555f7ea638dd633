//! What is said of each thing that was looked at, and of all together.

use serde::Serialize;
use session_proto::in_both;
use session_proto::words::Language;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What.
    pub topic: Topic,
    /// How it is.
    pub grade: Grade,
    /// What was seen, and what that means for watching together; whole sentences.
    pub finding: String,
    /// One thing that helps.
    pub help: Option<String>,
    /// The small code under which the same trouble is known elsewhere.
    pub code: Option<&'static str>,
}

/// What is looked at, in the order of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// What plays films.
    Player,
    /// Whether the graphics chip helps it.
    Decoding,
    /// Where downloads lie.
    Disk,
    /// The server: its name, its port, its certificate, its kind and version.
    Server,
    /// The connection that rooms live on.
    WebSocket,
    /// The way there and back.
    RoundTrip,
    /// Where engines of a room find one another.
    Rendezvous,
    /// How this machine is seen from outside.
    PublicAddress,
    /// Where others reach the engine.
    EnginePort,
    /// The newer internet.
    Ipv6,
    /// What can be sent to viewers.
    Uplink,
    /// A relay for calls.
    Relay,
    /// Microphone and camera.
    Devices,
}

impl Topic {
    /// As people are shown it.
    pub const fn title(self, l: Language) -> &'static str {
        match self {
            Self::Player => "Player",
            Self::Decoding => l.of("Hardware decoding", "Dekodierung in Hardware"),
            Self::Disk => l.of("Disk", "Platte"),
            Self::Server => "Server",
            Self::WebSocket => "WebSocket",
            Self::RoundTrip => l.of("Round trip", "Hin und zurück"),
            Self::Rendezvous => l.of("Rendezvous", "Treffpunkt"),
            Self::PublicAddress => l.of("Public address", "Öffentliche Adresse"),
            Self::EnginePort => l.of("Engine's port", "Port der Engine"),
            Self::Ipv6 => "IPv6",
            Self::Uplink => l.of("Upload", "Senden"),
            Self::Relay => l.of("Relay for calls", "Relay für Anrufe"),
            Self::Devices => l.of("Microphone and camera", "Mikrofon und Kamera"),
        }
    }
}

/// How something is; the later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Grade {
    /// It was not looked at; the finding says why.
    Skipped,
    /// In order.
    Ok,
    /// It works, with a remark.
    Warn,
    /// It does not work.
    Bad,
}

impl Grade {
    /// As it stands at the beginning of a line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

impl Check {
    pub(super) fn ok(topic: Topic, finding: impl Into<String>) -> Self {
        Self { topic, grade: Grade::Ok, finding: finding.into(), help: None, code: None }
    }

    pub(super) fn skipped(topic: Topic, finding: impl Into<String>) -> Self {
        Self { grade: Grade::Skipped, ..Self::ok(topic, finding) }
    }

    pub(super) fn warn(topic: Topic, finding: impl Into<String>, help: impl Into<String>) -> Self {
        Self { grade: Grade::Warn, help: Some(help.into()), ..Self::ok(topic, finding) }
    }

    pub(super) fn bad(topic: Topic, finding: impl Into<String>, help: impl Into<String>) -> Self {
        Self { grade: Grade::Bad, ..Self::warn(topic, finding, help) }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }
}

/// What all checks come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The worst of them.
    pub grade: Grade,
    /// In one sentence.
    pub words: String,
}

/// The verdict over those checks that there are by now.
pub fn verdict(l: Language, checks: &[Check]) -> Verdict {
    let titled = |grade: Grade| {
        let mut topics: Vec<Topic> = checks.iter().filter(|c| c.grade == grade).map(|c| c.topic).collect();
        topics.sort_unstable();
        topics.iter().map(|topic| topic.title(l)).collect::<Vec<_>>().join(", ")
    };
    let grade = checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Skipped);
    let words = match grade {
        Grade::Skipped => l.of("Nothing was examined.", "Nichts wurde untersucht.").to_owned(),
        Grade::Ok => l.of("Everything that was examined is in order.", "Alles Untersuchte ist in Ordnung.").to_owned(),
        Grade::Warn => {
            let which = titled(grade);
            in_both!(
                l,
                "Watching together works from here. Worth a look: {which}.",
                "Zusammen schauen geht von hier. Einen Blick wert: {which}."
            )
        }
        Grade::Bad => {
            let which = titled(grade);
            in_both!(l, "Something stands in the way: {which}.", "Etwas steht im Weg: {which}.")
        }
    };
    Verdict { grade, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_is_the_verdict_and_is_named() {
        let mut checks = Vec::new();
        assert_eq!(verdict(Language::English, &checks).grade, Grade::Skipped);
        checks.push(Check::skipped(Topic::Devices, "not yet"));
        assert_eq!(verdict(Language::English, &checks).grade, Grade::Skipped);
        checks.push(Check::ok(Topic::Player, "mpv"));
        assert_eq!(verdict(Language::English, &checks).grade, Grade::Ok);
        checks.push(Check::warn(Topic::Ipv6, "none", "nothing"));
        checks.push(Check::warn(Topic::Disk, "small", "tidy"));
        let said = verdict(Language::English, &checks);
        assert_eq!((said.grade, said.words.ends_with("Disk, IPv6.")), (Grade::Warn, true), "{said:?}");
        checks.push(Check::bad(Topic::Server, "gone", "wait"));
        assert!(verdict(Language::English, &checks).words.ends_with("the way: Server."));
    }
}

//! The networks and clocks that are measured over.

use std::time::Duration;

use tests::net::Line;

/// A network, with what is promised over it (docs/sync.md), in thousandths of a second.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    /// Between each person and the server; `None`: one switch for all.
    pub(crate) line: Option<Line>,
    pub(crate) p50_max: f64,
    pub(crate) p95_max: f64,
    pub(crate) p99_max: f64,
    /// From the first window's start to the last's.
    pub(crate) start_max: f64,
}

/// In the order in which they are measured.
pub(crate) const PROFILES: [Profile; 3] = [
    Profile {
        name: "lan",
        says: "one switch",
        line: None,
        p50_max: 40.0,
        p95_max: 100.0,
        p99_max: 400.0,
        start_max: 80.0,
    },
    Profile {
        name: "rtt40",
        says: "40 ms between each person and the server, 80 ms between two people",
        line: Some(Line { round_trip: Duration::from_millis(40), loss_percent: 0.0, rate: None }),
        p50_max: 100.0,
        p95_max: 250.0,
        p99_max: 400.0,
        start_max: 150.0,
    },
    Profile {
        name: "rtt80",
        says: "80 ms between each person and the server, 160 ms between two people; of a hundred packets one is lost on the way there and back",
        line: Some(Line { round_trip: Duration::from_millis(80), loss_percent: 0.5, rate: None }),
        p50_max: 100.0,
        p95_max: 250.0,
        p99_max: 400.0,
        start_max: 150.0,
    },
];

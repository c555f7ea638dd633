//! `GET /metrics`, for Prometheus. Counts only: no codes, names or addresses.

use std::fmt::Write as _;

use super::routes::Services;

pub(super) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn text(services: &Services) -> String {
    let rooms = services.hub.with_app(|rooms, _| rooms.totals());
    let hub = services.hub.numbers();
    let (announces, swarms, peers) = services.trackers.numbers();
    let rows = [
        ("rooms", "gauge", "Rooms, those that wait for their people too.", rooms.rooms as u64),
        ("participants", "gauge", "Connections in rooms.", rooms.participants as u64),
        ("connections", "gauge", "Engine.IO sessions.", hub.sessions as u64),
        ("connections_total", "counter", "Engine.IO sessions since the start.", hub.opened),
        ("messages_received_total", "counter", "Messages from clients.", hub.received),
        ("messages_sent_total", "counter", "Messages to clients, each counted for each.", hub.sent),
        ("cut_slow_total", "counter", "Clients cut because they did not read.", hub.slow),
        ("cut_malformed_total", "counter", "Clients cut because they broke the protocol.", hub.malformed),
        ("cut_silent_total", "counter", "Clients that did not answer a ping.", hub.silent),
        ("tracker_announces_total", "counter", "Announces over HTTP.", announces),
        ("tracker_swarms", "gauge", "Swarms of both trackers.", swarms as u64),
        ("tracker_peers", "gauge", "Peers of both trackers.", peers as u64),
        ("uptime_seconds", "gauge", "Since the start.", services.started.elapsed().as_secs()),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "# HELP sharestream_signal_{name} {help}\n# TYPE sharestream_signal_{name} {kind}\nsharestream_signal_{name} {value}"
        );
    }
    text
}

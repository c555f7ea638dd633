//! The status in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;

use bittorrent::DiskRoom;
use engine_proto::ipc::{Status, TorrentStatus};

/// The text of `/-/metrics`.
pub(crate) fn prometheus(status: &Status, disk: Option<DiskRoom>) -> String {
    let mut text = String::new();
    let name = "sharestream_build_info";
    header(&mut text, name, "gauge", "The engine's version.");
    line(&mut text, &format!("{name}{{version=\"{}\"}}", escaped(&status.version)), 1);
    single(&mut text, "sharestream_torrents", "Torrents that run.", status.torrents.len() as u64);
    single(&mut text, "sharestream_dht_nodes", "Nodes in the DHT's table.", u64::from(status.dht_nodes));
    if let Some(DiskRoom { free, reserve }) = disk {
        single(&mut text, "sharestream_disk_free_bytes", "Free on the disk that downloads lie on.", free);
        single(&mut text, "sharestream_disk_reserve_bytes", "What of it downloads leave free.", reserve);
    }
    for metric in METRICS {
        header(&mut text, metric.name, metric.kind, metric.help);
        for torrent in &status.torrents {
            let hash = torrent.infohash.map(|infohash| infohash.to_string()).unwrap_or_default();
            let labels = format!("{}{{infohash=\"{hash}\",name=\"{}\"}}", metric.name, escaped(&torrent.name));
            line(&mut text, &labels, (metric.value)(torrent));
        }
    }
    text
}

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&TorrentStatus) -> u64,
}

const METRICS: &[Metric] = &[
    Metric {
        name: "sharestream_downloaded_bytes",
        kind: "gauge",
        help: "Verified bytes of the film.",
        value: |torrent| torrent.figures.downloaded_bytes,
    },
    Metric {
        name: "sharestream_size_bytes",
        kind: "gauge",
        help: "Bytes of the film.",
        value: |torrent| torrent.figures.total_bytes,
    },
    Metric {
        name: "sharestream_ahead_bytes",
        kind: "gauge",
        help: "Verified bytes from the playhead on, without a gap.",
        value: |torrent| torrent.figures.ahead_bytes,
    },
    Metric {
        name: "sharestream_uploaded_bytes_total",
        kind: "counter",
        help: "Payload sent to peers.",
        value: |torrent| torrent.figures.uploaded_bytes,
    },
    Metric {
        name: "sharestream_download_bytes_per_second",
        kind: "gauge",
        help: "From all peers.",
        value: |torrent| torrent.figures.speed,
    },
    Metric {
        name: "sharestream_upload_bytes_per_second",
        kind: "gauge",
        help: "To all peers.",
        value: |torrent| torrent.figures.upload_speed,
    },
    Metric {
        name: "sharestream_upload_capacity_bytes_per_second",
        kind: "gauge",
        help: "What the uplink was measured to carry.",
        value: |torrent| torrent.figures.upload_capacity,
    },
    Metric {
        name: "sharestream_peers",
        kind: "gauge",
        help: "Connections.",
        value: |torrent| u64::from(torrent.figures.peers),
    },
    Metric {
        name: "sharestream_seeds",
        kind: "gauge",
        help: "Connections to peers that have everything.",
        value: |torrent| u64::from(torrent.figures.seeds),
    },
    Metric {
        name: "sharestream_room_members",
        kind: "gauge",
        help: "Connections to members of the room, who proved it.",
        value: |torrent| torrent.peer_list.iter().filter(|peer| peer.member).count() as u64,
    },
    Metric {
        name: "sharestream_proofs_refused_total",
        kind: "counter",
        help: "Proofs of membership that did not hold.",
        value: |torrent| u64::from(torrent.counts.proofs_refused),
    },
    Metric {
        name: "sharestream_pieces_given_up_total",
        kind: "counter",
        help: "Pieces that the disk's limit made give up.",
        value: |torrent| torrent.counts.pieces_given_up,
    },
];

fn single(text: &mut String, name: &str, help: &str, value: u64) {
    header(text, name, "gauge", help);
    line(text, name, value);
}

// Writing to a String cannot fail.
fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, series: &str, value: u64) {
    let _ = writeln!(text, "{series} {value}");
}

/// The format's three escapes in a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_proto::infohash::Infohash;
    use engine_proto::ipc::{Counts, Figures, PeerStatus};

    fn peer(member: bool) -> PeerStatus {
        PeerStatus {
            addr: "127.0.0.1:1".parse().unwrap(),
            client: String::new(),
            speed: 0,
            upload_speed: 0,
            downloaded_bytes: 0,
            uploaded_bytes: 0,
            progress: 0.0,
            am_choking: false,
            am_interested: false,
            peer_choking: false,
            peer_interested: false,
            incoming: false,
            encrypted: false,
            inflight: 0,
            member,
            member_id: None,
        }
    }

    #[test]
    fn a_torrent_has_its_lines() {
        let torrent = TorrentStatus {
            infohash: Some(Infohash([0xab; 20])),
            name: "a \"b\"\n.mp4".into(),
            magnet_uri: None,
            server_url: None,
            files: Vec::new(),
            hashing: None,
            error: None,
            figures: Figures { downloaded_bytes: 5, peers: 2, ..Figures::default() },
            counts: Counts { proofs_refused: 3, pieces_given_up: 4 },
            peer_list: vec![peer(true), peer(false), peer(true)],
        };
        let disk = Some(DiskRoom { free: 70, reserve: 8 });
        let status = Status { torrents: vec![torrent], ..Status::default() };
        let text = prometheus(&status, disk);
        let labels = format!("{{infohash=\"{}\",name=\"a \\\"b\\\"\\n.mp4\"}}", "ab".repeat(20));
        assert!(text.contains(&format!("sharestream_downloaded_bytes{labels} 5\n")), "{text}");
        assert!(text.contains(&format!("sharestream_peers{labels} 2\n")), "{text}");
        assert!(text.contains("sharestream_torrents 1\n"));
        for (name, value) in [("room_members", 2), ("proofs_refused_total", 3), ("pieces_given_up_total", 4)] {
            assert!(text.contains(&format!("sharestream_{name}{labels} {value}\n")), "{text}");
        }
        assert!(
            text.contains("sharestream_disk_free_bytes 70\n") && text.contains("sharestream_disk_reserve_bytes 8\n")
        );
        assert!(!prometheus(&status, None).contains("sharestream_disk"), "what is not known is not told");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok()), "{line}");
        }
    }
}

//! What scenes are drawn from: films, lines, and who stands at them.

use std::time::Duration;

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::{ByteLen, BytesPerSec};

use crate::disk::DiskConfig;
use crate::film::Film;
use crate::host::peer::{Original, PeerConfig, Release};
use crate::host::{HostConfig, HostId};
use crate::limits::{CHUNK_LEN_MAX, SEND_BUFFER_LEN, WINDOW_LEN};
use crate::link::LinkConfig;
use crate::rng::{Seed, duration_between, number_between, rate_log_uniform};

/// A film whose length fits nothing, in pieces of any size that torrents have, and some that few have.
pub(super) fn release(seed: Seed, rng: &mut Rng, len: (u64, u64)) -> Release {
    const PIECE_LENS: [u32; 6] = [16_384, 32_768, 49_152, 65_536, 131_072, 262_144];
    let at = usize::try_from(rng.below(PIECE_LENS.len() as u64)).unwrap_or(0);
    Release::new(Film::new(seed, ByteLen::new(number_between(rng, len.0, len.1))), PIECE_LENS[at])
}

/// A way between two hosts: across the street or the ocean, in pieces of any size.
pub(super) fn path(rng: &mut Rng) -> LinkConfig {
    let delay = duration_between(rng, Duration::from_millis(1), Duration::from_millis(150));
    // Small reads cost the most events and find the most; most reads are not small.
    let chunk_len_max = if rng.chance(1, 4) { number_between(rng, 200, 2000) } else { CHUNK_LEN_MAX as u64 };
    LinkConfig {
        delay,
        jitter: duration_between(rng, Duration::ZERO, delay / 2),
        rate: rate_log_uniform(rng, BytesPerSec::new(500_000), BytesPerSec::new(12_500_000)),
        send_buffer_len: if rng.chance(1, 3) { 16 * 1024 } else { SEND_BUFFER_LEN },
        window_len: if rng.chance(1, 3) { 64 * 1024 } else { WINDOW_LEN },
        chunk_len_max: usize::try_from(chunk_len_max).unwrap_or(CHUNK_LEN_MAX),
    }
}

/// A line whose way out lies in `low..=high`.
pub(super) fn line(rng: &mut Rng, low: u64, high: u64) -> HostConfig {
    let uplink = rate_log_uniform(rng, BytesPerSec::new(low), BytesPerSec::new(high));
    HostConfig { uplink: Some(uplink), disk: disk(rng), ..HostConfig::default() }
}

/// A solid-state disk, or now and then one that turns.
fn disk(rng: &mut Rng) -> DiskConfig {
    if rng.chance(3, 4) {
        return DiskConfig::default();
    }
    DiskConfig {
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(20),
        rate: BytesPerSec::new(60_000_000),
        ..DiskConfig::default()
    }
}

/// Who stands there, for reading.
pub(super) fn describe(id: HostId, config: &PeerConfig, line: &HostConfig) -> String {
    let role = match (config.original, config.is_honest()) {
        (Original::Everything, true) => "has the film",
        (Original::Everything | Original::OneIn(..), false) => "lies",
        (Original::OneIn(..), true) => "has a part",
        (Original::Nothing, _) if config.viewer.is_some() => "watches",
        (Original::Nothing, _) => "fetches",
    };
    let uplink = line.uplink.map_or_else(String::new, |rate| format!(", {} kB/s out", rate.get() / 1000));
    let knows = if config.knows_metainfo { "" } else { ", from a magnet" };
    let calls = if line.accepts { "" } else { ", cannot be called" };
    format!("{id} {role}{knows}{uplink}{calls}")
}

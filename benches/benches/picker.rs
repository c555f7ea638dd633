//! Which piece next, in a film of 65,536 pieces.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{PIECE_COUNT, PIECE_LEN, criterion, layout};
use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::policy::picker::{Picker, View};
use bittorrent_proto::policy::rarity::Rarity;
use bittorrent_proto::reader::{Demand, ReaderId, Readers, Slack};
use bittorrent_proto::rng::Rng;
use bittorrent_proto::store::Store;
use bittorrent_proto::units::ByteRange;
use criterion::{BatchSize, Criterion, Throughput};

/// Partial peers that are counted.
const PEERS: u32 = 60;

/// Entries of a demand list: one reader's window of small pieces.
const DEMANDED: u32 = 256;

fn main() {
    let mut criterion = criterion();
    rarity(&mut criterion);
    pick(&mut criterion);
    demand(&mut criterion);
    criterion.final_summary();
}

/// Every piece pickable, and sixty peers of whom each has a random half.
fn counted() -> Rarity {
    let mut rng = Rng::new(1);
    let mut rarity = Rarity::new(PIECE_COUNT);
    for _ in 0..PEERS {
        half(&mut rng).iter_ones().for_each(|piece| rarity.have_added(piece));
    }
    rarity.extend(0..PIECE_COUNT, &mut rng);
    rarity
}

fn half(rng: &mut Rng) -> Bitfield {
    let mut have = Bitfield::new_empty(PIECE_COUNT);
    (0..PIECE_COUNT).filter(|_| rng.chance(1, 2)).for_each(|piece| {
        have.set(piece);
    });
    have
}

fn rarity(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rarity");
    group.throughput(Throughput::Elements(u64::from(PIECE_COUNT)));
    group.bench_function("extend, all pieces", |b| {
        b.iter_batched(
            || (Rarity::new(PIECE_COUNT), Rng::new(2)),
            |(mut rarity, mut rng)| {
                rarity.extend(0..PIECE_COUNT, &mut rng);
                rarity
            },
            BatchSize::LargeInput,
        );
    });
    let counted = counted();
    group.bench_function("have, of all pieces", |b| {
        b.iter_batched(
            || counted.clone(),
            |mut rarity| {
                (0..PIECE_COUNT).for_each(|piece| rarity.have_added(piece));
                rarity
            },
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("remove and insert", |b| {
        let mut rarity = counted.clone();
        let mut piece = 0;
        b.iter(|| {
            piece = (piece + 7919) % PIECE_COUNT;
            rarity.remove(piece);
            rarity.insert(piece);
        });
    });
    let theirs = half(&mut Rng::new(3));
    group.bench_function("pick, a peer with half", |b| b.iter(|| black_box(&counted).pick(&theirs, false)));
    let mut little = Bitfield::new_empty(PIECE_COUNT);
    little.set(PIECE_COUNT - 1);
    // Falls back to the search by words after its probes.
    group.bench_function("pick, a peer with one piece", |b| b.iter(|| black_box(&counted).pick(&little, false)));
    group.finish();
}

fn pick(criterion: &mut Criterion) {
    let layout = Arc::new(layout());
    let store = Store::new(layout.clone(), Bitfield::new_empty(PIECE_COUNT));
    let rarity = counted();
    let piece = |index| layout.piece(index).expect("the film has it");
    let demand: Vec<Demand> = (0..DEMANDED)
        .map(|index| Demand { slack: Slack(i64::from(index)), piece: piece(index), urgent: false })
        .collect();
    let view = View {
        store: &store,
        demand: &demand,
        rarity: &rarity,
        fetch_rest: true,
        in_order_from: None,
        shared_out: &[],
    };
    let full = Bitfield::new_full(PIECE_COUNT);
    let mut lacking = Bitfield::new_full(PIECE_COUNT);
    (0..DEMANDED).for_each(|index| {
        lacking.clear(index);
    });
    let mut group = criterion.benchmark_group("picker");
    group.throughput(Throughput::Elements(1));
    let seed = Picker { peer: PeerKey(1), have: &full, is_seed: true };
    group.bench_function("pick, the nearest deadline", |b| b.iter(|| black_box(&seed).pick(&view)));
    // Looks at every demand in vain, then at the rest.
    let other = Picker { peer: PeerKey(2), have: &lacking, is_seed: false };
    group.bench_function("pick, none of 256 demands", |b| b.iter(|| black_box(&other).pick(&view)));
    group.finish();
}

fn demand(criterion: &mut Criterion) {
    let layout = layout();
    let now = Instant::now();
    let file = ByteRange::new(0, layout.total_len().get());
    let mut group = criterion.benchmark_group("demand");
    for count in [1, 32] {
        let mut readers = Readers::default();
        for id in 0..count {
            let position = id * 1000 * u64::from(PIECE_LEN);
            readers.open(now, ReaderId(id), file, position);
            readers.moved(now, ReaderId(id), position, true);
        }
        let later = now + Duration::from_millis(100);
        let pieces = readers.demand(later, &layout, |_| true).len();
        group.throughput(Throughput::Elements(pieces as u64));
        group.bench_function(format!("list, {count} readers"), |b| {
            b.iter(|| black_box(&readers).demand(later, &layout, |_| true));
        });
    }
    group.finish();
}

//! Sets of pieces, at the size of a long film and at the largest that is common.

use std::hint::black_box;

use benches::criterion;
use bittorrent_proto::bitfield::Bitfield;
use criterion::{BenchmarkId, Criterion, Throughput};

const SIZES: [u32; 2] = [65_536, 1 << 20];

fn main() {
    let mut criterion = criterion();
    for len in SIZES {
        from_wire(&mut criterion, len);
        next_not_in(&mut criterion, len);
        runs(&mut criterion, len);
    }
    criterion.final_summary();
}

/// Every `step`th bit.
fn every(step: u32, len: u32) -> Bitfield {
    let mut bits = Bitfield::new_empty(len);
    (0..len).filter(|index| index % step == 0).for_each(|index| {
        bits.set(index);
    });
    bits
}

fn from_wire(criterion: &mut Criterion, len: u32) {
    let wire = every(3, len).to_wire();
    let mut group = criterion.benchmark_group("bitfield/from_wire");
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_with_input(BenchmarkId::from_parameter(len), &wire, |b, wire| {
        b.iter(|| Bitfield::from_wire(black_box(wire), len));
    });
    group.finish();
}

/// What a peer has and we lack, when that is only the last piece: a search through everything.
fn next_not_in(criterion: &mut Criterion, len: u32) {
    let (theirs, mut ours) = (Bitfield::new_full(len), Bitfield::new_full(len));
    ours.clear(len - 1);
    let mut group = criterion.benchmark_group("bitfield/next_not_in");
    group.throughput(Throughput::Elements(u64::from(len)));
    group.bench_function(BenchmarkId::from_parameter(len), |b| {
        b.iter(|| black_box(&theirs).next_not_in(0, black_box(&ours)));
    });
    group.finish();
}

fn runs(criterion: &mut Criterion, len: u32) {
    let mut group = criterion.benchmark_group("bitfield/runs");
    group.throughput(Throughput::Elements(u64::from(len)));
    // Every second bit is the worst there is; a film that was watched with a few seeks has a handful of runs.
    let worst = every(2, len);
    let mut usual = Bitfield::new_full(len);
    (1..8).for_each(|seek| {
        usual.clear(seek * (len / 8));
    });
    group.bench_with_input(BenchmarkId::new("every second bit", len), &worst, |b, bits| {
        b.iter(|| black_box(bits).runs().count());
    });
    group.bench_with_input(BenchmarkId::new("eight runs", len), &usual, |b, bits| {
        b.iter(|| black_box(bits).runs().count());
    });
    group.finish();
}

//! The two SHA-1 in the tree: `sha1` for what passes by the gigabyte, `sha1_smol` for the cores' small ones.

use std::hint::black_box;

use benches::{BLOCK_LEN, criterion};
use criterion::{BenchmarkId, Throughput};
use sha1::Digest as _;

fn main() {
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("sha1");
    for len in [BLOCK_LEN, 1024 * 1024] {
        let bytes = vec![0x5a; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_with_input(BenchmarkId::new("sha1", len), &bytes, |b, bytes| {
            b.iter(|| sha1::Sha1::digest(black_box(bytes)));
        });
        group.bench_with_input(BenchmarkId::new("sha1_smol", len), &bytes, |b, bytes| {
            b.iter(|| sha1_smol::Sha1::from(black_box(bytes)).digest());
        });
    }
    // As a piece is hashed: block after block, while each is hot.
    let (piece, blocks) = (vec![0x5a; 1024 * 1024], 64);
    group.throughput(Throughput::Bytes(piece.len() as u64));
    group.bench_function(format!("sha1, {blocks} blocks in turn"), |b| {
        b.iter(|| {
            let mut running = sha1::Sha1::new();
            piece.chunks(BLOCK_LEN).for_each(|block| running.update(black_box(block)));
            running.finalize()
        });
    });
    group.finish();
    criterion.final_summary();
}

//! Bytes to messages and back.

use std::hint::black_box;

use benches::{PIECE_COUNT, READ_LEN, criterion, piece_messages};
use bittorrent_proto::layout::RawBlock;
use bittorrent_proto::wire::{FrameDecoder, FrameLimits, Message};
use bytes::BytesMut;
use criterion::{Criterion, Throughput};

/// Messages of the streams of small ones.
const MESSAGES: u32 = 10_000;

/// Requests of one full pipeline.
const REQUESTS: u32 = 256;

fn main() {
    let mut criterion = criterion();
    decode(&mut criterion);
    encode(&mut criterion);
    criterion.final_summary();
}

/// Decodes a stream as reads of `read_len` bytes bring it; returns how many messages there were.
fn decode_all(stream: &[u8], read_len: usize) -> usize {
    let mut decoder = FrameDecoder::new(FrameLimits::for_pieces(PIECE_COUNT));
    let mut count = 0;
    for mut input in stream.chunks(read_len) {
        while let Some(message) = decoder.next(&mut input).expect("the stream is well formed") {
            black_box(message);
            count += 1;
        }
    }
    count
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/decode");

    // Sixteen whole frames of 16 KiB: the case in which nothing is copied.
    let whole = piece_messages(16);
    group.throughput(Throughput::Bytes(whole.len() as u64));
    group.bench_function("pieces, whole", |b| b.iter(|| decode_all(black_box(&whole), whole.len())));

    // The same as it comes from a socket: the end of each read cuts a frame, which is copied.
    let cut = piece_messages(256);
    group.throughput(Throughput::Bytes(cut.len() as u64));
    group.bench_function("pieces, in reads of 256 KiB", |b| b.iter(|| decode_all(black_box(&cut), READ_LEN)));
    group.bench_function("pieces, in reads of 16 KiB", |b| b.iter(|| decode_all(black_box(&cut), 16 * 1024)));

    let mut haves = BytesMut::new();
    (0..MESSAGES).for_each(|piece| Message::Have(piece).encode(&mut haves));
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.bench_function("haves", |b| b.iter(|| decode_all(black_box(&haves), READ_LEN)));
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/encode");
    let mut out = BytesMut::with_capacity(REQUESTS as usize * 17);
    group.throughput(Throughput::Elements(u64::from(REQUESTS)));
    group.bench_function("requests", |b| {
        b.iter(|| {
            out.clear();
            for index in 0..REQUESTS {
                Message::Request(RawBlock { piece: black_box(index), offset: 0x4000, len: 0x4000 }).encode(&mut out);
            }
            black_box(out.len())
        });
    });
    group.finish();
}

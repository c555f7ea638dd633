//! What encrypted streams cost: RC4 by the byte, and the keys by the connection.

use std::hint::black_box;

use benches::criterion;
use bittorrent_proto::mse::{Cipher, Input, Negotiation, Output, Pad, PrivateKey};
use criterion::Throughput;

const LEN: usize = 1024 * 1024;

fn main() {
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("mse");
    let film = vec![0x5a; LEN];
    group.throughput(Throughput::Bytes(LEN as u64));
    group.bench_function("decrypt 1 MiB in place", |b| {
        let (mut cipher, mut bytes) = (Cipher::new([7; 20]), film.clone());
        b.iter(|| cipher.apply(black_box(&mut bytes)));
    });
    // As it is sent: 64 KiB at a time are copied, because blocks are shared.
    group.bench_function("copy and encrypt 1 MiB", |b| {
        let (mut cipher, mut sealed) = (Cipher::new([7; 20]), Vec::new());
        b.iter(|| {
            for part in film.chunks(64 * 1024) {
                sealed.clear();
                sealed.extend_from_slice(black_box(part));
                cipher.apply(&mut sealed);
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("both keys of one who is called", |b| b.iter(called));
    group.finish();
    criterion.final_summary();
}

/// Two exponentiations, with the least that leads to them.
fn called() {
    let pads = [Pad::default(), Pad::default()];
    let mut negotiation = Negotiation::accept(PrivateKey::new([0x3c; PrivateKey::LEN]), pads);
    negotiation.handle_input(Input::Received(&[0x42; 96])).expect("a key like others");
    let Some(Output::Exchange(exchange)) = negotiation.poll_output() else { panic!("a key leads to an exchange") };
    black_box(exchange.run());
}

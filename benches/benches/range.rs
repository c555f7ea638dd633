//! What stands between a player's request and the first byte: guard, range, and the head of the answer.

use std::hint::black_box;

use benches::criterion;
use criterion::{BenchmarkId, Criterion, Throughput};
use http::{HeaderMap, HeaderValue, Method, Uri};
use httprange::plan::Facts;
use httprange::{guard, plan, range};

/// A long film.
const FILE_LEN: u64 = 4 << 30;

const PORT: u16 = 42069;

fn main() {
    let mut criterion = criterion();
    ranges(&mut criterion);
    requests(&mut criterion);
    criterion.final_summary();
}

fn ranges(criterion: &mut Criterion) {
    // Sixty-four ranges without a byte in the file: the longest way to a 416 that a sane client could cause.
    let unsatisfiable = format!("bytes={}", vec!["9999999999-"; 64].join(","));
    let headers = [
        ("from", "bytes=1073741824-"),
        ("between", "bytes=1073741824-1074790399"),
        ("suffix", "bytes=-65536"),
        ("64 unsatisfiable", unsatisfiable.as_str()),
        ("not a range", "seconds=1-2"),
    ];
    let mut group = criterion.benchmark_group("range/parse and resolve");
    for (name, header) in headers {
        group.throughput(Throughput::Bytes(header.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), header, |b, header| {
            b.iter(|| range::parse(black_box(header.as_bytes())).and_then(|ranges| ranges.resolve(FILE_LEN)));
        });
    }
    group.finish();
}

fn requests(criterion: &mut Criterion) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "localhost:42069"),
        ("user-agent", "mpv 0.37.0"),
        ("accept", "*/*"),
        ("connection", "keep-alive"),
        ("range", "bytes=1073741824-"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let target = Uri::from_static("/Summer%20holidays.mkv");
    let mut group = criterion.benchmark_group("request");
    group.throughput(Throughput::Elements(1));
    group.bench_function("guard, a player", |b| b.iter(|| guard::check(black_box(&target), &headers, PORT)));
    let mut foreign = headers.clone();
    foreign.insert("origin", HeaderValue::from_static("http://example.com"));
    group.bench_function("guard, a foreign page", |b| b.iter(|| guard::check(black_box(&target), &foreign, PORT)));
    let facts =
        Facts { len: FILE_LEN, etag: "3530453ef100f8cd9235f76b1c06c4f711b67a19-0", content_type: "video/x-matroska" };
    group.bench_function("plan, 206", |b| b.iter(|| plan::file(&Method::GET, black_box(&headers), facts)));
    group.finish();
}

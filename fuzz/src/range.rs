//! The `Range` header.

use httprange::range::{Wanted, wanted};

/// Eight bytes of file length, then a header: never a byte that is not there, and always what a plain reading of the RFC's
/// grammar gives.
pub fn range(bytes: &[u8]) {
    let Some((len, header)) = bytes.split_first_chunk::<8>() else { return };
    let len = u64::from_le_bytes(*len);
    for len in [len, len % 1000, 0] {
        let answer = wanted(header, len);
        if let Wanted::Part(range) = &answer {
            assert!(range.start < range.end && range.end <= len, "{range:?} of {len}");
        }
        if let Some(expected) = std::str::from_utf8(header).ok().and_then(|header| plain_reading(header, len)) {
            assert_eq!(answer, expected, "{:?} of {len} bytes", header.escape_ascii().to_string());
        }
    }
}

/// RFC 9110, section 14.1.1, read with strings and wide numbers. `None` for numbers that are too wide even so.
fn plain_reading(header: &str, len: u64) -> Option<Wanted> {
    let Some((unit, set)) = header.split_once('=') else { return Some(Wanted::Whole) };
    let blank = |c: char| c == ' ' || c == '\t';
    let elements: Vec<&str> =
        set.split(',').map(|part| part.trim_matches(blank)).filter(|part| !part.is_empty()).collect();
    if !unit.eq_ignore_ascii_case("bytes") || elements.is_empty() {
        return Some(Wanted::Whole);
    }
    let len = u128::from(len);
    let mut found = None;
    for element in elements {
        let Some((first, last)) = element.split_once('-') else { return Some(Wanted::Whole) };
        if [first, last].iter().any(|number| number.bytes().any(|digit| !digit.is_ascii_digit())) {
            return Some(Wanted::Whole);
        }
        let (first, last) = match (first.is_empty(), last.is_empty()) {
            (true, true) => return Some(Wanted::Whole),
            (true, false) => (len.saturating_sub(last.parse().ok()?), len),
            (false, true) => (first.parse().ok()?, len),
            (false, false) => {
                let (first, last): (u128, u128) = (first.parse().ok()?, last.parse().ok()?);
                if last < first {
                    return Some(Wanted::Whole);
                }
                (first, last.checked_add(1)?.min(len))
            }
        };
        if found.is_none() && first < last {
            found = Some(u64::try_from(first).ok()?..u64::try_from(last).ok()?);
        }
    }
    Some(found.map_or(Wanted::Unsatisfiable, Wanted::Part))
}

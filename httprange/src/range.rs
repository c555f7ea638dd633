//! The `Range` header (RFC 9110, section 14): which bytes of a file a request wants.
//!
//! Pure, without allocation, and lenient only where the RFC is: a header that does not follow its grammar is ignored as
//! a whole, and the whole file is served. Conditions (`If-Range`) are [`crate::plan`]'s.

use std::cmp::Ordering;
use std::ops::Range;

/// What a request asks of a file of a known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No range, or one that is ignored: the whole file.
    Whole,
    /// These bytes: at least one, all within the file.
    Part(Range<u64>),
    /// Well formed, and no byte of it is in the file: 416.
    Unsatisfiable,
}

/// What the value of a `Range` header wants of a file of `len` bytes.
pub fn wanted(header: &[u8], len: u64) -> Wanted {
    match parse(header) {
        None => Wanted::Whole,
        Some(ranges) => ranges.resolve(len).map_or(Wanted::Unsatisfiable, Wanted::Part),
    }
}

/// Checks the value of a `Range` header. `None` is one to ignore: another unit, or broken grammar in any of its parts
/// (RFC 9110, section 14.2: "A server that supports range requests MAY ignore" it).
pub fn parse(header: &[u8]) -> Option<RangeSet<'_>> {
    let equals = header.iter().position(|&byte| byte == b'=')?;
    let (unit, set) = (&header[..equals], &header[equals + 1..]);
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut specs = 0_usize;
    for element in elements(set) {
        Spec::parse(element)?;
        specs += 1;
    }
    (specs > 0).then_some(RangeSet { set })
}

/// The ranges of a well-formed header, in its order. At least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeSet<'a> {
    /// Invariant: every element is a [`Spec`].
    set: &'a [u8],
}

impl<'a> RangeSet<'a> {
    /// The ranges as they were asked for.
    pub fn specs(&self) -> impl Iterator<Item = Spec> + use<'a> {
        elements(self.set).filter_map(Spec::parse)
    }

    /// The first range that has a byte in a file of `len` bytes, cut to it. `None` is unsatisfiable.
    pub fn resolve(&self, len: u64) -> Option<Range<u64>> {
        self.specs().find_map(|spec| spec.resolve(len))
    }
}

/// One range (RFC 9110, section 14.1.1). Numbers above `u64::MAX` are that: no file reaches so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `first-last`, both inclusive, `first <= last`.
    Between {
        /// Position of the first byte.
        first: u64,
        /// Position of the last byte.
        last: u64,
    },
    /// `first-`: from there to the end.
    From {
        /// Position of the first byte.
        first: u64,
    },
    /// `-len`: the last bytes.
    Suffix {
        /// How many.
        len: u64,
    },
}

impl Spec {
    /// The bytes of a file of `file_len` bytes; `None` when there are none.
    pub fn resolve(self, file_len: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Between { first, last } => first..last.saturating_add(1).min(file_len),
            Self::From { first } => first..file_len,
            Self::Suffix { len } => file_len.saturating_sub(len)..file_len,
        };
        (range.start < range.end).then_some(range)
    }

    fn parse(element: &[u8]) -> Option<Self> {
        let dash = element.iter().position(|&byte| byte == b'-')?;
        let (before, after) = (&element[..dash], &element[dash + 1..]);
        match (before.is_empty(), after.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::Suffix { len: number(after)? }),
            (false, true) => Some(Self::From { first: number(before)? }),
            (false, false) => {
                let (first, last) = (number(before)?, number(after)?);
                // "An int-range is invalid if the last-pos value is present and less than first-pos." Compared as
                // digits, because two numbers past u64 still have an order.
                (compare(before, after) != Ordering::Greater).then_some(Self::Between { first, last })
            }
        }
    }
}

/// The elements of a list: separated by commas, blanks around them dropped, empty ones skipped (RFC 9110, section 5.6.1).
fn elements(set: &[u8]) -> impl Iterator<Item = &[u8]> {
    set.split(|&byte| byte == b',').map(trim).filter(|element| !element.is_empty())
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// One or more digits. Saturates.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, &digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

/// The order of two numbers of any size, given as digits.
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &'_ [u8]| digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    let (left, right) = (&left[significant(left)..], &right[significant(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_a_range() {
        use Wanted::{Part, Unsatisfiable, Whole};
        for (header, len, expected) in [
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=2-5", 10, Part(2..6)),
            ("bytes=2-", 10, Part(2..10)),
            ("bytes=-3", 10, Part(7..10)),
            ("bytes=2-99", 10, Part(2..10)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=-99", 10, Part(0..10)),
            ("bytes=0-", 10, Part(0..10)),
            ("BYTES=0-1", 10, Part(0..2)),
            ("bytes= 0-1 ", 10, Part(0..2)),
            ("bytes=000-001", 10, Part(0..2)),
            // Unsatisfiable.
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-1", 0, Unsatisfiable),
            // Several: the first that has a byte.
            ("bytes=0-1,5-6", 10, Part(0..2)),
            ("bytes=20-30, 5-6", 10, Part(5..7)),
            ("bytes=,\t, 5-6 ,,", 10, Part(5..7)),
            ("bytes=20-,-0", 10, Unsatisfiable),
            // Past every number.
            ("bytes=0-99999999999999999999", 10, Part(0..10)),
            ("bytes=-99999999999999999999", 10, Part(0..10)),
            ("bytes=99999999999999999999-", u64::MAX, Unsatisfiable),
            ("bytes=99999999999999999998-99999999999999999999", 10, Unsatisfiable),
            ("bytes=99999999999999999999-99999999999999999998", 10, Whole),
            ("bytes=0-18446744073709551615", u64::MAX, Part(0..u64::MAX)),
            // Ignored.
            ("", 10, Whole),
            ("bytes", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=,", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=5-2", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=1", 10, Whole),
            ("bytes=1--2", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=0x1-2", 10, Whole),
            ("bytes=0 - 1", 10, Whole),
            ("bytes =0-1", 10, Whole),
            ("bytes=0-1,x", 10, Whole),
            ("bytes=0-1;5-6", 10, Whole),
            ("seconds=0-1", 10, Whole),
            ("items=0-1", 10, Whole),
        ] {
            assert_eq!(wanted(header.as_bytes(), len), expected, "{header:?} of {len}");
        }
    }

    /// A range as text, with what it means said the slow way: the set of positions.
    #[derive(Clone, Debug)]
    struct Asked {
        first: Option<u8>,
        last: Option<u8>,
        zeros: usize,
        blanks: (usize, usize),
    }

    impl Asked {
        fn text(&self) -> String {
            let number = |number: Option<u8>| match number {
                Some(number) => format!("{}{number}", "0".repeat(self.zeros)),
                None => String::new(),
            };
            let blanks = |count| " \t".repeat(count);
            format!("{}{}-{}{}", blanks(self.blanks.0), number(self.first), number(self.last), blanks(self.blanks.1))
        }

        fn is_valid(&self) -> bool {
            match (self.first, self.last) {
                (None, None) => false,
                (Some(first), Some(last)) => first <= last,
                (Some(_), None) | (None, Some(_)) => true,
            }
        }

        fn positions(&self, len: u64) -> Vec<u64> {
            (0..len)
                .filter(|&position| match (self.first, self.last) {
                    (Some(first), Some(last)) => position >= u64::from(first) && position <= u64::from(last),
                    (Some(first), None) => position >= u64::from(first),
                    (None, Some(count)) => len - position <= u64::from(count),
                    (None, None) => false,
                })
                .collect()
        }
    }

    fn model(asked: &[Asked], len: u64) -> Option<Vec<u64>> {
        asked.iter().map(|asked| asked.positions(len)).find(|positions| !positions.is_empty())
    }

    fn asked() -> impl Strategy<Value = Asked> {
        (proptest::option::of(0_u8..40), proptest::option::of(0_u8..40), 0_usize..3, (0_usize..2, 0_usize..2))
            .prop_map(|(first, last, zeros, blanks)| Asked { first, last, zeros, blanks })
    }

    proptest! {
        #[test]
        fn agrees_with_the_set_of_positions(asked in proptest::collection::vec(asked(), 1..5), len in 0_u64..50) {
            let text = asked.iter().map(Asked::text).collect::<Vec<_>>().join(",");
            let expected = if asked.iter().all(Asked::is_valid) {
                match model(&asked, len) {
                    Some(positions) => Wanted::Part(positions[0]..positions[positions.len() - 1] + 1),
                    None => Wanted::Unsatisfiable,
                }
            } else {
                Wanted::Whole
            };
            prop_assert_eq!(wanted(format!("bytes={text}").as_bytes(), len), expected, "{}", text);
        }

        #[test]
        fn any_bytes_give_a_range_within_the_file(
            tail in proptest::collection::vec(proptest::sample::select(b"0123456789-, \tx\xff".to_vec()), 0..60),
            len: u64,
        ) {
            let header = [b"bytes=".as_slice(), &tail].concat();
            if let Wanted::Part(part) = wanted(&header, len) {
                prop_assert!(part.start < part.end);
                prop_assert!(part.end <= len);
            }
        }

        #[test]
        fn any_bytes_at_all_are_survived(header: Vec<u8>, len: u64) {
            if let Some(ranges) = parse(&header) {
                prop_assert!(ranges.specs().count() > 0);
                prop_assert!(ranges.resolve(len).is_none_or(|part| part.start < part.end && part.end <= len));
            }
        }

        #[test]
        fn digits_compare_as_numbers(left: u128, right: u128, zeros in 0_usize..4) {
            let digits = |number: u128| format!("{}{number}", "0".repeat(zeros)).into_bytes();
            prop_assert_eq!(compare(&digits(left), right.to_string().as_bytes()), left.cmp(&right));
        }
    }
}

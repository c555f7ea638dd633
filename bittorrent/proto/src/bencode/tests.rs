//! Values by hand, bounds by brute force, and bendy as the second opinion.

use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Value<'_>, BencodeError> {
    parse(bytes, Bounds::EXTENSION)
}

#[test]
fn values_and_their_spans() {
    let value = read(b"d4:infod6:lengthi-7ee4:listl2:ab0:i9223372036854775807eee").unwrap();
    let info = value.get("info").unwrap();
    assert_eq!(info.raw(), b"d6:lengthi-7ee");
    assert_eq!(info.get("length").and_then(Value::as_int), Some(-7));
    let list = value.get("list").and_then(Value::as_list).unwrap();
    assert_eq!(list[0].as_str(), Some("ab"));
    assert_eq!(list[1].as_bytes(), Some(&b""[..]));
    assert_eq!(list[2].as_int(), Some(i64::MAX));
    assert_eq!(read(b"i-9223372036854775808e").unwrap().as_int(), Some(i64::MIN));
    assert_eq!((value.as_int(), value.as_bytes(), value.as_list()), (None, None, None));
    assert_eq!(list[0].as_dict(), None);
    assert_eq!(read(b"2:\xff\xfe").unwrap().as_str(), None);
    assert_eq!(format!("{:?}", read(b"2:\xffa").unwrap()), r"2:\xffa");
}

#[test]
fn unsorted_keys_are_read_and_the_first_of_two_wins() {
    let value = read(b"d1:bi1e1:ai2e1:bi3ee").unwrap();
    assert_eq!(value.get("b").and_then(Value::as_int), Some(1));
    assert_eq!(value.get(b"a").and_then(Value::as_int), Some(2));
    assert_eq!(value.get("c"), None);
    assert_eq!(value.as_dict().unwrap().len(), 3);
}

#[test]
fn trailing_bytes_are_the_callers() {
    let message = b"d8:msg_typei1eexxxx";
    assert_eq!(parse_prefix(message, Bounds::EXTENSION).unwrap().1, 15);
    assert_eq!(read(message), Err(BencodeError::Trailing(15)));
}

#[test]
fn malformed_values_name_their_place() {
    use BencodeError as E;
    let cases: [(&[u8], E); 27] = [
        (b"", E::Truncated(0)),
        (b"l", E::Truncated(1)),
        (b"li1e", E::Truncated(4)),
        (b"d1:a", E::Truncated(4)),
        (b"i", E::Truncated(1)),
        (b"i-", E::Truncated(2)),
        (b"i12", E::Truncated(3)),
        (b"3", E::Truncated(1)),
        (b"3:ab", E::Truncated(4)),
        (b"e", E::UnexpectedByte(0)),
        (b"lx", E::UnexpectedByte(1)),
        (b"-1:a", E::UnexpectedByte(0)),
        (b"di1ei2ee", E::KeyNotString(1)),
        (b"dlei2ee", E::KeyNotString(1)),
        (b"d1:ae", E::ValueMissing(4)),
        (b"ie", E::Integer(0)),
        (b"i-e", E::Integer(0)),
        (b"i-0e", E::Integer(0)),
        (b"i00e", E::Integer(0)),
        (b"i-01e", E::Integer(0)),
        (b"i+1e", E::Integer(0)),
        (b"i1.5e", E::Integer(0)),
        (b"i9223372036854775808e", E::Integer(0)),
        (b"i10000000000000000000000e", E::Integer(0)),
        (b"l01:ae", E::StringLen(1)),
        (b"99999999999999999999:a", E::StringLen(0)),
        (b"1;a", E::StringLen(0)),
    ];
    for (bytes, error) in cases {
        assert_eq!(read(bytes), Err(error), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_length_that_lies_costs_nothing() {
    assert_eq!(read(b"9999999999:"), Err(BencodeError::Truncated(11)));
}

#[test]
fn depth_is_bounded() {
    let bombs = [vec![b'l'; 100_000], b"d1:a".repeat(100_000)];
    for bomb in bombs {
        assert_eq!(parse(&bomb, Bounds::TORRENT_FILE), Err(BencodeError::TooDeep(32)));
    }
    let nested = |depth: usize| [vec![b'l'; depth], vec![b'e'; depth]].concat();
    assert!(read(&nested(8)).is_ok());
    assert_eq!(read(&nested(9)), Err(BencodeError::TooDeep(8)));
}

#[test]
fn tokens_are_bounded() {
    let list = |count: usize| [b"l".to_vec(), b"0:".repeat(count), b"e".to_vec()].concat();
    assert!(read(&list(3_999)).is_ok());
    assert_eq!(read(&list(4_000)), Err(BencodeError::TooManyTokens(4_000)));
    // A key is a token too.
    let bounds = Bounds { tokens: 2, ..Bounds::EXTENSION };
    assert_eq!(parse(b"d1:a1:be", bounds), Err(BencodeError::TooManyTokens(2)));
}

#[test]
fn bytes_are_bounded() {
    let bounds = Bounds { bytes: 5, ..Bounds::EXTENSION };
    assert!(parse(b"3:abc", bounds).is_ok());
    assert_eq!(parse(b"4:abcd", bounds), Err(BencodeError::TooLong(5)));
    assert_eq!(parse_prefix(b"4:abcd", bounds), Err(BencodeError::TooLong(5)));
    assert_eq!(parse_prefix(b"4:abc", bounds), Err(BencodeError::Truncated(5)));
    assert_eq!(parse_prefix(b"3:abcdefgh", bounds).unwrap().1, 5);
}

/// The second, simpler model: what a document is meant to say.
#[derive(Clone, Debug, PartialEq)]
enum Model {
    Bytes(Vec<u8>),
    Int(i64),
    List(Vec<Model>),
    Dict(std::collections::BTreeMap<Vec<u8>, Model>),
}

impl bendy::encoding::ToBencode for Model {
    const MAX_DEPTH: usize = 8;
    fn encode(&self, encoder: bendy::encoding::SingleItemEncoder<'_>) -> Result<(), Error> {
        match self {
            Self::Bytes(bytes) => encoder.emit_bytes(bytes),
            Self::Int(number) => encoder.emit_int(*number),
            Self::List(items) => encoder.emit_unchecked_list(items.iter()),
            Self::Dict(entries) => encoder.emit(entries),
        }
    }
}

impl From<&Value<'_>> for Model {
    fn from(value: &Value<'_>) -> Self {
        match &value.kind {
            Kind::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Kind::Int(number) => Self::Int(*number),
            Kind::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Kind::Dict(entries) => {
                Self::Dict(entries.iter().map(|(key, value)| (key.to_vec(), Self::from(value))).collect())
            }
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Model::Bytes),
        any::<i64>().prop_map(Model::Int),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Model::List),
            proptest::collection::btree_map(proptest::collection::vec(any::<u8>(), 0..8), inner, 0..8)
                .prop_map(Model::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_bendy_writes(model in model(), trail in proptest::collection::vec(any::<u8>(), 0..20)) {
        use bendy::encoding::ToBencode;
        let mut bytes = model.to_bencode().unwrap();
        let len = bytes.len();
        bytes.extend(trail);
        let (value, used) = parse_prefix(&bytes, Bounds::EXTENSION).unwrap();
        prop_assert_eq!(used, len);
        prop_assert_eq!(value.raw(), &bytes[..len]);
        prop_assert_eq!(Model::from(&value), model);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok((value, used)) = parse_prefix(&bytes, Bounds::EXTENSION) {
            prop_assert_eq!(value.raw(), &bytes[..used]);
        }
    }

    #[test]
    fn bytes_that_look_like_bencode_are_read_or_refused(text in "[dlie0-9:a-]{0,200}") {
        if let Ok((value, used)) = parse_prefix(text.as_bytes(), Bounds::EXTENSION) {
            prop_assert_eq!(value.raw(), &text.as_bytes()[..used]);
            prop_assert!(parse(value.raw(), Bounds::EXTENSION).is_ok());
        }
    }
}

//! Torrents are built as text here, so that each wrong one differs from a right one in one visible place.

use super::*;
use crate::units::FileIndex;
use proptest::prelude::*;

/// The info dictionary of one file of 3 pieces, with `changes` in place of the keys they name; an empty value leaves the
/// key out.
fn info(changes: &[(&str, &str)]) -> String {
    let hashes = format!("60:{}", "h".repeat(60));
    let entries = [("length", "i40000e"), ("name", "4:film"), ("piece length", "i16384e"), ("pieces", &hashes)];
    let kept = entries.iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
    let dict: String = kept
        .chain(changes.iter().filter(|(_, value)| !value.is_empty()))
        .map(|(key, value)| format!("{}:{key}{value}", key.len()))
        .collect();
    format!("d{dict}e")
}

fn read(changes: &[(&str, &str)]) -> Result<Metainfo, MetainfoError> {
    Metainfo::from_info(Bytes::from(info(changes)))
}

/// A folder of these entries, each written `key value` pairs of a bencoded dictionary.
fn folder(entries: &[&str]) -> Result<Metainfo, MetainfoError> {
    let entries: String = entries.iter().map(|entry| format!("d{entry}e")).collect();
    read(&[("length", ""), ("files", &format!("l{entries}e"))])
}

fn paths(metainfo: &Metainfo) -> Vec<String> {
    metainfo.files.iter().map(|file| file.path.join("/")).collect()
}

#[test]
fn a_single_file() {
    let metainfo = read(&[]).unwrap();
    assert_eq!(metainfo.name, "film");
    assert_eq!(metainfo.infohash, Infohash::of(info(&[]).as_bytes()));
    assert!(metainfo.single_file && !metainfo.private && metainfo.trackers.is_empty());
    assert_eq!(metainfo.files, [FileEntry { path: vec!["film".into()], len: ByteLen::new(40_000), pad: false }]);
    assert_eq!(metainfo.layout, TorrentLayout::new(16_384, &[40_000]).unwrap());
}

#[test]
fn each_piece_has_its_hash() {
    let hashes = format!("60:{}{}{}", "a".repeat(20), "b".repeat(20), "c".repeat(20));
    let metainfo = read(&[("pieces", &hashes)]).unwrap();
    let found: Vec<[u8; 20]> = metainfo.layout.pieces().map(|piece| *metainfo.piece_hash(piece)).collect();
    assert_eq!(found, [[b'a'; 20], [b'b'; 20], [b'c'; 20]]);
}

#[test]
fn a_folder_with_an_empty_file_pads_and_a_link() {
    let metainfo = folder(&[
        "6:lengthi16384e4:pathl3:dir1:ae",
        "4:attr1:p6:lengthi10000e",
        "6:lengthi0e4:pathl5:emptye",
        "4:attr2:lx6:lengthi0e4:pathl4:linke12:symlink pathl1:ae",
        "6:lengthi13616e10:path.utf-8l2:ée4:pathl1:?e",
    ])
    .unwrap();
    assert!(!metainfo.single_file);
    assert_eq!(paths(&metainfo), ["dir/a", "", "empty", "", "é"]);
    let pads: Vec<bool> = metainfo.files.iter().map(|file| file.pad).collect();
    assert_eq!(pads, [false, true, false, true, false]);
    assert_eq!(metainfo.layout.file_count(), metainfo.files.len());
    assert_eq!(metainfo.layout.file_range(FileIndex(4)).map(|range| range.start), Some(26_384));
}

#[test]
fn paths_cannot_leave_the_folder() {
    let metainfo = folder(&[
        "6:lengthi10000e4:pathl2:..2:..6:passwde",
        "6:lengthi10000e4:pathl11:/etc/passwde",
        "6:lengthi10000e4:pathl2:..1:.e",
        "6:lengthi10000e4:pathl1:x0:7:con.txte",
    ])
    .unwrap();
    assert_eq!(paths(&metainfo), ["passwd", "etcpasswd", "_", "x/_/_con.txt"]);
    assert_eq!(read(&[("name", "5:../..")]).unwrap().name, "_");
    assert_eq!(read(&[("name", "2:..")]).unwrap().files[0].path, ["_"]);
}

#[test]
fn duplicate_files_are_renamed_and_bounded() {
    let metainfo = folder(&["6:lengthi20000e4:pathl5:a.mkve", "6:lengthi20000e4:pathl5:A.MKVe"]).unwrap();
    assert_eq!(paths(&metainfo), ["a.mkv", "A.1.MKV"]);
    let many = vec!["6:lengthi1e4:pathl1:ae"; 502];
    assert_eq!(folder(&many), Err(MetainfoError::Duplicates(TooManyDuplicates)));
}

#[test]
fn both_length_and_files_is_read_as_a_folder() {
    let both = [("files", "ld6:lengthi40000e4:pathl1:aeee"), ("length", "i7e")];
    assert_eq!(paths(&read(&both).unwrap()), ["a"]);
    assert!(read(&[("files", "le"), ("length", "i40000e")]).unwrap().single_file);
}

#[test]
fn keys_out_of_order_do_not_change_the_infohash() {
    let raw = info(&[("name", "4:film"), ("length", "i40000e"), ("x", "i1e")]);
    let metainfo = Metainfo::from_info(Bytes::from(raw.clone())).unwrap();
    assert_eq!(metainfo.infohash, Infohash::of(raw.as_bytes()));
    assert_eq!(Metainfo::from_torrent(&metainfo.to_torrent()).unwrap().infohash, metainfo.infohash);
}

#[test]
fn private_is_read() {
    assert!(read(&[("private", "i1e")]).unwrap().private);
    assert!(!read(&[("private", "i0e")]).unwrap().private);
    assert!(!read(&[("private", "1:1")]).unwrap().private);
}

#[test]
fn version_2_alone_is_refused_and_a_hybrid_read() {
    let v2 = [("length", ""), ("pieces", ""), ("meta version", "i2e"), ("file tree", "de")];
    assert_eq!(read(&v2), Err(MetainfoError::V2Only));
    assert_eq!(read(&[("pieces", ""), ("file tree", "de")]), Err(MetainfoError::V2Only));
    let hybrid = read(&[("meta version", "i2e"), ("file tree", "de")]).unwrap();
    assert_eq!(hybrid.layout.piece_count(), 3);
}

#[test]
fn a_broken_info_dictionary_says_what_is_wrong() {
    use MetainfoError as E;
    let cases: Vec<(&[(&str, &str)], E)> = vec![
        (&[("name", "")], E::NameMissing),
        (&[("name", "i5e")], E::NameMissing),
        (&[("name", "0:")], E::NameMissing),
        (&[("name", "l1:ae")], E::NameMissing),
        (&[("piece length", "")], E::PieceLenInvalid),
        (&[("piece length", "i0e")], E::PieceLenInvalid),
        (&[("piece length", "i-16384e")], E::PieceLenInvalid),
        (&[("piece length", "5:16384")], E::PieceLenInvalid),
        (&[("piece length", "i33554433e")], E::PieceLenTooLarge(33_554_433)),
        (&[("piece length", "i9223372036854775807e")], E::PieceLenTooLarge(i64::MAX)),
        (&[("pieces", "")], E::HashesMissing),
        (&[("pieces", "i5e")], E::HashesMissing),
        (&[("pieces", "21:aaaaaaaaaaaaaaaaaaaaa")], E::HashesUnaligned(21)),
        (&[("pieces", "20:aaaaaaaaaaaaaaaaaaaa")], E::HashCount { expected: 3, got: 1 }),
        (&[("pieces", "0:")], E::HashCount { expected: 3, got: 0 }),
        (&[("length", "i80000e")], E::HashCount { expected: 5, got: 3 }),
        (&[("length", "")], E::FilesMissing),
        (&[("length", ""), ("files", "le")], E::FilesMissing),
        (&[("length", "i-1e")], E::FileLen(0)),
        (&[("length", "1:5")], E::FileLen(0)),
        (&[("length", "i0e")], E::Layout(LayoutError::Empty)),
        (&[("length", "i9223372036854775807e")], E::Layout(LayoutError::TooLarge)),
        (&[("piece length", "i1e"), ("length", "i2097153e")], E::Layout(LayoutError::TooManyPieces(2_097_153))),
        (&[("length", ""), ("files", "de")], E::FileMalformed(0)),
        (&[("length", ""), ("files", "li1ee")], E::FileMalformed(0)),
    ];
    for (changes, error) in cases {
        assert_eq!(read(changes), Err(error), "{changes:?}");
    }
}

#[test]
fn a_broken_file_entry_says_which() {
    use MetainfoError as E;
    let good = "6:lengthi1e4:pathl1:ae";
    let deep = format!("6:lengthi1e4:pathl{}e", "1:a".repeat(33));
    let long = format!("6:lengthi1e4:pathl{}e", format!("200:{}", "a".repeat(200)).repeat(6));
    let cases = [
        ("4:pathl1:ae", E::FileLen(1)),
        ("6:lengthi-1e4:pathl1:ae", E::FileLen(1)),
        ("6:length1:54:pathl1:ae", E::FileLen(1)),
        ("6:lengthi1e", E::FilePath(1)),
        ("6:lengthi1e4:pathle", E::FilePath(1)),
        ("6:lengthi1e4:path1:a", E::FilePath(1)),
        ("6:lengthi1e4:pathli5ee", E::FilePath(1)),
        ("4:attr1:l6:lengthi5e", E::LinkWithBytes(1)),
        (&deep, E::FilePathTooLong(1)),
        (&long, E::FilePathTooLong(1)),
    ];
    for (entry, error) in cases {
        assert_eq!(folder(&[good, entry]), Err(error), "{entry}");
    }
    let zero = "6:lengthi0e4:pathl1:ae";
    assert_eq!(folder(&[zero, zero]), Err(E::Layout(LayoutError::Empty)));
    let huge = "6:lengthi9223372036854775807e4:pathl1:ae";
    assert_eq!(folder(&[huge, huge, huge]), Err(E::Layout(LayoutError::TooLarge)));
}

#[test]
fn what_is_no_torrent_is_refused() {
    use MetainfoError as E;
    let cases: [(&[u8], E); 6] = [
        (b"", E::Bencode(BencodeError::Truncated(0))),
        (b"<html>", E::Bencode(BencodeError::UnexpectedByte(0))),
        (b"6:string", E::InfoMissing),
        (b"de", E::InfoMissing),
        (b"d4:info1:xe", E::InfoMissing),
        (b"d4:infolee", E::InfoMissing),
    ];
    for (bytes, error) in cases {
        assert_eq!(Metainfo::from_torrent(bytes), Err(error));
    }
    assert_eq!(Metainfo::from_torrent(&vec![b'l'; TORRENT_FILE_LEN_MAX + 1]), Err(E::TooLong));
    let deep = Metainfo::from_torrent(&vec![b'l'; 100_000]);
    assert_eq!(deep, Err(E::Bencode(BencodeError::TooDeep(32))));
    let trailing = Metainfo::from_info(Bytes::from(info(&[]) + "x"));
    assert!(matches!(trailing, Err(E::Bencode(BencodeError::Trailing(_)))));
}

fn torrent(head: &str) -> Metainfo {
    Metainfo::from_torrent(format!("d{head}4:info{}e\n", info(&[])).as_bytes()).unwrap()
}

#[test]
fn trackers_come_in_tiers() {
    assert_eq!(torrent("8:announce5:udp:a").trackers, [["udp:a"]]);
    let tiers = "8:announce5:udp:a13:announce-listll5:udp:b5:udp:cele3:abcl5:udp:di5eee";
    assert_eq!(torrent(tiers).trackers, [vec!["udp:b", "udp:c"], vec!["udp:d"]]);
    assert_eq!(torrent("8:announce5:udp:a13:announce-listllee").trackers, [["udp:a"]]);
    assert!(torrent("8:announcei5e13:announce-listd1:ai1ee").trackers.is_empty());
    assert!(torrent(&format!("8:announce1025:{}", "u".repeat(1_025))).trackers.is_empty());
    let many = format!("13:announce-listl{}e", "l1:a1:b1:ce".repeat(40));
    assert_eq!(torrent(&many).trackers.iter().flatten().count(), TRACKERS_MAX);
}

#[test]
fn a_torrent_file_is_written_and_read_again() {
    let mut metainfo = read(&[]).unwrap();
    assert_eq!(metainfo.to_torrent(), format!("d4:info{}e", info(&[])).into_bytes());
    assert_eq!(Metainfo::from_torrent(&metainfo.to_torrent()), Ok(metainfo.clone()));
    metainfo.trackers = vec![vec!["wss://a/announce".into(), "udp://b:1".into()], vec!["http://c/announce".into()]];
    assert_eq!(Metainfo::from_torrent(&metainfo.to_torrent()), Ok(metainfo));
}

proptest! {
    #[test]
    fn any_change_of_a_byte_is_read_or_refused(at in 0usize..200, byte: u8) {
        let mut bytes = format!("d8:announce5:udp:a4:info{}e", info(&[])).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(metainfo) = Metainfo::from_torrent(&bytes) {
            for piece in metainfo.layout.pieces() {
                metainfo.piece_hash(piece);
            }
            prop_assert_eq!(Infohash::of(&metainfo.info), metainfo.infohash);
        }
    }

    #[test]
    fn dictionaries_of_familiar_keys_are_read_or_refused(
        entries in proptest::collection::vec((
            "(4:name|6:length|5:files|12:piece length|6:pieces|4:path|4:attr|7:private)",
            "(i-?[0-9]{1,12}e|0:|1:p|20:aaaaaaaaaaaaaaaaaaaa|le|de|ld6:lengthi[0-9]{1,5}e4:pathl2:\\.\\.1:aeee)",
        ), 0..8),
    ) {
        let dict: String = entries.iter().map(|(key, value)| format!("{key}{value}")).collect();
        if let Ok(metainfo) = Metainfo::from_info(Bytes::from(format!("d{dict}e"))) {
            prop_assert_eq!(metainfo.files.len(), metainfo.layout.file_count());
        }
    }
}

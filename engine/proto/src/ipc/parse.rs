//! A line becomes a command, or an error that says what is wrong with it.

use serde_json::Value;

use super::command::{Add, AddSource, Command, Fetch, FileChoice, Limit, PeerAddr, Playhead, Room, Seed, Stop};
use super::fields::{Fields, described, missing, whole_number};
use super::{Request, RequestId};
use crate::infohash::{Infohash, hex_digit};
use crate::limits::{PEERS_GIVEN_MAX, QUOTED_CHARS_MAX};
use crate::words::quoted;

/// A line that is no command (E010).
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What is wrong, naming the field.
    pub message: String,
    /// The line's mark, when it had a usable one.
    pub id: Option<RequestId>,
}

/// Reads one line. `None` for one that is blank.
pub fn parse_line(line: &[u8]) -> Option<Result<Request, Refusal>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(parse(line))
}

fn parse(line: &[u8]) -> Result<Request, Refusal> {
    let anonymous = |message: String| Refusal { message, id: None };
    let text = std::str::from_utf8(line)
        .map_err(|error| anonymous(format!("the line is not UTF-8 (byte {})", error.valid_up_to() + 1)))?;
    // A byte order mark is a habit of some Windows programs.
    let text = text.trim_start_matches('\u{feff}');
    let value: Value =
        serde_json::from_str(text).map_err(|error| anonymous(format!("the line is not JSON: {error}")))?;
    let Value::Object(map) = &value else {
        return Err(anonymous(format!("a command is a JSON object, not {}", described(&value))));
    };
    let id = map.get("id").map(request_id).transpose().map_err(anonymous)?;
    match command(&Fields(map)) {
        Ok(command) => Ok(Request { command, id }),
        Err(message) => Err(Refusal { message, id }),
    }
}

fn request_id(value: &Value) -> Result<RequestId, String> {
    match value {
        Value::Null => Ok(RequestId::Null),
        Value::Bool(flag) => Ok(RequestId::Bool(*flag)),
        Value::Number(number) => Ok(RequestId::Number(number.clone())),
        Value::String(text) => Ok(RequestId::Text(text.clone())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("the field `id` must be a string, a number, true, false or null, not {}", described(value)))
        }
    }
}

fn command(fields: &Fields<'_>) -> Result<Command, String> {
    let name = fields.text("cmd")?;
    let command = match name.as_str() {
        "seed" => seed(fields).map(Command::Seed),
        "add" => add(fields).map(Command::Add),
        "stop" => stop(fields).map(Command::Stop),
        "quit" => Ok(Command::Quit),
        "status" => Ok(Command::Status),
        "limit" => limit(fields).map(Command::Limit),
        "playhead" => playhead(fields).map(Command::Playhead),
        unknown => {
            let unknown = quoted(unknown, QUOTED_CHARS_MAX);
            return Err(format!(
                "unknown command {unknown}; there are seed, add, stop, quit, status, limit and playhead"
            ));
        }
    };
    command.map_err(|why| format!("{name}: {why}"))
}

fn seed(fields: &Fields<'_>) -> Result<Seed, String> {
    let file_path = fields.text("filePath")?;
    if file_path.is_empty() {
        return Err("the field `filePath` is empty".to_owned());
    }
    Ok(Seed {
        file_path,
        tracker_url: fields.text_unless_empty("trackerUrl")?,
        name: fields.text_unless_empty("name")?,
        private: fields.flag_maybe("private")?,
        room: room(fields)?,
        allow_stock: fields.flag_maybe("allowStock")?,
    })
}

fn add(fields: &Fields<'_>) -> Result<Add, String> {
    let magnet = fields.text_maybe("magnetURI")?;
    let torrent_file = fields.text_maybe("torrentFile")?;
    let source = match (magnet, torrent_file) {
        (Some(magnet), None) => AddSource::Magnet(magnet),
        (None, Some(path)) => AddSource::TorrentFile(path),
        (None, None) => return Err(format!("{} (or `torrentFile`)", missing("magnetURI"))),
        (Some(_), Some(_)) => return Err("`magnetURI` and `torrentFile` exclude each other".to_owned()),
    };
    Ok(Add {
        source,
        tracker_url: fields.text_unless_empty("trackerUrl")?,
        peers: peers(fields)?,
        file: file_choice(fields)?,
        private: fields.flag_maybe("private")?,
        room: room(fields)?,
        allow_stock: fields.flag_maybe("allowStock")?,
        fetch: fetch(fields)?,
    })
}

fn peers(fields: &Fields<'_>) -> Result<Vec<PeerAddr>, String> {
    let list = fields.maybe("peers", "a list of `host:port` strings", |value| value.as_array().cloned())?;
    let list = list.unwrap_or_default();
    if list.len() > PEERS_GIVEN_MAX {
        return Err(format!("the field `peers` has {} entries; {PEERS_GIVEN_MAX} at most", list.len()));
    }
    let peer = |(index, value): (usize, &Value)| -> Result<PeerAddr, String> {
        let text =
            value.as_str().ok_or_else(|| format!("`peers[{index}]` must be a string, not {}", described(value)))?;
        text.trim().parse().map_err(|why| format!("`peers[{index}]` is {}, no host:port: {why}", described(value)))
    };
    list.iter().enumerate().map(peer).collect()
}

fn file_choice(fields: &Fields<'_>) -> Result<FileChoice, String> {
    let choice = |value: &Value| match value {
        Value::String(text) if text == "*" => Some(FileChoice::All),
        Value::String(path) if !path.is_empty() => Some(FileChoice::Path(path.clone())),
        Value::Number(_) => whole_number(value).and_then(|index| u32::try_from(index).ok()).map(FileChoice::Index),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(fields.maybe("file", "a file's number, its path or \"*\"", choice)?.unwrap_or_default())
}

fn fetch(fields: &Fields<'_>) -> Result<Fetch, String> {
    let fetch = |value: &Value| match value.as_str()? {
        "all" => Some(Fetch::All),
        "asNeeded" => Some(Fetch::AsNeeded),
        _ => None,
    };
    Ok(fields.maybe("fetch", "\"all\" or \"asNeeded\"", fetch)?.unwrap_or_default())
}

fn room(fields: &Fields<'_>) -> Result<Option<Room>, String> {
    let map = fields.maybe("room", "an object with `key` and `self`", |value| value.as_object().cloned())?;
    let Some(map) = map else { return Ok(None) };
    let room = Fields(&map);
    Ok(Some(Room { key: hex_of(&room, "key")?, member: hex_of(&room, "self")? }))
}

fn hex_of<const LEN: usize>(room: &Fields<'_>, field: &str) -> Result<[u8; LEN], String> {
    let read = |value: &Value| {
        let digits = value.as_str()?.as_bytes();
        let byte = |pair: &[u8]| Some(hex_digit(*pair.first()?)? << 4 | hex_digit(*pair.get(1)?)?);
        let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
        <[u8; LEN]>::try_from(bytes).ok()
    };
    let expected = format!("{LEN} bytes in hex");
    match room.maybe(field, &expected, read) {
        Ok(hex) => hex.ok_or_else(|| missing(&format!("room.{field}"))),
        // The key is a secret: a wrong one is not repeated.
        Err(_) => Err(format!("the field `room.{field}` must be {expected}")),
    }
}

fn infohash(fields: &Fields<'_>) -> Result<Option<Infohash>, String> {
    fields.maybe("infoHash", "40 hex digits", |value| value.as_str()?.trim().parse().ok())
}

fn stop(fields: &Fields<'_>) -> Result<Stop, String> {
    Ok(Stop { infohash: infohash(fields)?, delete_data: fields.flag_maybe("deleteData")?.unwrap_or(false) })
}

fn limit(fields: &Fields<'_>) -> Result<Limit, String> {
    let limit =
        Limit { max_upload: fields.count_maybe("maxUpload")?, max_download: fields.count_maybe("maxDownload")? };
    if limit == Limit::default() {
        return Err(format!("{} (or `maxDownload`)", missing("maxUpload")));
    }
    Ok(limit)
}

fn playhead(fields: &Fields<'_>) -> Result<Playhead, String> {
    let infohash = infohash(fields)?.ok_or_else(|| missing("infoHash"))?;
    let position = fields.seconds("position")?;
    let duration = fields.seconds("duration")?;
    if duration <= 0.0 {
        return Err("the field `duration` must be above 0".to_owned());
    }
    Ok(Playhead { infohash, position, duration, playing: fields.flag("playing")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(line: &str) -> Refusal {
        parse_line(line.as_bytes()).expect("not blank").expect_err(line)
    }

    fn accepted(line: &str) -> Request {
        parse_line(line.as_bytes()).expect("not blank").expect(line)
    }

    #[test]
    fn the_plans_commands() {
        let request = accepted(r#"{"cmd":"seed","filePath":"/path/to/video.mp4","trackerUrl":"ws://localhost:3001/"}"#);
        let Command::Seed(seed) = request.command else { panic!("{request:?}") };
        assert_eq!(seed.file_path, "/path/to/video.mp4");
        assert_eq!(seed.tracker_url.as_deref(), Some("ws://localhost:3001/"));
        let request = accepted(r#"{"cmd":"add","magnetURI":"magnet:?xt=urn:btih:...","trackerUrl":""}"#);
        let Command::Add(add) = request.command else { panic!("{request:?}") };
        assert_eq!(add.source, AddSource::Magnet("magnet:?xt=urn:btih:...".into()));
        assert_eq!(add.tracker_url, None, "an empty tracker is none");
        assert_eq!(accepted(r#"{"cmd":"stop"}"#).command, Command::Stop(Stop::default()));
        assert_eq!(accepted("\u{feff}{\"cmd\":\"quit\"}").command, Command::Quit);
    }

    #[test]
    fn blank_lines_are_nothing() {
        assert_eq!(parse_line(b""), None);
        assert_eq!(parse_line(b" \t"), None);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        assert_eq!(accepted(r#"{"cmd":"status","new":{"a":[1]}}"#).command, Command::Status);
    }

    #[test]
    fn every_kind_of_mark_comes_back() {
        for (json, id) in [
            ("null", RequestId::Null),
            ("true", RequestId::Bool(true)),
            ("7", RequestId::Number(7.into())),
            ("\"x\"", RequestId::Text("x".into())),
        ] {
            assert_eq!(accepted(&format!(r#"{{"cmd":"quit","id":{json}}}"#)).id, Some(id.clone()));
            assert_eq!(refused(&format!(r#"{{"cmd":"seed","id":{json}}}"#)).id, Some(id));
        }
        assert_eq!(accepted(r#"{"cmd":"quit"}"#).id, None);
        assert!(refused(r#"{"cmd":"quit","id":[]}"#).message.contains("`id`"));
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        let hash = "0".repeat(40);
        for (line, word) in [
            ("nonsense", "not JSON"),
            ("{\"cmd\":\"quit\"", "not JSON"),
            ("[1]", "a list"),
            ("\"quit\"", "a JSON object"),
            ("{}", "missing field `cmd`"),
            (r#"{"cmd":5}"#, "`cmd` must be a string"),
            (r#"{"cmd":"fly"}"#, "unknown command `fly`"),
            (r#"{"cmd":"seed"}"#, "missing field `filePath`"),
            (r#"{"cmd":"seed","filePath":null}"#, "missing field `filePath`"),
            (r#"{"cmd":"seed","filePath":""}"#, "`filePath` is empty"),
            (r#"{"cmd":"seed","filePath":5}"#, "`filePath` must be a string"),
            (r#"{"cmd":"seed","filePath":"x","private":"yes"}"#, "`private`"),
            (r#"{"cmd":"seed","filePath":"x","name":[]}"#, "`name`"),
            (r#"{"cmd":"seed","filePath":"x","room":{"self":"00"}}"#, "`room.key`"),
            (r#"{"cmd":"seed","filePath":"x","room":7}"#, "`room`"),
            (
                r#"{"cmd":"seed","filePath":"x","room":{"key":"000102030405060708090a0b0c0d0e0f","self":"00"}}"#,
                "`room.self`",
            ),
            (
                r#"{"cmd":"seed","filePath":"x","room":{"key":"000102030405060708090a0b0c0d0e0g","self":"00"}}"#,
                "`room.key`",
            ),
            (r#"{"cmd":"add","magnetURI":"x","room":{"key":5}}"#, "`room.key`"),
            (r#"{"cmd":"add","magnetURI":"x","allowStock":1}"#, "`allowStock`"),
            (r#"{"cmd":"add"}"#, "`magnetURI`"),
            (r#"{"cmd":"add","magnetURI":1}"#, "`magnetURI`"),
            (r#"{"cmd":"add","magnetURI":"m","torrentFile":"t"}"#, "exclude"),
            (r#"{"cmd":"add","magnetURI":"m","peers":"x:1"}"#, "`peers`"),
            (r#"{"cmd":"add","magnetURI":"m","peers":["x:1",5]}"#, "`peers[1]`"),
            (r#"{"cmd":"add","magnetURI":"m","peers":["x"]}"#, "no port"),
            (r#"{"cmd":"add","magnetURI":"m","peers":["::1:5"]}"#, "brackets"),
            (r#"{"cmd":"add","magnetURI":"m","file":-1}"#, "`file`"),
            (r#"{"cmd":"add","magnetURI":"m","file":""}"#, "`file`"),
            (r#"{"cmd":"add","magnetURI":"m","file":1.5}"#, "`file`"),
            (r#"{"cmd":"add","magnetURI":"m","fetch":"some"}"#, "`fetch`"),
            (r#"{"cmd":"stop","infoHash":"xyz"}"#, "`infoHash`"),
            (r#"{"cmd":"stop","deleteData":1}"#, "`deleteData`"),
            (r#"{"cmd":"limit"}"#, "`maxUpload`"),
            (r#"{"cmd":"limit","maxUpload":-1}"#, "`maxUpload`"),
            (r#"{"cmd":"limit","maxDownload":"1M"}"#, "`maxDownload`"),
            (r#"{"cmd":"playhead","position":1,"duration":2,"playing":true}"#, "`infoHash`"),
        ] {
            let message = refused(line).message;
            assert!(message.contains(word), "{line} gave {message:?}");
        }
        for (rest, word) in [
            (r#""duration":2,"playing":true"#, "`position`"),
            (r#""position":-1,"duration":2,"playing":true"#, "`position`"),
            (r#""position":1,"duration":0,"playing":true"#, "`duration`"),
            (r#""position":1,"duration":2"#, "`playing`"),
        ] {
            let message = refused(&format!(r#"{{"cmd":"playhead","infoHash":"{hash}",{rest}}}"#)).message;
            assert!(message.contains(word), "{rest} gave {message:?}");
        }
    }

    #[test]
    fn a_rooms_key_is_never_repeated() {
        let message = refused(r#"{"cmd":"seed","filePath":"x","room":{"key":"topsecret","self":"00"}}"#).message;
        assert!(!message.contains("topsecret"), "{message}");
    }

    #[test]
    fn bytes_that_are_no_text() {
        let refusal = parse_line(b"{\"cmd\":\"\xff\"}").unwrap().unwrap_err();
        assert!(refusal.message.contains("UTF-8"), "{}", refusal.message);
    }

    #[test]
    fn bounds() {
        let many = vec!["\"h:1\""; PEERS_GIVEN_MAX + 1].join(",");
        assert!(refused(&format!(r#"{{"cmd":"add","magnetURI":"m","peers":[{many}]}}"#)).message.contains("at most"));
        let deep = format!(r#"{{"cmd":{}"#, "[".repeat(500_000));
        assert!(refused(&deep).message.contains("not JSON"));
        let long = refused(&format!(r#"{{"cmd":"{}"}}"#, "x".repeat(5000))).message;
        assert!(long.len() < 300, "{long}");
        assert!(!refused("{\"cmd\":\"\\u001b[2J\"}").message.contains('\u{1b}'));
    }

    #[test]
    fn doubles_that_are_whole_are_whole() {
        let Command::Limit(limit) = accepted(r#"{"cmd":"limit","maxUpload":1000000.0,"maxDownload":0}"#).command else {
            panic!("limit")
        };
        assert_eq!((limit.max_upload, limit.max_download), (Some(1_000_000), Some(0)));
    }

    fn any_command() -> impl Strategy<Value = Command> {
        let text = || proptest::option::of("[a-zé\"\\\\ ]{1,8}".prop_filter("blank is none", |t| !t.trim().is_empty()));
        let room =
            || proptest::option::of(any::<([u8; 16], [u8; 20])>().prop_map(|(key, member)| Room { key, member }));
        let hash = || any::<[u8; 20]>().prop_map(Infohash);
        let seed = ("[^\0]{1,12}", text(), text(), any::<[Option<bool>; 2]>(), room()).prop_map(
            |(file_path, tracker_url, name, [private, allow_stock], room)| {
                Command::Seed(Seed { file_path, tracker_url, name, private, room, allow_stock })
            },
        );
        let source = prop_oneof![".{0,12}".prop_map(AddSource::Magnet), ".{0,12}".prop_map(AddSource::TorrentFile)];
        let file = prop_oneof![
            Just(FileChoice::Largest),
            Just(FileChoice::All),
            any::<u32>().prop_map(FileChoice::Index),
            "[a-z/]{1,8}".prop_map(FileChoice::Path)
        ];
        let peer = ("[a-z][a-z0-9.]{0,8}", 1u16..).prop_map(|(host, port)| PeerAddr { host, port });
        let add = (
            source,
            text(),
            proptest::collection::vec(peer, 0..4),
            file,
            any::<[Option<bool>; 2]>(),
            room(),
            prop_oneof![Just(Fetch::All), Just(Fetch::AsNeeded)],
        )
            .prop_map(|(source, tracker_url, peers, file, [private, allow_stock], room, fetch)| {
                Command::Add(Add { source, tracker_url, peers, file, private, room, allow_stock, fetch })
            });
        let stop = (proptest::option::of(hash()), any::<bool>())
            .prop_map(|(infohash, delete_data)| Command::Stop(Stop { infohash, delete_data }));
        let limit = (any::<u64>(), any::<Option<u64>>())
            .prop_map(|(up, max_download)| Command::Limit(Limit { max_upload: Some(up), max_download }));
        // Quarters, because reading a double back may differ in its last bit.
        let seconds = |first: u32| (first..4_000_000).prop_map(|quarters| f64::from(quarters) / 4.0);
        let playhead =
            (hash(), seconds(0), seconds(1), any::<bool>()).prop_map(|(infohash, position, duration, playing)| {
                Command::Playhead(Playhead { infohash, position, duration, playing })
            });
        prop_oneof![seed, add, stop, limit, playhead, Just(Command::Quit), Just(Command::Status)]
    }

    proptest! {
        #[test]
        fn what_a_client_writes_is_what_we_read(command in any_command(), id in proptest::option::of("[a-z]{0,4}")) {
            let request = Request { command, id: id.map(RequestId::Text) };
            let line = request.to_line();
            prop_assert_eq!(parse_line(line.trim_end_matches('\n').as_bytes()), Some(Ok(request)));
        }

        #[test]
        fn no_line_ends_us(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_line(&line);
        }

        #[test]
        fn no_json_ends_us(
            cmd in prop_oneof![Just("seed"), Just("add"), Just("stop"), Just("limit"), Just("playhead"), Just("?")],
            field in "(filePath|magnetURI|peers|file|fetch|room|infoHash|maxUpload|position|id)",
            value in prop_oneof![Just("null"), Just("[]"), Just("[[]]"), Just("{}"), Just("1e308"), Just("-0"), Just("\"\""), Just("true")],
        ) {
            let line = format!(r#"{{"cmd":"{cmd}","{field}":{value}}}"#);
            if let Some(Err(refusal)) = parse_line(line.as_bytes()) {
                prop_assert!(!refusal.message.is_empty());
            }
        }
    }
}

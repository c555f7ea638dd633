//! Lines as mpv says them, and what follows.

mod places;

use std::time::Duration;

use super::*;
use crate::player::{PlayerWish, Sample};

struct Line {
    mpv: Mpv,
    now: Instant,
}

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

impl Line {
    fn new() -> Self {
        let mut line = Self { mpv: Mpv::new(), now: crate::testing::start() };
        line.take();
        line
    }

    /// A film is open and stands at its beginning.
    fn open() -> Self {
        let mut line = Self::new();
        line.command(Command::Load { url: "http://localhost/f".into(), start: at(0.0), title: "f".into() });
        line.begin(1);
        line.picture(0.0);
        assert!(line.events().contains(&Event::Opened { duration: MediaTime::new(60.0), tracks: Vec::new() }));
        line
    }

    /// mpv takes the film as that entry, and turns to it.
    fn begin(&mut self, entry: u64) {
        self.answer_all(json!({"playlist_entry_id": entry}));
        self.says(json!({"event": "start-file", "playlist_entry_id": entry}));
    }

    /// A picture of that place is shown, of a film of a minute.
    fn picture(&mut self, place: f64) {
        self.says(json!({"event": "playback-restart"}));
        for (id, asked) in self.mpv.asked.clone() {
            let data = match asked {
                Asked::Duration => json!(60.0),
                Asked::Tracks => json!([]),
                Asked::Nothing | Asked::Load | Asked::Pause | Asked::Seek => continue,
                Asked::Place { .. } | Asked::Opened | Asked::Arrived(_) | Asked::Strayed | Asked::End => json!(place),
            };
            self.says(json!({"request_id": id, "error": "success", "data": data}));
        }
    }

    /// mpv takes what it was told to seek, and begins with it.
    fn seek_begins(&mut self) {
        self.answer_all(json!(null));
        self.says(json!({"event": "seek"}));
    }

    fn is_at_the_end(&mut self, place: f64) {
        self.property("eof-reached", json!(true));
        self.answer_all(json!(place));
    }

    fn command(&mut self, command: Command) {
        self.mpv.handle_command(self.now, command);
    }

    fn says(&mut self, said: impl Into<Value>) {
        let said: Value = said.into();
        self.mpv.handle_line(self.now, &said.to_string());
    }

    fn property(&mut self, name: &str, data: impl Into<Value>) {
        let data: Value = data.into();
        self.says(json!({"event": "property-change", "id": 1, "name": name, "data": data}));
    }

    /// Every question is answered with that.
    fn answer_all(&mut self, data: impl Into<Value>) {
        let data: Value = data.into();
        for id in self.mpv.asked.keys().copied().collect::<Vec<_>>() {
            self.says(json!({"request_id": id, "error": "success", "data": data}));
        }
    }

    fn refuse_all(&mut self) {
        for id in self.mpv.asked.keys().copied().collect::<Vec<_>>() {
            self.says(json!({"request_id": id, "error": "property unavailable"}));
        }
    }

    fn take(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.mpv.poll_output()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        let event = |output| match output {
            Output::Event(event) => Some(event),
            Output::Line(_) => None,
        };
        self.take().into_iter().filter_map(event).collect()
    }

    fn commands(&mut self) -> Vec<Value> {
        let command = |output| match output {
            Output::Line(line) => Some(serde_json::from_str::<Value>(&line).expect("JSON")["command"].clone()),
            Output::Event(_) => None,
        };
        self.take().into_iter().filter_map(command).collect()
    }
}

#[test]
fn every_line_ends_and_is_numbered() {
    let mut mpv = Mpv::new();
    let mut numbers = Vec::new();
    while let Some(Output::Line(line)) = mpv.poll_output() {
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
        numbers.push(serde_json::from_str::<Value>(&line).unwrap()["request_id"].as_u64().unwrap());
    }
    assert_eq!(numbers, (1..=5).collect::<Vec<_>>());
}

#[test]
fn our_own_word_comes_back_as_its_state_and_never_as_a_wish() {
    let mut line = Line::open();
    line.command(Command::Play);
    assert_eq!(line.commands(), [json!(["set_property", "pause", false])]);
    // The old state, told while our word is on its way.
    line.property("pause", json!(true));
    assert_eq!(line.events(), []);
    line.answer_all(json!(null));
    line.property("pause", json!(false));
    assert_eq!(line.events(), [Event::Running(true)], "once");
    line.command(Command::Pause);
    line.command(Command::Play);
    line.command(Command::Pause);
    line.property("pause", json!(true));
    line.property("pause", json!(false));
    line.answer_all(json!(null));
    line.property("pause", json!(true));
    let events = line.events();
    assert_eq!(events, [Event::Running(false)], "however they fold into one another");
}

#[test]
fn what_somebody_else_does_is_undone_and_a_wish() {
    let mut line = Line::open();
    line.property("pause", json!(false));
    let outputs = line.take();
    assert_eq!(outputs[0], Output::Event(Event::Wished(PlayerWish::Play)));
    assert!(
        matches!(&outputs[1], Output::Line(undo) if undo.contains(r#"["set_property","pause",true]"#)),
        "{outputs:?}"
    );
    line.answer_all(json!(null));
    line.property("pause", json!(true));
    assert_eq!(line.events(), []);
}

#[test]
fn a_stall_is_buffering_and_nothing_else() {
    let mut line = Line::open();
    line.command(Command::Play);
    line.answer_all(json!(null));
    line.take();
    line.property("paused-for-cache", json!(true));
    line.property("core-idle", json!(true));
    line.property("paused-for-cache", json!(true));
    assert_eq!(line.events(), [Event::Buffering(true)]);
    line.property("paused-for-cache", json!(false));
    assert_eq!(line.events(), [Event::Buffering(false)]);
}

#[test]
fn keys_of_the_window_are_wishes() {
    let mut line = Line::open();
    for (args, wish) in [
        (json!(["sharestream", "toggle"]), PlayerWish::Play),
        (json!(["sharestream", "by", "-5"]), PlayerWish::SeekBy(-5.0)),
        (json!(["sharestream", "to", "0"]), PlayerWish::Seek(at(0.0))),
        (json!(["sharestream", "pause"]), PlayerWish::Pause),
    ] {
        line.says(json!({"event": "client-message", "args": args}));
        assert_eq!(line.events(), [Event::Wished(wish)]);
    }
    for args in [
        json!(["another", "toggle"]),
        json!([]),
        json!(null),
        json!(["sharestream", "by", "nan"]),
        json!(["sharestream", 7]),
    ] {
        line.says(json!({"event": "client-message", "args": args}));
        assert_eq!(line.events(), [], "{args}");
    }
    for key in KEYS.lines().filter(|key| key.contains("script-message")) {
        let args: Vec<&str> = key.split(' ').skip(2).collect();
        line.says(json!({"event": "client-message", "args": args}));
        assert_eq!(line.events().len(), 1, "{key}");
    }
}

#[test]
fn what_was_open_before_says_nothing_of_the_film_that_opens() {
    let mut line = Line::open();
    line.command(Command::Load { url: "http://localhost/g".into(), start: at(20.0), title: "g".into() });
    let error =
        |entry: u64| json!({"event": "end-file", "reason": "error", "file_error": "x", "playlist_entry_id": entry});
    line.picture(3.0);
    line.says(error(1));
    line.answer_all(json!({"playlist_entry_id": 2}));
    line.says(json!({"event": "start-file", "playlist_entry_id": 1}));
    line.picture(3.0);
    line.says(error(1));
    assert_eq!(line.events(), []);
    line.says(json!({"event": "start-file", "playlist_entry_id": 2}));
    line.command(Command::Seek(at(25.0)));
    line.picture(20.0);
    assert!(matches!(line.events()[..], [Event::Opened { .. }]));
    line.seek_begins();
    line.picture(25.0);
    assert_eq!(line.events(), [Event::Sought(at(25.0))], "what was sought while it opened");
    line.command(Command::Load { url: "h".into(), start: at(0.0), title: "h".into() });
    line.take();
    line.refuse_all();
    assert!(matches!(line.events()[..], [Event::Failed(Failure::Unreadable { .. })]));
}

#[test]
fn one_that_answers_nothing_hangs() {
    let mut line = Line::open();
    for _ in 0..PLAYER_ANSWERS_MAX {
        line.command(Command::AskPosition);
    }
    assert!(!line.mpv.is_deaf());
    line.command(Command::AskPosition);
    assert!(line.mpv.is_deaf());
}

#[test]
fn the_place_is_the_sounds_while_it_runs_and_the_pictures_while_it_stands() {
    let mut line = Line::open();
    line.take();
    line.command(Command::AskPosition);
    assert_eq!(line.commands(), [json!(["get_property", "time-pos"])]);
    line.now += Duration::from_millis(10);
    line.answer_all(json!(1.5));
    let taken = line.now - Duration::from_millis(5);
    assert_eq!(line.events(), [Event::Position(Sample { at: at(1.5), taken, moving: false })]);

    line.command(Command::Play);
    line.answer_all(json!(null));
    line.property("core-idle", json!(false));
    line.take();
    line.command(Command::AskPosition);
    assert_eq!(line.commands(), [json!(["get_property", "audio-pts"])]);
    line.answer_all(json!(2.0));
    assert!(matches!(line.events()[..], [Event::Position(Sample { moving: true, .. })]));
    line.command(Command::AskPosition);
    line.take();
    line.refuse_all();
    assert_eq!(line.commands(), [json!(["get_property", "time-pos"])], "a film without sound");
}

#[test]
fn the_end_is_told_once_and_it_stands_there() {
    let mut line = Line::open();
    line.command(Command::Play);
    line.answer_all(json!(null));
    line.property("pause", json!(false));
    line.take();
    line.is_at_the_end(59.9);
    line.property("eof-reached", json!(true));
    let outputs = line.take();
    let ends = outputs.iter().filter(|output| **output == Output::Event(Event::Ended)).count();
    assert_eq!(ends, 1, "{outputs:?}");
    assert!(matches!(outputs.last(), Some(Output::Line(line)) if line.contains(r#"["set_property","pause",true]"#)));
    line.property("pause", json!(true));
    line.answer_all(json!(null));
    line.says(json!({"event": "end-file", "reason": "stop"}));
    assert_eq!(line.events(), []);
}

#[test]
fn a_stream_that_broke_off_is_no_end() {
    let said = json!({"event": "log-message", "prefix": "ffmpeg", "text": "http: Stream ends prematurely\n"});
    let mut line = Line::open();
    line.says(said.clone());
    line.is_at_the_end(59.0);
    assert_eq!(line.events(), [Event::Ended], "the end is the end, whatever was complained of");
    let mut line = Line::open();
    line.is_at_the_end(30.0);
    assert_eq!(line.events(), [Event::Ended], "a film may be shorter than it says");
    let mut line = Line::open();
    line.says(said);
    line.is_at_the_end(30.0);
    let why = "the stream broke off (http: Stream ends prematurely)".to_owned();
    assert_eq!(line.events(), [Event::Failed(Failure::Unreadable { why })]);
}

#[test]
fn what_cannot_be_opened_is_told_with_mpvs_words_cleaned() {
    let mut line = Line::open();
    let error = json!({"event": "end-file", "reason": "error", "file_error": "loading failed\u{1b}[2J"});
    line.command(Command::Load { url: "http://localhost/g".into(), start: at(0.0), title: "g".into() });
    line.begin(2);
    line.take();
    line.says(json!({"event": "log-message", "prefix": "ffmpeg", "text": "refused\u{7}\n"}));
    line.says(json!({"event": "log-message", "prefix": "ffmpeg", "text": "and then\n"}));
    line.says(error);
    let events = line.events();
    let [Event::Failed(Failure::Unreadable { why })] = &events[..] else { panic!("{events:?}") };
    assert!(why.starts_with("loading failed") && why.contains("(refused"), "{why:?}");
    assert!(!why.contains(['\u{1b}', '\u{7}']), "{why:?}");
}

#[test]
fn what_has_no_decoder_is_told_by_its_name() {
    for (name, words) in [("hevc", "H.265"), ("", "its pictures"), ("smacker", "smacker")] {
        let mut line = Line::open();
        line.command(Command::Load { url: "g".into(), start: at(0.0), title: "g".into() });
        line.begin(2);
        line.take();
        let text = format!("Failed to initialize a decoder for codec '{name}'.\n");
        line.says(json!({"event": "log-message", "prefix": "ad", "text": text}));
        assert_eq!(line.events(), [], "without its sound it can be seen");
        line.says(json!({"event": "log-message", "prefix": "vd", "text": text}));
        assert_eq!(line.events(), [Event::Failed(Failure::NoDecoder { codec: words.into() })]);
        line.says(json!({"event": "end-file", "reason": "error"}));
        assert_eq!(line.events(), [], "once");
    }
}

#[test]
fn tracks_are_read_and_nonsense_is_left_out() {
    let list = json!([
        {"id": 1, "type": "video", "codec": "h264", "selected": true},
        {"id": 2, "type": "sub", "lang": "de", "title": "Deutsch\u{7}"},
        {"id": "x", "type": "audio"}, {"type": "smell", "id": 4}, 7, null,
    ]);
    let tracks = tracks::tracks(&list, 2);
    let kinds: Vec<TrackKind> = tracks.iter().map(|track| track.kind).collect();
    assert_eq!(kinds, [TrackKind::Video, TrackKind::Subtitle]);
    assert_eq!(tracks::tracks(&list, 1).len(), 1);
    assert!(!tracks[1].title.as_ref().unwrap().contains('\u{7}'));
}

#[test]
fn what_is_no_line_of_mpvs_says_nothing() {
    let mut line = Line::open();
    for bad in [
        "",
        "{",
        "[]",
        "null",
        "7",
        r#"{"event":7}"#,
        r#"{"request_id":"x"}"#,
        r#"{"request_id":99999,"error":"success"}"#,
    ] {
        line.mpv.handle_line(line.now, bad);
        assert_eq!(line.events(), [], "{bad}");
    }
}

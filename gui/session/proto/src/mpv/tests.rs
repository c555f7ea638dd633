//! Lines as mpv says them, and what follows.

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
        line.answer_all(json!(null));
        line.says(json!({"event": "property-change", "name": "duration", "data": 60.0}));
        line.says(json!({"event": "playback-restart"}));
        line.answer_all(json!(0.0));
        assert!(line.events().contains(&Event::Opened { duration: MediaTime::new(60.0), tracks: Vec::new() }));
        line
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
    assert_eq!(numbers, (1..=6).collect::<Vec<_>>());
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
fn a_seek_is_over_with_its_picture_and_a_later_one_replaces_it() {
    let mut line = Line::open();
    line.command(Command::Seek(at(10.0)));
    line.command(Command::Seek(at(30.0)));
    line.answer_all(json!(null));
    line.says(json!({"event": "playback-restart"}));
    line.answer_all(json!(10.0));
    assert_eq!(line.events(), [], "that was the first one's picture");
    line.says(json!({"event": "playback-restart"}));
    line.answer_all(json!(30.02));
    assert_eq!(line.events(), [Event::Sought(at(30.02))]);
    line.says(json!({"event": "playback-restart"}));
    assert_eq!(line.events(), [], "a restart that nobody asked for");
    line.command(Command::Seek(at(5.0)));
    line.refuse_all();
    assert_eq!(line.events(), [Event::SeekFailed]);
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
fn the_end_and_what_cannot_be_opened_are_told() {
    let mut line = Line::open();
    line.property("eof-reached", json!(true));
    line.property("eof-reached", json!(true));
    assert_eq!(line.events(), [Event::Ended]);
    line.says(json!({"event": "end-file", "reason": "stop"}));
    assert_eq!(line.events(), []);
    let error = json!({"event": "end-file", "reason": "error", "file_error": "loading failed\u{1b}[2J"});
    line.command(Command::Load { url: "http://localhost/g".into(), start: at(0.0), title: "g".into() });
    line.take();
    line.says(error);
    let events = line.events();
    let [Event::Failed(Failure::Unreadable { why })] = &events[..] else { panic!("{events:?}") };
    assert!(why.starts_with("loading failed") && !why.contains('\u{1b}'), "{why:?}");
}

#[test]
fn tracks_are_read_and_nonsense_is_left_out() {
    let mut line = Line::new();
    let list = json!([
        {"id": 1, "type": "video", "codec": "h264", "selected": true},
        {"id": 2, "type": "sub", "lang": "de", "title": "Deutsch\u{7}"},
        {"id": "x", "type": "audio"}, {"type": "smell", "id": 4}, 7, null,
    ]);
    line.property("track-list", list);
    let kinds: Vec<TrackKind> = line.mpv.tracks.iter().map(|track| track.kind).collect();
    assert_eq!(kinds, [TrackKind::Video, TrackKind::Subtitle]);
    assert!(!line.mpv.tracks[1].title.as_ref().unwrap().contains('\u{7}'));
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

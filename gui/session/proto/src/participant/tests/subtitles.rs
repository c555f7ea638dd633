//! Subtitles that somebody shares reach everybody's player, and nothing else does by their way.

use std::time::Duration;

use engine_proto::error::{ErrorCode, Problem};
use engine_proto::infohash::Infohash;
use engine_proto::ipc::{self, AddSource, Command as ToEngine, Event as EngineEvent, Figures, State};
use serde_json::json;
use signal_proto::limits::SUBTITLES_MAX;

use crate::limits::SUBTITLES_LEN_MAX;
use crate::participant::{EngineNews, Input, Output, SignalNews};
use crate::player::Command;
use crate::testing::{Desk, INFOHASH, join, setup};
use crate::view::Stage;
use crate::wish::Wish;

fn hash(number: u8) -> Infohash {
    Infohash([number; 20])
}

fn magnet(number: u8) -> String {
    format!("magnet:?xt=urn:btih:{}&dn=subtitles", hash(number))
}

/// The server says that somebody shared some.
fn shared(desk: &mut Desk, number: u8, by: &str) {
    desk.hear("subtitle-shared", json!({"magnet": magnet(number), "name": "film.de.srt", "language": "de", "by": by}));
}

fn added(desk: &mut Desk, number: u8, name: &str, length: u64) {
    let server_url = format!("http://localhost:1/{number}/{name}");
    let added = ipc::Added { name: name.into(), server_url, infohash: hash(number), length, files: Vec::new() };
    desk.engine(EngineEvent::Added(added));
}

fn done(desk: &mut Desk, number: u8) {
    let figures = Figures { state: State::Seeding, ..Figures::default() };
    desk.engine(EngineEvent::Progress(ipc::Progress { infohash: hash(number), figures }));
    desk.engine(EngineEvent::Done(ipc::Done { infohash: hash(number) }));
}

/// The engine shares the file of this machine.
fn seeding(desk: &mut Desk, number: u8, length: u64) {
    let seeding = ipc::Seeding {
        name: "film.de.srt".into(),
        magnet_uri: magnet(number),
        server_url: "http://localhost:1/film.de.srt".into(),
        infohash: hash(number),
        length,
        files: Vec::new(),
    };
    desk.engine(EngineEvent::Seeding(seeding));
}

fn commands(desk: &mut Desk) -> Vec<ToEngine> {
    let to_engine = |output: Output| match output {
        Output::Engine(command) => Some(command),
        _ => None,
    };
    desk.take().into_iter().filter_map(to_engine).collect()
}

fn stop(number: u8, delete_data: bool) -> ToEngine {
    ToEngine::Stop(ipc::Stop { infohash: Some(hash(number)), delete_data })
}

fn lines(desk: &Desk, about: &str) -> Vec<String> {
    desk.view().chat.into_iter().map(|item| item.text).filter(|text| text.contains(about)).collect()
}

fn own(desk: &mut Desk) -> ipc::Seed {
    desk.wish(Wish::ShareSubtitles("/films/film.de.srt".into()));
    let outputs = desk.take();
    let shown = Output::Player(Command::AddSubtitles("/films/film.de.srt".into()));
    assert!(outputs.contains(&shown), "one's own are there at once: {outputs:?}");
    let seed = outputs.into_iter().find_map(|output| match output {
        Output::Engine(ToEngine::Seed(seed)) => Some(seed),
        _ => None,
    });
    seed.expect("the engine shares it")
}

#[test]
fn ones_own_are_shared_as_a_torrent_of_their_own_and_told_once() {
    let mut desk = Desk::with_film("viewer");
    let seed = own(&mut desk);
    assert_eq!((seed.file_path.as_str(), seed.private), ("/films/film.de.srt", Some(true)));
    assert!(seed.room.is_some() && seed.tracker_url.is_some(), "for the room alone");
    seeding(&mut desk, 1, 9_000);
    let said = desk.said("subtitle-shared");
    assert_eq!(said, [json!({"magnet": magnet(1), "name": "film.de.srt", "language": "de"})]);
    let heard = signal_proto::event::parse_client("subtitle-shared", Some(&said[0]));
    assert!(heard.is_ok_and(|event| event.is_some()), "the server takes it");
    shared(&mut desk, 1, "bea");
    shared(&mut desk, 1, "bea");
    assert_eq!(lines(&desk, "film.de.srt"), ["You shared the subtitles film.de.srt"]);
    assert_eq!(desk.take().iter().filter(|output| matches!(output, Output::Engine(_) | Output::Player(_))).count(), 0);
    desk.wish(Wish::ShareSubtitles("/films/film.de.srt".into()));
    assert_eq!(desk.take(), [], "it is shared");
    assert_eq!(desk.view().film.unwrap().info_hash, Some(INFOHASH.to_string()), "the film is the film");
}

#[test]
fn what_others_share_is_fetched_and_added_when_it_is_whole() {
    let mut desk = Desk::with_film("viewer");
    shared(&mut desk, 1, "ana");
    assert_eq!(lines(&desk, "subtitles"), ["Ana shared the subtitles film.de.srt"]);
    let asked = commands(&mut desk);
    let [ToEngine::Add(add)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((&add.source, add.room.is_some()), (&AddSource::Magnet(magnet(1)), true));
    added(&mut desk, 1, "film.de.srt", 9_000);
    assert_eq!(desk.told(), [], "not before all of it is here");
    done(&mut desk, 1);
    assert_eq!(desk.told(), [Command::AddSubtitles("http://localhost:1/1/film.de.srt".into())]);
    done(&mut desk, 1);
    shared(&mut desk, 1, "ana");
    assert_eq!((desk.take(), lines(&desk, "subtitles").len()), (vec![], 1), "told again, it is the same");
    desk.opened();
    assert!(desk.told().contains(&Command::AddSubtitles("http://localhost:1/1/film.de.srt".into())), "a player anew");
    let film = desk.view().film.unwrap();
    assert_eq!((film.name.as_str(), film.stage), ("film.mkv", Stage::Complete), "the film is the film");
}

#[test]
fn what_is_no_subtitles_is_not_given_to_the_player() {
    for (name, length) in [("film.exe", 9_000), ("srt", 9_000), ("film.srt", SUBTITLES_LEN_MAX + 1)] {
        let mut desk = Desk::with_film("viewer");
        shared(&mut desk, 1, "ana");
        desk.take();
        added(&mut desk, 1, name, length);
        assert_eq!(commands(&mut desk), [stop(1, true)], "{name}");
        assert_eq!(desk.view().notices[0].title, "The subtitles film.de.srt cannot be used");
        done(&mut desk, 1);
        shared(&mut desk, 1, "ana");
        desk.opened();
        let is_subtitles = |command: &Command| matches!(command, Command::AddSubtitles(_));
        assert!(!desk.told().iter().any(is_subtitles), "{name}");
        desk.run(5_100);
        assert_eq!(desk.view().notices, []);
    }
}

#[test]
fn nobody_shares_what_is_none_or_without_a_film() {
    let mut desk = Desk::with_film("host");
    for path in ["/films/film.mkv", "/srt", "/films/.hidden/film"] {
        desk.wish(Wish::ShareSubtitles(path.into()));
        assert_eq!(desk.view().notices[0].title, "This is no file of subtitles", "{path}");
    }
    desk.take();
    let mut desk = Desk::in_room("host");
    desk.wish(Wish::ShareSubtitles("/a.srt".into()));
    assert_eq!(desk.view().notices[0].title, "There is no film yet");
    shared(&mut desk, 1, "ana");
    assert_eq!((commands(&mut desk).len(), lines(&desk, "subtitles").len()), (0, 0));
}

#[test]
fn a_file_that_cannot_be_read_is_no_trouble_of_the_film() {
    let mut desk = Desk::with_film("host");
    own(&mut desk);
    desk.wish(Wish::ShareSubtitles("/films/other.VTT".into()));
    assert_eq!(commands(&mut desk), [], "one after the other, since the engine names no paths");
    let problem = Problem::new(ErrorCode::E005, "film.de.srt: permission denied");
    desk.engine(EngineEvent::Error(ipc::Error::new(problem, None)));
    let view = desk.view();
    assert_eq!(view.notices[0].title, "The subtitles cannot be shared");
    assert_eq!(view.film.unwrap().stage, Stage::Complete);
    assert!(matches!(&commands(&mut desk)[..], [ToEngine::Seed(seed)] if seed.file_path == "/films/other.VTT"));
}

#[test]
fn while_ones_own_film_is_read_they_wait() {
    let mut options = setup(join());
    options.film = Some("/films/film.mkv".into());
    let mut desk = Desk::entered(options, "host");
    desk.take();
    desk.wish(Wish::ShareSubtitles("/films/film.de.srt".into()));
    assert_eq!(commands(&mut desk), []);
    desk.seeding();
    assert!(matches!(&commands(&mut desk)[..], [ToEngine::Seed(seed)] if seed.file_path == "/films/film.de.srt"));
    seeding(&mut desk, 1, 9_000);
    assert_eq!(desk.view().film.unwrap().info_hash, Some(INFOHASH.to_string()));
    assert_eq!(desk.said("subtitle-shared").len(), 1);
}

#[test]
fn they_go_with_the_film_and_a_late_name_is_not_the_next_films() {
    let mut desk = Desk::with_film("host");
    shared(&mut desk, 1, "ana");
    added(&mut desk, 1, "film.de.srt", 9_000);
    own(&mut desk);
    desk.wish(Wish::Share("/films/next.mkv".into()));
    let asked = commands(&mut desk);
    assert!(asked.contains(&stop(1, false)), "{asked:?}");
    seeding(&mut desk, 2, 9_000);
    assert_eq!(commands(&mut desk), [stop(2, false)], "nobody wants it any more");
    assert_eq!(desk.view().film.unwrap().info_hash, None, "the next film is still read");
}

#[test]
fn an_engine_that_comes_back_is_told_of_them_again() {
    let mut desk = Desk::with_film("host");
    own(&mut desk);
    seeding(&mut desk, 1, 9_000);
    shared(&mut desk, 2, "ana");
    desk.take();
    desk.input(Input::Engine(EngineNews::Up));
    let asked = commands(&mut desk);
    let is_own = |command: &ToEngine| matches!(command, ToEngine::Seed(seed) if seed.file_path.ends_with(".srt"));
    let is_other =
        |command: &ToEngine| matches!(command, ToEngine::Add(add) if add.source == AddSource::Magnet(magnet(2)));
    assert!(asked.iter().any(is_own) && asked.iter().any(is_other), "{asked:?}");
    assert_eq!(desk.said("subtitle-shared").len(), 0, "the room knows");
}

#[test]
fn a_server_that_was_gone_hears_of_them_when_it_is_back() {
    let mut desk = Desk::with_film("host");
    own(&mut desk);
    let lost = SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(1)) };
    desk.input(Input::Signal(lost));
    seeding(&mut desk, 1, 9_000);
    assert_eq!(desk.said("subtitle-shared").len(), 0);
    desk.input(Input::Signal(SignalNews::Connected));
    desk.enter("host");
    assert_eq!(desk.said("subtitle-shared").len(), 1);
}

#[test]
fn so_many_and_no_more() {
    let mut desk = Desk::with_film("viewer");
    let most = u8::try_from(SUBTITLES_MAX).unwrap();
    (1..=most).for_each(|number| shared(&mut desk, number, "ana"));
    desk.take();
    shared(&mut desk, most + 1, "ana");
    assert_eq!(commands(&mut desk)[0], stop(1, false), "the oldest goes");
}

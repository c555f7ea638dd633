//! What others say of a place in the film waits until one's own player is there, if that is set.

use serde_json::json;

use crate::participant::Output;
use crate::player::Event;
use crate::testing::{Desk, join, setup};
use crate::wish::Wish;
use signal_proto::time::MediaTime;

/// A viewer who stands at the film's start, and wants no spoilers.
fn careful() -> Desk {
    let mut options = setup(join());
    options.spoiler_safe = true;
    let mut desk = Desk::entered(options, "viewer");
    desk.film();
    desk
}

fn says(desk: &mut Desk, id: &str, sender: &str, at: Option<f64>) {
    let line = json!({"id": id, "senderId": sender, "sender": sender, "senderRole": "viewer", "text": id,
        "timestamp": 5, "mediaTime": at});
    desk.hear("chat-message", line);
}

/// What others said, as it is shown, and how much is not.
fn shown(desk: &Desk) -> (Vec<String>, u32) {
    let view = desk.view();
    let said = view.chat.into_iter().filter(|item| item.from.is_some()).map(|item| item.text);
    (said.collect(), view.held_back)
}

/// Lines that were told since the last look.
fn told(desk: &mut Desk) -> Vec<String> {
    let said = |output: Output| match output {
        Output::Said(item) if item.from.is_some() => Some(item.text),
        _ => None,
    };
    desk.take().into_iter().filter_map(said).collect()
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_message_waits_until_one_is_there_and_keeps_its_place_among_the_others() {
    let mut desk = careful();
    says(&mut desk, "who did it", "ana", Some(50.0));
    says(&mut desk, "hello", "ana", None);
    says(&mut desk, "nice start", "ana", Some(0.8));
    assert_eq!(shown(&desk), (list(&["hello", "nice start"]), 1));
    assert_eq!(told(&mut desk), ["hello", "nice start"], "no face hears of it");
    desk.state("paused", 49.5, 2, None, &[]);
    desk.run(2_000);
    assert_eq!(shown(&desk).1, 1, "a player that seeks is nowhere yet");
    desk.player(Event::Sought(MediaTime::new(49.5).unwrap()));
    desk.run(1_000);
    assert_eq!(shown(&desk), (list(&["who did it", "hello", "nice start"]), 0));
    assert_eq!(told(&mut desk), ["who did it"]);
    desk.state("paused", 10.0, 3, None, &[]);
    desk.player(Event::Sought(MediaTime::new(10.0).unwrap()));
    desk.run(2_000);
    assert_eq!(shown(&desk).1, 0, "what was seen stays seen");
}

#[test]
fn ones_own_and_what_happens_are_always_shown() {
    let mut desk = careful();
    says(&mut desk, "of mine", "bea", Some(90.0));
    let pause = json!({"time": 60.0, "actionId": "a", "seq": 3, "epoch": 1, "by": "ana", "rate": 1, "timestamp": 1});
    desk.hear("sync-pause", pause);
    assert_eq!(shown(&desk), (list(&["of mine"]), 0));
    assert!(desk.view().chat.iter().any(|item| item.text == "Ana paused at 1:00"));
}

#[test]
fn nothing_is_held_back_without_the_setting_or_without_the_film() {
    let mut desk = Desk::with_film("viewer");
    says(&mut desk, "one", "ana", Some(50.0));
    assert_eq!(shown(&desk), (list(&["one"]), 0));
    desk.wish(Wish::SpoilerSafe(true));
    says(&mut desk, "two", "ana", Some(60.0));
    says(&mut desk, "of a longer film", "ana", Some(100.5));
    assert_eq!(shown(&desk), (list(&["one", "of a longer film"]), 1));
    desk.take();
    desk.wish(Wish::SpoilerSafe(false));
    assert_eq!((told(&mut desk), shown(&desk).1), (list(&["two"]), 0));
    desk.wish(Wish::SpoilerSafe(true));
    says(&mut desk, "three", "ana", Some(70.0));
    assert_eq!(shown(&desk).1, 1);
    desk.hear("media-cleared", json!({"by": "ana", "epoch": 2}));
    assert_eq!(shown(&desk), (list(&["one", "two", "of a longer film", "three"]), 0));
    says(&mut desk, "four", "ana", Some(70.0));
    assert_eq!(shown(&desk).1, 0, "there is no film to spoil");
}

#[test]
fn whoever_watches_alone_further_back_sees_it_when_they_are_there() {
    let mut desk = careful();
    desk.wish(Wish::Spectate(true));
    desk.state("paused", 80.0, 2, None, &[]);
    says(&mut desk, "the end", "ana", Some(80.0));
    desk.run(5_000);
    assert_eq!(shown(&desk).1, 1, "the room is there, and this person is not");
    desk.wish(Wish::Seek(MediaTime::new(80.0).unwrap()));
    desk.player(Event::Sought(MediaTime::new(80.0).unwrap()));
    desk.run(1_000);
    assert_eq!(shown(&desk), (list(&["the end"]), 0));
}

#[test]
fn whoever_has_no_player_is_where_the_room_is() {
    let mut desk = careful();
    desk.player(Event::Closed { crashed: false });
    says(&mut desk, "later", "ana", Some(30.0));
    assert_eq!(shown(&desk).1, 1);
    desk.state("paused", 30.0, 2, None, &[]);
    desk.run(1_100);
    assert_eq!(shown(&desk), (list(&["later"]), 0));
}

#[test]
fn what_is_held_back_is_bounded_like_all_lines() {
    let mut desk = careful();
    for number in 0..crate::limits::CHAT_ITEMS_MAX + 20 {
        says(&mut desk, &format!("{number}"), "ana", Some(50.0));
    }
    assert!(usize::try_from(desk.view().held_back).unwrap() <= crate::limits::CHAT_ITEMS_MAX);
    desk.wish(Wish::SpoilerSafe(false));
    assert_eq!(shown(&desk).1, 0);
}

//! Chat: every line arrives once, in order, whatever happens to the connection.

use std::time::Duration;

use serde_json::{Value, json};

use crate::participant::{Answer, Input, Output, SignalNews, Ticket};
use crate::testing::Desk;
use crate::view::{ChatItem, Delivery};
use crate::wish::Wish;

/// The message that is on its way.
fn sent(desk: &mut Desk) -> Option<(Ticket, Value)> {
    let sent: Vec<_> = desk
        .take()
        .into_iter()
        .filter_map(|output| match output {
            Output::Say(say) if say.name == "chat-message" => Some((say.ticket.expect("asks"), say.payload)),
            _ => None,
        })
        .collect();
    assert!(sent.len() <= 1, "one at a time, so that none overtakes another");
    sent.into_iter().next()
}

fn answer(desk: &mut Desk, ticket: Ticket, answer: Answer) {
    desk.input(Input::Signal(SignalNews::Answered(ticket, answer)));
}

fn lines(desk: &Desk) -> Vec<(String, Delivery)> {
    let said = |item: &ChatItem| item.from.is_some();
    desk.view().chat.into_iter().filter(said).map(|item| (item.text, item.delivery)).collect()
}

fn reconnect(desk: &mut Desk) {
    desk.input(Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(1)) }));
    desk.input(Input::Signal(SignalNews::Connected));
    desk.enter("viewer");
}

#[test]
fn a_message_is_pending_until_the_room_has_it() {
    let mut desk = Desk::in_room("viewer");
    desk.wish(Wish::Say("  hello\n".into()));
    desk.wish(Wish::Say(" ".into()));
    assert_eq!(lines(&desk), [("hello".to_owned(), Delivery::Pending)]);
    let (ticket, payload) = sent(&mut desk).expect("sent");
    assert_eq!(payload["text"], "hello");
    let taken = json!({"id": "m1", "text": "hello", "timestamp": 1_700_000_000_500_i64});
    answer(&mut desk, ticket, Answer::Said(taken));
    assert_eq!(lines(&desk), [("hello".to_owned(), Delivery::Sent)]);
    let echo = json!({"id": "m1", "senderId": "bea", "sender": "Bea", "senderRole": "viewer", "text": "hello",
        "timestamp": 1_700_000_000_500_i64, "clientId": payload["clientId"]});
    desk.hear("chat-message", echo);
    assert_eq!(lines(&desk).len(), 1, "the room's echo is the same line");
}

#[test]
fn messages_wait_for_the_server_and_go_out_in_order() {
    let mut desk = Desk::in_room("viewer");
    desk.input(Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(1)) }));
    desk.wish(Wish::Say("one".into()));
    desk.wish(Wish::Say("two".into()));
    assert_eq!(sent(&mut desk), None);
    desk.input(Input::Signal(SignalNews::Connected));
    desk.enter("viewer");
    desk.run(600);
    let (ticket, payload) = sent(&mut desk).expect("sent");
    assert_eq!(payload["text"], "one");
    answer(&mut desk, ticket, Answer::Said(json!({"id": "m1", "timestamp": 1})));
    assert_eq!(sent(&mut desk).expect("sent").1["text"], "two");
}

#[test]
fn what_may_have_arrived_is_looked_for_before_it_is_sent_again() {
    let mut desk = Desk::in_room("viewer");
    desk.wish(Wish::Say("one".into()));
    let (ticket, payload) = sent(&mut desk).expect("sent");
    answer(&mut desk, ticket, Answer::Unknown);
    reconnect(&mut desk);
    let line = json!({"id": "m1", "senderId": "bea", "sender": "Bea", "senderRole": "viewer", "text": "one",
        "timestamp": 5, "clientId": payload["clientId"]});
    desk.hear("chat-history", json!({ "messages": [line] }));
    desk.run(10_000);
    assert_eq!(sent(&mut desk), None, "it had arrived");
    assert_eq!(lines(&desk), [("one".to_owned(), Delivery::Sent)]);

    desk.wish(Wish::Say("two".into()));
    let (ticket, _) = sent(&mut desk).expect("sent");
    answer(&mut desk, ticket, Answer::Unknown);
    reconnect(&mut desk);
    desk.hear("chat-history", json!({ "messages": [] }));
    desk.run(3_100);
    assert_eq!(sent(&mut desk).expect("again").1["text"], "two");
}

#[test]
fn too_fast_is_tried_again_by_itself_and_refused_stays_to_be_retried() {
    let mut desk = Desk::in_room("viewer");
    desk.wish(Wish::Say("one".into()));
    let (ticket, _) = sent(&mut desk).expect("sent");
    answer(&mut desk, ticket, Answer::Said(json!({"success": false, "code": "S010", "wait": 2.0, "message": "slow"})));
    desk.run(1_900);
    assert_eq!(sent(&mut desk), None);
    desk.run(200);
    let (ticket, _) = sent(&mut desk).expect("again");
    answer(&mut desk, ticket, Answer::Said(json!({"success": false, "code": "S013", "message": "no"})));
    assert_eq!(lines(&desk), [("one".to_owned(), Delivery::Failed)]);
    desk.run(60_000);
    assert_eq!(sent(&mut desk), None, "not by itself");
    let key = desk.view().chat.iter().find(|item| item.mine).unwrap().key;
    desk.wish(Wish::RetrySaying(key));
    assert!(sent(&mut desk).is_some());
}

#[test]
fn history_is_told_once() {
    let mut desk = Desk::in_room("viewer");
    let line =
        json!({"id": "m1", "senderId": "ana", "sender": "Ana", "senderRole": "host", "text": "hi", "timestamp": 5});
    desk.hear("chat-history", json!({ "messages": [line] }));
    reconnect(&mut desk);
    desk.hear("chat-history", json!({ "messages": [line] }));
    desk.hear("chat-message", line);
    assert_eq!(lines(&desk).len(), 1);
}

#[test]
fn too_many_unsent_are_refused_with_nothing_lost_before() {
    let mut desk = Desk::in_room("viewer");
    desk.input(Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(1)) }));
    for number in 0..=crate::limits::UNSENT_MAX {
        desk.wish(Wish::Say(format!("{number}")));
    }
    let lines = lines(&desk);
    assert_eq!(lines.iter().filter(|(_, delivery)| *delivery == Delivery::Pending).count(), crate::limits::UNSENT_MAX);
    assert_eq!(lines.last().map(|(_, delivery)| *delivery), Some(Delivery::Failed));
}

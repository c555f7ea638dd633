use super::*;
use crate::rng::Rng;
use proptest::prelude::*;

const FILM: [u8; 20] = [0xe9; 20];

struct Scene(WebTorrentTracker);

impl Scene {
    fn new() -> Self {
        Self(WebTorrentTracker::new(Rng::new([5; 32])))
    }

    /// What goes out after a message, as socket and JSON.
    fn message(&mut self, from: u64, message: &Value) -> Vec<(u64, Value)> {
        self.0.handle_message(SocketKey(from), &message.to_string());
        self.outputs()
    }

    fn outputs(&mut self) -> Vec<(u64, Value)> {
        let next = || self.0.poll_output().map(|send| (send.to.0, serde_json::from_str(&send.text).unwrap()));
        std::iter::from_fn(next).collect()
    }
}

fn announce(peer: u8) -> Value {
    json!({ "action": "announce", "info_hash": text(&FILM), "peer_id": text(&[peer; 20]), "left": 5 })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write json! in place")]
fn with(mut message: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

fn offers(count: u8) -> Value {
    let offer =
        |id: u8| json!({ "offer": { "type": "offer", "sdp": format!("v=0 {id}") }, "offer_id": text(&[id; 20]) });
    json!({ "offers": (0..count).map(offer).collect::<Vec<_>>() })
}

fn refusal(outputs: &[(u64, Value)]) -> &str {
    outputs[0].1["failure reason"].as_str().unwrap_or_default()
}

#[test]
fn offers_reach_others_and_answers_come_back() {
    let mut scene = Scene::new();
    let first = scene.message(1, &with(announce(1), offers(5)));
    assert_eq!(first.len(), 1, "nobody to offer to");
    assert_eq!((&first[0].1["complete"], &first[0].1["incomplete"]), (&json!(0), &json!(1)));

    let second = scene.message(2, &with(announce(2), offers(5)));
    assert_eq!(second.len(), 2, "one other, one offer");
    let (to, offer) = &second[1];
    assert_eq!((*to, &offer["peer_id"], &offer["info_hash"]), (1, &json!(text(&[2; 20])), &json!(text(&FILM))));
    assert_eq!(offer["offer"]["sdp"], "v=0 0");

    let answer = json!({
        "to_peer_id": text(&[2; 20]),
        "answer": { "type": "answer", "sdp": "v=0" },
        "offer_id": offer["offer_id"],
    });
    let answered = scene.message(1, &with(announce(1), answer));
    assert_eq!(answered.len(), 1, "the sender hears nothing");
    assert_eq!((answered[0].0, &answered[0].1["peer_id"]), (2, &json!(text(&[1; 20]))));
}

#[test]
fn each_offer_goes_to_another() {
    let mut scene = Scene::new();
    for socket in 1..=4 {
        scene.message(u64::from(socket), &announce(socket));
    }
    let outputs = scene.message(9, &with(announce(9), offers(3)));
    let to: BTreeSet<u64> = outputs[1..].iter().map(|(to, _)| *to).collect();
    assert_eq!((to.len(), outputs.len()), (3, 4));
    assert!(!to.contains(&9));
}

#[test]
fn an_answer_only_from_the_socket_that_announced_its_peer() {
    let mut scene = Scene::new();
    scene.message(1, &announce(1));
    scene.message(2, &announce(2));
    let answer = json!({
        "to_peer_id": text(&[2; 20]),
        "answer": { "type": "answer", "sdp": "v=0" },
        "offer_id": text(&[0; 20]),
    });
    let outputs = scene.message(3, &with(announce(1), answer.clone()));
    assert_eq!((outputs[0].0, refusal(&outputs)), (3, "invalid peer_id"));
    assert_eq!(refusal(&scene.message(3, &announce(1))), "another socket has that peer_id");
    let gone = with(answer, json!({ "to_peer_id": text(&[7; 20]) }));
    assert!(scene.message(1, &with(announce(1), gone)).is_empty(), "who offered left: nothing to say");
}

#[test]
fn engines_with_udp_are_brought_together_both_at_once() {
    let mut scene = Scene::new();
    scene.message(1, &with(announce(1), json!({ "udp": "198.51.100.1:6881" })));
    scene.message(2, &announce(2));
    let outputs = scene.message(3, &with(announce(3), json!({ "udp": "[2001:db8::3]:7000" })));
    assert_eq!(outputs.len(), 3, "one without UDP is left out");
    assert_eq!((outputs[1].0, &outputs[1].1["udp"]), (1, &json!("[2001:db8::3]:7000")));
    assert_eq!((outputs[2].0, &outputs[2].1["udp"]), (3, &json!("198.51.100.1:6881")));
    assert!(outputs[1..].iter().all(|(_, message)| message["action"] == "punch"));
    let odd = scene.message(4, &with(announce(4), json!({ "udp": "example.org:1" })));
    assert_eq!(odd.len(), 1, "a name is no address");
}

#[test]
fn who_stops_or_closes_is_gone() {
    let mut scene = Scene::new();
    scene.message(1, &announce(1));
    scene.message(2, &with(announce(2), json!({ "left": 0 })));
    let outputs = scene.message(1, &with(announce(1), json!({ "event": "stopped" })));
    assert_eq!((&outputs[0].1["complete"], &outputs[0].1["incomplete"]), (&json!(1), &json!(0)));
    scene.0.handle_closed(SocketKey(2));
    scene.0.handle_closed(SocketKey(2));
    assert_eq!(scene.0.totals(), (0, 0));
    assert!(scene.message(5, &with(announce(5), json!({ "event": "stopped" }))).len() == 1);
    assert_eq!(scene.0.totals(), (0, 0), "who was never there does not begin by stopping");
}

#[test]
fn a_scrape_names_its_torrents() {
    let mut scene = Scene::new();
    scene.message(1, &with(announce(1), json!({ "left": 0 })));
    let hash = text(&FILM);
    for named in [json!(hash), json!([hash])] {
        let outputs = scene.message(2, &json!({ "action": "scrape", "info_hash": named }));
        assert_eq!(outputs[0].1["files"][&hash]["complete"], 1);
    }
    let everything = scene.message(2, &json!({ "action": "scrape" }));
    assert_eq!(refusal(&everything), "invalid info_hash");
    let much = scene.message(2, &json!({ "action": "scrape", "info_hash": vec![hash; 65] }));
    assert_eq!(refusal(&much), "invalid info_hash");
}

#[test]
fn what_is_wrong_is_named_and_harms_nobody() {
    let mut scene = Scene::new();
    let big =
        json!({ "offers": [{ "offer": { "sdp": "x".repeat(DESCRIPTION_LEN_MAX) }, "offer_id": text(&[0; 20]) }] });
    let cases = [
        (json!([]), "the message is not JSON that a tracker reads"),
        (json!({ "action": "dance" }), "invalid action"),
        (with(announce(1), json!({ "info_hash": "short" })), "invalid info_hash"),
        (with(announce(1), json!({ "info_hash": "Ā".repeat(20) })), "invalid info_hash"),
        (with(announce(1), json!({ "peer_id": 5 })), "invalid peer_id"),
        (with(announce(1), json!({ "offers": 5 })), "invalid offer or answer"),
        (
            with(announce(1), json!({ "offers": [{ "offer": {}, "offer_id": text(&[0; 20]) }] })),
            "invalid offer or answer",
        ),
        (with(announce(1), big), "invalid offer or answer"),
    ];
    for (message, reason) in cases {
        let outputs = scene.message(1, &message);
        assert_eq!((outputs.len(), refusal(&outputs)), (1, reason));
    }
    for raw in ["", "{", &"[".repeat(200), &"x".repeat(MESSAGE_LEN_MAX + 1)] {
        scene.0.handle_message(SocketKey(1), raw);
        assert_eq!(scene.outputs().len(), 1);
    }
    assert_eq!(scene.0.totals(), (0, 0));
}

#[test]
fn torrents_of_a_socket_are_bounded() {
    let mut scene = Scene::new();
    let one = |number: u8| with(announce(1), json!({ "info_hash": text(&[number; 20]) }));
    for number in 0..50 {
        assert!(scene.message(1, &one(number))[0].1.get("failure reason").is_none());
    }
    assert_eq!(refusal(&scene.message(1, &one(50))), "too many torrents");
    assert!(scene.message(1, &one(0))[0].1.get("failure reason").is_none(), "what it announced goes on");
    assert!(scene.message(2, &one(50))[0].1.get("failure reason").is_none());
}

proptest! {
    /// Any sequence of well-formed messages leaves both tables saying the same.
    #[test]
    fn the_tables_agree(steps in prop::collection::vec((0_u64..4, 0_u8..4, 0_u8..3, 0_u8..5), 0..60)) {
        let mut scene = Scene::new();
        for (socket, peer, film, what) in steps {
            let message = with(announce(peer), json!({ "info_hash": text(&[film; 20]), "udp": "192.0.2.1:1" }));
            match what {
                0 => scene.0.handle_closed(SocketKey(socket)),
                1 => drop(scene.message(socket, &with(message, json!({ "event": "stopped" })))),
                2 => drop(scene.message(socket, &with(message, offers(4)))),
                3 | 4 => drop(scene.message(socket, &message)),
                _ => unreachable!("the range ends at 4"),
            }
            scene.outputs();
            let tracker = &scene.0;
            let in_swarms: usize = tracker.swarms.values().map(BTreeMap::len).sum();
            prop_assert_eq!(in_swarms, tracker.totals().1);
            for (infohash, swarm) in &tracker.swarms {
                prop_assert!(!swarm.is_empty());
                for (peer_id, peer) in swarm {
                    prop_assert!(tracker.sockets[&peer.socket].contains(&(*infohash, *peer_id)));
                }
            }
        }
    }
}

//! Rooms through the signalling server's own port: who may what, what is refused with which code, what everybody hears.

use serde_json::json;
use tests::guest::{Guest, WAYS};
use tests::signal::Server;

/// Bounds of addresses and rates would count all of a test's guests together.
const UNLIMITED: [&str; 2] = ["-limits", "off"];

#[test]
fn a_room_is_made_joined_and_left_by_every_transport() {
    let server = Server::start(&UNLIMITED);
    for way in WAYS {
        let (mut ann, mut bea) = (Guest::connect(&server, way), Guest::connect(&server, way));
        let made = ann.create("Ann", &json!({}));
        let code = made["room"]["code"].as_str().expect("a room has a code");
        assert_eq!(made["room"]["role"], "host", "{way:?}: {made}");
        assert_eq!(made["peerId"], ann.peer_id(), "{way:?}");
        let joined = bea.join(code, "Bea", &json!({}));
        assert_eq!(joined["room"]["role"], "viewer", "{way:?}: {joined}");
        assert_eq!(ann.wait_for("participant-joined", |_| true)["id"], "bea", "{way:?}");
        bea.emit("chat-message", &json!({ "text": "hello" }));
        assert_eq!(ann.wait_for("chat-message", |_| true)["sender"], "Bea", "{way:?}");
        bea.emit("leave-room", &json!({}));
        assert_eq!(ann.wait_for("participant-left", |_| true)["id"], "bea", "{way:?}");
    }
}

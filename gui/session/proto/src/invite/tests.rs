//! What people paste, what they are told of it, and what hostile text does.

use proptest::prelude::*;

use super::*;

fn code(text: &str) -> RoomCode {
    RoomCode::parse(text).unwrap()
}

fn server(text: &str) -> Option<ServerUrl> {
    Some(ServerUrl::parse(text).unwrap())
}

fn parsed(text: &str) -> Invite {
    Invite::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn codes_as_people_write_them() {
    for text in [
        "abc1-2345",
        "ABC12345",
        " Abc1 2345\n",
        "\u{feff}ABC1\u{200b}-2345",
        "ABC1‑2345",
        "ABC1–2345.",
        "“ABC1-2345”",
        "<abc12345>",
        "**ABC1-2345**",
        "Room code: ABC1-2345!",
        "code: abc1 2345",
        "Film tonight? The room is ABC1-2345, see you",
    ] {
        assert_eq!(parsed(text), Invite::new(code("ABC12345"), None), "{text:?}");
    }
    assert_eq!(parsed("MyRoom").code.as_str(), "MYROOM");
    assert_eq!(parsed("my-room"), parsed("my room"));
    assert_eq!(parsed("o1l0").code.key(), code("0110").key(), "compared as the server does");
}

#[test]
fn links_with_the_marks_of_chat_programs() {
    let invite = Invite::new(code("ABC12345"), server("wss://share.example"));
    for text in [
        "sharestream://join/ABC1-2345?s=wss://share.example",
        "sharestream://join/abc12345?s=share.example",
        "SHARESTREAM://JOIN/ABC1-2345/?x=1&s=https%3A%2F%2Fshare.example%2F",
        "https://share.example/j/ABC1-2345",
        "https://Share.Example:443/j/abc1-2345/?utm=1",
        "<https://share.example/j/ABC1-2345>",
        "https://share.example/j/ABC1-2345/remote#t=0123456789abcdef",
        "Join me (https://share.example/j/ABC1-2345), it begins at 8:15.",
        "[Film](https://share.example/j/ABC1-2345)",
        "[https://share.example/j/ABC1-2345]",
        "https://other.example/news https://share.example/j/ABC1-2345.",
        "Come:https://share.example/j/ABC1%2D2345…",
    ] {
        assert_eq!(parsed(text), invite, "{text:?}");
    }
    assert_eq!(parsed("sharestream://join/ABC1-2345"), Invite::new(code("ABC12345"), None));
    assert_eq!(parsed("sharestream://join/ABC1-2345?s="), Invite::new(code("ABC12345"), None));
    assert_eq!(parsed("http://192.168.1.20:3001/j/MYROOM").server, server("http://192.168.1.20:3001"));
    assert_eq!(parsed("sharestream://join/MYROOM?s=ws://[fd00::1]:3001").server, server("http://[fd00::1]:3001"));
    assert_eq!(parsed("sharestream://join/MYROOM?s=ws://[fd00::1]").server, server("http://[fd00::1]"));
}

#[test]
fn a_key_is_carried_along_and_not_shown() {
    let invite = parsed("https://share.example/j/ABC1-2345#k=s3cr_t-w%26d");
    assert_eq!(invite.key.as_deref(), Some("s3cr_t-w&d"));
    assert_eq!(invite.web_link().as_deref(), Some("https://share.example/j/ABC1-2345#k=s3cr_t-w%26d"));
    assert!(!format!("{invite:?}").contains("s3cr"));
    let long = parsed(&format!("sharestream://join/MYROOM#k={}", "x".repeat(INVITE_KEY_LEN_MAX + 1)));
    assert_eq!(long.key, None);
}

#[test]
fn links_as_they_are_sent() {
    let invite = Invite::new(code("abc12345"), server("https://share.example"));
    assert_eq!(invite.app_link(), "sharestream://join/ABC1-2345?s=wss://share.example");
    assert_eq!(invite.web_link().as_deref(), Some("https://share.example/j/ABC1-2345"));
    let home = Invite::new(code("myroom"), server("[fd00::1]:3001"));
    assert_eq!(home.app_link(), "sharestream://join/MYROOM?s=ws://%5Bfd00::1%5D:3001");
    assert_eq!(home.web_link().as_deref(), Some("http://[fd00::1]:3001/j/MYROOM"));
    let bare = Invite::new(code("myroom"), None);
    assert_eq!((bare.app_link().as_str(), bare.web_link()), ("sharestream://join/MYROOM", None));
    assert_eq!(home.remote_link("0a1b").as_deref(), Some("http://[fd00::1]:3001/j/MYROOM/remote#t=0a1b"));
    assert_eq!((bare.remote_link("0a1b"), remote_id("0a1b").as_str()), (None, "remote-0a1b"));
}

#[test]
fn what_is_wrong_is_named() {
    use InviteError::{Empty, Length, NoCode, NotOurs, Server, Symbol, TooLong};
    for (text, error) in [
        ("", Empty),
        (" \u{200b}\n", Empty),
        ("ABC", Length(3)),
        (&"A".repeat(33), Length(33)),
        ("ABC1_2345", Symbol('_')),
        ("ABCÄ-2345", Symbol('Ä')),
        ("sharestream://join/ABC1@2345", Symbol('@')),
        ("?!", NoCode),
        ("ABC1-2345 or DEF6-7890?", NoCode),
        ("ä_ö_ü_ß", NoCode),
        ("https://share.example", NotOurs),
        ("https://share.example/ABC1-2345", NotOurs),
        ("https://share.example/x/j/ABC1-2345", NotOurs),
        ("sharestream://watch/ABC1-2345", NotOurs),
        ("sharestream:", NotOurs),
        ("magnet:?xt=urn:btih:0123", NotOurs),
        ("javascript:alert(1)", NotOurs),
        ("javascript://share.example/j/ABC1-2345", NotOurs),
        ("file:///j/ABC1-2345", NotOurs),
        ("https://share.example/j/", NotOurs),
        ("javascript:https://share.example/j/ABC1-2345", NotOurs),
        ("https://ana:pw@share.example/j/ABC1-2345", Server(ServerUrlError::Credentials)),
        ("sharestream://join/ABC1-2345?s=https://ana@share.example", Server(ServerUrlError::Credentials)),
        ("sharestream://join/ABC1-2345?s=javascript://x", Server(ServerUrlError::Scheme)),
        ("sharestream://join/ABC1-2345?s=https://x/y", Server(ServerUrlError::More)),
        ("sharestream://join/ABC1%0A2345", NoCode),
        ("sharestream://join/ABC1%FF2345", NoCode),
        (&"x".repeat(INVITE_LEN_MAX + 1), TooLong),
    ] {
        assert_eq!(Invite::parse(text), Err(error), "{text:?}");
    }
    assert!(Symbol('\u{1b}').to_string().contains("\\u{1b}"));
}

fn any_invite() -> impl Strategy<Value = Invite> {
    let host = prop_oneof![
        "[a-z][a-z0-9]{0,9}(\\.[a-z]{2,8}){0,3}",
        any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
    ];
    let server = (any::<bool>(), host, 1u16..).prop_map(|(tls, host, port)| {
        ServerUrl::parse(&format!("{}://{host}:{port}", if tls { "wss" } else { "ws" })).unwrap()
    });
    let key = proptest::option::of("[!-~é]{1,60}");
    ("[A-Z0-9]{4,32}", proptest::option::of(server), key).prop_map(|(symbols, server, key)| Invite {
        code: code(&symbols),
        server,
        key,
    })
}

proptest! {
    #[test]
    fn what_we_send_is_what_is_read(invite in any_invite()) {
        let app = invite.app_link();
        prop_assert_eq!(Invite::parse(&app), Ok(invite.clone()), "{}", app);
        if let Some(web) = invite.web_link() {
            prop_assert_eq!(Invite::parse(&web), Ok(invite.clone()), "{}", web);
            let said = format!("Join me: <{web}>, now!");
            prop_assert_eq!(Invite::parse(&said), Ok(invite.clone()), "{}", said);
        }
        let bare = Invite::new(invite.code.clone(), None);
        prop_assert_eq!(Invite::parse(&bare.code.to_string()), Ok(bare));
    }

    #[test]
    fn nothing_panics_and_what_is_read_can_be_sent(
        text in ".{0,120}",
        around in "(sharestream://join/|https?://|javascript:|)[\\PC%#?&=\\[\\]@:/.]{0,60}",
    ) {
        for text in [text, around] {
            if let Ok(invite) = Invite::parse(&text) {
                let sent = invite.app_link();
                prop_assert_eq!(Invite::parse(&sent), Ok(invite.clone()), "{} of {}", sent, text);
            }
        }
    }
}

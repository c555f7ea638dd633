use proptest::prelude::*;
use serde_json::json;

use super::*;

fn decode(text: &str) -> Result<Option<Packet>, DecodeError> {
    Decoder::default().handle_message(Message::Text(text.to_owned()))
}

fn bytes(bytes: &'static [u8]) -> Message {
    Message::Binary(Bytes::from_static(bytes))
}

fn event(namespace: &str, id: Option<u64>, name: &str, values: Vec<Value>) -> Packet {
    let args = Args { values, attachments: Vec::new() };
    Packet::Event { namespace: namespace.to_owned(), id, name: name.to_owned(), args }
}

#[test]
fn the_protocols_own_examples() {
    let connect = |namespace: &str, data| Packet::Connect { namespace: namespace.to_owned(), data };
    let cases = [
        ("0", connect("/", None)),
        (r#"0{"token":"123"}"#, connect("/", Some(json!({"token": "123"})))),
        (r#"0/admin,{"token":"123"}"#, connect("/admin", Some(json!({"token": "123"})))),
        ("0/admin,", connect("/admin", None)),
        ("1", Packet::Disconnect { namespace: "/".to_owned() }),
        ("1/admin,", Packet::Disconnect { namespace: "/admin".to_owned() }),
        (r#"2["hello",1]"#, event("/", None, "hello", vec![json!(1)])),
        (r#"2/admin,456["project:delete",123]"#, event("/admin", Some(456), "project:delete", vec![json!(123)])),
        ("3/admin,456[]", Packet::Ack { namespace: "/admin".to_owned(), id: 456, args: Args::default() }),
        (
            r#"4{"message":"Not authorized"}"#,
            Packet::ConnectError { namespace: "/".to_owned(), data: json!({"message": "Not authorized"}) },
        ),
    ];
    for (text, packet) in cases {
        assert_eq!(decode(text), Ok(Some(packet.clone())), "{text}");
        assert_eq!(packet.encode(), [Message::Text(text.to_owned())]);
    }
}

#[test]
fn attachments_are_put_where_they_belong() {
    let mut decoder = Decoder::default();
    let text = r#"52-/admin,7["hello",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    assert_eq!(decoder.handle_message(Message::Text(text.to_owned())), Ok(None));
    assert_eq!(decoder.handle_message(bytes(&[1])), Ok(None));
    let Ok(Some(packet)) = decoder.handle_message(bytes(&[2])) else { panic!("it is whole") };
    let Packet::Event { args, .. } = &packet else { panic!("an event") };
    assert_eq!(args.attachments, [Bytes::from_static(&[1]), Bytes::from_static(&[2])]);
    assert_eq!(packet.encode()[1..], [bytes(&[1]), bytes(&[2])]);
    assert_eq!(decoder.handle_message(bytes(&[3])), Err(DecodeError::UnexpectedBinary));
    let mut acks = Decoder::default();
    assert_eq!(acks.handle_message(Message::Text(r#"61-4[{"_placeholder":true,"num":0}]"#.to_owned())), Ok(None));
    assert!(matches!(acks.handle_message(bytes(&[9])), Ok(Some(Packet::Ack { id: 4, .. }))));
}

#[test]
fn what_hostile_clients_send() {
    let cases = [
        ("", DecodeError::Type),
        ("9", DecodeError::Type),
        ("é", DecodeError::Type),
        ("2", DecodeError::Payload),
        ("2[]", DecodeError::Payload),
        ("2{}", DecodeError::Payload),
        ("2[1]", DecodeError::Payload),
        (r#"2["disconnect"]"#, DecodeError::Payload),
        (r#"2["newListener"]"#, DecodeError::Payload),
        (r#"2["x"#, DecodeError::Json(JsonError::Malformed(3))),
        (r#"299999999999999999["x"]"#, DecodeError::Id),
        ("3[]", DecodeError::Id),
        ("0[1]", DecodeError::Payload),
        ("0\"x\"", DecodeError::Payload),
        ("1{}", DecodeError::Payload),
        ("4", DecodeError::Payload),
        (r#"5["x"]"#, DecodeError::AttachmentCount),
        (r#"5-["x"]"#, DecodeError::AttachmentCount),
        (r#"599999999999-["x"]"#, DecodeError::AttachmentCount),
        (r#"51e1-["x"]"#, DecodeError::AttachmentCount),
        (r#"5+1-["x"]"#, DecodeError::AttachmentCount),
        (r#"517-["x"]"#, DecodeError::Attachments),
        (r#"51-["x"]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":1}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":-1}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":"0"}]"#, DecodeError::Placeholder),
        (r#"52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, DecodeError::Placeholder),
        (r#"2["x",{"_placeholder":true,"num":0}]"#, DecodeError::Placeholder),
        (r#"51-[{"_placeholder":true,"num":0},"x"]"#, DecodeError::Payload),
        ("2/\u{1},[\"x\"]", DecodeError::Namespace),
    ];
    for (text, error) in cases {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    let long_name = format!("0/{}", "x".repeat(NAMESPACE_LEN_MAX));
    assert_eq!(decode(&long_name), Err(DecodeError::Namespace));
    let deep = format!("2[\"x\",{}", "[".repeat(50_000));
    assert_eq!(decode(&deep), Err(DecodeError::Json(JsonError::Deep(JSON_DEPTH_MAX))));
    assert_eq!(decode(&format!("2[\"{}\"]", "x".repeat(MESSAGE_LEN_MAX))), Err(DecodeError::Long));
    assert_eq!(Decoder::default().handle_message(bytes(&[1])), Err(DecodeError::UnexpectedBinary));
}

#[test]
fn attachments_count_towards_the_bound_and_cannot_be_left_out() {
    let one = Message::Text(r#"51-["x",{"_placeholder":true,"num":0}]"#.to_owned());
    let mut decoder = Decoder::new(100);
    assert_eq!(decoder.handle_message(one.clone()), Ok(None));
    assert_eq!(decoder.handle_message(Message::Binary(vec![0; 100].into())), Err(DecodeError::Long));
    let mut decoder = Decoder::default();
    assert_eq!(decoder.handle_message(one.clone()), Ok(None));
    assert_eq!(decoder.handle_message(one), Err(DecodeError::MissingBinary));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,4}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn a_packet_is_read_as_it_was_written(
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z]{1,8}"],
        id in proptest::option::of(0..1_u64 << 53),
        name in "[a-z-]{1,12}x",
        mut values in proptest::collection::vec(any_json(), 0..4),
        attachments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from), 0..4),
        ack in any::<bool>(),
    ) {
        values.extend((0..attachments.len()).map(|num| json!({"_placeholder": true, "num": num})));
        let args = Args { values, attachments };
        let packet = if ack { Packet::Ack { namespace, id: id.unwrap_or(0), args } } else { Packet::Event { namespace, id, name, args } };
        let (mut decoder, mut read) = (Decoder::default(), None);
        for message in packet.encode() {
            prop_assert!(read.is_none());
            read = decoder.handle_message(message).unwrap();
        }
        prop_assert_eq!(read, Some(packet));
    }

    #[test]
    fn no_text_panics(text in "[0-6]?[0-9]{0,3}-?(/[a-z]{0,3},)?[0-9]{0,3}[\\[{\"a-z,:\\]}]{0,12}.{0,8}") {
        if let Ok(Some(packet)) = decode(&text) {
            let Some(Message::Text(again)) = packet.encode().into_iter().next() else { panic!("text first") };
            prop_assert_eq!(decode(&again), Ok(Some(packet)));
        }
    }
}

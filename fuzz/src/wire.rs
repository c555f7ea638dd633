//! What peers say: frames, messages, the handshake, and the extension messages inside.

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::ext::{ExtHandshake, Extension, MetadataMessage, PexMessage};
use bittorrent_proto::limits::{METADATA_PIECE_LEN, PEX_PEERS_MAX};
use bittorrent_proto::wire::{FrameDecoder, FrameLimits, Handshake, Message};

use crate::cuts;

/// The first byte chooses the torrent's size, the rest is a connection's bytes after the handshake: however they are cut,
/// the same messages come out, and nobody makes us keep much.
pub fn wire(bytes: &[u8]) {
    if let Some((hello, _)) = bytes.split_first_chunk::<{ Handshake::LEN }>()
        && let Ok(handshake) = Handshake::decode(hello)
    {
        assert_eq!(&handshake.encode(), hello, "every bit of a handshake is kept");
    }
    let Some((&size, stream)) = bytes.split_first() else { return };
    let limits = if size == 0 { FrameLimits::default() } else { FrameLimits::for_pieces(u32::from(size) * 50) };
    let whole = decode(limits, std::iter::once(stream));
    let cut = decode(limits, cuts(stream));
    let single = decode(limits, stream.chunks(1));
    assert_eq!(whole, cut, "messages do not depend on how the network cuts them");
    assert_eq!(whole, single);
}

/// Every message, encoded again, and how the connection ended.
fn decode<'a>(
    limits: FrameLimits,
    stream: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Result<(), PeerMisbehaved>) {
    let (mut decoder, mut messages) = (FrameDecoder::new(limits), Vec::new());
    for mut input in stream {
        let given = input.len();
        loop {
            match decoder.next(&mut input) {
                Ok(Some(message)) => messages.push(encode_again(message)),
                Ok(None) => break,
                Err(misbehaved) => return (messages, Err(misbehaved)),
            }
        }
        assert!(input.is_empty(), "after `None` the input is used up");
        assert!(decoder.buffered() <= given + 512 * 1024, "{} bytes kept", decoder.buffered());
    }
    (messages, Ok(()))
}

fn encode_again(message: Message<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    message.encode(&mut frame);
    let len = u32::from_be_bytes(*frame.first_chunk().expect("a frame begins with its length"));
    assert_eq!(frame.len(), len as usize + 4);
    assert_eq!(Message::decode(&frame[4..]), Ok(message), "a message that is written again is the same");
    frame
}

/// Extension messages: whatever is understood is understood again after being written.
pub fn extension(bytes: &[u8]) {
    if let Ok(handshake) = ExtHandshake::decode(bytes) {
        assert_ne!(handshake.metadata_size, Some(0));
        assert_ne!(handshake.port, Some(0));
        assert_ne!(handshake.reqq, Some(0));
        assert!(handshake.client_name.as_ref().is_none_or(|name| !name.contains(char::is_control)));
        assert_eq!(ExtHandshake::decode(&handshake.encode()).as_ref(), Ok(&handshake));
        let mut merged = ExtHandshake::ours();
        merged.merge(handshake);
        for extension in Extension::ALL {
            assert_ne!(merged.id(extension), Some(0), "0 takes an extension away; it is no number to send under");
        }
    }
    if let Ok(message) = PexMessage::decode(bytes) {
        assert!(message.added.len() <= PEX_PEERS_MAX && message.dropped.len() <= PEX_PEERS_MAX);
        let again = PexMessage::decode(&message.encode()).expect("our own is read");
        assert_eq!(again.added.len(), message.added.len());
    }
    match MetadataMessage::decode(bytes) {
        Ok(MetadataMessage::Unknown) | Err(_) => {}
        Ok(message) => {
            if let MetadataMessage::Data { payload, .. } = message {
                assert!(payload.len() <= METADATA_PIECE_LEN as usize);
                assert!(bytes.ends_with(payload));
            }
            assert_eq!(MetadataMessage::decode(&message.encode()), Ok(message));
        }
    }
}

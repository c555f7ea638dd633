//! The engine's commands.

use engine_proto::ipc::{Command, LineDecoder, LineTooLong, parse_line};
use engine_proto::limits::LINE_LEN_MAX;

use crate::cuts;

/// The bytes of a front end: the same lines however they are cut, an answer to each, and a command that is written again is
/// the same command.
pub fn jsonlines(bytes: &[u8]) {
    let lines = decode(std::iter::once(bytes));
    assert_eq!(lines, decode(cuts(bytes)), "lines do not depend on how a pipe cuts them");
    for line in lines.into_iter().flatten() {
        assert!(line.len() <= LINE_LEN_MAX && !line.contains(&b'\n'));
        match parse_line(&line) {
            None => assert!(line.iter().all(u8::is_ascii_whitespace)),
            Some(Err(refusal)) => {
                assert!(!refusal.message.is_empty());
                assert!(refusal.message.len() < 2000, "a refusal does not repeat what it refuses: {}", refusal.message);
            }
            Some(Ok(request)) => {
                let written = request.to_line();
                assert_eq!(written.find('\n'), Some(written.len() - 1), "one line: {written:?}");
                let again = parse_line(written.trim_end().as_bytes());
                // Numbers of seconds may move by their last bit.
                if !matches!(request.command, Command::Playhead(_)) && !written.contains('.') {
                    assert_eq!(again, Some(Ok(request)), "{written}");
                }
            }
        }
    }
}

fn decode<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Vec<u8>, LineTooLong>> {
    let (mut decoder, mut lines) = (LineDecoder::default(), Vec::new());
    for bytes in stream {
        decoder.handle_bytes(bytes);
        lines.extend(std::iter::from_fn(|| decoder.poll_line()));
    }
    decoder.handle_end();
    lines.extend(std::iter::from_fn(|| decoder.poll_line()));
    lines
}

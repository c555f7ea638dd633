//! What a terminal's bytes mean. Pure.

/// A key, as terminals send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Escape,
    Erase,
    /// Backspace with Shift, where the terminal tells them apart.
    ShiftErase,
    Up,
    Down,
    Left,
    Right,
    FarLeft,
    FarRight,
    Home,
    End,
}

/// Bytes of a sequence that is not whole yet; longer ones are nothing of ours.
const HELD_LEN_MAX: usize = 32;

/// What terminals send for keys that are no characters; xterm's words, rxvt's and the Linux console's.
const SEQUENCES: [(&str, Key); 24] = [
    ("\u{1b}[A", Key::Up),
    ("\u{1b}[B", Key::Down),
    ("\u{1b}[C", Key::Right),
    ("\u{1b}[D", Key::Left),
    ("\u{1b}OA", Key::Up),
    ("\u{1b}OB", Key::Down),
    ("\u{1b}OC", Key::Right),
    ("\u{1b}OD", Key::Left),
    ("\u{1b}[1;5C", Key::FarRight),
    ("\u{1b}[1;5D", Key::FarLeft),
    ("\u{1b}[5C", Key::FarRight),
    ("\u{1b}[5D", Key::FarLeft),
    ("\u{1b}Oc", Key::FarRight),
    ("\u{1b}Od", Key::FarLeft),
    ("\u{1b}[H", Key::Home),
    ("\u{1b}[F", Key::End),
    ("\u{1b}OH", Key::Home),
    ("\u{1b}OF", Key::End),
    ("\u{1b}[1~", Key::Home),
    ("\u{1b}[4~", Key::End),
    ("\u{1b}[7~", Key::Home),
    ("\u{1b}[8~", Key::End),
    ("\u{1b}[27;2;127~", Key::ShiftErase),
    ("\u{1b}[127;2u", Key::ShiftErase),
];

/// Makes keys of bytes, however reads cut them.
#[derive(Default)]
pub(super) struct Input {
    /// The beginning of a character or sequence whose end has not come.
    held: Vec<u8>,
}

impl Input {
    /// The keys that are whole now. A sequence that is unknown is nothing.
    pub(super) fn keys(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.held.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.held);
        let mut rest = all.as_slice();
        let mut keys = Vec::new();
        while !rest.is_empty() {
            let Some((key, len)) = first(rest) else {
                if rest.len() <= HELD_LEN_MAX {
                    self.held = rest.to_vec();
                }
                break;
            };
            keys.extend(key);
            rest = rest.get(len..).unwrap_or_default();
        }
        keys
    }
}

/// The first key, if it is one, and its bytes; `None` while they are not all there.
fn first(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    match bytes {
        // A terminal writes a sequence at once, so what ends with Escape is that key.
        [0x1b] => Some((Some(Key::Escape), 1)),
        [0x1b, b'[' | b'O', ..] => sequence(bytes),
        // Alt and a key is that key.
        [0x1b, ..] => Some((None, 1)),
        [b'\r' | b'\n', ..] => Some((Some(Key::Enter), 1)),
        [0x08 | 0x7f, ..] => Some((Some(Key::Erase), 1)),
        _ => character(bytes),
    }
}

/// Begins with Escape and a bracket or O; ends with a letter or a tilde.
fn sequence(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let end = bytes.iter().skip(2).position(|byte| byte.is_ascii_alphabetic() || *byte == b'~')?;
    let len = end + 3;
    let known = SEQUENCES.iter().find(|(sequence, _)| bytes.get(..len) == Some(sequence.as_bytes()));
    Some((known.map(|(_, key)| *key), len))
}

fn character(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let longest = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let valid = match std::str::from_utf8(longest) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() == 0 => {
            // Cut by the read, or no UTF-8 at all.
            return error.error_len().map(|len| (None, len));
        }
        Err(error) => std::str::from_utf8(&longest[..error.valid_up_to()]).unwrap_or_default(),
    };
    let char = valid.chars().next()?;
    Some(((!char.is_control()).then_some(Key::Char(char)), char.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Input::default().keys(bytes)
    }

    #[test]
    fn every_sequence_is_its_key() {
        for (sequence, key) in SEQUENCES {
            assert_eq!(keys(sequence.as_bytes()), [key], "{sequence:?}");
        }
        assert_eq!(
            keys(b"k\r\n\x7f\x08\x1b"),
            [Key::Char('k'), Key::Enter, Key::Enter, Key::Erase, Key::Erase, Key::Escape]
        );
    }

    #[test]
    fn what_is_unknown_is_nothing_and_what_follows_is_read() {
        for unknown in [&b"\x1b[15~"[..], b"\x1b[1;9C", b"\x01", b"\xff", b"\xc3\x28\x08"] {
            let all = [unknown, b"k"].concat();
            assert_eq!(keys(&all).last(), Some(&Key::Char('k')), "{unknown:?}");
        }
        assert_eq!(keys(b"\x1bk"), [Key::Char('k')], "Alt");
    }

    #[test]
    fn reads_cut_anywhere() {
        let all = "ä\u{1b}[1;5C日\u{1b}OA🎬".as_bytes();
        let whole = keys(all);
        assert_eq!(whole, [Key::Char('ä'), Key::FarRight, Key::Char('日'), Key::Up, Key::Char('🎬')]);
        for cut in 0..all.len() {
            // Escape alone at a read's end is that key, as it must be.
            if all[..cut].ends_with(b"\x1b") {
                continue;
            }
            let mut input = Input::default();
            let mut keys = input.keys(&all[..cut]);
            keys.extend(input.keys(&all[cut..]));
            assert_eq!(keys, whole, "cut at {cut}");
        }
    }

    #[test]
    fn an_endless_sequence_is_given_up() {
        let mut input = Input::default();
        assert_eq!(input.keys(b"\x1b["), []);
        assert_eq!(input.keys(&[b';'; 100]), []);
        assert_eq!(input.keys(b"k"), [Key::Char('k')]);
    }
}

//! Every format as it is meant, and as it comes: broken, endless, in old encodings.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Cue, Format, Timed, Timeline, marked_up, name, parse};
use crate::limits::{CUES_MAX, LINE_CHARS_MAX, LINES_MAX};

fn cues(text: &str) -> Vec<(u64, u64, String)> {
    cues_of(text.as_bytes())
}

/// Start and end in milliseconds, and the lines, in which `*` stands around bold and `/` around slanted words.
fn cues_of(bytes: &[u8]) -> Vec<(u64, u64, String)> {
    let Some((_, timeline)) = parse(bytes) else { return Vec::new() };
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    timeline.cues().iter().map(|timed| (ms(timed.start), ms(timed.end), drawn(&timed.cue))).collect()
}

fn drawn(cue: &Cue) -> String {
    let line = |line: &super::Line| {
        let span = |span: &super::Span| match (span.bold, span.italic) {
            (false, false) => span.text.clone(),
            (true, false) => format!("*{}*", span.text),
            (false, true) => format!("/{}/", span.text),
            (true, true) => format!("*/{}/*", span.text),
        };
        line.spans.iter().map(span).collect::<String>()
    };
    cue.lines.iter().map(line).collect::<Vec<_>>().join("|")
}

fn one(start: u64, end: u64, text: &str) -> Vec<(u64, u64, String)> {
    vec![(start, end, text.to_owned())]
}

#[test]
fn subrip_with_everything_it_can_have() {
    let text = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\nHello,\r\n<i>world</i>!\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,001 X1:0\r\n{\\an8}<b>Up</b> &amp; <font color=\"#f00\">red</font>\r\n";
    let expected = vec![(1000, 2500, "Hello,|/world/!".to_owned()), (3_600_000, 3_601_001, "*Up* & red".to_owned())];
    assert_eq!(cues(text), expected);
    assert_eq!(parse(text.as_bytes()).unwrap().0, Format::SubRip);
}

#[test]
fn subrip_as_it_comes() {
    // No numbers, no empty lines, points for commas, short fractions, no hours.
    let text = "00:01.5 --> 00:02\nA\n2\n0:0:3.25-->0:0:4\nB < C and D > E\nF <3\n\n\n9\nnonsense\n00:00:09,000 --> 00:00:08,000\nends before it starts\n";
    assert_eq!(cues(text), vec![(1500, 2000, "A".into()), (3250, 4000, "B < C and D > E|F <3".into())]);
    // Out of order.
    assert_eq!(cues("0:05 --> 0:06\nlater\n\n0:01 --> 0:02\nearlier")[0].2, "earlier");
}

#[test]
fn webvtt_with_notes_styles_and_settings() {
    let text = "WEBVTT - a film\n\nSTYLE\n::cue { color: red }\n\nNOTE never shown\n\nid 7\n00:01.000 --> 00:02.000 line:0 align:start\n<v Ana>Hi <c.loud>there</c>, <00:01.500>you&nbsp;&lt;3\n\n01:00:00.000 --> 01:00:01.000\n- <i>One</i>\n- Two\n";
    let expected =
        vec![(1000, 2000, "Hi there, you\u{a0}<3".to_owned()), (3_600_000, 3_601_000, "- /One/|- Two".to_owned())];
    assert_eq!(cues(text), expected);
    assert_eq!(parse(text.as_bytes()).unwrap().0, Format::WebVtt);
}

#[test]
fn substation_with_styles_overrides_and_drawings() {
    let text = "[Script Info]\nTitle: x\n[V4+ Styles]\nFormat: Name, Fontname, Bold, Italic\nStyle: Sign,Arial,-1,0\nStyle: Plain,Arial,0,0\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.50,Plain,,0,0,0,,{\\an8\\i1}Slanted{\\i0}, plain\\Nnext {\\b700}heavy{\\r} again\nComment: 0,0:00:01.00,0:00:02.00,Plain,,0,0,0,,never\nDialogue: 0,0:00:03.00,0:00:04.00,Sign,,0,0,0,,A{\\blur2\\pos(1,2)} sign, with commas\nDialogue: 0,0:00:05.00,0:00:06.00,Plain,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}\n";
    let expected = vec![
        (1000, 2500, "/Slanted/, plain|next *heavy* again".to_owned()),
        (3000, 4000, "*A sign, with commas*".to_owned()),
    ];
    assert_eq!(cues(text), expected);
    assert_eq!(parse(text.as_bytes()).unwrap().0, Format::SubStation);
}

#[test]
fn all_encodings_say_the_same() {
    let text = "1\n00:00:01,000 --> 00:00:02,000\nGrüße “Été”\n";
    let utf16 = |units: Vec<[u8; 2]>, mark: [u8; 2]| [mark].into_iter().chain(units).flatten().collect::<Vec<u8>>();
    let little = utf16(text.encode_utf16().map(u16::to_le_bytes).collect(), [0xff, 0xfe]);
    let big = utf16(text.encode_utf16().map(u16::to_be_bytes).collect(), [0xfe, 0xff]);
    let old: Vec<u8> = text
        .chars()
        .map(|c| match c {
            '“' => 0x93,
            '”' => 0x94,
            _ => u8::try_from(u32::from(c)).unwrap(),
        })
        .collect();
    for bytes in [text.as_bytes().to_vec(), [b"\xef\xbb\xbf", text.as_bytes()].concat(), little, big, old] {
        assert_eq!(cues_of(&bytes), one(1000, 2000, "Grüße “Été”"), "{:?}", &bytes[..4]);
    }
}

#[test]
fn mark_up_of_pango_is_read_and_what_is_invisible_is_not_shown() {
    assert_eq!(
        drawn(&marked_up("<span weight=\"bold\">A</span> <span foreground=\"#fff\"><i>b</i></span> &#169;&#x41;")),
        "*A* /b/ ©A"
    );
    assert_eq!(drawn(&marked_up("a\u{202e}b\u{7}\u{200b}c<br/>d")), "abc|d");
    for text in ["<", "<b", "</", "{\\", "&", "&#", "&#x", "&#x110000;", "&#-1;", "<é>", "&#99999999;", "<b\n>"] {
        assert_eq!(drawn(&marked_up(text)), text.replace('\n', "|"), "what is no mark-up is shown as it is");
    }
}

#[test]
fn endless_files_are_read_up_to_their_bounds() {
    let mut many = String::new();
    for _ in 0..CUES_MAX + 10 {
        many.push_str("0:01 --> 0:02\nx\n\n");
    }
    assert_eq!(cues(&many).len(), CUES_MAX);
    let long = format!("0:01 --> 0:02\n{}\n{}", "y".repeat(2 * LINE_CHARS_MAX), "z\n".repeat(100));
    let (_, _, text) = &cues(&long)[0];
    let lines: Vec<&str> = text.split('|').collect();
    assert_eq!((lines.len(), lines[0].len()), (LINES_MAX, LINE_CHARS_MAX));
    let mut styles = String::from("[V4+ Styles]\nFormat: Name, Bold, Italic\n");
    for number in 0..5_000 {
        writeln!(styles, "Style: s{number},-1,0").unwrap();
    }
    styles.push_str("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,s4999,,0,0,0,,plain\n");
    assert_eq!(cues(&styles), one(1000, 2000, "plain"));
    let nested = format!("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,x,,0,0,0,,{}end", "{\\i1".repeat(10_000));
    assert!(cues(&nested)[0].2.starts_with("{\\i1{\\i1"), "braces that nothing closes are shown as they are");
    // Files of openings that nothing closes take no longer than others.
    for opening in ["<b", "{\\i", "&#", "-->", "0:01 --> 0:02 "] {
        let bytes = opening.repeat(1_000_000);
        for head in
            ["0:01 --> 0:02\n", "WEBVTT\n\n0:01 --> 0:02\n", "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,x,,0,0,0,,"]
        {
            assert!(cues(&format!("{head}{bytes}")).len() <= 1);
        }
    }
}

#[test]
fn what_holds_no_subtitles_is_refused() {
    for bytes in [
        &b""[..],
        b"hello",
        b"WEBVTT",
        b"\xff\xfe",
        b"\xff\xfe\x00",
        b"\xfe\xff\xd8\x00",
        b"-->",
        b"0:01 --> \nx",
        b"1:2:3:4 --> 5:6\nx",
        b"99999999999999999999:00 --> 1:0\nx",
        b"999999:00:00 --> 999999:00:01\nx",
        b"0:01 --> 0:02\n<i></i>\n",
        b"\x00\x01\x02\x03",
        b"Dialogue: 0,1,2",
        b"[Events]\nFormat:\nDialogue: ,,,,,\n",
        b"[Events]\nFormat: Text\nDialogue: x\n",
    ] {
        assert!(parse(bytes).is_none(), "{bytes:?}");
    }
}

/// Every file cut anywhere, and with any byte changed, is read or refused.
#[test]
fn damaged_files_never_panic() {
    let files = [
        "1\n00:00:01,000 --> 00:00:02,000\n<b>é</b>{\\i1}&amp;\n\n",
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v é>x\n",
        "[Events]\nFormat: Layer, Start, End, Style, Text\nDialogue: 0,0:00:01.00,0:00:02.50,é,{\\i1}é\\Nx{\\p1}\n",
    ];
    for file in files {
        let bytes = file.as_bytes();
        for at in 0..bytes.len() {
            let _ = parse(&bytes[..at]);
            for new in [0, b'\n', b'<', b'{', b'&', b'\\', b',', b':', 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = new;
                let _ = parse(&changed);
            }
        }
    }
}

#[test]
fn what_is_shown_and_when_that_changes() {
    let at = Duration::from_secs;
    let timed = |start, end, text: &str| Timed { start: at(start), end: at(end), cue: marked_up(text) };
    let mut timeline = Timeline::new(vec![timed(5, 6, "c"), timed(1, 10, "a"), timed(2, 4, "b")]);
    let shown = |timeline: &Timeline, seconds| timeline.at(at(seconds)).map(|cue| drawn(&cue));
    let drawn: Vec<Option<String>> = (0..=10).map(|seconds| shown(&timeline, seconds)).collect();
    let expected = [
        None,
        Some("a"),
        Some("a|b"),
        Some("a|b"),
        Some("a"),
        Some("a|c"),
        Some("a"),
        Some("a"),
        Some("a"),
        Some("a"),
        None,
    ];
    assert_eq!(drawn, expected.map(|text| text.map(str::to_owned)));
    let changes: Vec<Option<u64>> =
        (0..=10).map(|seconds| timeline.next_change(at(seconds)).map(|next| next.as_secs())).collect();
    let expected = [Some(1), Some(2), Some(4), Some(4), Some(5), Some(6), Some(10), Some(10), Some(10), Some(10), None];
    assert_eq!(changes, expected);
    timeline.insert(timed(2, 4, "b"));
    assert_eq!(timeline.cues().len(), 3, "it is there already");
    timeline.insert(timed(2, 20, "d"));
    assert_eq!(shown(&timeline, 15), Some("d".to_owned()));
}

#[test]
fn files_have_names() {
    assert_eq!(name("/home/ana/Film.en.srt"), "Film.en.srt");
    assert_eq!(name("file:///a/B%20c.ass"), "B c.ass");
    assert_eq!(name("http://host/x/sub.vtt?key=1#y"), "sub.vtt");
}

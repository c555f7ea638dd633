//! SubStation Alpha, versions 4 and 4+: sections of lines, of which the dialogue and what styles say of weight and slant are read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Cue;
use super::srt::time;
use super::text::{Writer, enclosed};
use super::timeline::Timed;
use crate::limits::{CUE_START_MAX, CUES_MAX, LINE_CHARS_MAX, LINES_MAX, STYLES_MAX};

/// Every line of dialogue that has times; comments, pictures and drawings are left out.
pub(super) fn parse(text: &str) -> Vec<Timed> {
    let (mut styles, mut cues) = (BTreeMap::new(), Vec::new());
    // As version 4+ has them, should their format not be said.
    let mut style_format = Format::of("Name, Fontname, Fontsize, , , , , Bold, Italic");
    let mut format = Format::of("Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text");
    let mut in_events = true;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            in_events = line.eq_ignore_ascii_case("[events]");
        } else if let Some(names) = line.strip_prefix("Format:") {
            *(if in_events { &mut format } else { &mut style_format }) = Format::of(names);
        } else if let Some(values) = line.strip_prefix("Style:") {
            if let Some((name, style)) = style_format.style(values).filter(|_| styles.len() < STYLES_MAX) {
                styles.insert(name, style);
            }
        } else if let Some(values) = line.strip_prefix("Dialogue:") {
            cues.extend(format.dialogue(values, &styles));
            if cues.len() == CUES_MAX {
                break;
            }
        }
    }
    cues
}

/// The names of a line's fields, in order. Text is the last, and may contain commas.
struct Format(Vec<String>);

/// Fields of a line; real ones have 10 and 23.
const FIELDS_MAX: usize = 32;

/// How words in a style look.
#[derive(Clone, Copy, Default)]
struct Style {
    bold: bool,
    italic: bool,
}

impl Format {
    fn of(names: &str) -> Self {
        Self(names.split(',').take(FIELDS_MAX).map(|name| name.trim().to_ascii_lowercase()).collect())
    }

    fn field<'a>(&self, values: &'a str, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|field| field == name)?;
        values.splitn(self.0.len(), ',').nth(at).map(str::trim)
    }

    fn style(&self, values: &str) -> Option<(String, Style)> {
        let is_on = |name| self.field(values, name).is_some_and(|value| value != "0");
        let name: String = self.field(values, "name")?.chars().take(LINE_CHARS_MAX).collect();
        Some((name, Style { bold: is_on("bold"), italic: is_on("italic") }))
    }

    fn dialogue(&self, values: &str, styles: &BTreeMap<String, Style>) -> Option<Timed> {
        let (start, end) = (time(self.field(values, "start")?)?, time(self.field(values, "end")?)?);
        let style = self.field(values, "style").and_then(|name| styles.get(name)).copied().unwrap_or_default();
        let cue = words(self.field(values, "text")?, style);
        let end = end.min(CUE_START_MAX * 2);
        (start < end && start <= CUE_START_MAX && !cue.lines.is_empty()).then_some(Timed { start, end, cue })
    }
}

/// Text with overrides in braces and escapes for spaces and line ends.
fn words(text: &str, style: Style) -> Cue {
    let mut writer = Writer::default();
    (writer.bold, writer.italic) = (style.bold, style.italic);
    let mut draws = false;
    let mut rest = text;
    // What is beyond this is not shown: overrides are a few times longer than words.
    let mut budget = LINE_CHARS_MAX * LINES_MAX * 4;
    while let Some(c) = rest.chars().next().filter(|_| budget > 0) {
        budget -= 1;
        if let Some(block) = enclosed(rest, '{', '}') {
            for tag in block.trim_matches(['{', '}']).split('\\') {
                override_with(tag.trim(), style, &mut writer, &mut draws);
            }
            rest = &rest[block.len()..];
            continue;
        }
        let (meant, len) = match rest.get(..2) {
            Some("\\N" | "\\n") => ('\n', 2),
            Some("\\h") => (' ', 2),
            Some(_) | None => (c, c.len_utf8()),
        };
        if !draws {
            writer.push(meant);
        }
        rest = &rest[len..];
    }
    writer.finish()
}

fn override_with(tag: &str, style: Style, writer: &mut Writer, draws: &mut bool) {
    let number = |prefix: &str| tag.strip_prefix(prefix).map(str::trim);
    // `\b700` is a weight; other tags begin with the same letters (`\blur2`, `\iclip`, `\pos`).
    let flag = |value: &str, usual: bool| match value {
        "" => Some(usual),
        "0" => Some(false),
        _ => value.parse::<u32>().ok().map(|weight| weight == 1 || weight > 400),
    };
    if let Some(bold) = number("b").and_then(|value| flag(value, style.bold)) {
        writer.bold = bold;
    } else if let Some(italic) = number("i").and_then(|value| flag(value, style.italic)) {
        writer.italic = italic;
    } else if let Some(scale) = number("p").and_then(|value| value.parse::<u32>().ok()) {
        *draws = scale > 0;
    } else if tag == "r" {
        (writer.bold, writer.italic) = (style.bold, style.italic);
    }
}

/// The longest that anything here says.
const _: () = assert!(CUE_START_MAX.as_secs() < Duration::MAX.as_secs() / 2);

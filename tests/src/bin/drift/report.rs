//! What was measured, as tables for people and JSON for programs, held against what is promised.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tests::screen::display::WINDOWS;
use tests::screen::figures::{Distances, apart};
use tests::screen::sound::{self, Heard};
use tests::screen::watch::Seen;

use crate::profile::Profile;

/// A part of the evening.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// When in the watch.
    pub(crate) during: Range<Duration>,
    /// Whose windows count.
    pub(crate) windows: Vec<usize>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

/// A start that was commanded, and how far apart the windows began to run.
pub(crate) struct Start {
    pub(crate) what: String,
    /// `None`: not all started.
    pub(crate) spread: Option<Duration>,
}

/// What was found over one network.
pub(crate) struct Findings {
    pub(crate) markdown: String,
    pub(crate) json: Value,
    /// Promises that do not hold.
    pub(crate) broken: Vec<String>,
}

/// Everything that one evening left behind.
pub(crate) struct Evening {
    pub(crate) seen: Seen,
    /// What was heard of whom, in the watch's time.
    pub(crate) heard: [Vec<Heard>; WINDOWS],
    pub(crate) parts: Vec<Part>,
    pub(crate) starts: Vec<Start>,
}

/// Looks at all of it.
pub(crate) fn findings(profile: &Profile, evening: &Evening) -> Findings {
    let mut markdown = format!("### {}: {}\n\n{HEAD}", profile.name, profile.says);
    let mut json = json!({ "profile": profile.name, "parts": [], "starts": [] });
    let (mut all_seen, mut all_heard) = (Vec::new(), Vec::new());
    for group in groups(&evening.parts) {
        let (mut seen, mut heard) = (Vec::new(), Vec::new());
        for part in &group {
            seen.extend(apart(&evening.seen.windows, &part.windows, &part.during));
            heard.extend(heard_apart(&evening.heard, part));
            push(&mut json["parts"], part_json(evening, part));
        }
        if group[0].windows.len() == WINDOWS {
            all_seen.extend(&seen);
            all_heard.extend(&heard);
        }
        markdown += &row(group[0].name, &Distances::new(seen), &Distances::new(heard));
    }
    let (seen, heard) = (Distances::new(all_seen), Distances::new(all_heard));
    markdown += &row("**all with everybody**", &seen, &heard);
    markdown += "\nStarts: ";
    let starts: Vec<String> =
        evening.starts.iter().map(|start| format!("{} {}", start.what, spread_text(start.spread))).collect();
    markdown += &format!("{}.\n\n", starts.join(", "));
    for part in evening.parts.iter().filter(|part| !part.notes.is_empty()) {
        markdown += &format!("* {}: {}.\n", part.name, part.notes.join("; "));
    }
    for start in &evening.starts {
        push(&mut json["starts"], json!({ "what": start.what, "spreadMs": start.spread.map(millis) }));
    }
    json["screen"] = seen.json();
    json["sound"] = heard.json();
    json["looks"] =
        json!({ "count": evening.seen.looks, "late": evening.seen.late, "gapMaxMs": millis(evening.seen.gap_max) });
    let broken = broken(profile, evening, &seen, &heard);
    json["broken"] = json!(broken);
    Findings { markdown, json, broken }
}

/// Parts of one name with as many people are one row.
fn groups(parts: &[Part]) -> Vec<Vec<&Part>> {
    let mut groups: Vec<Vec<&Part>> = Vec::new();
    for part in parts {
        let same = |group: &&mut Vec<&Part>| group[0].name == part.name && group[0].windows == part.windows;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(part),
            None => groups.push(vec![part]),
        }
    }
    groups
}

fn part_json(evening: &Evening, part: &Part) -> Value {
    let picture = |&window: &usize| {
        let trace = &evening.seen.windows[window];
        let (shown, missing) = trace.shown_and_missing(&part.during);
        let still = millis(trace.longest_still(&part.during));
        json!({ "window": window, "shown": shown, "missing": missing, "longestStillMs": still })
    };
    json!({
        "name": part.name, "notes": part.notes, "pictures": part.windows.iter().map(picture).collect::<Vec<_>>(),
        "from": part.during.start.as_secs_f64(), "to": part.during.end.as_secs_f64(),
        "screen": Distances::new(apart(&evening.seen.windows, &part.windows, &part.during)).json(),
        "sound": Distances::new(heard_apart(&evening.heard, part)).json(),
    })
}

fn broken(profile: &Profile, evening: &Evening, seen: &Distances, heard: &Distances) -> Vec<String> {
    let mut broken = Vec::new();
    for (what, distances) in [("on the screens", seen), ("in the sound", heard)] {
        for (percent, max) in [(50, profile.p50_max), (95, profile.p95_max), (99, profile.p99_max)] {
            let is = distances.percentile(percent);
            if is > max || distances.count() == 0 {
                broken.push(format!("{}: p{percent} {what} is {is:.0} ms, promised are {max:.0}", profile.name));
            }
        }
        if distances.out_of_step_percent() >= OUT_OF_STEP_PERCENT_MAX {
            let is = distances.out_of_step_percent();
            broken.push(format!("{}: {what} out of step in {is:.2} % of samples", profile.name));
        }
    }
    for start in &evening.starts {
        if start.spread.is_none_or(|spread| millis(spread) > profile.start_max) {
            let max = profile.start_max;
            broken.push(format!(
                "{}: {} {}, promised are {max:.0} ms",
                profile.name,
                start.what,
                spread_text(start.spread)
            ));
        }
    }
    broken
}

const OUT_OF_STEP_PERCENT_MAX: f64 = 0.5;

const HEAD: &str = "| | screens p50 | p95 | p99 | max | > 600 ms | sound p50 | p95 | p99 | max |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";

fn row(name: &str, seen: &Distances, heard: &Distances) -> String {
    let of = |distances: &Distances| {
        let of = [50, 95, 99, 100].map(|percent| distances.percentile(percent));
        if distances.count() == 0 { [const { String::new() }; 4] } else { of.map(|ms| format!("{ms:.0}")) }
    };
    let out = format!("{:.2} %", seen.out_of_step_percent());
    format!("| {name} | {} | {out} | {} |\n", of(seen).join(" | "), of(heard).join(" | "))
}

fn heard_apart(heard: &[Vec<Heard>; WINDOWS], part: &Part) -> Vec<f64> {
    let mut values = Vec::new();
    for (place, &one) in part.windows.iter().enumerate() {
        for &other in &part.windows[place + 1..] {
            let apart = sound::apart(&heard[one], &heard[other]);
            values.extend(apart.iter().filter(|(at, _)| part.during.contains(at)).map(|(_, apart)| apart));
        }
    }
    values
}

fn spread_text(spread: Option<Duration>) -> String {
    spread.map_or("did not come for all".into(), |spread| format!("{:.0} ms", millis(spread)))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().expect("a list of our own").push(item);
}

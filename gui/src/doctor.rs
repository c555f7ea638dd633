//! `sharestream doctor`: what this machine and its network can do, line by line as it is found out.

use std::process::ExitCode;

use engine_proto::words::columns;
use serde_json::json;
use session::doctor::{Check, Doctor, DoctorOptions, Grade, report, verdict};
use session::proto::words::Language;
use session::settings::engine_config;

use crate::args::Args;
use crate::entrance::settings_of;

/// Examines, prints, and ends with what is worst.
pub(crate) fn run(args: &Args) -> ExitCode {
    let settings = settings_of(args);
    let config = engine_config(&settings);
    let language = settings.language(|name| std::env::var(name).ok());
    let options = DoctorOptions {
        language,
        server: settings.server.clone(),
        player: args.mpv.clone(),
        downloads: config.data_dir,
        listen_port: config.listen_port,
        relay: settings.turn.url.is_some(),
        uplink: (settings.max_upload > 0).then_some(settings.max_upload),
        ..DoctorOptions::default()
    };
    let checks = match Doctor::run(options) {
        Ok(checks) => checks,
        Err(error) => {
            eprintln!("The doctor does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let width = crate::terminal::width().unwrap_or(usize::MAX);
    let mut done: Vec<Check> = Vec::new();
    while let Ok(check) = checks.recv_blocking() {
        if args.headless {
            let mut line = serde_json::to_value(&check).unwrap_or_default();
            line["event"] = json!("check");
            println!("{line}");
        } else {
            println!("{}", shown(language, &check, width));
        }
        done.push(check);
    }
    let verdict = verdict(language, &done);
    if args.headless {
        println!("{}", json!({"event": "report", "text": report(language, &done), "verdict": verdict.words}));
    } else {
        let for_others = language.of("The report for others is printed by", "Den Bericht für andere gibt es mit");
        println!("\n{}\n{for_others}: sharestream doctor --headless", verdict.words);
    }
    if done.iter().any(|check| check.grade == Grade::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Columns of the word that says how it is, and of the space behind it.
const INDENT: usize = 9;

fn shown(language: Language, check: &Check, width: usize) -> String {
    let grade = match check.grade {
        Grade::Ok => "ok",
        Grade::Warn => language.of("warning", "Achtung"),
        Grade::Bad => language.of("TROUBLE", "FEHLER"),
        Grade::Skipped => language.of("skipped", "nicht"),
    };
    let code = check.code.map(|code| format!(" ({code})")).unwrap_or_default();
    let finding = wrapped(&format!("{}: {}{code}", check.topic.title(language), check.finding), width);
    let help = check.help.as_ref().map(|help| format!("\n{:INDENT$}{}", "", wrapped(help, width))).unwrap_or_default();
    format!("{grade:INDENT$}{finding}{help}")
}

/// Broken between words, each line below what the first begins with.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if INDENT + columns(line) + 1 + columns(word) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join(&format!("\n{:INDENT$}", ""))
}

#[cfg(test)]
mod tests {
    use session::doctor::Topic;

    use super::*;

    #[test]
    fn a_check_says_what_it_is_about_and_what_helps() {
        let check = Check {
            topic: Topic::Server,
            grade: Grade::Bad,
            finding: "Nobody answers there.".into(),
            help: Some("Check the address.".into()),
            code: Some("S001"),
        };
        assert_eq!(
            shown(Language::English, &check, usize::MAX),
            "TROUBLE  Server: Nobody answers there. (S001)\n         Check the address."
        );
        assert_eq!(
            shown(Language::English, &check, 29),
            "TROUBLE  Server: Nobody\n         answers there.\n         (S001)\n         Check the address."
        );
        let check = Check { grade: Grade::Skipped, help: None, code: None, ..check };
        assert_eq!(shown(Language::English, &check, usize::MAX), "skipped  Server: Nobody answers there.");
    }
}

//! `sharestream doctor`: what this machine and its network can do, line by line as it is found out.

use std::process::ExitCode;

use serde_json::json;
use session::doctor::{Check, Doctor, DoctorOptions, Grade, report, verdict};
use session::settings::engine_config;

use crate::args::Args;
use crate::entrance::settings_of;

/// Examines, prints, and ends with what is worst.
pub(crate) fn run(args: &Args) -> ExitCode {
    let settings = settings_of(args);
    let config = engine_config(&settings);
    let options = DoctorOptions {
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
    let mut done: Vec<Check> = Vec::new();
    while let Ok(check) = checks.recv_blocking() {
        if args.headless {
            let mut line = serde_json::to_value(&check).unwrap_or_default();
            line["event"] = json!("check");
            println!("{line}");
        } else {
            println!("{}", shown(&check));
        }
        done.push(check);
    }
    let verdict = verdict(&done);
    if args.headless {
        println!("{}", json!({"event": "report", "text": report(&done), "verdict": verdict.words}));
    } else {
        println!("\n{}\nThe report for others is printed by: sharestream doctor --headless", verdict.words);
    }
    if done.iter().any(|check| check.grade == Grade::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn shown(check: &Check) -> String {
    let mark = match check.grade {
        Grade::Ok => "ok     ",
        Grade::Warn => "warning",
        Grade::Bad => "TROUBLE",
        Grade::Skipped => "skipped",
    };
    let code = check.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let help = check.help.as_ref().map(|help| format!("\n         {help}")).unwrap_or_default();
    format!("{mark}  {}{code}{help}", check.finding)
}

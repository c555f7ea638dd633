//! The doctor's screen: line by line as it is found out.

use std::rc::Rc;

use session::doctor::{Check, Doctor as Examination, DoctorOptions, Grade, OwnPlayer, report, verdict};
use session::proto::words::Language;
use session::settings::engine_config;
use slint::ComponentHandle as _;
use ui::{AppWindow, CheckRow, Doctor};

use super::desk::Desk;
use super::rows::Rows;
use super::seat::spawn;
use super::wire::on;
use crate::args::PlayerChoice;

pub(super) fn wire(app: &AppWindow, desk: &Rc<Desk>) {
    let doctor = app.global::<Doctor>();
    on!(doctor, on_start, desk, |desk| start(&desk));
}

/// Examines anew.
pub(super) fn start(desk: &Rc<Desk>) {
    let app = desk.app();
    let doctor = app.global::<Doctor>();
    if doctor.get_running() {
        return;
    }
    let settings = desk.state.borrow().settings.clone();
    let config = engine_config(&settings);
    let language = desk.language();
    let options = DoctorOptions {
        language,
        server: settings.server.clone(),
        player: desk.args.mpv.clone(),
        downloads: config.data_dir,
        listen_port: config.listen_port,
        relay: settings.turn.url.is_some(),
        uplink: (settings.max_upload > 0).then_some(settings.max_upload),
        ..DoctorOptions::default()
    };
    doctor.set_running(true);
    doctor.set_verdict("".into());
    let rows = Rows::new();
    doctor.set_checks(rows.model());
    let desk = Rc::clone(desk);
    spawn(async move {
        let own_player = match desk.args.player {
            PlayerChoice::Own => Some(smol::unblock(own_player).await),
            PlayerChoice::Mpv | PlayerChoice::Unseen | PlayerChoice::Null | PlayerChoice::None => None,
        };
        let checks = match Examination::run(DoctorOptions { own_player, ..options }) {
            Ok(checks) => checks,
            Err(error) => {
                desk.app().global::<Doctor>().set_running(false);
                return desk.toast(error.to_string());
            }
        };
        let mut done: Vec<Check> = Vec::new();
        while let Ok(check) = checks.recv().await {
            done.push(check);
            rows.show(done.iter().map(|check| row(language, check)).collect());
        }
        let app = desk.app();
        let doctor = app.global::<Doctor>();
        doctor.set_running(false);
        doctor.set_verdict(verdict(language, &done).words.into());
        let for_copying = Rc::clone(&desk);
        doctor.on_copy_report(move || {
            for_copying.app().invoke_copy(report(language, &done).into());
            for_copying.toast(for_copying.language().of("Copied", "Kopiert"));
        });
    });
}

fn own_player() -> Result<OwnPlayer, String> {
    let media::Outfit { version, hardware, missing } = media::outfit()?;
    Ok(OwnPlayer { version, hardware, missing })
}

fn row(language: Language, check: &Check) -> CheckRow {
    CheckRow {
        title: check.topic.title(language).into(),
        grade: match check.grade {
            Grade::Skipped => 0,
            Grade::Ok => 1,
            Grade::Warn => 2,
            Grade::Bad => 3,
        },
        finding: check.finding.clone().into(),
        help: check.help.clone().unwrap_or_default().into(),
        code: check.code.unwrap_or_default().into(),
    }
}

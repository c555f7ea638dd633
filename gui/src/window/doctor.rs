//! The doctor's screen: line by line as it is found out.

use std::rc::Rc;

use session::doctor::{Check, Doctor as Examination, DoctorOptions, Grade, OwnPlayer, report, verdict};
use session::proto::view::View;
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
    let language = desk.language();
    let options = {
        let state = desk.state.borrow();
        let line = line(&state.view, state.settings.max_upload, state.upload_capacity);
        let config = engine_config(&state.settings);
        DoctorOptions {
            language,
            server: state.settings.server.clone(),
            player: desk.args.mpv.clone(),
            downloads: config.data_dir,
            listen_port: config.listen_port,
            relay: state.settings.turn.url.is_some(),
            ..line
        }
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

/// What is asked about the line: the room's film for everybody who is there, or else what is usual.
fn line(view: &View, limit: u64, measured: u64) -> DoctorOptions {
    let usual = DoctorOptions::default();
    let film_rate = view.film.as_ref().and_then(|film| {
        let seconds = film.duration.filter(|seconds| *seconds >= 1.0)?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the film's length")]
        let rate = (film.length as f64 / seconds) as u64;
        (rate > 0).then_some(rate)
    });
    let others = u32::try_from(view.people.iter().filter(|person| !person.me).count()).unwrap_or(u32::MAX);
    DoctorOptions {
        uplink: [limit, measured].into_iter().filter(|rate| *rate > 0).min(),
        film_rate: film_rate.unwrap_or(usual.film_rate),
        viewers: if others > 0 { others } else { usual.viewers },
        ..usual
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::tests::evening;

    #[test]
    fn the_line_is_judged_by_the_rooms_film_and_people() {
        let asked = |view: &View, limit, measured| {
            let asked = line(view, limit, measured);
            (asked.uplink, asked.film_rate, asked.viewers)
        };
        assert_eq!(asked(&View::default(), 0, 0), (None, 1_000_000, 3), "nobody is there yet");
        let mut view = evening();
        assert_eq!(asked(&view, 0, 700_000), (Some(700_000), 1_000_000 / 120, 1));
        assert_eq!(asked(&view, 500_000, 700_000).0, Some(500_000), "the person allows less than the line carries");
        assert_eq!(asked(&view, 500_000, 0).0, Some(500_000));
        view.film.as_mut().unwrap().duration = Some(0.0);
        assert_eq!(asked(&view, 0, 0), (None, 1_000_000, 1));
    }
}

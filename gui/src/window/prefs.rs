//! Settings: shown, changed one by one, and followed at once where that is possible.

use std::rc::Rc;

use session::proto::settings::{Films, Keys, LowPower, Settings, Theme as Look};
use session::proto::wish::{LateJoin, Wish};
use session::proto::words::Language;
use session::settings::machine;
use sharestream_engine::logging;
use slint::{ComponentHandle as _, ModelRc, SharedString, VecModel};
use ui::{App, AppWindow, KeyRow, Player, Prefs, Theme};

use super::desk::Desk;
use super::keys::{self, Style};
use super::seat::spawn;
use super::wire::on;
use crate::entrance;

const GIGA: u64 = 1_000_000_000;
const KILO: u64 = 1_000;

pub(super) fn wire(app: &AppWindow, desk: &Rc<Desk>) {
    let prefs = app.global::<Prefs>();
    on!(prefs, on_change, desk, |desk, name, value| change(&desk, &name, &value));
    on!(prefs, on_choose_folder, desk, |desk| choose_folder(&desk));
}

/// Reads what is set, and lives by it.
pub(super) fn take_over(desk: &Rc<Desk>) {
    let app = desk.app();
    let loaded = desk.load();
    let settings = loaded.as_ref().map(|loaded| loaded.settings.clone()).unwrap_or_default();
    let language = settings.language(|name| std::env::var(name).ok());
    let style = if settings.looks.keys == Keys::Mpv { Style::Mpv } else { Style::Own };
    {
        let mut state = desk.state.borrow_mut();
        (state.language, state.keys) = (language, style);
        state.settings = settings.clone();
    }
    speak(language);
    look(&app, &settings);
    show(&app, &settings);
    let rows: Vec<KeyRow> = keys::sheet(style, language)
        .into_iter()
        .map(|(keys, does)| KeyRow { keys: keys.into(), does: does.into() })
        .collect();
    app.global::<App>().set_keys(ModelRc::new(VecModel::from(rows)));
    app.global::<App>().set_mpv_keys(style == Style::Mpv);
    let spares = settings.spares(&machine());
    let low_power = spares.map(|why| match language {
        Language::English => format!("Low-power profile: {why}."),
        Language::German => format!("Sparsam: {why}."),
    });
    app.global::<App>().set_low_power(low_power.unwrap_or_default().into());
    logging::set_level(entrance::log_level(&desk.args, loaded.as_ref()));
    let log = entrance::log_file(&desk.args, desk.home.as_ref());
    app.global::<Prefs>().set_log_file(log.map(|file| file.into()).unwrap_or_default());
    show_output(&app, &settings, desk.view().playback.output.as_deref());
    if let Some(loaded) = loaded {
        let set: Vec<&str> = loaded.variables.in_force().collect();
        let words = match (set.is_empty(), language) {
            (true, _) => String::new(),
            (false, Language::English) => {
                format!("Set by the environment, whatever is chosen here: {}", set.join(", "))
            }
            (false, Language::German) => format!("Durch die Umgebung gesetzt, was hier auch steht: {}", set.join(", ")),
        };
        app.global::<Prefs>().set_overridden(words.into());
        for note in loaded.notes {
            desk.toast(note);
        }
    }
}

/// The window's own words in that language.
fn speak(language: Language) {
    let name = match language {
        Language::English => "",
        Language::German => "de",
    };
    if let Err(error) = slint::select_bundled_translation(name) {
        log::warn!("the window speaks English: {error}");
    }
}

fn look(app: &AppWindow, settings: &Settings) {
    let theme = app.global::<Theme>();
    theme.set_look(match settings.looks.theme {
        Look::Light => ui::Look::Light,
        Look::Contrast => ui::Look::Contrast,
        Look::Dark => ui::Look::Dark,
        Look::Auto => ui::Look::Auto,
    });
    theme.set_scale(to_f32(settings.looks.text_size));
    theme.set_reduced_motion(settings.looks.reduced_motion);
    app.global::<Player>().set_subtitle_size(to_f32(settings.looks.subtitle_size));
    app.global::<Player>().set_subtitle_box(settings.looks.subtitle_box);
}

fn show(app: &AppWindow, settings: &Settings) {
    let prefs = app.global::<Prefs>();
    let text = |text: &Option<String>| SharedString::from(text.as_deref().unwrap_or_default());
    let amount = |amount: u64, unit: u64| match amount {
        0 => SharedString::new(),
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        amount => SharedString::from(format!("{}", amount as f64 / unit as f64)),
    };
    let port = |port: Option<u16>| SharedString::from(port.map(|port| port.to_string()).unwrap_or_default());
    prefs.set_name(text(&settings.name));
    prefs.set_server(settings.server.as_ref().map(|server| server.signal()).unwrap_or_default().into());
    prefs.set_turn_url(text(&settings.turn.url));
    prefs.set_turn_username(text(&settings.turn.username));
    prefs.set_turn_password(text(&settings.turn.password));
    prefs.set_films_delete(settings.films == Films::Delete);
    prefs.set_upload(settings.upload);
    prefs.set_folder(text(&settings.download_folder));
    prefs.set_disk_limit(amount(settings.disk_limit, GIGA));
    prefs.set_max_upload(amount(settings.max_upload, KILO));
    prefs.set_max_download(amount(settings.max_download, KILO));
    prefs.set_listen_port(port(settings.listen_port));
    prefs.set_http_port(port(settings.http_port));
    prefs.set_private(settings.private);
    prefs.set_language(match settings.language {
        None => 0,
        Some(Language::English) => 1,
        Some(Language::German) => 2,
    });
    prefs.set_theme(match settings.looks.theme {
        Look::Auto => 0,
        Look::Dark => 1,
        Look::Light => 2,
        Look::Contrast => 3,
    });
    prefs.set_low_power(match settings.low_power {
        LowPower::Auto => 0,
        LowPower::On => 1,
        LowPower::Off => 2,
    });
    prefs.set_late(match settings.late_join {
        LateJoin::Ask => 0,
        LateJoin::Now => 1,
        LateJoin::FromStart => 2,
    });
    prefs.set_text_size(to_f32(settings.looks.text_size));
    prefs.set_reduced_motion(settings.looks.reduced_motion);
    prefs.set_spoiler_safe(settings.spoiler_safe);
    prefs.set_subtitle_size(to_f32(settings.looks.subtitle_size));
    prefs.set_subtitle_box(settings.looks.subtitle_box);
    prefs.set_mpv_keys(settings.looks.keys == Keys::Mpv);
    prefs.set_detailed_log(settings.detailed_log);
}

/// Where sound goes now, and how late it is there.
pub(super) fn show_output(app: &AppWindow, settings: &Settings, output: Option<&str>) {
    let prefs = app.global::<Prefs>();
    prefs.set_output(output.unwrap_or_default().into());
    prefs.set_audio_offset(settings.offsets.of(output).to_string().into());
}

/// Sizes that people choose from.
#[expect(clippy::cast_possible_truncation, reason = "sizes from 0.5 to 3")]
fn to_f32(size: f64) -> f32 {
    size as f32
}

/// One setting, as it was typed or chosen.
fn change(desk: &Rc<Desk>, name: &str, value: &str) {
    let app = desk.app();
    let prefs = app.global::<Prefs>();
    prefs.set_refused(SharedString::new());
    let Some(home) = &desk.home else {
        return desk.toast(desk.language().of(
            "This system has no folder for settings; nothing is kept",
            "Dieses System hat keinen Ordner für Einstellungen; nichts wird behalten",
        ));
    };
    let output = desk.view().playback.output.clone();
    let changed = match output.as_deref().filter(|_| name == "audioOffset") {
        Some(output) => home.change_offset(output, &stored(name, value)),
        None => home.change_one(name, &stored(name, value)),
    };
    match changed {
        Ok(()) => {
            take_over(desk);
            if name == "audioOffset" {
                let offset = desk.state.borrow().settings.offsets.of(output.as_deref());
                desk.wish(Wish::SetOutputOffset(offset));
            }
            desk.draw();
        }
        Err(refused) => {
            prefs.set_refused(name.into());
            prefs.set_refused_why(refused.words(desk.language()).into());
        }
    }
}

/// As the file has it: bytes where people type gigabytes, a point where they type a comma.
fn stored(name: &str, value: &str) -> String {
    let value = value.trim();
    let unit = match name {
        "diskLimit" => GIGA,
        "maxUpload" | "maxDownload" => KILO,
        "audioOffset" => return value.replace(',', "."),
        "textSize" | "subtitleSize" => return value.to_owned(),
        _ => return value.to_owned(),
    };
    match value.replace(',', ".").parse::<f64>() {
        #[expect(clippy::cast_precision_loss, reason = "what people type has few digits")]
        Ok(amount) if amount >= 0.0 => format!("{:.0}", amount * unit as f64),
        // It is refused with its reason there.
        Ok(_) | Err(_) => value.to_owned(),
    }
}

fn choose_folder(desk: &Rc<Desk>) {
    let desk = Rc::clone(desk);
    spawn(async move {
        match crate::system::picker::folder(desk.language()).await {
            Ok(Some(path)) => change(&desk, "downloadFolder", &path.display().to_string()),
            Ok(None) => {}
            Err(gone) => desk.toast(gone.to_string()),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::stored;

    #[test]
    fn people_type_gigabytes_and_commas() {
        assert_eq!(stored("diskLimit", " 1,5 "), "1500000000");
        assert_eq!(stored("maxUpload", "200"), "200000");
        assert_eq!(stored("maxUpload", "much"), "much");
        assert_eq!(stored("audioOffset", "0,2"), "0.2");
        assert_eq!(stored("name", " Ana "), "Ana");
    }
}

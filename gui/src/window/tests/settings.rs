//! Settings are followed at once, kept, and refused with a reason.

use session::proto::settings::{Keys, LowPower, Theme as Colours};
use session::proto::words::Language;
use ui::{Look, Prefs, Theme};

use super::*;

fn rig() -> Rig {
    let rig = Rig::new();
    // All of it is seen at once.
    rig.app.window().set_size(PhysicalSize::new(1280, 4000));
    rig.press("Settings");
    rig
}

fn kept(rig: &Rig) -> session::proto::settings::Settings {
    rig.desk.load().expect("a folder").settings
}

#[test]
fn what_is_chosen_is_followed_and_kept() {
    let rig = rig();
    rig.press("Light");
    rig.press("Text at 150 %");
    rig.press("Less movement");
    rig.press("mpv");
    rig.press("On");
    rig.press("Hide messages about scenes I have not seen yet");
    let looks = kept(&rig).looks;
    assert_eq!((looks.theme, looks.text_size, looks.keys), (Colours::Light, 1.5, Keys::Mpv));
    assert!(looks.reduced_motion && kept(&rig).spoiler_safe && kept(&rig).low_power == LowPower::On);
    let theme = rig.app.global::<Theme>();
    assert_eq!((theme.get_look(), theme.get_scale()), (Look::Light, 1.5));
    assert!(rig.has("Text at 150 %"));
}

#[test]
fn german_is_complete_at_once() {
    let rig = rig();
    rig.press("Deutsch");
    assert_eq!(kept(&rig).language, Some(Language::German));
    assert!(rig.has("Einstellungen"), "{:?}", rig.labels());
    rig.press("English");
    assert!(rig.has("Settings"));
}

#[test]
fn what_is_typed_is_kept_or_refused() {
    let rig = rig();
    let type_in = |label: &str, text: &str| {
        rig.named(label).set_accessible_value(text);
        rig.app.global::<Prefs>().invoke_change(
            match label {
                "Your name" => "name",
                "Server" => "server",
                _ => "diskLimit",
            }
            .into(),
            text.into(),
        );
    };
    type_in("Your name", "Ana");
    type_in("At most so much on disk, in GB", "1,5");
    assert_eq!((kept(&rig).name.as_deref(), kept(&rig).disk_limit), (Some("Ana"), 1_500_000_000));
    type_in("Server", "ftp://share.example");
    let prefs = rig.app.global::<Prefs>();
    assert_eq!(prefs.get_refused(), "server");
    assert!(!prefs.get_refused_why().is_empty() && kept(&rig).server.is_none());
    type_in("Server", "share.example");
    assert_eq!(prefs.get_refused(), "");
    assert!(kept(&rig).server.is_some());
}

#[test]
fn each_output_has_an_offset_of_its_own() {
    let rig = rig();
    let prefs = rig.app.global::<Prefs>();
    prefs.invoke_change("audioOffset".into(), "0,1".into());
    let mut view = View::default();
    view.playback.output = Some("Headphones".to_owned());
    rig.shows(view);
    assert!(rig.has("The sound leaves “Headphones” later by, in seconds"), "{:?}", rig.labels());
    assert_eq!(prefs.get_audio_offset(), "0.1");
    prefs.invoke_change("audioOffset".into(), "0.25".into());
    assert_eq!(prefs.get_audio_offset(), "0.25");
    let offsets = kept(&rig).offsets;
    assert_eq!((offsets.of(None), offsets.of(Some("Headphones"))), (0.1, 0.25));
    prefs.invoke_change("audioOffset".into(), "late".into());
    assert_eq!(prefs.get_refused(), "audioOffset");
    prefs.invoke_change("audioOffset".into(), "".into());
    assert_eq!((prefs.get_refused().as_str(), prefs.get_audio_offset().as_str()), ("", "0.1"));
}

#[test]
fn the_log_is_detailed_at_once() {
    let rig = rig();
    rig.press("A detailed log, for whoever looks for a fault");
    assert!(kept(&rig).detailed_log);
    assert!(rig.app.global::<Prefs>().get_log_file().ends_with("sharestream.log"));
}

#[test]
fn colours_follow_the_system_until_they_are_chosen() {
    let rig = Rig::new();
    let theme = rig.app.global::<ui::Theme>();
    assert_eq!(theme.get_look(), ui::Look::Auto);
    assert!(theme.get_dark(), "a system that says nothing");
    theme.set_system_light(true);
    assert!(!theme.get_dark());
    rig.press("Settings");
    rig.choose("Dark");
    assert!(theme.get_dark());
    rig.choose("High contrast");
    assert!(theme.get_contrast());
}

#[test]
fn subtitles_have_a_box_or_an_edge() {
    let rig = Rig::new();
    assert!(rig.app.global::<Player>().get_subtitle_box());
    rig.app.window().set_size(PhysicalSize::new(1280, 2400));
    rig.press("Settings");
    rig.press("A dark box behind subtitles");
    assert!(!rig.app.global::<Player>().get_subtitle_box());
}

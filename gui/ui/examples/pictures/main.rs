//! Draws every screen into `docs/pictures/`, without a display: `cargo run -p sharestream-ui --example pictures [FOLDER] [NAME]`.

mod samples;

use std::fs::{File, create_dir_all};
use std::io::BufWriter;
use std::path::Path;

use i_slint_backend_testing::{TestingBackend, TestingBackendOptions};
use slint::{ComponentHandle, PhysicalSize, SharedString};
use ui::{App, AppWindow, Chat, Dialog, Home, Look, Menu, Player, Room, Screen, Theme};

/// A picture: its name, its size, and what is different in it.
type Scene = (&'static str, (u32, u32), fn(&AppWindow));

const SCENES: [Scene; 25] = [
    ("home-dark", (1120, 700), |_| {}),
    ("home-light", (1120, 700), |app| app.global::<Theme>().set_look(Look::Light)),
    ("home-contrast", (1120, 700), |app| app.global::<Theme>().set_look(Look::Contrast)),
    ("home-large-text", (1280, 720), |app| app.global::<Theme>().set_scale(2.0)),
    ("home-narrow", (560, 700), |_| {}),
    ("room-dark", (1280, 720), |app| app.global::<App>().set_screen(Screen::Room)),
    ("room-light", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<Theme>().set_look(Look::Light);
        app.global::<Room>().set_tab(0);
    }),
    ("room-contrast", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<Theme>().set_look(Look::Contrast);
        app.global::<Room>().set_tab(0);
    }),
    ("room-large-text", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<Theme>().set_scale(2.0);
    }),
    ("room-narrow", (720, 560), |app| app.global::<App>().set_screen(Screen::Room)),
    ("room-people-host", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        let room = app.global::<Room>();
        room.set_tab(0);
        room.set_chosen_person("bea".into());
        room.set_truth(true);
    }),
    ("room-full-screen", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<App>().set_full_screen(true);
        app.global::<Player>().set_cue("Wer hat den Schlüssel?\nIch hatte ihn eben noch.".into());
        app.global::<Chat>().set_overlay("Bea: look behind the door!".into());
    }),
    ("kiosk", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<App>().set_kiosk(true);
        app.global::<Room>().set_remote(true);
        app.global::<Player>().set_running(false);
        app.global::<Player>().set_subtitle_box(false);
        samples::alone(app);
        app.global::<Player>().set_cue("Wer hat den Schlüssel?\nIch hatte ihn eben noch.".into());
    }),
    ("room-subtitles-menu", (1280, 720), |app| {
        app.global::<App>().set_screen(Screen::Room);
        app.global::<Player>().set_menu(Menu::Subtitles);
    }),
    ("room-waiting", (1280, 720), |app| samples::waiting(app)),
    ("room-trouble", (1280, 720), |app| samples::trouble(app)),
    ("invite", (1120, 700), |app| dialog(app, Dialog::Invite)),
    ("keys", (1120, 700), |app| dialog(app, Dialog::Keys)),
    ("resume", (1120, 700), |app| dialog(app, Dialog::Resume)),
    ("late", (1120, 700), |app| dialog(app, Dialog::Late)),
    ("subtitles", (1120, 700), |app| {
        samples::dropped(app);
        dialog(app, Dialog::Subtitles);
    }),
    ("leave", (1120, 700), |app| dialog(app, Dialog::Leave)),
    ("settings", (1120, 2120), |app| app.global::<App>().set_screen(Screen::Settings)),
    ("doctor", (1120, 700), |app| app.global::<App>().set_screen(Screen::Doctor)),
    ("about", (1120, 700), |app| app.global::<App>().set_screen(Screen::About)),
];

fn dialog(app: &AppWindow, which: Dialog) {
    app.global::<App>().set_screen(Screen::Room);
    app.global::<App>().set_dialog(which);
}

fn main() {
    let mut words = std::env::args().skip(1);
    let folder = words.next().unwrap_or_else(|| "docs/pictures".to_owned());
    let only = words.next();
    create_dir_all(&folder).expect("the folder can be made");
    let options = TestingBackendOptions { mock_time: true, threading: false, renderer_name: Some("software".into()) };
    slint::platform::set_platform(Box::new(TestingBackend::new(options))).expect("there is no platform yet");
    for (name, size, change) in SCENES {
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            let app = AppWindow::new().expect("a window without a display");
            samples::fill(&app);
            change(&app);
            app.window().set_size(PhysicalSize::new(size.0, size.1));
            app.show().expect("it is shown nowhere");
            // What is made by a look begins then, and is laid out by the next one.
            for _ in 0..3 {
                app.window().take_snapshot().expect("the software renderer takes snapshots");
                i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_millis(200));
            }
            write(&app, &Path::new(&folder).join(format!("{name}.png")));
            app.hide().expect("it was shown");
            app.global::<Home>().set_entry(SharedString::new());
        }
    }
}

fn write(app: &AppWindow, path: &Path) {
    let pixels = app.window().take_snapshot().expect("the software renderer takes snapshots");
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(path).expect("the picture's file")),
        pixels.width(),
        pixels.height(),
    );
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(pixels.as_bytes()).expect("the pixels");
    println!("{}", path.display());
}

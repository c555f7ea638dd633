//! What the pictures show: an evening of three friends.

use std::rc::Rc;

use slint::{Color, ComponentHandle, Image, ModelRc, Rgba8Pixel, SharedPixelBuffer, VecModel};
use ui::{
    App, AppWindow, Chat, ChatRow, CheckRow, Doctor, Home, KeyRow, NoticeRow, PersonRow, Player, Prefs, Room, RoomRow,
    Screen, Span, TrackRow,
};

/// The window as in the middle of a film.
pub fn fill(app: &AppWindow) {
    app.global::<App>().set_version(env!("CARGO_PKG_VERSION").into());
    app.global::<App>().set_keys(model(KEYS.map(|(keys, does)| KeyRow { keys: keys.into(), does: does.into() })));
    home(app);
    room(app);
    player(app);
    chat(app);
    prefs(app);
    doctor(app);
}

/// A film of which too little is here.
pub fn waiting(app: &AppWindow) {
    app.global::<App>().set_screen(Screen::Room);
    let player = app.global::<Player>();
    player.set_has_picture(false);
    player.set_running(false);
    player.set_waiting("Fetching video details".into());
    player.set_waiting_detail("Ready in 0:40".into());
    player.set_waiting_progress(0.42);
    player.set_ranges(model([Span { from: 0.0, to: 0.02 }, Span { from: 0.98, to: 1.0 }]));
    player.set_forecast("Ready in 0:40".into());
    player.set_played(0.0);
    player.set_position("0:00".into());
}

/// A file of subtitles that was dropped on the window.
pub fn dropped(app: &AppWindow) {
    app.global::<Room>().set_dropped("Sintel.de.srt".into());
}

/// Several things that are wrong at once.
pub fn trouble(app: &AppWindow) {
    app.global::<App>().set_screen(Screen::Room);
    let room = app.global::<Room>();
    room.set_server("Next try in 5 s".into());
    room.set_server_mood(1);
    let notice = |key, level, title: &str, text: &str, code: &str, action: &str| NoticeRow {
        key,
        level,
        title: title.into(),
        text: text.into(),
        code: code.into(),
        action: action.into(),
    };
    room.set_notices(model([
        notice(
            1,
            0,
            "We can't reach Ana's computer",
            "Both networks block incoming connections. The film does not arrive.",
            "E004",
            "Connection help",
        ),
        notice(
            2,
            1,
            "The server is not answering",
            "Playing continues; chat and sync resume when it is back. Next try in 5 s.",
            "S001",
            "Retry now",
        ),
        notice(3, 2, "Bea joined late", "She sees the film from where you are.", "", ""),
    ]));
    room.set_toasts(model(["Only the host can pause".into()]));
}

fn home(app: &AppWindow) {
    let home = app.global::<Home>();
    let row = |title: &str, detail: &str| RoomRow { title: title.into(), detail: detail.into(), link: title.into() };
    home.set_nearby(model([row("Ana's room, on this network", "ABC1-2345")]));
    home.set_recent(model([
        row("KXRW-7M2P", "share.example · yesterday"),
        row("N4TB-90QZ", "share.example · 3 days ago"),
    ]));
    home.set_films(model([
        row("Sintel.2010.1080p.mkv", "Films · today"),
        row("Holiday in Norway.mp4", "Videos · 12 days ago"),
    ]));
    home.set_entry("abc12345".into());
    home.set_understood("The room ABC1-2345: on this network, or at share.example.".into());
    home.set_can_go(true);
    app.global::<App>().set_low_power("Low-power profile: 4 small cores. Settings change that.".into());
}

fn room(app: &AppWindow) {
    let room = app.global::<Room>();
    room.set_code("ABC1-2345".into());
    room.set_film("Sintel.2010.1080p.mkv".into());
    room.set_server("In step".into());
    room.set_may_control(true);
    room.set_may_manage(true);
    room.set_own_film(true);
    room.set_has_film(true);
    room.set_link("sharestream://join/ABC1-2345?s=wss://share.example".into());
    room.set_web_link("https://share.example/j/ABC1-2345".into());
    room.set_qr(qr());
    room.set_control_choice(1);
    room.set_resume_at("12:34".into());
    room.set_people(model(people()));
}

/// Nobody else has come yet.
pub(super) fn alone(app: &AppWindow) {
    app.global::<Room>().set_people(model([people()[0].clone()]));
}

fn people() -> [PersonRow; 4] {
    let person = |id: &str,
                  name: &str,
                  role: &str,
                  state: &str,
                  mood,
                  hue: f32,
                  progress,
                  drift: &str,
                  ahead: &str,
                  rtt: &str| PersonRow {
        id: id.into(),
        name: name.into(),
        initials: name.chars().take(1).collect::<String>().into(),
        colour: Color::from_hsva(hue, 0.45, 0.85, 1.0),
        role: role.into(),
        state: state.into(),
        mood,
        me: id == "ana",
        in_call: id == "bea",
        is_host: id == "ana",
        is_cohost: false,
        drift: drift.into(),
        ahead: ahead.into(),
        rtt: rtt.into(),
        place: "6:12".into(),
        progress,
    };
    [
        person("ana", "Ana", "Host", "in step", 1, 28.0, 0.42, "+0.01 s", "all", "12 ms"),
        person("bea", "Bea", "", "in step", 1, 200.0, 0.42, "−0.02 s", "48 s", "41 ms"),
        person("carl", "Carl", "", "buffering 42 %", 2, 120.0, 0.41, "−1.20 s", "2 s", "180 ms"),
        person("dana", "Dana", "", "away", 3, 290.0, 0.4, "", "", ""),
    ]
}

fn player(app: &AppWindow) {
    let player = app.global::<Player>();
    player.set_picture(landscape());
    player.set_has_picture(true);
    player.set_running(true);
    player.set_position("6:12".into());
    player.set_length("14:48".into());
    player.set_spoken("6 minutes 12 of 14 minutes 48".into());
    player.set_played(0.42);
    player.set_ranges(model([
        Span { from: 0.0, to: 0.51 },
        Span { from: 0.55, to: 0.6 },
        Span { from: 0.97, to: 1.0 },
    ]));
    player.set_ticks(model(people()));
    player.set_forecast("Will play through".into());
    player.set_audio(model([
        TrackRow { id: 1, label: "English · AAC".into(), selected: true },
        TrackRow { id: 2, label: "Deutsch · AC-3".into(), selected: false },
    ]));
    player.set_subtitles(model([
        TrackRow { id: 1, label: "English".into(), selected: true },
        TrackRow { id: 2, label: "Deutsch".into(), selected: false },
    ]));
    player.set_no_subtitles(false);
    player.set_subtitle_delay("0.0 s".into());
    player.set_correction("none".into());
    player.set_decoder("avdec_h264 (software)".into());
    player.set_download("4.2 MB/s".into());
    player.set_upload("1.1 MB/s".into());
    player.set_verified("52 %".into());
    player.set_stalls("0".into());
}

fn chat(app: &AppWindow) {
    let line = |key, from: &str, hue: f32, text: &str, stamp: &str| ChatRow {
        key,
        from: from.into(),
        initials: from.chars().take(1).collect::<String>().into(),
        colour: Color::from_hsva(hue, 0.45, 0.85, 1.0),
        mine: from == "Ana",
        text: text.into(),
        clock: "20:15".into(),
        stamp: stamp.into(),
        stamp_seconds: 300.0,
        pending: false,
        failed: false,
    };
    let mut failed = line(7, "Ana", 28.0, "Popcorn is ready, I pause at the next quiet scene.", "6:10");
    failed.failed = true;
    app.global::<Chat>().set_lines(model([
        line(1, "", 0.0, "Bea joined", ""),
        line(2, "", 0.0, "Carl joined", ""),
        line(3, "Bea", 200.0, "Everybody here? Then go!", ""),
        line(4, "", 0.0, "Ana plays from 0:00", ""),
        line(5, "Carl", 120.0, "The snow looks so good.", "2:41"),
        line(6, "Bea", 200.0, "Wait for the dragon :)", "5:58"),
        failed,
    ]));
    app.global::<Chat>().set_unread(2);
}

fn prefs(app: &AppWindow) {
    let prefs = app.global::<Prefs>();
    prefs.set_name("Ana".into());
    prefs.set_server("wss://share.example".into());
    prefs.set_folder("/home/ana/Videos/ShareStream".into());
    prefs.set_disk_limit("50".into());
    prefs.set_output("Bose QC 35".into());
    prefs.set_audio_offset("0.18".into());
    prefs.set_log_file("/home/ana/.config/sharestream/sharestream.log".into());
    prefs.set_overridden("Set by the environment: SERVER_URL".into());
}

fn doctor(app: &AppWindow) {
    let check = |title: &str, grade, finding: &str, help: &str, code: &str| CheckRow {
        title: title.into(),
        grade,
        finding: finding.into(),
        help: help.into(),
        code: code.into(),
    };
    let doctor = app.global::<Doctor>();
    doctor.set_checks(model([
        check("Server", 1, "share.example answers in 12 ms.", "", ""),
        check(
            "Network",
            2,
            "Your router lets nobody in by itself.",
            "Most friends reach you all the same; a forwarded port 6881 helps the rest.",
            "E004",
        ),
        check("Film player", 1, "H.264, VP9 and AV1 play here, without help of the graphics card.", "", ""),
        check("Disk", 1, "41 GB are free for films.", "", ""),
        check(
            "Upload",
            3,
            "2 Mbit/s: too little for a film of 4 Mbit/s.",
            "Choose a smaller version of the film, or wait before you begin.",
            "",
        ),
    ]));
    doctor.set_verdict("Your films reach one friend at a time.".into());
}

/// A hill under an evening's sky: no film is given away.
fn landscape() -> Image {
    let (width, height) = (1280_u32, 536_u32);
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(width, height);
    for (index, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = ((index as u32 % width) as f32 / width as f32, (index as u32 / width) as f32 / height as f32);
        let far = 0.62 + 0.06 * (x * 7.0).sin() + 0.03 * (x * 17.0 + 1.0).sin();
        let near = 0.8 + 0.07 * (x * 4.0 + 2.0).sin() + 0.015 * (x * 31.0).sin();
        let sun = ((x - 0.68).powi(2) * 5.7 + (y - 0.46).powi(2)).sqrt();
        let glow = (1.0 - sun * 1.6).max(0.0).powi(2);
        let (red, green, blue) = if y > near {
            (18.0, 24.0, 40.0)
        } else if y > far {
            (58.0, 52.0, 84.0)
        } else if sun < 0.07 {
            (255.0, 236.0, 190.0)
        } else {
            (60.0 + 150.0 * y + 140.0 * glow, 70.0 + 60.0 * y + 90.0 * glow, 130.0 - 20.0 * y)
        };
        *pixel = Rgba8Pixel { r: red.min(255.0) as u8, g: green.min(255.0) as u8, b: blue.min(255.0) as u8, a: 255 };
    }
    Image::from_rgba8(pixels)
}

/// Into the sample room, with the margin that readers want; the app makes its own.
fn qr() -> Image {
    const MARGIN: usize = 4;
    let code = qrcode::QrCode::new("https://rooms.example/j/ABC1-2345").expect("it fits");
    let side = code.width() + 2 * MARGIN;
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(side as u32, side as u32);
    for (index, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = (index % side, index / side);
        let inside = (MARGIN..side - MARGIN).contains(&x) && (MARGIN..side - MARGIN).contains(&y);
        let dark = inside && code[(x - MARGIN, y - MARGIN)] == qrcode::Color::Dark;
        let shade = if dark { 0 } else { 255 };
        *pixel = Rgba8Pixel { r: shade, g: shade, b: shade, a: 255 };
    }
    Image::from_rgba8(pixels)
}

fn model<T: Clone + 'static, const N: usize>(rows: [T; N]) -> ModelRc<T> {
    ModelRc::from(Rc::new(VecModel::from(rows.to_vec())))
}

const KEYS: [(&str, &str); 8] = [
    ("Space, K", "Play or pause"),
    ("← →", "5 seconds back or on; with Ctrl 10"),
    ("0–9", "To that tenth of the film"),
    ("↑ ↓, M", "Louder, quieter, mute"),
    ("F, Esc", "Full screen, and back"),
    ("V, C, #", "Subtitles, next subtitles, next sound track"),
    ("Shift+Backspace", "Undo the last seek"),
    ("Enter", "Write in the chat"),
];

//! Files of settings: what is read, what is written, and what of it survives.

use session_proto::server_url::ServerUrl;
use session_proto::settings::Recent;
use signal_proto::ids::RoomCode;

use super::*;

struct Place {
    folder: tempfile::TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("config").join("sharestream"));
        Self { folder, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.folder.join(name)
    }

    fn with(name: &str, content: &str) -> Self {
        let place = Self::new();
        std::fs::create_dir_all(&place.home.folder).unwrap();
        std::fs::write(place.path(name), content).unwrap();
        place
    }

    fn load(&self) -> Loaded {
        self.home.load_with(self.folder.path(), |_| None)
    }
}

#[test]
fn nothing_set_is_the_usual_and_says_nothing() {
    let loaded = Place::new().load();
    assert_eq!((loaded.settings, loaded.notes), (Settings::default(), vec![]));
}

#[test]
fn a_change_is_kept_and_what_is_unknown_survives_it() {
    let place = Place::with(SETTINGS, r#"{"newer": [1, 2], "upload": "perhaps"}"#);
    place.home.change(|settings| settings.name = Some("Ana".into())).unwrap();
    let loaded = place.load();
    assert_eq!(loaded.settings, Settings { name: Some("Ana".into()), ..Settings::default() });
    assert_eq!(loaded.notes, ["the setting `upload` must be true or false"]);
    let text = std::fs::read_to_string(place.path(SETTINGS)).unwrap();
    assert!(text.contains("\"newer\"") && text.contains("perhaps"), "{text}");
    assert_eq!(std::fs::read_dir(&place.home.folder).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn one_setting_is_changed_by_name_or_refused_with_the_reason() {
    let place = Place::with(SETTINGS, r#"{"newer": 1, "textSize": 1.25}"#);
    place.home.change_one("theme", "contrast").unwrap();
    place.home.change_one("name", "Ana").unwrap();
    let settings = place.load().settings;
    assert_eq!((settings.name.as_deref(), settings.looks.text_size), (Some("Ana"), 1.25));
    assert_eq!(settings.looks.theme, session_proto::settings::Theme::Contrast);
    let text = std::fs::read_to_string(place.path(SETTINGS)).unwrap();
    let refused = place.home.change_one("textSize", "7").unwrap_err();
    assert!(matches!(&refused, NotChanged::Refused(SettingRefused::Wrong(_))), "{refused}");
    assert_eq!(refused.to_string(), "must be a number from 1 to 2");
    assert!(matches!(place.home.change_one("colour", "7"), Err(NotChanged::Refused(SettingRefused::Unknown))));
    assert_eq!(std::fs::read_to_string(place.path(SETTINGS)).unwrap(), text, "a refusal writes nothing");
    assert!(text.contains("\"newer\""), "{text}");
}

#[test]
fn a_setting_that_cannot_be_written_is_said() {
    let place = Place::new();
    std::fs::create_dir_all(place.path(SETTINGS)).unwrap();
    assert!(matches!(place.home.change_one("theme", "dark"), Err(NotChanged::File(_))));
}

#[test]
fn variables_come_before_the_file_and_are_not_written_into_it() {
    let place = Place::with(SETTINGS, r#"{"server": "https://file.example"}"#);
    std::fs::write(place.folder.path().join(".env"), "SERVER_URL=dotenv.example\nnonsense\nLOG_LEVEL=debug\n").unwrap();
    let server = |loaded: &Loaded| loaded.settings.server.as_ref().map(ServerUrl::signal);
    let loaded = place.load();
    assert_eq!(server(&loaded).as_deref(), Some("https://dotenv.example"));
    assert_eq!(loaded.notes, ["line 2 of .env is left out: it has no ="]);
    assert_eq!(loaded.variables.value("LOG_LEVEL"), Some("debug"));
    let environment = |name: &str| (name == "SERVER_URL").then(|| "environment.example".to_owned());
    let loaded = place.home.load_with(place.folder.path(), environment);
    assert_eq!(server(&loaded).as_deref(), Some("https://environment.example"));
    place.home.change(|settings| settings.private = false).unwrap();
    let text = std::fs::read_to_string(place.path(SETTINGS)).unwrap();
    assert!(text.contains("file.example") && !text.contains("dotenv"), "{text}");
}

#[test]
fn a_broken_file_is_kept_aside_and_said() {
    for content in ["{\"name\":", "[]", &" ".repeat(SETTINGS_LEN_MAX + 10)] {
        let place = Place::with(SETTINGS, content);
        let loaded = place.load();
        assert_eq!(loaded.settings, Settings::default());
        assert!(loaded.notes[0].contains("is broken") && loaded.notes.len() == 1, "{:?}", loaded.notes);
        assert_eq!(std::fs::read_to_string(place.path("settings.json.broken")).unwrap(), content);
        assert_eq!(place.load().notes, Vec::<String>::new(), "said once");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_left_alone() {
    let place = Place::new();
    std::fs::create_dir_all(place.path(SETTINGS)).unwrap();
    let loaded = place.load();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.notes[0].contains("cannot be read"), "{:?}", loaded.notes);
    assert!(place.home.change(|settings| settings.upload = false).is_err());
    assert_eq!(std::fs::read_dir(&place.home.folder).unwrap().count(), 1, "nothing half written is left");
}

#[test]
fn recent_rooms_are_remembered_and_nobody_elses_to_read() {
    let place = Place::new();
    let (server, code) = (ServerUrl::parse("share.example").unwrap(), RoomCode::parse("ABC12345").unwrap());
    let token = Some("secret".to_owned());
    place.home.change_recent(|rooms| rooms.add(Recent::new(&server, &code, "Ana", 7, token))).unwrap();
    let (rooms, notes) = place.home.recent();
    assert_eq!((rooms.token(&server, &code), notes), (Some("secret"), vec![]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place.path(RECENT)), mode(&place.home.folder)), (0o600, 0o700));
    }
}

#[test]
fn an_engine_is_set_up_as_a_person_wants_it() {
    let settings = Settings {
        listen_port: Some(7000),
        download_folder: Some("/films".into()),
        upload: false,
        max_download: 9,
        disk_limit: 5,
        ..Settings::default()
    };
    let (config, usual) = (engine_config(&settings), Config::default());
    assert_eq!((config.listen_port, config.http_port, config.upload), (7000, usual.http_port, false));
    assert_eq!((config.max_upload, config.max_download, config.disk_limit), (0, 9, 5));
    assert_eq!(config.data_dir, Path::new("/films"));
    assert_eq!(engine_config(&Settings::default()), usual);
}

#[cfg(not(any(target_os = "windows", target_os = "macos")))]
#[test]
fn the_systems_folder() {
    let with = |xdg: &'static str| {
        config_dir(move |name| match name {
            "HOME" => Some(PathBuf::from("/home/ana")),
            "XDG_CONFIG_HOME" => Some(PathBuf::from(xdg)),
            _ => None,
        })
    };
    assert_eq!(with("/config"), Some(PathBuf::from("/config")));
    assert_eq!(with("config"), Some(PathBuf::from("/home/ana/.config")));
    assert_eq!(config_dir(|_| None), None);
}

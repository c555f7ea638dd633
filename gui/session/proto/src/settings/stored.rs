//! The file of settings: a JSON object. What this version does not know stays in it.

use serde_json::{Map, Value};

use super::fields::{FIELDS, offset};
use super::{BadSetting, SettingRefused, Settings, Source};
use crate::limits::SETTINGS_LEN_MAX;

/// What is in the file of settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored(Map<String, Value>);

/// A file that is no settings; it is kept aside.
#[derive(Debug, thiserror::Error)]
pub enum NotSettings {
    /// Too many bytes.
    #[error("it is longer than {SETTINGS_LEN_MAX} bytes")]
    TooLong,
    /// No JSON, or none of an object.
    #[error("it is not a JSON object: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Stored {
    /// From a file's bytes; one that is empty holds nothing.
    ///
    /// # Errors
    /// When it is no JSON object, or too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotSettings> {
        if bytes.len() > SETTINGS_LEN_MAX {
            return Err(NotSettings::TooLong);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        Ok(Self(serde_json::from_slice(bytes)?))
    }

    /// What it says of each setting, and what of it cannot be.
    pub fn settings(&self) -> (Settings, Vec<BadSetting>) {
        let (mut settings, mut bad) = (Settings::default(), Vec::new());
        for field in &FIELDS {
            let Some(value) = self.0.get(field.name).filter(|value| !value.is_null()) else { continue };
            if let Err(why) = (field.read)(&mut settings, value) {
                bad.push(BadSetting { said_in: Source::File, name: field.name, why });
            }
        }
        (settings, bad)
    }

    /// Takes over what differs from what it says; all else stays as it is written, also what is wrong or unknown.
    pub fn change(&mut self, to: &Settings) {
        let (from, _) = self.settings();
        for field in &FIELDS {
            let value = (field.write)(to);
            if value == (field.write)(&from) {
                continue;
            }
            match value {
                Some(value) => self.0.insert(field.name.to_owned(), value),
                None => self.0.remove(field.name),
            };
        }
    }

    /// Changes one setting from text, as a person typed or chose it; nothing typed is nothing set.
    ///
    /// # Errors
    /// When there is no such setting, or it cannot be that; all is as it was then.
    pub fn change_one(&mut self, name: &str, text: &str) -> Result<(), SettingRefused> {
        let field = FIELDS.iter().find(|field| field.name == name).ok_or(SettingRefused::Unknown)?;
        let text = text.trim();
        if text.is_empty() {
            self.0.remove(field.name);
            return Ok(());
        }
        let mut settings = Settings::default();
        // A name may look like a number, so text comes first.
        (field.read)(&mut settings, &Value::from(text)).or_else(|why| {
            let scalar =
                serde_json::from_str(text).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
            scalar.map_or(Err(why), |value| (field.read)(&mut settings, &value))
        })?;
        match (field.write)(&settings) {
            Some(value) => self.0.insert(field.name.to_owned(), value),
            None => self.0.remove(field.name),
        };
        Ok(())
    }

    /// Changes how late an output's sound is, from text as a person typed it; nothing typed is as late as usual.
    ///
    /// # Errors
    /// When it is no such number; all is as it was then.
    pub fn change_offset(&mut self, output: &str, text: &str) -> Result<(), SettingRefused> {
        let (mut settings, _) = self.settings();
        let text = text.trim();
        if text.is_empty() {
            settings.offsets.forget(output);
        } else {
            let typed = serde_json::from_str(text).unwrap_or(Value::Null);
            settings.offsets.set(output, offset(&typed)?);
        }
        self.change(&settings);
        Ok(())
    }

    /// For the file: a line a setting, for people too.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.0).expect("maps have string keys and no writer is involved");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Films, Keys, Looks, LowPower, Offsets, Theme, Turn};
    use super::*;
    use crate::server_url::ServerUrl;
    use crate::wish::LateJoin;
    use crate::words::Language;

    fn unusual() -> Settings {
        Settings {
            server: Some(ServerUrl::parse("nas.local").unwrap()),
            name: Some("Ana".into()),
            turn: Turn {
                url: Some("turn:relay.example:3478".into()),
                username: Some("u".into()),
                password: Some("p".into()),
            },
            films: Films::Delete,
            upload: false,
            offsets: {
                let mut offsets = Offsets::all(-0.25);
                offsets.set("Headphones", 0.2);
                offsets
            },
            download_folder: Some("/films".into()),
            disk_limit: 1,
            max_upload: 2,
            max_download: 3,
            listen_port: Some(6890),
            http_port: Some(8080),
            private: false,
            low_power: LowPower::On,
            late_join: LateJoin::FromStart,
            language: Some(Language::German),
            spoiler_safe: true,
            detailed_log: true,
            looks: Looks {
                theme: Theme::Contrast,
                text_size: 1.5,
                reduced_motion: true,
                subtitle_size: 2.0,
                subtitle_box: false,
                keys: Keys::Mpv,
            },
        }
    }

    #[test]
    fn every_setting_is_written_and_read() {
        let mut stored = Stored::default();
        stored.change(&unusual());
        let again = Stored::parse(stored.to_text().as_bytes()).unwrap();
        assert_eq!(again.settings(), (unusual(), vec![]));
        assert_eq!(again.0.len(), FIELDS.len(), "a setting that was not changed here is missing above");
        stored.change(&Settings::default());
        assert_eq!(stored.settings(), (Settings::default(), vec![]));
    }

    #[test]
    fn what_is_unknown_or_wrong_stays_and_is_said() {
        let text = r#"{"colour": {"deep": [1]}, "upload": "maybe", "listenPort": 0, "name": null, "server": "  "}"#;
        let mut stored = Stored::parse(text.as_bytes()).unwrap();
        let (settings, bad) = stored.settings();
        assert_eq!(settings, Settings::default());
        assert_eq!(bad.iter().map(|bad| bad.name).collect::<Vec<_>>(), ["server", "upload", "listenPort"]);
        assert_eq!(bad[1].to_string(), "the setting `upload` must be true or false");
        stored.change(&Settings { name: Some("Ana".into()), ..settings });
        let expected = text.replace("null", "\"Ana\"");
        assert_eq!(stored, Stored::parse(expected.as_bytes()).unwrap());
    }

    #[test]
    fn each_setting_refuses_what_it_cannot_be() {
        let long = format!("\"{}\"", "x".repeat(5000));
        for (name, values) in [
            ("server", &["5", "\"ftp://x\"", "\"a@b\"", &long][..]),
            ("name", &["\"\"", "\"a\\nb\"", &long]),
            ("turnUrl", &["\"http://x\"", "[]"]),
            ("turnUsername", &["{}"]),
            ("turnPassword", &["7"]),
            ("films", &["\"burn\"", "true"]),
            ("upload", &["0", "\"no\""]),
            ("audioOffset", &["5.1", "-6", "\"1\""]),
            ("audioOffsets", &["0.1", "{\"a\": 6}", "{\"a\": null}", "{\"\": 0}"]),
            ("detailedLog", &["\"much\""]),
            ("downloadFolder", &["\"\"", "1"]),
            ("diskLimit", &["-1", "1.5", "\"1G\""]),
            ("maxUpload", &["-1"]),
            ("maxDownload", &["[]"]),
            ("listenPort", &["65536", "0", "\"x\""]),
            ("httpPort", &["-1"]),
            ("private", &["\"yes\""]),
            ("lowPower", &["false", "\"\""]),
            ("lateJoin", &["\"later\""]),
            ("language", &["\"fr\""]),
            ("spoilerSafe", &["1"]),
            ("theme", &["\"pink\""]),
            ("textSize", &["0.9", "2.1", "\"large\""]),
            ("reducedMotion", &["\"yes\""]),
            ("subtitleSize", &["0.4", "3.1"]),
            ("subtitleBox", &["[]"]),
            ("keys", &["\"vim\""]),
        ] {
            for value in values {
                let stored = Stored::parse(format!("{{\"{name}\": {value}}}").as_bytes()).unwrap();
                let (settings, bad) = stored.settings();
                assert_eq!((&settings, bad.len()), (&Settings::default(), 1), "{name}: {value}");
                assert_eq!(bad[0].name, name);
                assert!(bad[0].to_string().len() < 300, "{}", bad[0]);
            }
        }
    }

    #[test]
    fn one_setting_is_changed_from_text() {
        let mut stored = Stored::parse(b"{\"colour\": 1, \"name\": \"Ana\"}").unwrap();
        for (name, text) in [
            ("name", "7"),
            ("upload", "false"),
            ("textSize", "1.25"),
            ("diskLimit", "5000000000"),
            ("theme", "light"),
            ("server", " share.example "),
        ] {
            assert_eq!(stored.change_one(name, text), Ok(()), "{name}");
        }
        let (settings, bad) = stored.settings();
        assert_eq!(bad, []);
        assert_eq!((settings.name.as_deref(), settings.upload, settings.looks.text_size), (Some("7"), false, 1.25));
        assert_eq!((settings.disk_limit, settings.looks.theme), (5_000_000_000, Theme::Light));
        let before = stored.clone();
        for (name, text, why) in [
            ("colour", "2", "no setting"),
            ("textSize", "9", "from 1 to 2"),
            ("listenPort", "0", "from 1 to 65535"),
            ("upload", "perhaps", "true or false"),
            ("server", "ftp://x", "no server"),
        ] {
            let refused = stored.change_one(name, text).unwrap_err().to_string();
            assert!(refused.contains(why), "{name}: {refused}");
        }
        assert_eq!(stored, before);
        let size = stored.change_one("subtitleSize", "big").unwrap_err();
        assert_eq!(size.words(Language::German), "muss eine Zahl von 0,5 bis 3 sein");
        for (name, text) in
            [("upload", "null"), ("maxUpload", "[1]"), ("name", "a\nb"), ("keys", "vi"), ("turnUrl", "x"), ("no", "1")]
        {
            let refused = stored.change_one(name, text).unwrap_err();
            let [english, german] = Language::ALL.map(|language| refused.words(language));
            assert!(english != german && english == refused.to_string(), "{name}: {english} {german}");
        }
        stored.change_one("name", "").unwrap();
        assert_eq!(stored.settings().0.name, None);
    }

    #[test]
    fn an_outputs_offset_is_changed_from_text() {
        let mut stored = Stored::parse(br#"{"audioOffset": 0.1, "audioOffsets": {"Speakers": 0}}"#).unwrap();
        stored.change_offset("Headphones", " 0.25 ").unwrap();
        let of = |stored: &Stored, output| stored.settings().0.offsets.of(Some(output));
        assert_eq!(["Headphones", "Speakers", "others"].map(|output| of(&stored, output)), [0.25, 0.0, 0.1]);
        for text in ["late", "6", "[]"] {
            assert!(
                stored.change_offset("Headphones", text).unwrap_err().to_string().contains("from -5 to 5"),
                "{text}"
            );
        }
        stored.change_offset("Headphones", "").unwrap();
        stored.change_offset("Speakers", "").unwrap();
        assert_eq!(stored, Stored::parse(br#"{"audioOffset": 0.1}"#).unwrap());
    }

    #[test]
    fn what_is_no_file_of_settings() {
        assert_eq!(Stored::parse(b" \n").unwrap(), Stored::default());
        for text in ["[]", "5", "{", "\u{0}"] {
            assert!(matches!(Stored::parse(text.as_bytes()), Err(NotSettings::Malformed(_))), "{text}");
        }
        let deep = "{\"a\":".repeat(50_000);
        assert!(matches!(Stored::parse(deep.as_bytes()), Err(NotSettings::Malformed(_))));
        assert!(matches!(Stored::parse(&vec![b' '; SETTINGS_LEN_MAX + 1]), Err(NotSettings::TooLong)));
    }

    proptest! {
        #[test]
        fn no_file_ends_us(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(stored) = Stored::parse(&bytes) {
                let _ = stored.settings();
            }
        }
    }
}

//! The table: what each setting is called in the file, how it is read, and how it is written.

use serde_json::{Value, json};
use signal_proto::limits::NAME_CHARS_MAX;

use super::{Films, LowPower, Settings};
use crate::limits::SETTING_LEN_MAX;
use crate::server_url::ServerUrl;
use crate::wish::LateJoin;

/// A row.
pub(super) struct Field {
    /// In the file.
    pub(super) name: &'static str,
    /// Of the environment, where there is one.
    pub(super) variable: Option<&'static str>,
    /// Says what a value must be when it is not.
    pub(super) read: fn(&mut Settings, &Value) -> Result<(), String>,
    /// `None` for what is not set.
    pub(super) write: fn(&Settings) -> Option<Value>,
}

/// Every setting.
pub(super) const FIELDS: [Field; 17] = [
    Field {
        name: "server",
        variable: Some("SERVER_URL"),
        read: |settings, value| {
            let text = text(value)?;
            settings.server =
                Some(ServerUrl::parse(&text).map_err(|error| format!("is no server's address: {error}"))?);
            Ok(())
        },
        write: |settings| settings.server.as_ref().map(|server| server.signal().into()),
    },
    Field {
        name: "name",
        variable: None,
        read: |settings, value| {
            let name = text(value)?;
            if name.chars().count() > NAME_CHARS_MAX {
                return Err(format!("must have at most {NAME_CHARS_MAX} characters"));
            }
            settings.name = Some(name);
            Ok(())
        },
        write: |settings| settings.name.as_deref().map(Value::from),
    },
    Field {
        name: "turnUrl",
        variable: Some("TURN_URL"),
        read: |settings, value| {
            let url = text(value)?;
            if !["turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme)) {
                return Err("must begin with turn: or turns:".to_owned());
            }
            settings.turn.url = Some(url);
            Ok(())
        },
        write: |settings| settings.turn.url.as_deref().map(Value::from),
    },
    Field {
        name: "turnUsername",
        variable: Some("TURN_USERNAME"),
        read: |settings, value| text(value).map(|name| settings.turn.username = Some(name)),
        write: |settings| settings.turn.username.as_deref().map(Value::from),
    },
    Field {
        name: "turnPassword",
        variable: Some("TURN_PASSWORD"),
        read: |settings, value| text(value).map(|password| settings.turn.password = Some(password)),
        write: |settings| settings.turn.password.as_deref().map(Value::from),
    },
    Field {
        name: "films",
        variable: None,
        read: |settings, value| {
            settings.films = one_of(value, &[("keep", Films::Keep), ("delete", Films::Delete)])?;
            Ok(())
        },
        write: |settings| {
            Some(Value::from(match settings.films {
                Films::Keep => "keep",
                Films::Delete => "delete",
            }))
        },
    },
    Field {
        name: "upload",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.upload = on),
        write: |settings| Some(settings.upload.into()),
    },
    Field {
        name: "audioOffset",
        variable: None,
        read: |settings, value| {
            let seconds = value.as_f64().filter(|seconds| seconds.abs() <= AUDIO_OFFSET_MAX);
            settings.audio_offset =
                seconds.ok_or(format!("must be seconds from -{AUDIO_OFFSET_MAX} to {AUDIO_OFFSET_MAX}"))?;
            Ok(())
        },
        write: |settings| Some(json!(settings.audio_offset)),
    },
    Field {
        name: "downloadFolder",
        variable: None,
        read: |settings, value| text(value).map(|folder| settings.download_folder = Some(folder)),
        write: |settings| settings.download_folder.as_deref().map(Value::from),
    },
    Field {
        name: "diskLimit",
        variable: None,
        read: |settings, value| count(value).map(|bytes| settings.disk_limit = bytes),
        write: |settings| Some(settings.disk_limit.into()),
    },
    Field {
        name: "maxUpload",
        variable: None,
        read: |settings, value| count(value).map(|rate| settings.max_upload = rate),
        write: |settings| Some(settings.max_upload.into()),
    },
    Field {
        name: "maxDownload",
        variable: None,
        read: |settings, value| count(value).map(|rate| settings.max_download = rate),
        write: |settings| Some(settings.max_download.into()),
    },
    Field {
        name: "listenPort",
        variable: None,
        read: |settings, value| port(value).map(|port| settings.listen_port = Some(port)),
        write: |settings| settings.listen_port.map(Value::from),
    },
    Field {
        name: "httpPort",
        variable: None,
        read: |settings, value| port(value).map(|port| settings.http_port = Some(port)),
        write: |settings| settings.http_port.map(Value::from),
    },
    Field {
        name: "private",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.private = on),
        write: |settings| Some(settings.private.into()),
    },
    Field {
        name: "lowPower",
        variable: None,
        read: |settings, value| {
            settings.low_power =
                one_of(value, &[("auto", LowPower::Auto), ("on", LowPower::On), ("off", LowPower::Off)])?;
            Ok(())
        },
        write: |settings| {
            Some(Value::from(match settings.low_power {
                LowPower::Auto => "auto",
                LowPower::On => "on",
                LowPower::Off => "off",
            }))
        },
    },
    Field {
        name: "lateJoin",
        variable: None,
        read: |settings, value| {
            let ways = [("ask", LateJoin::Ask), ("now", LateJoin::Now), ("fromStart", LateJoin::FromStart)];
            settings.late_join = one_of(value, &ways)?;
            Ok(())
        },
        write: |settings| {
            Some(Value::from(match settings.late_join {
                LateJoin::Ask => "ask",
                LateJoin::Now => "now",
                LateJoin::FromStart => "fromStart",
            }))
        },
    },
];

/// Seconds that speakers may be late or early: more is a mistake, not a speaker.
const AUDIO_OFFSET_MAX: f64 = 5.0;

fn text(value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::trim).ok_or("must be text")?;
    if text.is_empty() || text.len() > SETTING_LEN_MAX {
        return Err(format!("must have 1 to {SETTING_LEN_MAX} bytes"));
    }
    if text.contains(char::is_control) {
        return Err("must be on one line".to_owned());
    }
    Ok(text.to_owned())
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

fn count(value: &Value) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| "must be a whole number from 0; 0 is no limit".to_owned())
}

fn port(value: &Value) -> Result<u16, String> {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
    port.ok_or_else(|| "must be a number from 1 to 65535".to_owned())
}

fn one_of<T: Copy>(value: &Value, choices: &[(&str, T)]) -> Result<T, String> {
    let said = value.as_str().unwrap_or_default().trim();
    let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(said));
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    chosen.map(|(_, choice)| *choice).ok_or_else(|| format!("must be one of {}", names()))
}

//! The table: what each setting is called in the file, how it is read, and how it is written.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use signal_proto::limits::NAME_CHARS_MAX;

use super::{Films, Keys, LowPower, Offsets, Settings, Theme, Wrong};
use crate::limits::{OUTPUT_OFFSET_MAX, OUTPUTS_MAX, SETTING_LEN_MAX};
use crate::server_url::ServerUrl;
use crate::wish::LateJoin;
use crate::words::Language;

/// A row.
pub(super) struct Field {
    /// In the file.
    pub(super) name: &'static str,
    /// Of the environment, where there is one.
    pub(super) variable: Option<&'static str>,
    /// Says what a value must be when it is not.
    pub(super) read: fn(&mut Settings, &Value) -> Result<(), Wrong>,
    /// `None` for what is not set.
    pub(super) write: fn(&Settings) -> Option<Value>,
}

/// Every setting.
pub(super) const FIELDS: [Field; 27] = [
    Field {
        name: "server",
        variable: Some("SERVER_URL"),
        read: |settings, value| {
            let text = text(value)?;
            settings.server = Some(ServerUrl::parse(&text).map_err(Wrong::Server)?);
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
                return Err(Wrong::Characters(NAME_CHARS_MAX));
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
                return Err(Wrong::Relay);
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
            settings.offsets.usual = offset(value)?;
            Ok(())
        },
        write: |settings| Some(json!(settings.offsets.usual)),
    },
    Field {
        name: "audioOffsets",
        variable: None,
        read: |settings, value| {
            let table = value.as_object().ok_or(Wrong::Offsets)?;
            let mut offsets = Offsets::all(settings.offsets.usual);
            for (output, value) in table {
                let is_name = !output.is_empty() && output.len() <= SETTING_LEN_MAX;
                if !is_name || table.len() > OUTPUTS_MAX {
                    return Err(Wrong::Offsets);
                }
                offsets.set(output, offset(value)?);
            }
            settings.offsets = offsets;
            Ok(())
        },
        write: |settings| {
            let table: Map<String, Value> =
                settings.offsets.by_output().map(|(output, offset)| (output.to_owned(), json!(offset))).collect();
            (!table.is_empty()).then_some(Value::Object(table))
        },
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
    Field {
        name: "language",
        variable: None,
        read: |settings, value| {
            let [english, german] = Language::ALL.map(|language| (language.tag(), Some(language)));
            settings.language = one_of(value, &[("auto", None), english, german])?;
            Ok(())
        },
        write: |settings| Some(Value::from(settings.language.map_or("auto", Language::tag))),
    },
    Field {
        name: "spoilerSafe",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.spoiler_safe = on),
        write: |settings| Some(settings.spoiler_safe.into()),
    },
    Field {
        name: "detailedLog",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.detailed_log = on),
        write: |settings| Some(settings.detailed_log.into()),
    },
    Field {
        name: "theme",
        variable: None,
        read: |settings, value| {
            settings.looks.theme = one_of(value, &THEMES)?;
            Ok(())
        },
        write: |settings| name_of(&THEMES, settings.looks.theme),
    },
    Field {
        name: "textSize",
        variable: None,
        read: |settings, value| size(value, TEXT_SIZE).map(|size| settings.looks.text_size = size),
        write: |settings| Some(json!(settings.looks.text_size)),
    },
    Field {
        name: "reducedMotion",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.looks.reduced_motion = on),
        write: |settings| Some(settings.looks.reduced_motion.into()),
    },
    Field {
        name: "subtitleSize",
        variable: None,
        read: |settings, value| size(value, SUBTITLE_SIZE).map(|size| settings.looks.subtitle_size = size),
        write: |settings| Some(json!(settings.looks.subtitle_size)),
    },
    Field {
        name: "subtitleBox",
        variable: None,
        read: |settings, value| flag(value).map(|on| settings.looks.subtitle_box = on),
        write: |settings| Some(settings.looks.subtitle_box.into()),
    },
    Field {
        name: "keys",
        variable: None,
        read: |settings, value| {
            settings.looks.keys = one_of(value, &KEYS)?;
            Ok(())
        },
        write: |settings| name_of(&KEYS, settings.looks.keys),
    },
];

const THEMES: [(&str, Theme); 4] =
    [("auto", Theme::Auto), ("dark", Theme::Dark), ("light", Theme::Light), ("contrast", Theme::Contrast)];

const KEYS: [(&str, Keys); 2] = [("default", Keys::Default), ("mpv", Keys::Mpv)];

/// Text and what grows with it; twice as large still fits a screen of 1280 by 720.
const TEXT_SIZE: RangeInclusive<f64> = 1.0..=2.0;

/// Of subtitles, which have the film's width to themselves.
const SUBTITLE_SIZE: RangeInclusive<f64> = 0.5..=3.0;

pub(super) fn offset(value: &Value) -> Result<f64, Wrong> {
    let seconds = value.as_f64().filter(|seconds| seconds.abs() <= OUTPUT_OFFSET_MAX);
    seconds.ok_or(Wrong::Seconds(-OUTPUT_OFFSET_MAX, OUTPUT_OFFSET_MAX))
}

fn text(value: &Value) -> Result<String, Wrong> {
    let text = value.as_str().map(str::trim).ok_or(Wrong::NoText)?;
    if text.is_empty() || text.len() > SETTING_LEN_MAX {
        return Err(Wrong::Length);
    }
    if text.contains(char::is_control) {
        return Err(Wrong::Lines);
    }
    Ok(text.to_owned())
}

fn flag(value: &Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or(Wrong::Flag)
}

fn count(value: &Value) -> Result<u64, Wrong> {
    value.as_u64().ok_or(Wrong::Count)
}

fn port(value: &Value) -> Result<u16, Wrong> {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
    port.ok_or(Wrong::Port)
}

fn size(value: &Value, sizes: RangeInclusive<f64>) -> Result<f64, Wrong> {
    let size = value.as_f64().filter(|size| sizes.contains(size));
    size.ok_or(Wrong::Factor(*sizes.start(), *sizes.end()))
}

fn name_of<T: Copy + PartialEq>(choices: &[(&str, T)], choice: T) -> Option<Value> {
    choices.iter().find(|(_, known)| *known == choice).map(|(name, _)| Value::from(*name))
}

fn one_of<T: Copy>(value: &Value, choices: &[(&'static str, T)]) -> Result<T, Wrong> {
    let said = value.as_str().unwrap_or_default().trim();
    let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(said));
    let names = || choices.iter().map(|(name, _)| *name).collect();
    chosen.map(|(_, choice)| *choice).ok_or_else(|| Wrong::Choice(names()))
}

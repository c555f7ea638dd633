//! A line of stdin as a wish: `{"cmd":"seek","to":61.5}`. Unknown fields are ignored, and a refusal names the field.

use serde_json::Value;
use session::proto::player::TrackKind;
use session::proto::wish::{Control, LateJoin, Wish};
use signal_proto::ids::ParticipantId;
use signal_proto::roles::Role;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::{MediaTime, Rate};

/// What a line asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Something of the room.
    Wish(Wish),
    /// The view now.
    View,
}

/// # Errors
/// What is wrong with the line, and what would be right.
pub(super) fn parse(line: &str) -> Result<Asked, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(_) = value else { return Err("a command is a JSON object".to_owned()) };
    let fields = Fields(&value);
    let wish = match fields.text("cmd")? {
        "view" => return Ok(Asked::View),
        "play" => Wish::Play,
        "pause" => Wish::Pause,
        "toggle" => Wish::TogglePlay,
        "seek" => Wish::Seek(fields.place("to")?),
        "seekBy" => Wish::SeekBy(fields.number("seconds")?),
        "undoSeek" => Wish::UndoSeek,
        "resume" => Wish::Resume(fields.flag("on")?),
        "stepFrame" => Wish::StepFrame(fields.whole("frames")?),
        "rate" => Wish::SetRate(Rate::new(fields.number("rate")?).ok_or("`rate` must be a number from 0.5 to 2")?),
        "startAnyway" => Wish::StartAnyway,
        "ready" => Wish::Ready,
        "spectate" => Wish::Spectate(fields.flag("on")?),
        "joinFilm" => Wish::JoinFilm(match fields.text("how")? {
            "now" => LateJoin::Now,
            "start" => LateJoin::FromStart,
            _ => return Err("`how` must be now or start".to_owned()),
        }),
        "say" => Wish::Say(fields.text("text")?.to_owned()),
        "spoilerSafe" => Wish::SpoilerSafe(fields.flag("on")?),
        "retrySaying" => Wish::RetrySaying(fields.count("key")?),
        "share" => Wish::Share(fields.text("path")?.to_owned()),
        "clearFilm" => Wish::ClearFilm,
        "openPlayer" => Wish::OpenPlayer,
        "volume" => Wish::SetVolume(fields.number("volume")?),
        "mute" => Wish::SetMuted(fields.flag("on")?),
        "track" => Wish::SelectTrack(
            match fields.text("kind")? {
                "video" => TrackKind::Video,
                "audio" => TrackKind::Audio,
                "subtitle" => TrackKind::Subtitle,
                _ => return Err("`kind` must be video, audio or subtitle".to_owned()),
            },
            match &value["id"] {
                Value::Null => None,
                _ => Some(u32::try_from(fields.count("id")?).map_err(|_| "`id` must be a track's number, or null")?),
            },
        ),
        "subtitles" => Wish::AddSubtitles(fields.text("path")?.to_owned()),
        "shareSubtitles" => Wish::ShareSubtitles(fields.text("path")?.to_owned()),
        "subtitleDelay" => Wish::SetSubtitleDelay(fields.number("seconds")?),
        "outputOffset" => Wish::SetOutputOffset(fields.number("seconds")?),
        "watchReports" => Wish::WatchReports(fields.flag("on")?),
        "setControl" => Wish::SetControl(match fields.text("mode")? {
            "host" => Control::Host,
            "everyone" => Control::Everyone,
            "chosen" => Control::Chosen(fields.people("participants")?),
            _ => return Err("`mode` must be host, everyone or chosen".to_owned()),
        }),
        "setRole" => Wish::SetRole(
            fields.person("id")?,
            Role::parse(fields.text("role")?).ok_or("`role` must be host, cohost or viewer")?,
        ),
        "kick" => Wish::Kick(fields.person("id")?),
        "lock" => Wish::Lock(fields.flag("on")?),
        "setWaiting" => Wish::SetWaiting(match fields.text("policy")? {
            "auto" => WaitPolicy::Auto,
            "wait" => WaitPolicy::Wait,
            "flow" => WaitPolicy::Flow,
            _ => return Err("`policy` must be auto, wait or flow".to_owned()),
        }),
        "pauseWithoutHost" => Wish::PauseWithoutHost(fields.flag("on")?),
        "claimHost" => Wish::ClaimHost,
        "retryServer" => Wish::RetryServer,
        "dismiss" => Wish::Dismiss(fields.count("key")?),
        "leave" => Wish::Leave,
        "endRoom" => Wish::EndRoom,
        other => return Err(format!("there is no command `{}`", other.escape_debug())),
    };
    Ok(Asked::Wish(wish))
}

struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.0[name].as_str().ok_or_else(|| format!("`{name}` must be a string"))
    }

    fn number(&self, name: &str) -> Result<f64, String> {
        let number = self.0[name].as_f64().filter(|number| number.is_finite());
        number.ok_or_else(|| format!("`{name}` must be a number"))
    }

    fn whole(&self, name: &str) -> Result<i32, String> {
        let number = self.0[name].as_i64().and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| format!("`{name}` must be a whole number"))
    }

    fn count(&self, name: &str) -> Result<u64, String> {
        self.0[name].as_u64().ok_or_else(|| format!("`{name}` must be a whole number"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        self.0[name].as_bool().ok_or_else(|| format!("`{name}` must be true or false"))
    }

    fn place(&self, name: &str) -> Result<MediaTime, String> {
        MediaTime::new(self.number(name)?).ok_or_else(|| format!("`{name}` must be seconds of a film"))
    }

    fn person(&self, name: &str) -> Result<ParticipantId, String> {
        ParticipantId::parse(self.text(name)?).ok_or_else(|| format!("`{name}` must be a participant's id"))
    }

    fn people(&self, name: &str) -> Result<Vec<ParticipantId>, String> {
        let wrong = || format!("`{name}` must be a list of participants' ids");
        let list = self.0[name].as_array().ok_or_else(wrong)?;
        list.iter().map(|id| id.as_str().and_then(ParticipantId::parse).ok_or_else(wrong)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(line: &str) -> Wish {
        match parse(line) {
            Ok(Asked::Wish(wish)) => wish,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_wish_has_a_command() {
        let id = || ParticipantId::parse("p1").unwrap();
        let at = MediaTime::new(61.5).unwrap();
        let lines = [
            (r#"{"cmd":"play"}"#, Wish::Play),
            (r#"{"cmd":"pause"}"#, Wish::Pause),
            (r#"{"cmd":"toggle"}"#, Wish::TogglePlay),
            (r#"{"cmd":"seek","to":61.5,"more":1}"#, Wish::Seek(at)),
            (r#"{"cmd":"seekBy","seconds":-5}"#, Wish::SeekBy(-5.0)),
            (r#"{"cmd":"undoSeek"}"#, Wish::UndoSeek),
            (r#"{"cmd":"resume","on":true}"#, Wish::Resume(true)),
            (r#"{"cmd":"stepFrame","frames":-1}"#, Wish::StepFrame(-1)),
            (r#"{"cmd":"rate","rate":1.5}"#, Wish::SetRate(Rate::new(1.5).unwrap())),
            (r#"{"cmd":"startAnyway"}"#, Wish::StartAnyway),
            (r#"{"cmd":"ready"}"#, Wish::Ready),
            (r#"{"cmd":"spectate","on":true}"#, Wish::Spectate(true)),
            (r#"{"cmd":"joinFilm","how":"start"}"#, Wish::JoinFilm(LateJoin::FromStart)),
            (r#"{"cmd":"joinFilm","how":"now"}"#, Wish::JoinFilm(LateJoin::Now)),
            (r#"{"cmd":"say","text":"hi"}"#, Wish::Say("hi".into())),
            (r#"{"cmd":"spoilerSafe","on":true}"#, Wish::SpoilerSafe(true)),
            (r#"{"cmd":"retrySaying","key":3}"#, Wish::RetrySaying(3)),
            (r#"{"cmd":"share","path":"/f"}"#, Wish::Share("/f".into())),
            (r#"{"cmd":"clearFilm"}"#, Wish::ClearFilm),
            (r#"{"cmd":"openPlayer"}"#, Wish::OpenPlayer),
            (r#"{"cmd":"volume","volume":0.5}"#, Wish::SetVolume(0.5)),
            (r#"{"cmd":"mute","on":false}"#, Wish::SetMuted(false)),
            (r#"{"cmd":"track","kind":"audio","id":2}"#, Wish::SelectTrack(TrackKind::Audio, Some(2))),
            (r#"{"cmd":"track","kind":"subtitle","id":null}"#, Wish::SelectTrack(TrackKind::Subtitle, None)),
            (r#"{"cmd":"track","kind":"video"}"#, Wish::SelectTrack(TrackKind::Video, None)),
            (r#"{"cmd":"subtitles","path":"/s"}"#, Wish::AddSubtitles("/s".into())),
            (r#"{"cmd":"shareSubtitles","path":"/s"}"#, Wish::ShareSubtitles("/s".into())),
            (r#"{"cmd":"subtitleDelay","seconds":0.1}"#, Wish::SetSubtitleDelay(0.1)),
            (r#"{"cmd":"outputOffset","seconds":0.1}"#, Wish::SetOutputOffset(0.1)),
            (r#"{"cmd":"watchReports","on":true}"#, Wish::WatchReports(true)),
            (r#"{"cmd":"setControl","mode":"host"}"#, Wish::SetControl(Control::Host)),
            (r#"{"cmd":"setControl","mode":"everyone"}"#, Wish::SetControl(Control::Everyone)),
            (
                r#"{"cmd":"setControl","mode":"chosen","participants":["p1"]}"#,
                Wish::SetControl(Control::Chosen(vec![id()])),
            ),
            (r#"{"cmd":"setRole","id":"p1","role":"cohost"}"#, Wish::SetRole(id(), Role::Cohost)),
            (r#"{"cmd":"kick","id":"p1"}"#, Wish::Kick(id())),
            (r#"{"cmd":"lock","on":true}"#, Wish::Lock(true)),
            (r#"{"cmd":"setWaiting","policy":"flow"}"#, Wish::SetWaiting(WaitPolicy::Flow)),
            (r#"{"cmd":"pauseWithoutHost","on":true}"#, Wish::PauseWithoutHost(true)),
            (r#"{"cmd":"claimHost"}"#, Wish::ClaimHost),
            (r#"{"cmd":"retryServer"}"#, Wish::RetryServer),
            (r#"{"cmd":"dismiss","key":1}"#, Wish::Dismiss(1)),
            (r#"{"cmd":"leave"}"#, Wish::Leave),
            (r#"{"cmd":"endRoom"}"#, Wish::EndRoom),
        ];
        for (line, expected) in lines {
            assert_eq!(wish(line), expected);
        }
        assert_eq!(parse(r#"{"cmd":"view"}"#), Ok(Asked::View));
    }

    #[test]
    fn what_is_no_command_is_refused_by_name() {
        for (line, about) in [
            ("", "not JSON"),
            ("[]", "object"),
            ("{}", "`cmd`"),
            (r#"{"cmd":7}"#, "`cmd`"),
            (r#"{"cmd":"fly\u001b"}"#, r"`fly\u{1b}`"),
            (r#"{"cmd":"seek"}"#, "`to`"),
            (r#"{"cmd":"seek","to":-1}"#, "`to`"),
            (r#"{"cmd":"seek","to":"5"}"#, "`to`"),
            (r#"{"cmd":"seekBy"}"#, "`seconds`"),
            (r#"{"cmd":"resume"}"#, "`on`"),
            (r#"{"cmd":"stepFrame","frames":0.5}"#, "`frames`"),
            (r#"{"cmd":"rate","rate":3}"#, "`rate`"),
            (r#"{"cmd":"spectate","on":1}"#, "`on`"),
            (r#"{"cmd":"joinFilm","how":"later"}"#, "`how`"),
            (r#"{"cmd":"say"}"#, "`text`"),
            (r#"{"cmd":"track","kind":"smell","id":1}"#, "`kind`"),
            (r#"{"cmd":"track","kind":"audio","id":99999999999}"#, "`id`"),
            (r#"{"cmd":"setControl","mode":"mine"}"#, "`mode`"),
            (r#"{"cmd":"setControl","mode":"chosen","participants":[1]}"#, "`participants`"),
            (r#"{"cmd":"setRole","id":"p1","role":"king"}"#, "`role`"),
            (r#"{"cmd":"setRole","id":"","role":"cohost"}"#, "`id`"),
            (r#"{"cmd":"setWaiting","policy":"x"}"#, "`policy`"),
            (r#"{"cmd":"dismiss","key":-1}"#, "`key`"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(about), "{line}: {error}");
        }
    }
}

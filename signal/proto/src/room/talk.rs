//! What people and their clients say of themselves: chat, reports, probes of the clock.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Room, Said};
use crate::error::Problem;
use crate::event::Report;
use crate::ids::{ActionId, ParticipantId};
use crate::limits::CHAT_KEPT;
use crate::payload::Payload;
use crate::playback::PlaybackState;
use crate::roles::Power;
use crate::sync::gate;
use crate::time::MediaTime;

/// While a film plays, everybody is asked where they are this often.
pub(super) const REPORTS_EVERY: Duration = Duration::from_secs(5);

/// A plan's client is told where to be when it is further off than this, and not more often.
const CORRECT_BEYOND: f64 = 1.5;
const CORRECT_EVERY: Duration = Duration::from_secs(5);

impl Room {
    pub(super) fn on_chat(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        text: &str,
        client_id: Option<String>,
        media_time: Option<MediaTime>,
    ) -> Result<Option<Payload>, Problem> {
        let Some(member) = self.members.get(who) else { return Ok(None) };
        self.chat_numbered += 1;
        let mut told = json!({
            "id": format!("msg_{}", self.chat_numbered),
            "senderId": who.as_str(),
            "sender": member.name(),
            "senderRole": member.role().as_str(),
            "text": text,
            "timestamp": self.server_now(now).unix_ms(),
        });
        if let Some(client_id) = client_id {
            told["clientId"] = client_id.into();
        }
        if let Some(time) = media_time {
            told["mediaTime"] = time.seconds().into();
        }
        let told = Payload::from(told);
        self.chat.push_back(told.clone());
        if self.chat.len() > CHAT_KEPT {
            self.chat.pop_front();
        }
        self.say_to_all(Said::new("chat-message", told.clone()));
        Ok(Some(told))
    }

    /// A probe of the clock is answered to its sender; without one, everybody is asked where they are.
    pub(super) fn on_sync_check(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        probe: Option<(f64, u64)>,
    ) -> Result<Option<Payload>, Problem> {
        let Some((t0, n)) = probe else {
            self.check(who, Power::Control)?;
            let told = self.report_question(now);
            self.say_to_others(who, Said::new("sync-check", told));
            return Ok(None);
        };
        let mut told = self.report_question(now);
        told["t0"] = json!(t0);
        told["t1"] = told["timestamp"].clone();
        told["n"] = n.into();
        let told = Payload::from(told);
        self.say(who, Said::new("sync-check", told.clone()));
        Ok(Some(told))
    }

    /// Relays a report to whoever watches over the room, and brings a plan's client back that is far off.
    pub(super) fn on_sync_report(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        report: Report,
    ) -> Result<Option<Payload>, Problem> {
        let mut told = Value::Object(report.more);
        told["roomCode"] = self.code.as_str().into();
        told["participantId"] = who.as_str().into();
        told["playbackTime"] = report.time.seconds().into();
        told["playing"] = report.playing.into();
        told["buffering"] = report.buffering.into();
        told["timestamp"] = self.server_now(now).unix_ms().into();
        if let Some(drift) = report.drift {
            told["drift"] = json!(drift);
        }
        let mode = self.mode.clone();
        self.say_where(Said::new("sync-report", told), |id, member| {
            id != who && (member.watches_reports || mode.allows(Power::Control, id, member.role()))
        });
        self.correct(now, who, report.time, report.playing);
        Ok(None)
    }

    pub(super) fn on_sync_correct(
        &mut self,
        who: &ParticipantId,
        time: MediaTime,
        playing: bool,
        action_id: &ActionId,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Control)?;
        let told = self.correction(time, playing, action_id);
        self.say_to_others(who, Said::new("sync-correct", told.clone()));
        Ok(Some(told))
    }

    pub(super) fn on_watch_reports(&mut self, who: &ParticipantId, on: bool) -> Result<Option<Payload>, Problem> {
        if let Some(member) = self.members.get_mut(who) {
            member.watches_reports = on;
        }
        Ok(None)
    }

    pub(super) fn on_set_spectating(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        on: bool,
    ) -> Result<Option<Payload>, Problem> {
        self.gate.handle_input(now, gate::Input::Spectating(who.clone(), on));
        let Some(member) = self.members.get_mut(who) else { return Ok(None) };
        member.set_spectating(on);
        let shown = member.shown().clone();
        self.say_to_all(Said::new("participant-updated", shown.clone()));
        Ok(Some(shown))
    }

    /// Whoever controls sees how far the others are, and who asked for reports.
    pub(super) fn show_readiness(
        &mut self,
        who: &ParticipantId,
        ready: bool,
        ahead: Option<f64>,
        forecast: Option<&Value>,
    ) {
        let told = json!({ "id": who.as_str(), "ready": ready, "ahead": ahead, "forecast": forecast });
        let mode = self.mode.clone();
        self.say_where(Said::new("ready-state", told), |id, member| {
            let wants = member.watches_reports || mode.allows(Power::Control, id, member.role());
            id != who && member.knows_sync() && wants
        });
    }

    pub(super) fn ask_for_reports(&mut self, now: Instant) {
        // Nobody is asked while nobody is here; whoever comes back begins it again.
        let plays = self.anchor.state == PlaybackState::Playing && self.empty_since.is_none();
        self.ask_reports_at = plays.then(|| now + REPORTS_EVERY);
        if plays {
            let told = self.report_question(now);
            self.say_to_all(Said::new("sync-check", told));
        }
    }

    fn correct(&mut self, now: Instant, who: &ParticipantId, at: MediaTime, playing: bool) {
        let server_now = self.server_now(now);
        let runs = self.anchor.state == PlaybackState::Playing && self.anchor.starts_at(server_now).is_none();
        let Some(member) = self.members.get_mut(who).filter(|member| !member.knows_sync()) else { return };
        let half = member.rtt / 2;
        let expected = self.anchor.position_at(server_now.minus(half));
        let far_off = (at.seconds() - expected.seconds()).abs() > CORRECT_BEYOND;
        let too_soon = member.corrected_at.is_some_and(|last| now.saturating_duration_since(last) < CORRECT_EVERY);
        if !(runs && playing && far_off) || too_soon {
            return;
        }
        member.corrected_at = Some(now);
        // It arrives half a round trip later.
        let target = self.anchor.position_at(server_now.plus(half));
        let told = self.correction(target, true, &format!("correct-{}", self.anchor.seq).into());
        self.say(who, Said::new("sync-correct", told));
    }

    fn correction(&self, time: MediaTime, playing: bool, action_id: &ActionId) -> Payload {
        let told = json!({
            "roomCode": self.code.as_str(),
            "playbackTime": time.seconds(),
            "playing": playing,
            "actionId": action_id.shown(),
        });
        told.into()
    }

    fn report_question(&self, now: Instant) -> Value {
        json!({ "roomCode": self.code.as_str(), "timestamp": self.server_now(now).unix_ms() })
    }
}

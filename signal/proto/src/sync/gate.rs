//! For whom the room waits. A start waits for everybody who watches; a stall in the film waits by policy; every wait has a
//! deadline and names, and nobody can hold a room up again and again.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::ids::ParticipantId;
use crate::time::Ago;

/// A start and a seek wait so long at most.
pub const START_WAIT_MAX: Duration = Duration::from_secs(15);
/// A stall in the film is waited for so long at most.
pub const STALL_WAIT_MAX: Duration = Duration::from_secs(10);
/// A stall that is over within this was none.
pub const STALL_GRACE: Duration = Duration::from_millis(700);

/// [`WaitPolicy::Auto`] waits in rooms up to this size.
const AUTO_WAITS_UP_TO: usize = 4;

/// So many pauses of one person within so long, and the room goes on without them for as long.
const PAUSES_MAX: usize = 3;
const PAUSES_WITHIN: Duration = Duration::from_secs(600);

/// What a room does when somebody stalls in the film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WaitPolicy {
    /// Waits among few, flows among many.
    #[default]
    Auto,
    /// The room pauses for a while.
    Wait,
    /// The room goes on; whoever stalled catches up.
    Flow,
}

/// What happens to a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody is in the room.
    Joined {
        /// Who.
        who: ParticipantId,
        /// Its client says when it is ready (`capabilities.sync ≥ 2`); others never hold the room up.
        says_ready: bool,
    },
    /// Somebody left or lost the connection.
    Left(ParticipantId),
    /// Somebody watches for themselves, or comes back.
    Spectating(ParticipantId, bool),
    /// Another film, or none: nobody is ready, and nothing plays.
    Film {
        /// There is one. Without a film nothing gates.
        present: bool,
    },
    /// What plays already has a name now: from here on it gates like any film.
    FilmNamed,
    /// A seek: nobody is ready any more.
    Sought,
    /// Somebody says whether they are ready.
    Ready(ParticipantId, bool),
    /// Somebody who may wants it to play.
    Play,
    /// It does not play any more, by somebody's wish.
    Stopped,
    /// Somebody who may does not want to wait.
    StartAnyway,
    /// Another policy.
    Policy(WaitPolicy),
}

/// What the room is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Play: at once after [`Input::Play`], or now that a wait is over.
    Go {
        /// Who was waited for in vain.
        without: Vec<ParticipantId>,
    },
    /// Stand, and say for whom.
    Hold {
        /// Who is not ready.
        waiting_on: Vec<ParticipantId>,
        /// When it goes on at the latest.
        deadline: Instant,
        /// It played, and somebody stalled.
        stalled: bool,
    },
    /// Others are waited for than was said.
    StillWaiting {
        /// Who is not ready.
        waiting_on: Vec<ParticipantId>,
        /// When it goes on at the latest.
        deadline: Instant,
    },
    /// Somebody stalled too often: the room goes on without them.
    Excused(ParticipantId),
}

/// Why a gate wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A wait is over.
    Deadline,
    /// A stall has lasted longer than its grace.
    Stall,
}

/// A gate as text holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptGate {
    members: Vec<(ParticipantId, KeptMember)>,
    policy: WaitPolicy,
    film: bool,
    phase: KeptPhase,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptMember {
    says_ready: bool,
    watches: bool,
    spectates: bool,
    ready: bool,
    stalled_at: Option<Ago>,
    pauses: VecDeque<Ago>,
    excused_until: Option<Ago>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum KeptPhase {
    Standing,
    Waiting { deadline: Ago, told: Vec<ParticipantId> },
    Playing,
}

/// For whom a room waits.
#[derive(Clone, Debug)]
pub struct Gate {
    members: BTreeMap<ParticipantId, Member>,
    policy: WaitPolicy,
    film: bool,
    phase: Phase,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Debug)]
struct Member {
    says_ready: bool,
    /// It watched from this film's beginning, or was ready since it came. Who joins a running film holds nobody up.
    watches: bool,
    spectates: bool,
    ready: bool,
    /// It stalled in the film, and the room has not waited for it yet.
    stalled_at: Option<Instant>,
    /// When the room paused for it.
    pauses: VecDeque<Instant>,
    excused_until: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Standing,
    Waiting { deadline: Instant, told: Vec<ParticipantId> },
    Playing,
}

impl Gate {
    /// A room without people or film.
    pub const fn new(policy: WaitPolicy) -> Self {
        Self { members: BTreeMap::new(), policy, film: false, phase: Phase::Standing, outputs: VecDeque::new() }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Joined { who, says_ready } => self.on_joined(who, says_ready),
            Input::Left(who) => {
                self.members.remove(&who);
            }
            Input::Spectating(who, spectates) => {
                if let Some(member) = self.members.get_mut(&who) {
                    member.spectates = spectates;
                    member.stalled_at = None;
                }
            }
            Input::Film { present } => self.on_film(present),
            Input::FilmNamed => self.film = true,
            Input::Sought => self.on_sought(now),
            Input::Ready(who, ready) => self.on_ready(now, &who, ready),
            Input::Play => self.on_play(now),
            Input::Stopped => self.phase = Phase::Standing,
            Input::StartAnyway => self.go_if_waiting(now),
            Input::Policy(policy) => self.policy = policy,
        }
        self.look(now);
    }

    /// Does what [`Gate::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(&self.phase, Phase::Waiting { deadline, .. } if *deadline <= now) {
            self.go_if_waiting(now);
        }
        self.hold_for_stalled(now);
        self.look(now);
    }

    /// The next thing for the room to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Gate::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        match &self.phase {
            Phase::Standing => None,
            Phase::Waiting { deadline, .. } => Some((*deadline, Wake::Deadline)),
            Phase::Playing => {
                let stalled = self.members.values().filter_map(|member| member.stalled_at).min()?;
                Some((stalled + STALL_GRACE, Wake::Stall))
            }
        }
    }

    /// Who is not ready and counts, in order of their ids.
    pub fn waiting_on(&self, now: Instant) -> Vec<ParticipantId> {
        let late = |member: &Member| member.gates(now) && !member.ready;
        self.members.iter().filter(|(_, member)| self.film && late(member)).map(|(who, _)| who.clone()).collect()
    }

    /// Everything it knows, for [`Gate::restore`]. Outputs must have been taken.
    pub fn keep(&self, now: Instant) -> KeptGate {
        let ago = |at: Instant| Ago::of(now, at);
        let keep = |member: &Member| KeptMember {
            says_ready: member.says_ready,
            watches: member.watches,
            spectates: member.spectates,
            ready: member.ready,
            stalled_at: member.stalled_at.map(ago),
            pauses: member.pauses.iter().map(|at| ago(*at)).collect(),
            excused_until: member.excused_until.map(ago),
        };
        KeptGate {
            members: self.members.iter().map(|(who, member)| (who.clone(), keep(member))).collect(),
            policy: self.policy,
            film: self.film,
            phase: match &self.phase {
                Phase::Standing => KeptPhase::Standing,
                Phase::Waiting { deadline, told } => {
                    KeptPhase::Waiting { deadline: ago(*deadline), told: told.clone() }
                }
                Phase::Playing => KeptPhase::Playing,
            },
        }
    }

    /// A gate as it was kept; `at` says when what was so long before is.
    pub fn restore(kept: KeptGate, at: impl Fn(Ago) -> Instant) -> Self {
        let restore = |member: KeptMember| Member {
            says_ready: member.says_ready,
            watches: member.watches,
            spectates: member.spectates,
            ready: member.ready,
            stalled_at: member.stalled_at.map(&at),
            pauses: member.pauses.into_iter().map(&at).collect(),
            excused_until: member.excused_until.map(&at),
        };
        let phase = match kept.phase {
            KeptPhase::Standing => Phase::Standing,
            KeptPhase::Waiting { deadline, told } => Phase::Waiting { deadline: at(deadline), told },
            KeptPhase::Playing => Phase::Playing,
        };
        let members = kept.members.into_iter().map(|(who, member)| (who, restore(member))).collect();
        Self { members, policy: kept.policy, film: kept.film, phase, outputs: VecDeque::new() }
    }

    fn on_joined(&mut self, who: ParticipantId, says_ready: bool) {
        let runs = self.film && self.phase != Phase::Standing;
        let member = Member {
            says_ready,
            watches: !runs,
            spectates: false,
            ready: false,
            stalled_at: None,
            pauses: VecDeque::new(),
            excused_until: None,
        };
        self.members.insert(who, member);
    }

    fn on_film(&mut self, present: bool) {
        self.film = present;
        self.phase = Phase::Standing;
        for member in self.members.values_mut() {
            (member.ready, member.watches, member.stalled_at) = (false, true, None);
            (member.excused_until, member.pauses) = (None, VecDeque::new());
        }
    }

    fn on_sought(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            (member.ready, member.stalled_at) = (false, None);
        }
        if self.phase != Phase::Standing {
            // It played or was about to: that is a start again.
            self.phase = Phase::Standing;
            self.on_play(now);
        }
    }

    fn on_ready(&mut self, now: Instant, who: &ParticipantId, ready: bool) {
        // Without a film there is nothing to stall in.
        let playing = self.film && self.phase == Phase::Playing;
        let Some(member) = self.members.get_mut(who) else { return };
        let stalls = playing && member.ready && !ready && member.gates(now);
        member.ready = ready;
        member.watches |= ready;
        member.stalled_at = match (ready, stalls) {
            (true, _) => None,
            (false, true) => Some(now),
            (false, false) => member.stalled_at,
        };
    }

    fn on_play(&mut self, now: Instant) {
        if self.phase != Phase::Standing {
            return;
        }
        let waiting_on = self.waiting_on(now);
        if waiting_on.is_empty() {
            self.phase = Phase::Playing;
            self.outputs.push_back(Output::Go { without: Vec::new() });
        } else {
            self.hold(waiting_on, now + START_WAIT_MAX, false);
        }
    }

    fn hold(&mut self, waiting_on: Vec<ParticipantId>, deadline: Instant, stalled: bool) {
        self.phase = Phase::Waiting { deadline, told: waiting_on.clone() };
        self.outputs.push_back(Output::Hold { waiting_on, deadline, stalled });
    }

    fn go_if_waiting(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        self.phase = Phase::Playing;
        self.outputs.push_back(Output::Go { without: self.waiting_on(now) });
    }

    /// A wait ends when all are ready, and says so when it is for others than before.
    fn look(&mut self, now: Instant) {
        let waiting_on = self.waiting_on(now);
        let Phase::Waiting { deadline, told } = &mut self.phase else { return };
        if waiting_on.is_empty() {
            self.go_if_waiting(now);
        } else if *told != waiting_on {
            told.clone_from(&waiting_on);
            let deadline = *deadline;
            self.outputs.push_back(Output::StillWaiting { waiting_on, deadline });
        }
    }

    fn hold_for_stalled(&mut self, now: Instant) {
        if self.phase != Phase::Playing {
            return;
        }
        let waits = self.waits_for_stalls();
        let mut held = false;
        for (who, member) in &mut self.members {
            if member.stalled_at.is_none_or(|at| now < at + STALL_GRACE) {
                continue;
            }
            member.stalled_at = None;
            if !waits || !member.gates(now) {
                continue;
            }
            member.pauses.retain(|at| now.saturating_duration_since(*at) < PAUSES_WITHIN);
            if member.pauses.len() >= PAUSES_MAX {
                member.excused_until = Some(now + PAUSES_WITHIN);
                self.outputs.push_back(Output::Excused(who.clone()));
            } else {
                member.pauses.push_back(now);
                held = true;
            }
        }
        if held {
            let waiting_on = self.waiting_on(now);
            self.hold(waiting_on, now + STALL_WAIT_MAX, true);
        }
    }

    fn waits_for_stalls(&self) -> bool {
        match self.policy {
            WaitPolicy::Wait => true,
            WaitPolicy::Flow => false,
            WaitPolicy::Auto => self.members.values().filter(|member| !member.spectates).count() <= AUTO_WAITS_UP_TO,
        }
    }
}

impl Member {
    fn gates(&self, now: Instant) -> bool {
        let excused = self.excused_until.is_some_and(|until| now < until);
        self.says_ready && self.watches && !self.spectates && !excused
    }
}

impl WaitPolicy {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Wait => "wait",
            Self::Flow => "flow",
        }
    }

    /// From the wire.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Auto, Self::Wait, Self::Flow].into_iter().find(|policy| policy.as_str() == text)
    }
}

#[cfg(test)]
mod tests;

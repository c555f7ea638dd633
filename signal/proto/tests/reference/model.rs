//! The simple model: one room of a few people, in whole seconds.

use std::collections::{BTreeMap, BTreeSet};

/// So many people there are.
pub(crate) const PEOPLE: usize = 4;

const HOST_GRACE: u64 = 60;
const AWAY_GRACE: u64 = 10;

/// What somebody does; people by their number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Create,
    /// Comes in by a new connection, with the last token if there was one.
    Enter(usize),
    Leave(usize),
    /// Loses the connection.
    Lose(usize),
    Chat(usize),
    Film(usize, u8),
    Clear(usize),
    Play(usize, u8),
    Pause(usize, u8),
    Seek(usize, u8),
    SetRole(usize, usize, u8),
    Kick(usize, usize),
    Claim(usize),
    Call(usize),
    Hang(usize),
    /// Seconds go by.
    Wait(u8),
}

/// A person's name, which is its id; in the order of their numbers.
pub(crate) const fn name(who: usize) -> &'static str {
    ["ann", "bea", "cem", "dan"][who]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Host,
    Cohost,
    Viewer,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    role: Role,
    founder: bool,
    arrival: u64,
    /// The number of its connection.
    socket: u64,
    /// Away, and until when.
    away: Option<u64>,
    calls: bool,
}

/// The room as it should be.
#[derive(Debug, Default)]
pub(crate) struct Model {
    now: u64,
    members: BTreeMap<usize, Member>,
    left: BTreeMap<usize, (Role, bool)>,
    kicked: BTreeSet<usize>,
    /// Who has a connection, in the room or not.
    connected: BTreeSet<usize>,
    sockets_made: u64,
    arrivals: u64,
    heir_at: Option<u64>,
    film: Option<u8>,
    epoch: u64,
    chat: u64,
    heard: Vec<(usize, String)>,
}

impl Model {
    /// Does it, and says who hears what, person by person.
    pub(crate) fn run(&mut self, op: Op) -> Vec<(usize, String)> {
        self.apply(op);
        let mut heard = std::mem::take(&mut self.heard);
        heard.sort_by_key(|(who, _)| *who);
        heard
    }

    /// Who is connected to the room.
    pub(crate) fn here(&self) -> impl Iterator<Item = usize> {
        self.members.iter().filter(|(_, member)| member.away.is_none()).map(|(who, _)| *who)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Create => {
                self.connected.insert(0);
                self.add(0, Role::Host, true, 0);
                self.sockets_made = 1;
            }
            Op::Enter(who) => self.enter(who),
            Op::Lose(who) => self.lose(who),
            Op::Wait(seconds) => self.wait(seconds.into()),
            // Who is not connected says nothing, who is in no room may nothing.
            Op::Leave(who)
            | Op::Chat(who)
            | Op::Film(who, _)
            | Op::Clear(who)
            | Op::Play(who, _)
            | Op::Pause(who, _)
            | Op::Seek(who, _)
            | Op::SetRole(who, ..)
            | Op::Kick(who, _)
            | Op::Claim(who)
            | Op::Call(who)
            | Op::Hang(who) => {
                if self.here().any(|here| here == who) {
                    self.act(who, op);
                } else if self.connected.contains(&who) {
                    self.say(who, "error S008");
                }
            }
        }
    }

    fn act(&mut self, who: usize, op: Op) {
        let role = self.members[&who].role;
        let controls = role <= Role::Cohost;
        match op {
            Op::Create | Op::Enter(_) | Op::Lose(_) | Op::Wait(_) => {}
            Op::Leave(_) => {
                self.remove(who);
                if role == Role::Host {
                    self.choose_heir(Some(who));
                }
            }
            Op::Chat(_) => {
                self.chat += 1;
                self.say_all(&format!("msg_{} by {} {}", self.chat, name(who), word(role)));
            }
            Op::Film(..) | Op::Clear(_) | Op::Play(..) | Op::Pause(..) | Op::Seek(..) if !controls => {
                self.say(who, "error S008");
            }
            Op::Film(_, film) => {
                self.epoch += u64::from(self.film.replace(film) != Some(film));
                self.say_others(who, &self.film_told(film));
            }
            Op::Clear(_) => {
                self.film = None;
                self.epoch += 1;
                self.say_others(who, &format!("no film epoch {}", self.epoch));
            }
            Op::Play(..) => {}
            Op::Pause(_, time) => self.say_all(&format!("pause {time}.0")),
            Op::Seek(_, time) => self.say_all(&format!("seek {time}.0")),
            Op::SetRole(..) | Op::Kick(..) if role != Role::Host => self.say(who, "error S008"),
            Op::SetRole(_, other, role) => {
                self.set_role(who, other, [Role::Host, Role::Cohost, Role::Viewer][usize::from(role)]);
            }
            Op::Kick(_, other) => self.kick(who, other),
            Op::Claim(_) if !(self.members[&who].founder && role == Role::Cohost) => self.say(who, "error S008"),
            Op::Claim(_) => {
                let previous = self.host();
                previous.into_iter().for_each(|host| self.give_role(host, Role::Cohost));
                self.promote(who, previous);
            }
            Op::Call(_) => self.call(who),
            Op::Hang(_) => {
                if self.hang(who) {
                    self.say_all(&format!("now {}", self.shown(who)));
                }
            }
        }
    }

    fn enter(&mut self, who: usize) {
        self.connected.insert(who);
        let socket = self.sockets_made;
        self.sockets_made += 1;
        if self.kicked.contains(&who) {
            return self.say(who, "error S007");
        }
        let known = self.members.get(&who).copied();
        if let Some(known) = known {
            self.hang(who);
            self.members.insert(who, Member { socket, away: None, calls: false, ..known });
            self.arrivals += 1;
        } else {
            let (role, founder) = self.left.remove(&who).unwrap_or((Role::Viewer, false));
            let role = if role == Role::Host && self.host().is_some() { Role::Cohost } else { role };
            self.add(who, role, founder, socket);
        }
        let host_here = self.host().is_some_and(|host| self.members[&host].away.is_none());
        self.heir_at = if host_here { None } else { self.heir_at.or(Some(self.now + HOST_GRACE)) };
        let host = self.host().map_or("nobody", name);
        self.say(who, &format!("in as {} of {host}", word(self.members[&who].role)));
        let people: Vec<String> = self.members.keys().map(|who| self.shown(*who)).collect();
        self.say(who, &format!("people {}", people.join(", ")));
        if let Some(film) = self.film {
            self.say(who, &self.film_told(film));
        }
        self.say(who, &format!("{} messages", self.chat.min(100)));
        let verb = if known.is_some() { "now" } else { "joined" };
        self.say_others(who, &format!("{verb} {}", self.shown(who)));
    }

    fn add(&mut self, who: usize, role: Role, founder: bool, socket: u64) {
        let member = Member { role, founder, arrival: self.arrivals, socket, away: None, calls: false };
        self.arrivals += 1;
        self.members.insert(who, member);
    }

    fn lose(&mut self, who: usize) {
        let was_here = self.here().any(|here| here == who);
        self.connected.remove(&who);
        if !was_here {
            return;
        }
        let is_host = self.members[&who].role == Role::Host;
        let until = self.now + if is_host { HOST_GRACE } else { AWAY_GRACE };
        self.member(who).away = Some(until);
        self.hang(who);
        self.say_all(&format!("now {}", self.shown(who)));
        if is_host {
            self.heir_at = Some(until);
            self.say_all(&format!("host away {}", name(who)));
        }
    }

    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += 1;
            let gone: Vec<usize> =
                self.members.iter().filter(|(_, member)| member.away == Some(self.now)).map(|(who, _)| *who).collect();
            for who in gone {
                let was_host = self.host() == Some(who);
                self.remove(who);
                if was_host {
                    self.choose_heir(Some(who));
                }
            }
            if self.heir_at == Some(self.now) {
                self.heir_at = None;
                match self.host() {
                    Some(host) if self.members[&host].away.is_none() => {}
                    Some(host) => {
                        self.remove(host);
                        self.choose_heir(Some(host));
                    }
                    None => self.choose_heir(None),
                }
            }
        }
    }

    fn remove(&mut self, who: usize) {
        self.hang(who);
        let Some(member) = self.members.remove(&who) else { return };
        self.left.insert(who, (member.role, member.founder));
        self.say_all(&format!("left {}", name(who)));
    }

    fn choose_heir(&mut self, previous: Option<usize>) {
        self.heir_at = None;
        let heir = self.here().min_by_key(|who| (self.members[who].role, self.members[who].arrival));
        heir.into_iter().for_each(|heir| self.promote(heir, previous));
    }

    fn promote(&mut self, who: usize, previous: Option<usize>) {
        self.give_role(who, Role::Host);
        self.heir_at = None;
        self.say_all(&format!("host {} after {}", name(who), previous.map_or("nobody", name)));
    }

    fn give_role(&mut self, who: usize, role: Role) {
        if std::mem::replace(&mut self.member(who).role, role) != role {
            self.say_all(&format!("now {}", self.shown(who)));
        }
    }

    fn set_role(&mut self, who: usize, other: usize, role: Role) {
        if !self.members.contains_key(&other) {
            return self.say(who, "error S014");
        }
        match (role, who == other) {
            (Role::Host, true) => {}
            (Role::Cohost | Role::Viewer, true) => self.say(who, "error S008"),
            (Role::Host, false) => {
                self.give_role(who, Role::Cohost);
                self.promote(other, Some(who));
            }
            (Role::Cohost | Role::Viewer, false) => self.give_role(other, role),
        }
    }

    fn kick(&mut self, who: usize, other: usize) {
        if who == other {
            return self.say(who, "error S008");
        }
        if !self.members.contains_key(&other) && !self.left.contains_key(&other) {
            return self.say(who, "error S014");
        }
        if self.here().any(|here| here == other) {
            self.say(other, "error S007");
            self.connected.remove(&other);
        }
        self.remove(other);
        self.left.remove(&other);
        self.kicked.insert(other);
    }

    fn call(&mut self, who: usize) {
        let others: Vec<usize> = self
            .members
            .iter()
            .filter(|(other, member)| **other != who && member.calls)
            .map(|(other, _)| *other)
            .collect();
        if !std::mem::replace(&mut self.member(who).calls, true) {
            self.say_all(&format!("now {}", self.shown(who)));
        }
        for other in others {
            let begins = self.members[&who].socket < self.members[&other].socket;
            self.say(who, &format!("call {} {begins}", name(other)));
            self.say(other, &format!("call {} {}", name(who), !begins));
        }
    }

    fn hang(&mut self, who: usize) -> bool {
        let called = self.members.get_mut(&who).is_some_and(|member| std::mem::replace(&mut member.calls, false));
        if called {
            self.say_others(who, &format!("call without {}", name(who)));
        }
        called
    }

    fn host(&self) -> Option<usize> {
        let hosts: Vec<usize> =
            self.members.iter().filter(|(_, member)| member.role == Role::Host).map(|(who, _)| *who).collect();
        assert!(hosts.len() <= 1, "one host at most");
        hosts.first().copied()
    }

    fn member(&mut self, who: usize) -> &mut Member {
        self.members.get_mut(&who).expect("a member acts, or is acted on")
    }

    fn shown(&self, who: usize) -> String {
        let member = &self.members[&who];
        let (away, calls) =
            (if member.away.is_some() { " away" } else { "" }, if member.calls { " calls" } else { "" });
        format!("{} {}{away}{calls}", name(who), word(member.role))
    }

    fn film_told(&self, film: u8) -> String {
        format!("film magnet:?xt=urn:btih:{film}{film} epoch {}", self.epoch)
    }

    fn say(&mut self, who: usize, told: &str) {
        self.heard.push((who, told.to_owned()));
    }

    fn say_all(&mut self, told: &str) {
        let here: Vec<usize> = self.here().collect();
        here.into_iter().for_each(|who| self.say(who, told));
    }

    fn say_others(&mut self, but: usize, told: &str) {
        let here: Vec<usize> = self.here().filter(|who| *who != but).collect();
        here.into_iter().for_each(|who| self.say(who, told));
    }
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::Cohost => "cohost",
        Role::Viewer => "viewer",
    }
}

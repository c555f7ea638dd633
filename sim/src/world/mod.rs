//! Hosts, the links between them, and the one loop that lets time pass.
//!
//! Everything that happens is an event or follows from one at the same instant: it goes to a host as an input, the
//! host's outputs are carried out, its rules are checked, and all of it goes into the trace. A broken rule ends the
//! run with a [`Violation`].

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::BytesPerSec;

use crate::check::{Liveness, TraceHash, Violation};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::events::{EventId, EventQueue};
use crate::host::{ConnId, Host, HostConfig, HostId, Input, Output};
use crate::limits::{EVENTS_MAX, EVENTS_PER_INSTANT_MAX, OUTBOX_LEN_MAX, WAKE_INTERVAL_MIN};
use crate::link::{Ending, LinkConfig, Side};
use crate::rng::{Part, Seed};
use crate::shaper::{Shaper, ShaperId, Shapers};

use conn::Conn;

mod conn;
mod connections;

/// One run: hosts of one kind (an enum of kinds, where there are several) and all that is between them.
#[derive(Debug)]
pub struct World<H: Host> {
    queue: EventQueue<Event>,
    seed: Seed,
    links_rng: Rng,
    hosts: BTreeMap<HostId, Resident<H>>,
    /// By the number of the link, which [`ConnId`]s of both ends carry.
    conns: BTreeMap<u64, Conn>,
    link_next: u64,
    stay_next: u64,
    paths: BTreeMap<(HostId, HostId), LinkConfig>,
    path_default: LinkConfig,
    shapers: Shapers,
    /// What happens at this instant and has not reached its host yet.
    inputs: VecDeque<(HostId, Input<H::Job>)>,
    trace: TraceHash,
    instant: Instant,
    count_at_instant: u32,
}

/// What was there when a host crashed.
#[derive(Debug)]
pub struct Crashed<H: Host> {
    /// The host.
    pub host: H,
    /// Disk jobs that were running, in the order they would have ended.
    pub running: Vec<H::Job>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Timeout(HostId),
    Disk(HostId),
    Link(u64),
    DialFailed { host: HostId, stay: u64, peer: HostId },
}

#[derive(Debug)]
struct Resident<H: Host> {
    host: H,
    /// Which of all stays in this world this is: what was for an earlier stay of the same host is not for this one.
    stay: u64,
    config: HostConfig,
    uplink: Option<ShaperId>,
    downlink: Option<ShaperId>,
    disk: Disk<H::Job>,
    liveness: Liveness<H::Wake>,
    /// The event at the host's next timeout.
    timeout: Option<EventId>,
    /// The event at the disk's next end of a job.
    disk_timeout: Option<EventId>,
}

/// Making a world, and changing it as a plan says.
impl<H: Host> World<H> {
    /// An empty world. `base` is where its time starts; any instant does.
    pub fn new(base: Instant, seed: Seed, path_default: LinkConfig) -> Self {
        Self {
            queue: EventQueue::new(Clock::new(base), EVENTS_MAX),
            seed,
            links_rng: seed.stream(Part::Links),
            hosts: BTreeMap::new(),
            conns: BTreeMap::new(),
            link_next: 0,
            stay_next: 0,
            paths: BTreeMap::new(),
            path_default,
            shapers: Shapers::default(),
            inputs: VecDeque::new(),
            trace: TraceHash::default(),
            instant: base,
            count_at_instant: 0,
        }
    }

    /// Somebody joins, or comes back.
    ///
    /// # Panics
    /// When that host is there already.
    ///
    /// # Errors
    /// When what it does at once breaks a rule.
    pub fn join(&mut self, id: HostId, host: H, config: HostConfig) -> Result<(), Violation> {
        assert!(!self.hosts.contains_key(&id), "{id} is there already");
        let now = self.queue.now();
        let shapers = &mut self.shapers;
        let mut line = |rate: Option<BytesPerSec>| rate.map(|rate| shapers.add(Shaper::new(now, rate)));
        let (uplink, downlink) = (line(config.uplink), line(config.downlink));
        let resident = Resident {
            host,
            stay: self.stay_next,
            config,
            uplink,
            downlink,
            disk: Disk::new(config.disk, self.seed.stream(Part::Disk(id.get()))),
            liveness: Liveness::new(WAKE_INTERVAL_MIN),
            timeout: None,
            disk_timeout: None,
        };
        self.stay_next += 1;
        self.hosts.insert(id, resident);
        self.record("join", id, None, &[]);
        self.after_host(id)?;
        self.settle()
    }

    /// Somebody leaves without a word: its connections are lost. Gives back the host for a last look.
    ///
    /// # Errors
    /// When what the others do then breaks a rule.
    pub fn leave(&mut self, id: HostId) -> Result<Option<H>, Violation> {
        Ok(self.crash(id)?.map(|crashed| crashed.host))
    }

    /// As [`World::leave`]; with the disk jobs that were running, and were done in part.
    ///
    /// # Errors
    /// When what the others do then breaks a rule.
    pub fn crash(&mut self, id: HostId) -> Result<Option<Crashed<H>>, Violation> {
        let Some(resident) = self.hosts.remove(&id) else { return Ok(None) };
        for event in [resident.timeout, resident.disk_timeout].into_iter().flatten() {
            self.queue.cancel(event);
        }
        self.record("leave", id, None, &[]);
        self.lose_where(|conn| Side::ALL.iter().any(|&side| conn.host(side) == id))?;
        Ok(Some(Crashed { host: resident.host, running: resident.disk.into_running() }))
    }

    /// What the way between two hosts is like, for connections made from now on.
    pub fn set_path(&mut self, one: HostId, other: HostId, config: LinkConfig) {
        self.paths.insert((one.min(other), one.max(other)), config);
    }

    /// Another rate for what a host has on the way out, from now on. It counts for connections of later when the host
    /// had no bound before.
    pub fn set_uplink(&mut self, id: HostId, rate: BytesPerSec) {
        let now = self.queue.now();
        let Some(resident) = self.hosts.get_mut(&id) else { return };
        resident.config.uplink = Some(rate);
        match resident.uplink {
            Some(uplink) => self.shapers.shaper_mut(uplink).set_rate(now, rate),
            None => resident.uplink = Some(self.shapers.add(Shaper::new(now, rate))),
        }
    }

    /// From here on a host's disk jobs fail, or work again.
    pub fn set_disk_failing(&mut self, id: HostId, failing: bool) {
        if let Some(resident) = self.hosts.get_mut(&id) {
            resident.disk.set_failing(failing);
        }
    }

    /// The network drops every connection between two hosts; both learn. Says how many those were.
    ///
    /// # Errors
    /// When what they do then breaks a rule.
    pub fn drop_connections(&mut self, one: HostId, other: HostId) -> Result<usize, Violation> {
        self.lose_where(|conn| conn.is_between(one, other))
    }

    /// Nothing moves between two hosts for a while; nobody learns. Says on how many connections.
    pub fn stall(&mut self, one: HostId, other: HostId, lasting: Duration) -> usize {
        let until = self.queue.now() + lasting;
        let links: Vec<u64> = self.conns.iter().filter(|(_, c)| c.is_between(one, other)).map(|(id, _)| *id).collect();
        for &link in &links {
            if let Some(conn) = self.conns.get_mut(&link) {
                conn.link.stall(until);
            }
            self.schedule_link(link);
        }
        links.len()
    }

    /// Does something with a host from outside (a viewer seeks), and lets it act on that.
    ///
    /// # Panics
    /// When nobody of that name is there.
    ///
    /// # Errors
    /// When what it does then breaks a rule.
    pub fn with_host<R>(&mut self, id: HostId, act: impl FnOnce(&mut H, Instant) -> R) -> Result<R, Violation> {
        let now = self.queue.now();
        let resident = self.hosts.get_mut(&id).expect("whoever acts knows who is there");
        let result = act(&mut resident.host, now);
        resident.liveness.observe_progress();
        self.after_host(id)?;
        self.settle()?;
        Ok(result)
    }
}

/// Letting time pass, and looking.
impl<H: Host> World<H> {
    /// Runs up to `end`, inclusive.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn run_until(&mut self, end: Instant) -> Result<(), Violation> {
        while let Some(event) = self.queue.pop_until(end) {
            self.handle_event(event)?;
        }
        self.queue.advance_to(end);
        Ok(())
    }

    /// Runs for so long.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        self.run_until(self.queue.now() + time)
    }

    /// Runs until `done` holds after some event; says how long that took.
    ///
    /// # Errors
    /// The first rule that was broken, or that `what` did not happen within `bound`.
    pub fn run_until_done(
        &mut self,
        what: &str,
        bound: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Result<Duration, Violation> {
        let start = self.queue.now();
        while !done(self) {
            let Some(event) = self.queue.pop_until(start + bound) else {
                return Err(Violation::Late { what: what.to_owned(), bound });
            };
            self.handle_event(event)?;
        }
        Ok(self.queue.now() - start)
    }

    /// The clock.
    pub const fn clock(&self) -> Clock {
        self.queue.clock()
    }

    /// What the run is named by.
    pub const fn seed(&self) -> Seed {
        self.seed
    }

    /// A host, when it is there.
    pub fn host(&self, id: HostId) -> Option<&H> {
        self.hosts.get(&id).map(|resident| &resident.host)
    }

    /// Everybody, in order.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &H)> {
        self.hosts.iter().map(|(id, resident)| (*id, &resident.host))
    }

    /// Connections that at least one end holds open or is about to.
    pub fn connection_count(&self) -> usize {
        self.conns.len()
    }

    /// The hash over all that has happened.
    pub fn trace_hash(&self) -> String {
        self.trace.digest()
    }
}

impl<H: Host> World<H> {
    fn handle_event(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Timeout(id) => self.handle_timeout(id)?,
            Event::Disk(id) => self.handle_disk(id),
            Event::Link(link) => {
                if let Some(conn) = self.conns.get_mut(&link) {
                    conn.scheduled = None;
                    conn.link.handle_timeout(self.queue.now(), &mut self.shapers);
                }
                self.after_link(link);
            }
            Event::DialFailed { host, stay, peer } => {
                if self.hosts.get(&host).is_some_and(|resident| resident.stay == stay) {
                    self.inputs.push_back((host, Input::DialFailed { peer }));
                }
            }
        }
        self.settle()
    }

    fn handle_timeout(&mut self, id: HostId) -> Result<(), Violation> {
        let now = self.queue.now();
        let Some(resident) = self.hosts.get_mut(&id) else { return Ok(()) };
        resident.timeout = None;
        if let Some((_, wake)) = resident.host.poll_timeout().filter(|(at, _)| *at <= now) {
            resident.liveness.observe_wake(now, wake)?;
            resident.host.handle_timeout(now);
            self.record("timeout", id, None, format!("{wake:?}").as_bytes());
        }
        self.count()?;
        self.after_host(id)
    }

    fn handle_disk(&mut self, id: HostId) {
        let Some(resident) = self.hosts.get_mut(&id) else { return };
        resident.disk_timeout = None;
        resident.disk.handle_timeout(self.queue.now());
        while let Some(done) = resident.disk.poll_output() {
            self.inputs.push_back((id, Input::Disk(done)));
        }
        self.schedule_disk(id);
    }

    /// Hands out inputs until nothing more follows at this instant.
    fn settle(&mut self) -> Result<(), Violation> {
        while let Some((id, input)) = self.inputs.pop_front() {
            self.count()?;
            self.record_input(id, &input);
            let now = self.queue.now();
            let Some(resident) = self.hosts.get_mut(&id) else { continue };
            resident.liveness.observe_progress();
            resident.host.handle_input(now, input);
            self.after_host(id)?;
        }
        Ok(())
    }

    /// What follows every call into a host: its outputs, its rules, its next timeout.
    fn after_host(&mut self, id: HostId) -> Result<(), Violation> {
        while let Some(resident) = self.hosts.get_mut(&id)
            && let Some(output) = resident.host.poll_output()
        {
            resident.liveness.observe_progress();
            self.count()?;
            self.carry_out(id, output)?;
        }
        let Some(resident) = self.hosts.get_mut(&id) else { return Ok(()) };
        resident.host.check().map_err(|rule| Violation::Host { host: id.get(), rule })?;
        let next = resident.host.poll_timeout().map(|(at, _)| at);
        reschedule(&mut self.queue, &mut resident.timeout, next, Event::Timeout(id));
        Ok(())
    }

    fn carry_out(&mut self, id: HostId, output: Output<H::Job>) -> Result<(), Violation> {
        let now = self.queue.now();
        match output {
            Output::Dial { peer } => self.dial(id, peer),
            Output::Send { conn, bytes } => {
                let Some(known) = self.open_conn(id, conn) else { return Ok(()) };
                let len = known.queue(conn.side(), bytes);
                if len > OUTBOX_LEN_MAX {
                    return Err(Violation::OutboxFull { host: id.get(), len });
                }
                self.write(conn);
                self.schedule_link(conn.link);
            }
            Output::Reading { conn, reading } => {
                let Some(known) = self.open_conn(id, conn) else { return Ok(()) };
                known.link.set_reading(now, conn.side(), reading);
                self.schedule_link(conn.link);
            }
            Output::Close { conn } => {
                let Some(known) = self.open_conn(id, conn) else { return Ok(()) };
                known.link.close(now, conn.side());
                self.record("close", id, Some(conn), &[]);
                self.inputs.retain(|(_, input)| input.conn() != Some(conn));
                self.after_link(conn.link);
            }
            Output::Disk { job, len } => {
                let Some(resident) = self.hosts.get_mut(&id) else { return Ok(()) };
                let submitted = resident.disk.submit(now, job, len);
                submitted.map_err(|_| Violation::DiskFull { host: id.get() })?;
                self.schedule_disk(id);
            }
        }
        Ok(())
    }

    fn schedule_disk(&mut self, id: HostId) {
        if let Some(resident) = self.hosts.get_mut(&id) {
            reschedule(&mut self.queue, &mut resident.disk_timeout, resident.disk.poll_timeout(), Event::Disk(id));
        }
    }

    fn count(&mut self) -> Result<(), Violation> {
        if self.queue.now() > self.instant {
            self.instant = self.queue.now();
            self.count_at_instant = 0;
        }
        self.count_at_instant += 1;
        if self.count_at_instant > EVENTS_PER_INSTANT_MAX {
            return Err(Violation::TimeStands { count: self.count_at_instant, at: self.queue.clock().elapsed() });
        }
        Ok(())
    }

    fn record_input(&mut self, id: HostId, input: &Input<H::Job>) {
        match input {
            Input::Connected { conn, peer } => self.record("connected", id, Some(*conn), &peer.get().to_le_bytes()),
            Input::DialFailed { peer } => self.record("dial failed", id, None, &peer.get().to_le_bytes()),
            Input::Bytes { conn, bytes } => self.record("bytes", id, Some(*conn), bytes),
            Input::Written { conn, bytes } => self.record("written", id, Some(*conn), &(*bytes as u64).to_le_bytes()),
            Input::Ended { conn, ending: Ending::Closed } => self.record("closed", id, Some(*conn), &[]),
            Input::Ended { conn, ending: Ending::Lost } => self.record("lost", id, Some(*conn), &[]),
            Input::Disk(done) => self.record("disk", id, None, &[u8::from(done.result.is_ok())]),
        }
    }

    fn record(&mut self, what: &str, host: HostId, conn: Option<ConnId>, payload: &[u8]) {
        let numbers = [u64::from(host.get()), conn.map_or(u64::MAX, ConnId::get)];
        self.trace.record(self.queue.clock().elapsed(), what, &numbers, payload);
    }
}

/// Moves an event to where it is due now.
fn reschedule(queue: &mut EventQueue<Event>, slot: &mut Option<EventId>, next: Option<Instant>, event: Event) {
    // One that stays keeps its place among those of its instant.
    if slot.map(EventId::at) == next {
        return;
    }
    if let Some(id) = slot.take() {
        queue.cancel(id);
    }
    *slot = next.map(|at| queue.push_at(at, event));
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

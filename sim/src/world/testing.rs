//! The simplest host there is: calls whom it is told to, says so many bytes to everybody, and remembers what it heard.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bittorrent_proto::units::ByteLen;
use bytes::Bytes;

use crate::disk::Done;
use crate::host::{ConnId, Host, HostId, Input, Output};
use crate::link::Ending;

#[derive(Debug, Default)]
pub(crate) struct Talker {
    pub(crate) says_len: u64,
    pub(crate) outputs: VecDeque<Output<u32>>,
    pub(crate) conns: BTreeMap<ConnId, HostId>,
    pub(crate) heard: BTreeMap<ConnId, Vec<u8>>,
    pub(crate) written: BTreeMap<ConnId, usize>,
    pub(crate) endings: Vec<(ConnId, Ending)>,
    pub(crate) unanswered: Vec<HostId>,
    pub(crate) jobs: Vec<Done<u32>>,
    /// The next tick, and the time between two.
    pub(crate) ticks: Option<(Instant, Duration)>,
    pub(crate) ticked: u32,
    /// Hangs up on whoever calls.
    pub(crate) hangs_up: bool,
    /// Hangs up at the first bytes it hears.
    pub(crate) hangs_up_on_bytes: bool,
    /// Breaks its own rule once it heard anything.
    pub(crate) is_shy: bool,
    /// Always has one more output.
    pub(crate) babbles: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TalkerWake {
    Tick,
}

impl Talker {
    /// Calls everybody in `calls`, and says `says_len` bytes on every connection.
    pub(crate) fn new(calls: Vec<HostId>, says_len: u64) -> Self {
        let outputs = calls.into_iter().map(|peer| Output::Dial { peer }).collect();
        Self { says_len, outputs, ..Self::default() }
    }

    /// Says more to everybody.
    pub(crate) fn talk(&mut self, len: u64) {
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            self.output(Output::Send { conn, bytes: speech(len) });
        }
    }

    pub(crate) fn output(&mut self, output: Output<u32>) {
        self.outputs.push_back(output);
    }

    pub(crate) fn job(&mut self, job: u32) {
        self.output(Output::Disk { job, len: ByteLen::new(1000) });
    }

    pub(crate) fn heard_len(&self) -> usize {
        self.heard.values().map(Vec::len).sum()
    }
}

/// The bytes that everybody says.
pub(crate) fn speech(len: u64) -> Bytes {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

impl Host for Talker {
    type Job = u32;
    type Wake = TalkerWake;

    fn handle_input(&mut self, _now: Instant, input: Input<u32>) {
        match input {
            Input::Connected { conn, peer } => {
                self.conns.insert(conn, peer);
                if self.hangs_up {
                    self.output(Output::Close { conn });
                } else if self.says_len > 0 {
                    self.output(Output::Send { conn, bytes: speech(self.says_len) });
                }
            }
            Input::DialFailed { peer } => self.unanswered.push(peer),
            Input::Bytes { conn, bytes } => {
                self.heard.entry(conn).or_default().extend_from_slice(&bytes);
                if self.hangs_up_on_bytes {
                    self.output(Output::Close { conn });
                }
            }
            Input::Written { conn, bytes } => *self.written.entry(conn).or_default() += bytes,
            Input::Ended { conn, ending } => {
                self.conns.remove(&conn).expect("only a connection that was open ends");
                self.endings.push((conn, ending));
            }
            Input::Disk(done) => self.jobs.push(done),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((at, interval)) = &mut self.ticks
            && *at <= now
        {
            *at += *interval;
            self.ticked += 1;
        }
    }

    fn poll_output(&mut self) -> Option<Output<u32>> {
        if self.babbles {
            return Some(Output::Dial { peer: HostId::new(9) });
        }
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, TalkerWake)> {
        self.ticks.map(|(at, _)| (at, TalkerWake::Tick))
    }

    fn check(&self) -> Result<(), String> {
        if self.is_shy && self.heard_len() > 0 { Err("it was spoken to".into()) } else { Ok(()) }
    }
}

//! What a run does to its world, as prose: each step says in a sentence what happens, and a broken rule says in which.

use std::fmt::{self, Display};
use std::time::Duration;

use bittorrent_proto::units::BytesPerSec;

use crate::check::Violation;
use crate::disk::files::Crash;
use crate::host::{Host, HostId};
use crate::world::World;

/// One thing that happens. `C` is what the run can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<C> {
    /// Somebody comes. Who that is, the run knows.
    Join {
        /// As prose.
        description: String,
        /// Who.
        host: HostId,
    },
    /// Somebody goes without a word.
    Leave {
        /// As prose.
        description: String,
        /// Who.
        host: HostId,
    },
    /// Somebody's process or machine ends in the middle of everything. What its disk keeps, the run knows.
    Crash {
        /// As prose.
        description: String,
        /// Whose.
        host: HostId,
        /// How.
        crash: Crash,
    },
    /// A viewer jumps.
    Seek {
        /// As prose.
        description: String,
        /// Whose player.
        host: HostId,
        /// To which byte of the film.
        to: u64,
    },
    /// The network drops what connects two hosts.
    DropConnection {
        /// As prose.
        description: String,
        /// Whom it connects.
        between: (HostId, HostId),
    },
    /// Nothing moves between two hosts for a while, and nobody is told.
    Stall {
        /// As prose.
        description: String,
        /// Whom it connects.
        between: (HostId, HostId),
        /// How long.
        lasting: Duration,
    },
    /// A host's line out becomes slower or faster.
    Uplink {
        /// As prose.
        description: String,
        /// Whose.
        host: HostId,
        /// From then on.
        rate: BytesPerSec,
    },
    /// A host's disk fails, or works again.
    DiskFailing {
        /// As prose.
        description: String,
        /// Whose.
        host: HostId,
        /// Whether it fails from then on.
        failing: bool,
    },
    /// Something must hold, now or soon.
    Check {
        /// As prose.
        description: String,
        /// What the run makes of it.
        check: C,
    },
}

impl<C> Step<C> {
    /// What happens, in a sentence.
    pub fn description(&self) -> &str {
        match self {
            Self::Join { description, .. }
            | Self::Leave { description, .. }
            | Self::Crash { description, .. }
            | Self::Seek { description, .. }
            | Self::DropConnection { description, .. }
            | Self::Stall { description, .. }
            | Self::Uplink { description, .. }
            | Self::DiskFailing { description, .. }
            | Self::Check { description, .. } => description,
        }
    }
}

/// Steps in the order they happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<C> {
    /// When after the start, and what.
    steps: Vec<(Duration, Step<C>)>,
}

impl<C> Default for Plan<C> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

impl<C> Plan<C> {
    /// Adds a step that happens so long after the start, behind those of the same moment.
    #[must_use]
    pub fn at(mut self, since_start: Duration, step: Step<C>) -> Self {
        let place = self.steps.partition_point(|(at, _)| *at <= since_start);
        self.steps.insert(place, (since_start, step));
        self
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[(Duration, Step<C>)] {
        &self.steps
    }

    /// Lives through the plan. What concerns the network and disks is done here; `act` does the rest: [`Step::Join`],
    /// [`Step::Crash`], [`Step::Seek`] and [`Step::Check`]. A check that takes time (see [`World::run_until_done`]) delays what follows.
    ///
    /// # Errors
    /// The first rule that was broken; in a step, [`Violation::InStep`] says in which.
    pub fn play<H: Host>(
        &self,
        world: &mut World<H>,
        mut act: impl FnMut(&mut World<H>, &Step<C>) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        for (since_start, step) in &self.steps {
            world.run_until(world.clock().at(*since_start).max(world.clock().now()))?;
            let done = match step {
                Step::Join { .. } | Step::Crash { .. } | Step::Seek { .. } | Step::Check { .. } => act(world, step),
                Step::Leave { host, .. } => world.leave(*host).map(drop),
                Step::DropConnection { between, .. } => world.drop_connections(between.0, between.1).map(drop),
                Step::Stall { between, lasting, .. } => {
                    world.stall(between.0, between.1, *lasting);
                    Ok(())
                }
                Step::Uplink { host, rate, .. } => {
                    world.set_uplink(*host, *rate);
                    Ok(())
                }
                Step::DiskFailing { host, failing, .. } => {
                    world.set_disk_failing(*host, *failing);
                    Ok(())
                }
            };
            done.map_err(|violation| Violation::InStep {
                description: step.description().to_owned(),
                violation: Box::new(violation),
            })?;
        }
        Ok(())
    }
}

impl<C> Display for Plan<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in &self.steps {
            writeln!(f, "{:>8.3} s  {}", at.as_secs_f64(), step.description())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

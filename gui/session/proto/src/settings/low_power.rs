//! Whether a machine is to be spared.

use std::fmt;

/// What is known of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine<'a> {
    /// Cores that this program may use.
    pub cores: usize,
    /// As Rust calls it: `x86_64`, `aarch64`.
    pub architecture: &'a str,
    /// The highest clock rate of a core, in MHz, where the system tells.
    pub core_mhz_max: Option<u32>,
    /// In MiB, where the system tells.
    pub memory_mib: Option<u64>,
}

/// Why a machine is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallBecause {
    /// Its user wants it so.
    Chosen,
    /// It has one core.
    OneCore,
    /// It has a few cores as in a phone or a Raspberry Pi: so many.
    Arm(usize),
    /// It has a few cores, and slow ones.
    Slow {
        /// So many.
        cores: usize,
        /// In MHz, at best.
        mhz: u32,
    },
    /// It has a few cores, and little memory.
    Memory {
        /// So many.
        cores: usize,
        /// In MiB.
        mib: u64,
    },
}

/// With more cores, one of them is always free for the picture.
const CORES_MAX: usize = 4;

/// A Raspberry Pi 5 has 2,400 MHz; ARM cores above are of laptops and servers.
const ARM_MHZ_MAX: u32 = 2_600;

/// Decoding 1080p without help takes about one core of 2 GHz.
const MHZ_MAX: u32 = 2_000;

/// "2 GB" as systems show it is somewhat less than 2,048 MiB.
const MEMORY_MIB_MAX: u64 = 2_048;

impl Machine<'_> {
    /// Why it is small: at most four cores, and these of ARM, slow, or with little memory. `None` if it is not.
    pub fn is_small(&self) -> Option<SmallBecause> {
        let cores = self.cores;
        if cores > CORES_MAX {
            return None;
        }
        if cores <= 1 {
            return Some(SmallBecause::OneCore);
        }
        let is_arm = matches!(self.architecture, "arm" | "aarch64");
        if is_arm && self.core_mhz_max.is_none_or(|mhz| mhz <= ARM_MHZ_MAX) {
            return Some(SmallBecause::Arm(cores));
        }
        if let Some(mhz) = self.core_mhz_max.filter(|&mhz| mhz <= MHZ_MAX) {
            return Some(SmallBecause::Slow { cores, mhz });
        }
        let little = self.memory_mib.filter(|&mib| mib <= MEMORY_MIB_MAX);
        little.map(|mib| SmallBecause::Memory { cores, mib })
    }
}

/// The end of "Sparing this machine: …".
impl fmt::Display for SmallBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => write!(f, "you chose so"),
            Self::OneCore => write!(f, "it has one core"),
            Self::Arm(cores) => write!(f, "it has {cores} ARM cores"),
            Self::Slow { cores, mhz } => write!(f, "it has {cores} cores of at most {mhz} MHz"),
            Self::Memory { cores, mib } => write!(f, "it has {cores} cores and {mib} MiB of memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LowPower, Settings};
    use super::*;

    #[test]
    fn machines() {
        let machine = |cores, architecture, mhz, mib| Machine {
            cores,
            architecture,
            core_mhz_max: (mhz > 0).then_some(mhz),
            memory_mib: (mib > 0).then_some(mib),
        };
        for (name, machine, small) in [
            ("Pi 3", machine(4, "arm", 1_200, 922), Some(SmallBecause::Arm(4))),
            ("Pi 5", machine(4, "aarch64", 2_400, 8_062), Some(SmallBecause::Arm(4))),
            ("an ARM board that tells nothing", machine(4, "aarch64", 0, 0), Some(SmallBecause::Arm(4))),
            ("an ARM laptop", machine(8, "aarch64", 3_200, 16_000), None),
            ("four fast ARM cores", machine(4, "aarch64", 3_200, 16_000), None),
            ("an old netbook", machine(2, "x86_64", 1_660, 4_000), Some(SmallBecause::Slow { cores: 2, mhz: 1_660 })),
            ("a small server", machine(2, "x86_64", 0, 1_980), Some(SmallBecause::Memory { cores: 2, mib: 1_980 })),
            ("a laptop", machine(4, "x86_64", 3_400, 8_000), None),
            ("a laptop that tells nothing", machine(4, "x86_64", 0, 0), None),
            ("eight slow cores", machine(8, "x86_64", 1_500, 1_000), None),
            ("one core", machine(1, "x86_64", 4_000, 8_000), Some(SmallBecause::OneCore)),
        ] {
            assert_eq!(machine.is_small(), small, "{name}");
        }
    }

    #[test]
    fn what_was_chosen_counts() {
        let pi = Machine { cores: 4, architecture: "aarch64", core_mhz_max: Some(1_800), memory_mib: Some(3_800) };
        let big = Machine { cores: 16, architecture: "x86_64", core_mhz_max: None, memory_mib: None };
        let with = |low_power| Settings { low_power, ..Settings::default() };
        assert_eq!(with(LowPower::Auto).spares(&pi).unwrap().to_string(), "it has 4 ARM cores");
        assert_eq!((with(LowPower::Off).spares(&pi), with(LowPower::Auto).spares(&big)), (None, None));
        assert_eq!(with(LowPower::On).spares(&big), Some(SmallBecause::Chosen));
    }
}

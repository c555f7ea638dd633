//! What this machine is.

use session_proto::settings::Machine;

/// As far as the system tells; reads a few lines of it.
pub fn machine() -> Machine<'static> {
    Machine {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        architecture: std::env::consts::ARCH,
        core_mhz_max: core_khz_max().map(|khz| khz / 1000),
        memory_mib: memory_kib().map(|kib| kib / 1024),
    }
}

/// Linux's; other systems have no file of that name.
fn core_khz_max() -> Option<u32> {
    std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").ok()?.trim().parse().ok()
}

/// The same.
fn memory_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_one_has_cores_and_memory() {
        let machine = machine();
        assert!(machine.cores >= 1 && machine.memory_mib.is_some_and(|mib| mib > 64), "{machine:?}");
    }
}

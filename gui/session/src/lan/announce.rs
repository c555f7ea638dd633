//! A room announced to the local network, for as long as this machine hosts it.

use std::thread;
use std::time::Instant;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use signal_proto::ids::RoomCode;

use super::limits::WITHDRAW_PATIENCE;
use super::{LanError, SERVICE, record};

/// A room that others on this network find. Dropping it takes it back, which waits for a moment until the goodbye is out.
pub struct Announcement {
    daemon: ServiceDaemon,
}

impl Announcement {
    /// Announces a room whose server listens at that port of every address. Others find it about a second later: the network is
    /// first asked whether the name is free (RFC 6762, section 8.1). Changed addresses of this machine are announced by themselves.
    ///
    /// # Errors
    /// When there is no multicast DNS on this machine.
    pub fn start(code: &RoomCode, host_name: &str, port: u16) -> Result<Self, LanError> {
        let daemon = ServiceDaemon::new()?;
        // From here on the thread ends with the value.
        let announcement = Self { daemon };
        let machine = format!("sharestream-{}.local.", code.as_str().to_ascii_lowercase());
        let properties = record::properties(code, host_name, env!("CARGO_PKG_VERSION"));
        let service = ServiceInfo::new(SERVICE, code.as_str(), &machine, (), port, &properties[..])?.enable_addr_auto();
        announcement.daemon.register(service)?;
        Ok(announcement)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let deadline = Instant::now() + WITHDRAW_PATIENCE;
        loop {
            match self.daemon.shutdown() {
                Ok(ended) => {
                    // It answers after its goodbyes went out; a machine that does not get that far is not waited for.
                    let _ = ended.recv_deadline(deadline);
                    return;
                }
                // Its queue is full for a moment.
                Err(mdns_sd::Error::Again) if Instant::now() < deadline => thread::yield_now(),
                Err(error) => {
                    log::warn!("the room's announcement is not taken back: {error}");
                    return;
                }
            }
        }
    }
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Announcement")
    }
}

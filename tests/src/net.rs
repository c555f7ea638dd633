//! A network of a test's own: a street with a switch, and hosts at it that have addresses as real ones do.
//!
//! Each is a network namespace of Linux, held open by a child that waits for the end of its input. So all of it goes with
//! the value, and with the test's process when that is killed. Programs that a closure starts in [`Host::inside`] live
//! there, and so do the sockets that it opens; the thread that made the [`Network`] stands in the street.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::process::Command;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::{Program, find};
use crate::{SOON, within};

/// The street, and the way back.
pub struct Network {
    /// Where the thread was before.
    home: File,
    street: Namespace,
    host_count: u8,
}

/// Which addresses a host has, loopback apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// One that looks public, one of a private network, and IPv6: what a machine at home and at work has by turns.
    All,
    /// IPv6 alone.
    V6,
}

/// What lies between a machine and the street.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// To the street and back.
    pub round_trip: Duration,
    /// So many hundredths of the packets are lost, in each direction.
    pub loss_percent: f64,
    /// Bytes a second in each direction; `None`: as many as the machine can move.
    pub rate: Option<u32>,
}

/// A machine at the street. Whatever runs in it must end before it.
pub struct Host {
    namespace: Namespace,
    /// At the end of its addresses.
    number: u8,
    /// Where it is plugged in.
    port: u8,
    /// What holds its line, when that is a long one.
    _line: Option<Program>,
}

/// The street's number at the end of all addresses; hosts count on from it.
const STREET: u8 = 1;

impl Network {
    /// Makes the street and moves this thread there. `None` when `SHARESTREAM_NO_NAMESPACES` is set; panics where
    /// namespaces are not allowed.
    pub fn new() -> Option<Self> {
        if std::env::var_os("SHARESTREAM_NO_NAMESPACES").is_some() {
            return None;
        }
        let home = File::open("/proc/thread-self/ns/net").expect("Linux says which network a thread is in");
        let street = Namespace::new();
        street.enter();
        ip("link set lo up");
        ip("link add street type bridge");
        ip("link set street up");
        configure("street", STREET, Addresses::All);
        Some(Self { home, street, host_count: STREET })
    }

    /// One more host.
    pub fn host(&mut self, addresses: Addresses) -> Host {
        self.plug_in(addresses, |number, host| {
            ip(&format!("link add port{number} type veth peer name eth0 netns {host}"));
            None
        })
    }

    /// One more host, at the end of a line. It needs Linux's TUN devices.
    pub fn far_host(&mut self, addresses: Addresses, line: Line) -> Host {
        self.plug_in(addresses, |number, host| {
            let (far, port) = (format!("far{number}"), format!("port{number}"));
            let delay_ms = line.round_trip.as_secs_f64() * 500.0;
            let mut command = Command::new(find("python3"));
            command.arg(crate::built::package_dir().join("python/line.py")).args([&far, &port]);
            command.args([delay_ms.to_string(), line.loss_percent.to_string()]);
            command.args([line.rate.unwrap_or(0).to_string(), number.to_string()]);
            let mut held = Program::start(&mut command);
            within(SOON, "both ends of the line are there", || {
                let ended = held.wait(Duration::ZERO);
                assert!(ended.is_none(), "{}", held.stderr.text());
                held.stdout.text().contains("ready").then_some(())
            });
            ip(&format!("link set {far} netns {host} name eth0"));
            Some(held)
        })
    }

    /// `plug` makes `eth0` in the namespace of that process, and `portNUMBER` here.
    fn plug_in(&mut self, addresses: Addresses, plug: impl FnOnce(u8, u32) -> Option<Program>) -> Host {
        self.host_count = self.host_count.checked_add(1).expect("a street has less than 255 hosts");
        let (namespace, number) = (Namespace::new(), self.host_count);
        let line = plug(number, namespace.holder.id());
        ip(&format!("link set port{number} master street up"));
        let host = Host { namespace, number, port: number, _line: line };
        host.inside(|| {
            ip("link set lo up");
            ip("link set eth0 up");
            configure("eth0", number, addresses);
            // Programs that ask which address leads to the world need a way there.
            if addresses == Addresses::All {
                ip(&format!("route add default via {}", public(STREET)));
            }
            ip(&format!("-6 route add default via {}", v6(STREET)));
        });
        host
    }

    /// Pulls a host's plug, or puts it back. Its programs are told nothing.
    pub fn plug(&self, host: &Host, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        ip(&format!("link set port{} {state}", host.port));
    }

    /// The street's own public address, for a tracker that everybody reaches.
    pub fn address(&self) -> IpAddr {
        public(STREET).into()
    }

    /// The same in IPv6.
    pub fn address_v6(&self) -> IpAddr {
        v6(STREET).into()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A thread that cannot go back ends with its test anyway.
        let _ = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network));
        self.street.holder.close_stdin();
    }
}

impl Host {
    /// Runs this there and waits for it.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let there = || {
            self.namespace.enter();
            run()
        };
        std::thread::scope(|scope| scope.spawn(there).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Its address that looks public: of 198.18.0.0/15, which is for tests of networks (RFC 2544).
    pub fn public(&self) -> IpAddr {
        public(self.number).into()
    }

    /// Its address in a private network.
    pub fn private(&self) -> IpAddr {
        private(self.number).into()
    }

    /// Its IPv6 address, of the range that is for documentation (RFC 3849).
    pub fn v6(&self) -> IpAddr {
        v6(self.number).into()
    }

    /// Gives up its IPv4 addresses and takes others, as a laptop does that goes from one network to another.
    pub fn move_house(&mut self, number: u8) {
        let (old, route) = (self.number, format!("route replace default via {}", public(STREET)));
        self.inside(|| {
            ip(&format!("address del {}/24 dev eth0", public(old)));
            ip(&format!("address del {}/24 dev eth0", private(old)));
            ip(&format!("address del {}/64 dev eth0", v6(old)));
            configure("eth0", number, Addresses::All);
            ip(&route);
        });
        self.number = number;
    }
}

const fn public(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, 0, number)
}

const fn private(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, number)
}

fn v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x18, 0, 0, 0, 0, number.into())
}

/// Gives an interface of this thread's namespace its addresses. `nodad`: nobody else can have them, so none is kept
/// waiting for a second while the others are asked.
fn configure(interface: &str, number: u8, addresses: Addresses) {
    match addresses {
        Addresses::All => {
            ip(&format!("address add {}/24 dev {interface}", public(number)));
            ip(&format!("address add {}/24 dev {interface}", private(number)));
        }
        Addresses::V6 => {}
    }
    ip(&format!("address add {}/64 dev {interface} nodad", v6(number)));
}

/// `ip` with these words, in this thread's namespace.
fn ip(words: &str) {
    let mut command = Command::new(find("ip"));
    Program::start(command.args(words.split(' '))).must_succeed(SOON);
}

/// A network namespace, for as long as its holder runs.
struct Namespace {
    holder: Program,
    file: File,
}

impl Namespace {
    fn new() -> Self {
        // `cat` ends when its input does: with the value, or with this process however that ends.
        let mut holder = Program::start(Command::new(find("unshare")).args(["--net", "cat"]));
        let file = within(SOON, "a network namespace of its own", || {
            let status = holder.wait(Duration::ZERO);
            assert!(status.is_none(), "{}\n{HELP}", holder.stderr.text());
            let ours = std::fs::read_link("/proc/thread-self/ns/net").expect("Linux says which network this is");
            let path = format!("/proc/{}/ns/net", holder.id());
            let is_own = std::fs::read_link(&path).is_ok_and(|its| its != ours);
            is_own.then(|| File::open(&path).expect("a namespace of our own child"))
        });
        Self { holder, file }
    }

    fn enter(&self) {
        let entered = move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network));
        entered.unwrap_or_else(|error| panic!("{error}\n{HELP}"));
    }
}

const HELP: &str = "This test makes networks of its own and may not. Run it as root, or as \
    `unshare --user --map-root-user ./test NAME`; or set SHARESTREAM_NO_NAMESPACES=1 to leave such tests out.";

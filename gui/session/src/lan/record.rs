//! What is announced of a room, and what is believed of an announcement. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use engine_proto::words::printable;
use signal_proto::event::cleaned;
use signal_proto::ids::RoomCode;

use super::limits::{ADDRESSES_MAX, HOST_NAME_CHARS_MAX, HOST_NAME_LEN_MAX, VERSION_CHARS_MAX};

/// A room on this network: "Ana's room".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanRoom {
    /// Its code.
    pub code: RoomCode,
    /// Who hosts it; cleaned, and as little proved as any name.
    pub host_name: String,
    /// Of the program that hosts it; cleaned.
    pub version: String,
    /// Its server's, the nearest first; never empty.
    pub addresses: Vec<SocketAddr>,
}

/// A server's URL.
pub(super) fn server_url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The keys of TXT (RFC 6763, section 6.4).
const CODE: &str = "code";
const NAME: &str = "name";
const VERSION: &str = "version";

/// What TXT says of a room.
pub(super) fn properties(code: &RoomCode, host_name: &str, version: &str) -> [(&'static str, String); 3] {
    [(CODE, code.as_str().to_owned()), (NAME, cut(host_name).to_owned()), (VERSION, version.to_owned())]
}

/// An address of an announcement, and whether it was heard on this machine's loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) ip: IpAddr,
    pub(super) on_loopback: bool,
}

/// The room that an announcement is of; `None` for what is none or names no address that is on this network.
pub(super) fn read<'a>(
    property: impl Fn(&str) -> Option<&'a [u8]>,
    heard: impl IntoIterator<Item = Heard>,
    port: u16,
) -> Option<LanRoom> {
    let text = |key| std::str::from_utf8(property(key)?).ok();
    let code = RoomCode::parse(text(CODE)?)?;
    let host_name = shown(text(NAME), HOST_NAME_CHARS_MAX);
    let version = shown(text(VERSION), VERSION_CHARS_MAX);
    // Ordered, so that one network gives one answer.
    let ranked: BTreeSet<(u8, IpAddr)> = heard.into_iter().filter_map(|heard| Some((rank(heard)?, heard.ip))).collect();
    let nearest = ranked.into_iter().take(ADDRESSES_MAX);
    let addresses: Vec<SocketAddr> = nearest.map(|(_, ip)| SocketAddr::new(ip, port)).collect();
    (port != 0 && !addresses.is_empty()).then_some(LanRoom { code, host_name, version, addresses })
}

/// How near an address is; `None` if an announcement may not send anybody there. A stranger on the network could otherwise make
/// everybody call a third machine, or a service of their own. IPv6's link-local addresses need an interface's name, which a URL
/// has no place for.
fn rank(heard: Heard) -> Option<u8> {
    match heard.ip {
        ip if ip.is_loopback() => heard.on_loopback.then_some(0),
        IpAddr::V4(ip) if ip.is_private() => Some(1),
        IpAddr::V4(ip) if ip.is_link_local() => Some(2),
        IpAddr::V6(ip) if ip.is_unique_local() => Some(3),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// A stranger's word as it can be shown.
fn shown(text: Option<&str>, chars_max: usize) -> String {
    printable(&cleaned(text.unwrap_or_default()), chars_max)
}

/// At a character's end.
fn cut(name: &str) -> &str {
    let end = name.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= HOST_NAME_LEN_MAX).last();
    &name[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(addresses: &[&str]) -> Vec<Heard> {
        addresses.iter().map(|ip| Heard { ip: ip.parse().unwrap(), on_loopback: false }).collect()
    }

    fn room(pairs: &[(&str, &[u8])], addresses: &[&str]) -> Option<LanRoom> {
        let property = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        read(property, heard(addresses), 3001)
    }

    fn urls(room: &LanRoom) -> Vec<String> {
        room.addresses.iter().copied().map(server_url).collect()
    }

    #[test]
    fn what_is_announced_is_read_again() {
        let code = RoomCode::parse("abc1-2345").unwrap();
        let told = properties(&code, "Ana", "1.2.3");
        let property = |key: &str| told.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes());
        let room = read(property, heard(&["192.168.1.5"]), 3001).unwrap();
        let expected = LanRoom {
            code,
            host_name: "Ana".into(),
            version: "1.2.3".into(),
            addresses: vec!["192.168.1.5:3001".parse().unwrap()],
        };
        assert_eq!(room, expected);
    }

    #[test]
    fn a_long_name_fits_into_its_entry_and_ends_with_a_whole_character() {
        let code = RoomCode::parse("ABCD").unwrap();
        let [_, (key, name), _] = properties(&code, &"ü".repeat(150), "1");
        assert_eq!(name, "ü".repeat(100));
        assert!(key.len() + 1 + name.len() < 255);
    }

    #[test]
    fn only_addresses_of_a_local_network_are_believed_the_nearest_first() {
        let all = [
            "8.8.8.8",
            "169.254.3.4",
            "224.0.0.251",
            "0.0.0.0",
            "fd00::5",
            "fe80::1",
            "2001:db8::1",
            "127.0.0.1",
            "::1",
            "10.0.0.9",
            "255.255.255.255",
            "192.168.1.5",
            "172.16.0.1",
            "::ffff:10.0.0.1",
        ];
        let servers = urls(&room(&[("code", b"ABCD")], &all).unwrap());
        let expected = ["10.0.0.9", "172.16.0.1", "192.168.1.5", "169.254.3.4", "[fd00::5]"];
        assert_eq!(servers, expected.map(|address| format!("http://{address}:3001")));
        let here = Heard { ip: "127.0.0.1".parse().unwrap(), on_loopback: true };
        let here = read(|key| (key == "code").then_some(&b"ABCD"[..]), [here], 3001).unwrap();
        assert_eq!(urls(&here), ["http://127.0.0.1:3001"], "heard of this machine itself");
    }

    #[test]
    fn what_leads_nowhere_is_no_room() {
        assert_eq!(room(&[("code", b"ABCD")], &[]), None);
        assert_eq!(room(&[("code", b"ABCD")], &["8.8.8.8"]), None);
        assert_eq!(room(&[], &["10.0.0.1"]), None);
        for code in [&b""[..], b"abc", b"\xff\xfe\xfd\xfc", b"AB\0CD", b"../../x", &[b'A'; 250]] {
            assert_eq!(room(&[("code", code)], &["10.0.0.1"]), None, "{code:?}");
        }
        let property = |key: &str| (key == "code").then_some(&b"ABCD"[..]);
        assert_eq!(read(property, heard(&["10.0.0.1"]), 0), None, "no port");
    }

    #[test]
    fn names_are_cleaned_and_cut() {
        let named = |name: &[u8]| room(&[("code", b"ABCD"), ("name", name)], &["10.0.0.1"]).unwrap().host_name;
        assert_eq!(named("Ana\u{202e}\u{1b}[2J\n\u{7}".as_bytes()), "Ana[2J");
        assert_eq!(named(b"\xff\xff"), "");
        assert_eq!(named(&[b'x'; 250]), format!("{}…", "x".repeat(HOST_NAME_CHARS_MAX - 1)));
        let version = room(&[("code", b"ABCD"), ("version", &[b'9'; 200])], &["10.0.0.1"]).unwrap().version;
        assert_eq!(version.chars().count(), VERSION_CHARS_MAX);
    }

    #[test]
    fn addresses_beyond_the_bound_are_left_out() {
        let many: Vec<String> = (1..=200).map(|n| format!("10.0.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(room(&[("code", b"ABCD")], &many).unwrap().addresses.len(), ADDRESSES_MAX);
    }
}

//! How this machine is seen from outside, by STUN.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use signal_proto::stun::Question;
use smol::net::UdpSocket;

use super::within;
use crate::doctor::limits::{NAME_PATIENCE, STUN_SENT_AGAIN, STUN_SERVERS_MAX};
use crate::doctor::seen::StunSeen;

/// Longer ones are no answers to such short questions.
const PACKET_LEN_MAX: usize = 1500;

/// Asks each of `HOST:PORT` from one socket, one after the other: whether two see the same port tells the kind of NAT.
pub(crate) async fn stun(servers: &[String]) -> StunSeen {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let own = interfaces.iter().map(if_addrs::Interface::ip).collect();
    let mut seen = StunSeen { own, port: 0, answers: Vec::new() };
    let asked = addresses(servers).await;
    let Some(first) = asked.first() else { return seen };
    let bound = if first.is_ipv4() {
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await
    } else {
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await
    };
    let Ok(socket) = bound else { return seen };
    seen.port = socket.local_addr().map_or(0, |address| address.port());
    for server in asked {
        seen.answers.push((server, ask(&socket, server).await));
    }
    seen
}

/// One of each name, all of one family; of IPv4 if there are such, since it has the NATs.
async fn addresses(servers: &[String]) -> Vec<SocketAddr> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for server in servers.iter().take(STUN_SERVERS_MAX) {
        let found =
            within(NAME_PATIENCE, smol::net::resolve(server.as_str())).await.and_then(Result::ok).unwrap_or_default();
        v4.extend(found.iter().find(|address| address.is_ipv4()));
        v6.extend(found.iter().find(|address| address.is_ipv6()));
    }
    let mut chosen = if v4.is_empty() { v6 } else { v4 };
    chosen.dedup();
    chosen
}

async fn ask(socket: &UdpSocket, server: SocketAddr) -> Option<SocketAddr> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).ok()?;
    let question = Question::new(random);
    for patience in STUN_SENT_AGAIN {
        socket.send_to(&question.packet(), server).await.ok()?;
        if let Some(seen) = within(patience, answer(socket, server, question)).await {
            return seen;
        }
    }
    None
}

/// `None` when the system says that nobody is there.
async fn answer(socket: &UdpSocket, server: SocketAddr, question: Question) -> Option<SocketAddr> {
    let mut packet = [0; PACKET_LEN_MAX];
    loop {
        let (len, from) = socket.recv_from(&mut packet).await.ok()?;
        if from == server
            && let Some(seen) = question.answer(&packet[..len])
        {
            return Some(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as StdSocket;

    use super::*;

    /// A server that answers the questions after the first few, each as if from the port that it is given.
    fn server(deaf_to: usize, shifts_port_by: u16) -> String {
        let socket = StdSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            for number in 0..deaf_to + 1 {
                let (len, mut from) = socket.recv_from(&mut packet).unwrap();
                let asker = from;
                from.set_port(from.port().wrapping_add(shifts_port_by));
                if number >= deaf_to {
                    let answer = signal_proto::stun::answer(&packet[..len], from).unwrap();
                    // First somebody's nonsense, and the answer to another question.
                    socket.send_to(b"hello", asker).unwrap();
                    let other = signal_proto::stun::answer(&Question::new([9; 12]).packet(), from).unwrap();
                    socket.send_to(&other, asker).unwrap();
                    socket.send_to(&answer, asker).unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn lost_questions_are_asked_again_and_nonsense_is_passed_over() {
        let seen = smol::block_on(stun(&[server(1, 0), server(0, 1)]));
        let port = |at: usize| seen.answers[at].1.map(|address| address.port());
        assert_eq!((port(0), port(1)), (Some(seen.port), Some(seen.port + 1)));
        assert!(seen.own.contains(&"127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn names_that_lead_nowhere_and_nobody_to_ask() {
        assert_eq!(smol::block_on(stun(&[])).answers, []);
        assert_eq!(smol::block_on(stun(&["no-port".into(), "no.such.name.invalid:1".into()])).answers, []);
        let mute = StdSocket::bind("127.0.0.1:0").unwrap();
        let address = mute.local_addr().unwrap();
        assert_eq!(smol::block_on(stun(&[address.to_string()])).answers, [(address, None)]);
    }
}

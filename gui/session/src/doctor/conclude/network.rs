//! Of the network: ports, addresses, relays.

use std::net::{IpAddr, SocketAddr};

use session_proto::in_both;
use session_proto::words::Language;

use crate::doctor::check::{Check, Topic};
use crate::doctor::seen::{Ipv6Seen, PortSeen, Reach, StunSeen};

pub(crate) fn port(l: Language, seen: &PortSeen) -> Vec<Check> {
    let Some(got) = seen.got else {
        let finding = l.of(
            "The system gives the engine no port at all, so nobody can call this machine.",
            "Das System gibt der Engine keinen Port, deshalb kann niemand diesen Rechner erreichen.",
        );
        return vec![
            Check::bad(
                Topic::EnginePort,
                finding,
                l.of(
                    "See whether a security program forbids it.",
                    "Sieh nach, ob ein Sicherheitsprogramm es verbietet.",
                ),
            )
            .with_code("E007"),
        ];
    };
    let Some(own) = seen.own else {
        let finding = l.of(
            "This machine is on no network: films play here alone.",
            "Dieser Rechner ist in keinem Netz: Filme spielen nur hier.",
        );
        return vec![Check::bad(Topic::EnginePort, finding, l.of("Join a network.", "Verbinde ihn mit einem Netz."))];
    };
    let kinds = [("TCP", &seen.tcp), ("UDP", &seen.udp)];
    let failed = kinds.iter().find_map(|(kind, reach)| match reach {
        Reach::Yes | Reach::NotTried => None,
        Reach::No { why } => Some(format!("{kind}: {why}")),
    });
    if let Some(failed) = failed {
        let finding = in_both!(
            l,
            "Port {got} cannot be reached at this machine's own address {own} ({failed}).",
            "Port {got} ist unter der eigenen Adresse {own} dieses Rechners nicht zu erreichen ({failed})."
        );
        let help = l.of(
            "Allow ShareStream in this machine's firewall. Without it others cannot call, though this machine can call them.",
            "Erlaube ShareStream in der Firewall dieses Rechners. Ohne das können andere ihn nicht anrufen, er sie aber schon.",
        );
        return vec![Check::warn(Topic::EnginePort, finding, help)];
    }
    let outside = l.of(
        "Whether others reach it through your router, only they can tell",
        "Ob andere ihn durch deinen Router erreichen, können nur sie sagen",
    );
    let wanted = seen.wanted;
    vec![if got == wanted {
        Check::ok(
            Topic::EnginePort,
            in_both!(
                l,
                "Port {got} is free, and reached at {own} over TCP and UDP. {outside}.",
                "Port {got} ist frei und unter {own} über TCP und UDP zu erreichen. {outside}."
            ),
        )
    } else {
        let finding = in_both!(
            l,
            "Port {wanted} is taken, by a running ShareStream perhaps; the engine would use {got}. {outside}.",
            "Port {wanted} ist belegt, vielleicht von einem laufenden ShareStream; die Engine nähme {got}. {outside}."
        );
        Check::warn(
            Topic::EnginePort,
            finding,
            l.of(
                "Nothing has to be done, unless your router sends the other port here.",
                "Es ist nichts zu tun, außer dein Router leitet den anderen Port hierher.",
            ),
        )
    }]
}

pub(crate) fn ipv6(l: Language, seen: Ipv6Seen) -> Vec<Check> {
    vec![match (seen.global, seen.route) {
        (true, true) => Check::ok(
            Topic::Ipv6,
            l.of(
                "This machine has IPv6, by which two homes often reach each other without help.",
                "Dieser Rechner hat IPv6, womit zwei Wohnungen einander oft ohne Hilfe erreichen.",
            ),
        ),
        (true, false) => Check::warn(
            Topic::Ipv6,
            l.of(
                "This machine has an IPv6 address and no way out with it.",
                "Dieser Rechner hat eine IPv6-Adresse, aber keinen Weg damit nach draußen.",
            ),
            l.of(
                "IPv4 is enough as a rule. Restarting the router often brings IPv6 back.",
                "In der Regel genügt IPv4. Ein Neustart des Routers bringt IPv6 oft zurück.",
            ),
        ),
        (false, _) => Check::skipped(
            Topic::Ipv6,
            l.of(
                "There is no IPv6 here; IPv4 is enough as a rule.",
                "Hier gibt es kein IPv6; in der Regel genügt IPv4.",
            ),
        ),
    }]
}

pub(crate) fn relay(l: Language, configured: bool) -> Vec<Check> {
    vec![if configured {
        Check::ok(
            Topic::Relay,
            l.of(
                "A relay (TURN) is configured: calls work between strict networks, too. It is tried once there are calls.",
                "Ein Relay (TURN) ist eingestellt: Anrufe gehen auch zwischen strengen Netzen. Es wird erprobt, sobald es Anrufe gibt.",
            ),
        )
    } else {
        Check::skipped(
            Topic::Relay,
            l.of(
                "No relay (TURN) is configured. Films need none; calls between two strict networks would.",
                "Kein Relay (TURN) ist eingestellt. Filme brauchen keins; Anrufe zwischen zwei strengen Netzen schon.",
            ),
        )
    }]
}

pub(crate) fn public_address(l: Language, seen: &StunSeen) -> Vec<Check> {
    let topic = Topic::PublicAddress;
    if seen.answers.is_empty() {
        return vec![Check::skipped(
            topic,
            l.of("There is no server that could tell it.", "Es ist kein Server da, der sie sagen könnte."),
        )];
    }
    let views: Vec<SocketAddr> = seen.answers.iter().filter_map(|(_, view)| *view).collect();
    let Some(&first) = views.first() else {
        let finding =
            l.of(
                "No server answers over UDP. Between two homes films may then have to take a slower way, or none.",
                "Kein Server antwortet über UDP. Zwischen zwei Wohnungen haben Filme dann vielleicht nur einen langsamen Weg oder gar keinen.",
            );
        return vec![
            Check::warn(
                topic,
                finding,
                l.of(
                    "Allow UDP to the outside in the firewall or router.",
                    "Erlaube UDP nach draußen in der Firewall oder im Router.",
                ),
            )
            .with_code("E004"),
        ];
    };
    let at = first.ip();
    if seen.own.contains(&at) {
        let how = if is_home(at) {
            l.of("The server is on this network and sees", "Der Server ist in diesem Netz und sieht")
        } else {
            l.of("There is no NAT: the world sees", "Es gibt kein NAT: Die Welt sieht")
        };
        return vec![Check::ok(
            topic,
            in_both!(
                l,
                "{how} this machine at its own address, {at}.",
                "{how} diesen Rechner unter seiner eigenen Adresse, {at}."
            ),
        )];
    }
    if is_home(at) {
        let finding = in_both!(
            l,
            "The server sees this machine at {at}, an address of a private network between here and there.",
            "Der Server sieht diesen Rechner unter {at}, einer Adresse eines privaten Netzes dazwischen."
        );
        return vec![Check::ok(
            topic,
            in_both!(
                l,
                "{finding} How the world sees it, a server out there could tell.",
                "{finding} Wie die Welt ihn sieht, könnte ein Server draußen sagen."
            ),
        )];
    }
    vec![match views.get(1) {
        None => Check::ok(topic, in_both!(l, "Behind a NAT, the world sees this machine at {at}. Of which kind the NAT is, a second server could tell.", "Hinter einem NAT: Die Welt sieht diesen Rechner unter {at}. Welcher Art das NAT ist, könnte ein zweiter Server sagen.")),
        Some(_) if views.iter().all(|view| *view == first) => {
            Check::ok(topic, in_both!(l, "Behind a NAT that can be opened, the world sees this machine at {at}.", "Hinter einem NAT, das sich öffnen lässt: Die Welt sieht diesen Rechner unter {at}."))
        }
        Some(_) => Check::warn(
            topic,
            in_both!(l, "Behind a strict NAT: everybody in the world sees another port of {at}, so nobody can be told where to call.", "Hinter einem strengen NAT: Jeder sieht einen anderen Port von {at}, deshalb kann man niemandem sagen, wohin er anrufen soll."),
            l.of(
                "Forward the engine's port in the router, or use IPv6; it is enough if one of two homes is open.",
                "Leite im Router den Port der Engine weiter, oder nutze IPv6; es genügt, wenn eine von zwei Wohnungen offen ist.",
            ),
        )
        .with_code("E004"),
    }]
}

fn is_home(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is shared by a provider's customers (RFC 6598).
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Grade;

    const EN: Language = Language::English;

    fn sound() -> PortSeen {
        let own = Some("192.168.1.5".parse().unwrap());
        PortSeen { wanted: 6881, got: Some(6881), own, tcp: Reach::Yes, udp: Reach::Yes }
    }

    fn graded(checks: &[Check]) -> (Grade, Option<&'static str>) {
        let [check] = checks else { panic!("one: {checks:?}") };
        (check.grade, check.code)
    }

    #[test]
    fn ports_free_taken_closed_and_none() {
        assert_eq!(graded(&port(EN, &sound())), (Grade::Ok, None));
        assert_eq!(graded(&port(EN, &PortSeen { got: Some(6882), ..sound() })), (Grade::Warn, None));
        assert_eq!(graded(&port(EN, &PortSeen { got: None, ..sound() })), (Grade::Bad, Some("E007")));
        assert_eq!(
            graded(&port(EN, &PortSeen { own: None, tcp: Reach::NotTried, udp: Reach::NotTried, ..sound() })).0,
            Grade::Bad
        );
        let no = Reach::No { why: "no answer".into() };
        let closed = port(EN, &PortSeen { udp: no.clone(), ..sound() });
        assert_eq!(graded(&closed).0, Grade::Warn);
        assert!(closed[0].finding.contains("UDP: no answer"));
        assert!(port(EN, &PortSeen { tcp: no, ..sound() })[0].finding.contains("TCP: no answer"));
    }

    #[test]
    fn ipv6_whole_half_and_none() {
        let grade = |global, route| graded(&ipv6(EN, Ipv6Seen { global, route })).0;
        assert_eq!(grade(true, true), Grade::Ok);
        assert_eq!(grade(true, false), Grade::Warn);
        assert_eq!(grade(false, true), Grade::Skipped);
        assert_eq!((graded(&relay(EN, true)).0, graded(&relay(EN, false)).0), (Grade::Ok, Grade::Skipped));
    }

    fn outside(views: &[Option<&str>]) -> Vec<Check> {
        let server: SocketAddr = "198.51.100.1:3001".parse().unwrap();
        let own = ["192.168.1.5", "203.0.113.5"].map(|ip| ip.parse().unwrap()).into();
        let answers = views.iter().map(|view| (server, view.map(|view| view.parse().unwrap()))).collect();
        public_address(EN, &StunSeen { own, port: 5000, answers })
    }

    #[test]
    fn addresses_outside_of_every_kind() {
        assert_eq!(graded(&outside(&[])).0, Grade::Skipped);
        assert_eq!(graded(&outside(&[None, None])), (Grade::Warn, Some("E004")));
        assert!(outside(&[Some("203.0.113.5:5000")])[0].finding.contains("There is no NAT"));
        assert!(outside(&[Some("192.168.1.5:5000")])[0].finding.contains("on this network"));
        for shared in ["10.0.0.1:5000", "100.64.3.3:5000", "[fd00::1]:5000"] {
            assert!(outside(&[Some(shared)])[0].finding.contains("private network between"), "{shared}");
        }
        let one = outside(&[None, Some("198.51.100.7:5000")]);
        assert!(graded(&one).0 == Grade::Ok && one[0].finding.contains("a second server could tell"));
        let open = outside(&[Some("198.51.100.7:5000"), Some("198.51.100.7:5000")]);
        assert!(graded(&open).0 == Grade::Ok && open[0].finding.contains("can be opened"));
        let strict = outside(&[Some("198.51.100.7:5000"), Some("198.51.100.7:5001")]);
        assert_eq!(graded(&strict), (Grade::Warn, Some("E004")));
    }
}

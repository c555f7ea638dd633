//! Of the server: whether it is reached, is ours, and how far away it is.

use std::time::Duration;

use sharestream_signal_client::{DialError, GetError, TlsError};

use crate::doctor::check::{Check, Topic};
use crate::doctor::seen::{RendezvousSeen, ServerSeen, WebSocketSeen};

const NOT_REACHED: &str = "No server was reached.";

/// Beyond it a button that is pressed here is felt late elsewhere.
const ROUND_TRIP_LONG: Duration = Duration::from_millis(300);
/// Differences between one round trip and the next of which the clock's measurement suffers.
const ROUND_TRIPS_APART: Duration = Duration::from_millis(150);

/// `own_version` is of the server that this app would start itself.
pub(crate) fn server(seen: &ServerSeen, own_version: &str) -> Vec<Check> {
    let topic = Topic::Server;
    vec![match seen {
        ServerSeen::NotConfigured => Check::skipped(
            topic,
            "No server is configured: rooms are of this network alone, served by the app of whoever hosts.",
        ),
        ServerSeen::Failed(error) => failed(error),
        ServerSeen::Other { status: status @ 300..=399 } => Check::bad(
            topic,
            format!("What answers there sends people elsewhere (HTTP {status})."),
            "Begin the address with https://, or ask whoever runs the server for its address.",
        )
        .with_code("S001"),
        ServerSeen::Other { status } => Check::bad(
            topic,
            format!("A web server answers there, though not ShareStream's (HTTP {status})."),
            "Check the address and its port; ShareStream's usual one is 3001.",
        )
        .with_code("S001"),
        ServerSeen::Ours { version, .. } if line(version) != line(own_version) => Check::warn(
            topic,
            format!(
                "The server is of version {version} and this app of {own_version}: what one of them lacks does not work."
            ),
            "Bring the older one up to date.",
        ),
        ServerSeen::Ours { version, secure: true } => {
            Check::ok(topic, format!("A ShareStream server of version {version} answers, over a safe connection."))
        }
        ServerSeen::Ours { version, secure: false } => {
            Check::ok(topic, format!("A ShareStream server of version {version} answers."))
        }
    }]
}

fn failed(error: &GetError) -> Check {
    let (finding, help) = match error {
        GetError::Address(error) => (format!("The server's address is none: {error}."), "Correct it in the settings."),
        GetError::Dial(DialError::Name { .. }) => (
            "There is no server of that name, or names cannot be looked up here.".to_owned(),
            "Check the spelling, and whether other sites open on this machine.",
        ),
        GetError::Dial(DialError::Refused) => (
            "The server's machine answers, but nothing listens at that port.".to_owned(),
            "See whether the server runs, and whether the port in its address is right.",
        ),
        GetError::Dial(DialError::TimedOut) => (
            "Nothing answers at the server's address.".to_owned(),
            "See whether the server is switched on, and whether a firewall keeps the port closed.",
        ),
        GetError::Dial(DialError::Unreachable(why)) => {
            (format!("There is no way to the server ({why})."), "Check this machine's network connection.")
        }
        GetError::Dial(DialError::NoWebSocket(why)) => {
            (format!("The server answers with something else ({why})."), "Check its address.")
        }
        GetError::Dial(DialError::Tls(error)) => {
            (format!("There is no safe connection to the server: {error}."), tls_help(error))
        }
        GetError::Silent => (
            "The server takes the connection and then says nothing.".to_owned(),
            "It may hang: restart it. Or something else listens at that port.",
        ),
        GetError::Line(why) => {
            (format!("The connection to the server breaks ({why})."), "Try again; then try another network.")
        }
        GetError::NotHttp => (
            "Something else than a web server answers there.".to_owned(),
            "Check the port, and whether the address should begin with https:// or http://.",
        ),
    };
    Check::bad(Topic::Server, finding, help).with_code("S001")
}

fn tls_help(error: &TlsError) -> &'static str {
    match error {
        TlsError::NoRoots(_) => "Install your system's certificates (the package is often called ca-certificates).",
        TlsError::Expired | TlsError::NotYetValid => {
            "Check this machine's date and time. If they are right, whoever runs the server renews its certificate."
        }
        TlsError::OtherName(_) => "Use the name that the certificate is made for.",
        TlsError::Untrusted | TlsError::Revoked | TlsError::Certificate(_) => {
            "Whoever runs the server gets it a certificate that everybody trusts, from Let's Encrypt for example."
        }
        TlsError::NoTls(_) => "If the server is at home, begin its address with http:// instead of https://.",
        TlsError::Io(_) => "Try again; then try another network.",
    }
}

/// Versions whose contracts are the same: the first two numbers.
fn line(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

pub(crate) fn rendezvous(seen: &RendezvousSeen) -> Vec<Check> {
    let topic = Topic::Rendezvous;
    let help = "Let a proxy in front of the server pass on /rendezvous and /announce as well.";
    vec![match seen {
        RendezvousSeen::NotTried => Check::skipped(topic, NOT_REACHED),
        RendezvousSeen::Failed(why) => {
            Check::bad(topic, format!("The server does not say where engines meet ({why})."), help).with_code("E004")
        }
        RendezvousSeen::Strange => {
            Check::bad(topic, "What the server should say of where engines meet is something else.", help)
                .with_code("E004")
        }
        RendezvousSeen::Found { .. } => Check::ok(topic, "The server brings the engines of a room together."),
    }]
}

pub(crate) fn websocket(seen: &WebSocketSeen) -> Vec<Check> {
    let proxy = "A proxy in between often forbids it: let it pass on upgrades to WebSocket, for /socket.io/ and /.";
    match seen {
        WebSocketSeen::NotTried => {
            vec![Check::skipped(Topic::WebSocket, NOT_REACHED), Check::skipped(Topic::RoundTrip, NOT_REACHED)]
        }
        WebSocketSeen::Failed(why) => vec![
            Check::bad(Topic::WebSocket, format!("The server answers, but takes no WebSocket ({why})."), proxy)
                .with_code("S001"),
            Check::skipped(Topic::RoundTrip, "It is measured over a WebSocket."),
        ],
        WebSocketSeen::Broken { why } => vec![
            Check::bad(Topic::WebSocket, format!("A WebSocket opens and is then of no use ({why})."), proxy)
                .with_code("S001"),
            Check::skipped(Topic::RoundTrip, "It is measured over a WebSocket."),
        ],
        WebSocketSeen::Open { round_trips } => {
            vec![
                Check::ok(Topic::WebSocket, "Rooms can be entered: a WebSocket to the server works."),
                round_trip(round_trips),
            ]
        }
    }
}

fn round_trip(measured: &[Duration]) -> Check {
    let topic = Topic::RoundTrip;
    let radio = "Use a cable instead of a wireless network, or sit nearer to it; end other large transfers.";
    let (Some(least), Some(most)) = (measured.iter().min(), measured.iter().max()) else {
        return Check::warn(topic, "The server answers no question in time.", radio).with_code("S001");
    };
    let said = format!("{} ms to the server and back", least.as_millis().max(1));
    if *least > ROUND_TRIP_LONG {
        let help = "A server nearer to you would be quicker. Films stay in step all the same.";
        Check::warn(topic, format!("{said}: what you press is felt late by the others."), help)
    } else if *most - *least > ROUND_TRIPS_APART {
        let finding = format!(
            "{said} at best, {} at worst: the line is uneven, and films need longer to come into step.",
            most.as_millis()
        );
        Check::warn(topic, finding, radio)
    } else {
        Check::ok(topic, format!("{said}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Grade;

    fn one(checks: Vec<Check>) -> Check {
        let [check] = <[Check; 1]>::try_from(checks).unwrap();
        check
    }

    #[test]
    fn every_way_not_to_reach_a_server_has_words_of_its_own() {
        let tls = |error| GetError::Dial(DialError::Tls(error));
        let ways = [
            GetError::Dial(DialError::Name { host: "a".into(), why: "b".into() }),
            GetError::Dial(DialError::Refused),
            GetError::Dial(DialError::TimedOut),
            GetError::Dial(DialError::Unreachable("no route".into())),
            GetError::Dial(DialError::NoWebSocket("x".into())),
            tls(TlsError::Expired),
            tls(TlsError::NotYetValid),
            tls(TlsError::OtherName("share.example".into())),
            tls(TlsError::Untrusted),
            tls(TlsError::Revoked),
            tls(TlsError::Certificate("odd".into())),
            tls(TlsError::NoTls("it hangs up".into())),
            tls(TlsError::NoRoots("none".into())),
            tls(TlsError::Io("reset".into())),
            GetError::Silent,
            GetError::Line("reset".into()),
            GetError::NotHttp,
        ];
        let mut said = std::collections::BTreeSet::new();
        for way in ways {
            let check = one(server(&ServerSeen::Failed(way.clone()), "0.1.0"));
            assert_eq!((check.grade, check.code), (Grade::Bad, Some("S001")), "{way:?}");
            assert!(check.help.is_some() && said.insert(check.finding), "{way:?}");
        }
    }

    #[test]
    fn another_kind_of_server_and_another_version() {
        let of = |seen| one(server(&seen, "0.3.1"));
        assert!(of(ServerSeen::Other { status: 404 }).finding.contains("not ShareStream's"));
        assert!(of(ServerSeen::Other { status: 301 }).help.unwrap().contains("https://"));
        let ours = |version: &str| of(ServerSeen::Ours { version: version.into(), secure: true }).grade;
        assert_eq!(
            (ours("0.3.1"), ours("0.3.9"), ours("0.4.0"), ours("1.3.1")),
            (Grade::Ok, Grade::Ok, Grade::Warn, Grade::Warn)
        );
        assert_eq!(of(ServerSeen::NotConfigured).grade, Grade::Skipped);
    }

    #[test]
    fn rendezvous_and_websocket() {
        assert_eq!(one(rendezvous(&RendezvousSeen::NotTried)).grade, Grade::Skipped);
        assert_eq!(one(rendezvous(&RendezvousSeen::Failed(GetError::Silent))).grade, Grade::Bad);
        assert_eq!(one(rendezvous(&RendezvousSeen::Strange)).grade, Grade::Bad);
        assert_eq!(one(rendezvous(&RendezvousSeen::Found { stun: vec![] })).grade, Grade::Ok);
        let grades = |seen| websocket(&seen).iter().map(|check| check.grade).collect::<Vec<_>>();
        assert_eq!(grades(WebSocketSeen::NotTried), [Grade::Skipped; 2]);
        assert_eq!(grades(WebSocketSeen::Failed(DialError::TimedOut)), [Grade::Bad, Grade::Skipped]);
        assert_eq!(grades(WebSocketSeen::Broken { why: "x".into() }), [Grade::Bad, Grade::Skipped]);
        assert_eq!(grades(WebSocketSeen::Open { round_trips: vec![] }), [Grade::Ok, Grade::Warn]);
    }

    #[test]
    fn round_trips_short_long_and_uneven() {
        let graded = |ms: &[u64]| round_trip(&ms.iter().copied().map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!(graded(&[20, 25, 22]).grade, Grade::Ok);
        assert!(graded(&[0]).finding.starts_with("1 ms"));
        assert_eq!(graded(&[300, 310]).grade, Grade::Ok);
        assert!(graded(&[301, 310]).finding.contains("felt late"));
        assert!(graded(&[20, 171]).finding.contains("uneven"));
        assert_eq!(graded(&[20, 170]).grade, Grade::Ok);
    }
}

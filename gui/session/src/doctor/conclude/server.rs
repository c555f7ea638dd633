//! Of the server: whether it is reached, is ours, and how far away it is.

use std::time::Duration;

use sharestream_signal_client::{DialError, GetError, TlsError};

use session_proto::in_both;
use session_proto::words::Language;

use crate::doctor::check::{Check, Topic};
use crate::doctor::seen::{RendezvousSeen, ServerSeen, WebSocketSeen};

fn not_reached(l: Language) -> &'static str {
    l.of("No server was reached.", "Kein Server wurde erreicht.")
}

/// Beyond it a button that is pressed here is felt late elsewhere.
const ROUND_TRIP_LONG: Duration = Duration::from_millis(300);
/// Differences between one round trip and the next of which the clock's measurement suffers.
const ROUND_TRIPS_APART: Duration = Duration::from_millis(150);

/// `own_version` is of the server that this app would start itself.
pub(crate) fn server(l: Language, seen: &ServerSeen, own_version: &str) -> Vec<Check> {
    let topic = Topic::Server;
    vec![match seen {
        ServerSeen::NotConfigured => Check::skipped(
            topic,
            l.of(
                "No server is configured: rooms are of this network alone, served by the app of whoever hosts.",
                "Kein Server ist eingestellt: Räume gibt es nur in diesem Netz, aus der App des Hosts.",
            ),
        ),
        ServerSeen::Failed(error) => failed(l, error),
        ServerSeen::Other { status: status @ 300..=399 } => Check::bad(
            topic,
            in_both!(
                l,
                "What answers there sends people elsewhere (HTTP {status}).",
                "Was dort antwortet, schickt einen woandershin (HTTP {status})."
            ),
            l.of(
                "Begin the address with https://, or ask whoever runs the server for its address.",
                "Beginne die Adresse mit https://, oder frag den Betreiber des Servers nach ihr.",
            ),
        )
        .with_code("S001"),
        ServerSeen::Other { status } => Check::bad(
            topic,
            in_both!(
                l,
                "A web server answers there, though not ShareStream's (HTTP {status}).",
                "Dort antwortet ein Webserver, aber nicht der von ShareStream (HTTP {status})."
            ),
            l.of(
                "Check the address and its port; ShareStream's usual one is 3001.",
                "Prüfe die Adresse und ihren Port; der übliche von ShareStream ist 3001.",
            ),
        )
        .with_code("S001"),
        ServerSeen::Ours { version, .. } if line(version) != line(own_version) => Check::warn(
            topic,
            in_both!(
                l,
                "The server is of version {version} and this app of {own_version}: what one of them lacks does not work.",
                "Der Server hat Version {version} und diese App {own_version}: Was einem von beiden fehlt, geht nicht."
            ),
            l.of("Bring the older one up to date.", "Bring das ältere auf den neuen Stand."),
        ),
        ServerSeen::Ours { version, secure: true } => Check::ok(
            topic,
            in_both!(
                l,
                "A ShareStream server of version {version} answers, over a safe connection.",
                "Ein ShareStream-Server der Version {version} antwortet, über eine sichere Verbindung."
            ),
        ),
        ServerSeen::Ours { version, secure: false } => Check::ok(
            topic,
            in_both!(
                l,
                "A ShareStream server of version {version} answers.",
                "Ein ShareStream-Server der Version {version} antwortet."
            ),
        ),
    }]
}

fn failed(l: Language, error: &GetError) -> Check {
    let (finding, help) = match error {
        GetError::Address(error) => (
            in_both!(l, "The server's address is none: {error}.", "Die Adresse des Servers ist keine: {error}."),
            l.of("Correct it in the settings.", "Berichtige sie in den Einstellungen."),
        ),
        GetError::Dial(DialError::Name { .. }) => (
            l.of(
                "There is no server of that name, or names cannot be looked up here.",
                "Es gibt keinen Server dieses Namens, oder Namen lassen sich hier nicht nachschlagen.",
            )
            .to_owned(),
            l.of(
                "Check the spelling, and whether other sites open on this machine.",
                "Prüfe die Schreibweise, und ob sich auf diesem Rechner andere Seiten öffnen.",
            ),
        ),
        GetError::Dial(DialError::Refused) => (
            l.of(
                "The server's machine answers, but nothing listens at that port.",
                "Der Rechner des Servers antwortet, aber an diesem Port hört niemand.",
            )
            .to_owned(),
            l.of(
                "See whether the server runs, and whether the port in its address is right.",
                "Sieh nach, ob der Server läuft und der Port in seiner Adresse stimmt.",
            ),
        ),
        GetError::Dial(DialError::TimedOut) => (
            l.of("Nothing answers at the server's address.", "An der Adresse des Servers antwortet nichts.").to_owned(),
            l.of(
                "See whether the server is switched on, and whether a firewall keeps the port closed.",
                "Sieh nach, ob der Server eingeschaltet ist und ob eine Firewall den Port zuhält.",
            ),
        ),
        GetError::Dial(DialError::Unreachable(why)) => (
            in_both!(l, "There is no way to the server ({why}).", "Es führt kein Weg zum Server ({why})."),
            l.of("Check this machine's network connection.", "Prüfe die Netzverbindung dieses Rechners."),
        ),
        GetError::Dial(DialError::NoWebSocket(why)) => (
            in_both!(
                l,
                "The server answers with something else ({why}).",
                "Der Server antwortet mit etwas anderem ({why})."
            ),
            l.of("Check its address.", "Prüfe seine Adresse."),
        ),
        GetError::Dial(DialError::Tls(error)) => (
            in_both!(
                l,
                "There is no safe connection to the server: {error}.",
                "Es kommt keine sichere Verbindung zum Server zustande: {error}."
            ),
            tls_help(l, error),
        ),
        GetError::Silent => (
            l.of(
                "The server takes the connection and then says nothing.",
                "Der Server nimmt die Verbindung an und sagt dann nichts.",
            )
            .to_owned(),
            l.of(
                "It may hang: restart it. Or something else listens at that port.",
                "Vielleicht hängt er: Starte ihn neu. Oder an diesem Port hört etwas anderes.",
            ),
        ),
        GetError::Line(why) => (
            in_both!(l, "The connection to the server breaks ({why}).", "Die Verbindung zum Server bricht ab ({why})."),
            l.of("Try again; then try another network.", "Versuch es noch einmal, dann in einem anderen Netz."),
        ),
        GetError::NotHttp => (
            l.of("Something else than a web server answers there.", "Dort antwortet etwas anderes als ein Webserver.")
                .to_owned(),
            l.of(
                "Check the port, and whether the address should begin with https:// or http://.",
                "Prüfe den Port, und ob die Adresse mit https:// oder http:// beginnen muss.",
            ),
        ),
    };
    Check::bad(Topic::Server, finding, help).with_code("S001")
}

fn tls_help(l: Language, error: &TlsError) -> &'static str {
    match error {
        TlsError::NoRoots(_) => l.of(
            "Install your system's certificates (the package is often called ca-certificates).",
            "Installiere die Zertifikate deines Systems (das Paket heißt oft ca-certificates).",
        ),
        TlsError::Expired | TlsError::NotYetValid => {
            l.of(
                "Check this machine's date and time. If they are right, whoever runs the server renews its certificate.",
                "Prüfe Datum und Uhrzeit dieses Rechners. Stimmen sie, muss der Betreiber des Servers dessen Zertifikat erneuern.",
            )
        }
        TlsError::OtherName(_) => l.of(
            "Use the name that the certificate is made for.",
            "Benutze den Namen, für den das Zertifikat gilt.",
        ),
        TlsError::Untrusted | TlsError::Revoked | TlsError::Certificate(_) => {
            l.of(
                "Whoever runs the server gets it a certificate that everybody trusts, from Let's Encrypt for example.",
                "Der Betreiber des Servers besorgt ihm ein Zertifikat, dem alle vertrauen, zum Beispiel von Let's Encrypt.",
            )
        }
        TlsError::NoTls(_) => l.of(
            "If the server is at home, begin its address with http:// instead of https://.",
            "Steht der Server zu Hause, beginne seine Adresse mit http:// statt https://.",
        ),
        TlsError::Io(_) => l.of(
            "Try again; then try another network.",
            "Versuch es noch einmal, dann in einem anderen Netz.",
        ),
    }
}

/// Versions whose contracts are the same: the first two numbers.
fn line(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

pub(crate) fn rendezvous(l: Language, seen: &RendezvousSeen) -> Vec<Check> {
    let topic = Topic::Rendezvous;
    let help = l.of(
        "Let a proxy in front of the server pass on /rendezvous and /announce as well.",
        "Lass einen Proxy vor dem Server auch /rendezvous und /announce weitergeben.",
    );
    vec![match seen {
        RendezvousSeen::NotTried => Check::skipped(topic, not_reached(l)),
        RendezvousSeen::Failed(why) => Check::bad(
            topic,
            in_both!(
                l,
                "The server does not say where engines meet ({why}).",
                "Der Server sagt nicht, wo Engines sich treffen ({why})."
            ),
            help,
        )
        .with_code("E004"),
        RendezvousSeen::Strange => Check::bad(
            topic,
            l.of(
                "What the server should say of where engines meet is something else.",
                "Statt zu sagen, wo Engines sich treffen, sagt der Server etwas anderes.",
            ),
            help,
        )
        .with_code("E004"),
        RendezvousSeen::Found { .. } => Check::ok(
            topic,
            l.of(
                "The server brings the engines of a room together.",
                "Der Server bringt die Engines eines Raums zusammen.",
            ),
        ),
    }]
}

pub(crate) fn websocket(l: Language, seen: &WebSocketSeen) -> Vec<Check> {
    let proxy = l.of(
        "A proxy in between often forbids it: let it pass on upgrades to WebSocket, for /socket.io/ and /.",
        "Oft verbietet es ein Proxy dazwischen: Lass ihn den Wechsel zu WebSocket weitergeben, für /socket.io/ und /.",
    );
    match seen {
        WebSocketSeen::NotTried => {
            vec![Check::skipped(Topic::WebSocket, not_reached(l)), Check::skipped(Topic::RoundTrip, not_reached(l))]
        }
        WebSocketSeen::Failed(why) => vec![
            Check::bad(
                Topic::WebSocket,
                in_both!(
                    l,
                    "The server answers, but takes no WebSocket ({why}).",
                    "Der Server antwortet, nimmt aber keinen WebSocket an ({why})."
                ),
                proxy,
            )
            .with_code("S001"),
            Check::skipped(
                Topic::RoundTrip,
                l.of("It is measured over a WebSocket.", "Es wird über einen WebSocket gemessen."),
            ),
        ],
        WebSocketSeen::Broken { why } => vec![
            Check::bad(
                Topic::WebSocket,
                in_both!(
                    l,
                    "A WebSocket opens and is then of no use ({why}).",
                    "Ein WebSocket öffnet sich und ist dann nicht zu gebrauchen ({why})."
                ),
                proxy,
            )
            .with_code("S001"),
            Check::skipped(
                Topic::RoundTrip,
                l.of("It is measured over a WebSocket.", "Es wird über einen WebSocket gemessen."),
            ),
        ],
        WebSocketSeen::Open { round_trips } => {
            vec![
                Check::ok(
                    Topic::WebSocket,
                    l.of(
                        "Rooms can be entered: a WebSocket to the server works.",
                        "Räume lassen sich betreten: Ein WebSocket zum Server geht.",
                    ),
                ),
                round_trip(l, round_trips),
            ]
        }
    }
}

fn round_trip(l: Language, measured: &[Duration]) -> Check {
    let topic = Topic::RoundTrip;
    let radio = l.of(
        "Use a cable instead of a wireless network, or sit nearer to it; end other large transfers.",
        "Nimm ein Kabel statt WLAN, oder setz dich näher heran; beende andere große Übertragungen.",
    );
    let (Some(least), Some(most)) = (measured.iter().min(), measured.iter().max()) else {
        return Check::warn(
            topic,
            l.of("The server answers no question in time.", "Der Server beantwortet keine Frage rechtzeitig."),
            radio,
        )
        .with_code("S001");
    };
    let (least_ms, most_ms) = (least.as_millis().max(1), most.as_millis());
    let said = in_both!(l, "{least_ms} ms to the server and back", "{least_ms} ms zum Server und zurück");
    if *least > ROUND_TRIP_LONG {
        let help = l.of(
            "A server nearer to you would be quicker. Films stay in step all the same.",
            "Ein näherer Server wäre schneller. Filme bleiben trotzdem im Gleichschritt.",
        );
        Check::warn(
            topic,
            in_both!(
                l,
                "{said}: what you press is felt late by the others.",
                "{said}: Was du drückst, merken die anderen spät."
            ),
            help,
        )
    } else if *most - *least > ROUND_TRIPS_APART {
        let finding = in_both!(
            l,
            "{said} at best, {most_ms} at worst: the line is uneven, and films need longer to come into step.",
            "{said} bestenfalls, {most_ms} schlimmstenfalls: Die Leitung schwankt, und Filme brauchen länger, bis sie im Gleichschritt sind."
        );
        Check::warn(topic, finding, radio)
    } else {
        Check::ok(topic, in_both!(l, "{said}.", "{said}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Grade;

    const EN: Language = Language::English;

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
            let check = one(server(EN, &ServerSeen::Failed(way.clone()), "0.1.0"));
            assert_eq!((check.grade, check.code), (Grade::Bad, Some("S001")), "{way:?}");
            assert!(check.help.is_some() && said.insert(check.finding), "{way:?}");
        }
    }

    #[test]
    fn another_kind_of_server_and_another_version() {
        let of = |seen| one(server(EN, &seen, "0.3.1"));
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
        assert_eq!(one(rendezvous(EN, &RendezvousSeen::NotTried)).grade, Grade::Skipped);
        assert_eq!(one(rendezvous(EN, &RendezvousSeen::Failed(GetError::Silent))).grade, Grade::Bad);
        assert_eq!(one(rendezvous(EN, &RendezvousSeen::Strange)).grade, Grade::Bad);
        assert_eq!(one(rendezvous(EN, &RendezvousSeen::Found { stun: vec![] })).grade, Grade::Ok);
        let grades = |seen| websocket(EN, &seen).iter().map(|check| check.grade).collect::<Vec<_>>();
        assert_eq!(grades(WebSocketSeen::NotTried), [Grade::Skipped; 2]);
        assert_eq!(grades(WebSocketSeen::Failed(DialError::TimedOut)), [Grade::Bad, Grade::Skipped]);
        assert_eq!(grades(WebSocketSeen::Broken { why: "x".into() }), [Grade::Bad, Grade::Skipped]);
        assert_eq!(grades(WebSocketSeen::Open { round_trips: vec![] }), [Grade::Ok, Grade::Warn]);
    }

    #[test]
    fn round_trips_short_long_and_uneven() {
        let graded = |ms: &[u64]| round_trip(EN, &ms.iter().copied().map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!(graded(&[20, 25, 22]).grade, Grade::Ok);
        assert!(graded(&[0]).finding.starts_with("1 ms"));
        assert_eq!(graded(&[300, 310]).grade, Grade::Ok);
        assert!(graded(&[301, 310]).finding.contains("felt late"));
        assert!(graded(&[20, 171]).finding.contains("uneven"));
        assert_eq!(graded(&[20, 170]).grade, Grade::Ok);
    }
}

use super::*;

fn parsed(words: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match Config::parse(&words, variable) {
        Ok(Invocation::Serve(config)) => Ok(*config),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn one_dash_or_two_and_a_variable_for_each() {
    for words in [&["-port", "4000"][..], &["--port", "4000"], &["-port=4000"], &["--port=4000"]] {
        assert_eq!(parsed(words, &[]).unwrap().port, 4000);
    }
    assert_eq!(parsed(&[], &[("PORT", "4001")]).unwrap().port, 4001);
    assert_eq!(parsed(&["-port", "4000"], &[("PORT", "4001")]).unwrap().port, 4000, "what is typed counts");
    assert_eq!(parsed(&[], &[("PORT", " ")]).unwrap().port, 3001, "an empty variable is none");
}

#[test]
fn every_flag_is_read() {
    let config = parsed(
        &[
            "-bind",
            "::1",
            "-public-url",
            "https://rooms.example/",
            "-cors",
            "https://a.example",
            "-trust-proxy",
            "10.0.0.0/8,::1",
            "-secret",
            "north",
            "-state-dir",
            "/tmp/x",
            "-log-level",
            "debug",
            "-host-grace",
            "5s",
            "-away-grace",
            "500ms",
            "-room-idle",
            "2m",
            "-room-max-age",
            "1h",
            "-max-room",
            "1000",
            "-max-clients",
            "7",
            "-limits",
            "off",
            "-stun",
            "stun:a:1,stun:b:2",
            "-turn",
            "turn:c:3",
            "-redis",
            "redis://:pass@h",
            "-turn-secret",
            "s",
            "-ice-ttl",
            "90",
        ],
        &[],
    )
    .unwrap();
    assert_eq!(config.bind, Some("::1".parse().unwrap()));
    assert_eq!(config.public_url.as_deref(), Some("https://rooms.example"));
    assert_eq!(config.origins, Origins::Only(vec!["https://a.example".to_owned()]));
    assert_eq!(config.trusted.len(), 2);
    assert_eq!(config.secret, Some(Secret::new("north")));
    assert_eq!(config.log_level, LevelFilter::Debug);
    let times = [config.host_grace, config.away_grace, config.room_idle, config.room_max_age, config.ice.ttl];
    assert_eq!(times.map(|time| time.as_millis()), [5_000, 500, 120_000, 3_600_000, 90_000]);
    assert_eq!((config.room_max, config.clients_max, config.limited), (1000, 7, false));
    assert_eq!(config.ice.stun, ["stun:a:1", "stun:b:2"]);
    assert_eq!(config.ice.turn_auth, TurnAuth::Secret(b"s".to_vec()));
    assert!(config.notes().is_empty());
    assert_eq!(config.redis, Some(RedisUrl("redis://:pass@h".to_owned())));
    assert!(!format!("{config:?}").contains("pass@"));
    assert!(!format!("{config:?}").contains("north"), "a secret stands in no log");
}

#[test]
fn both_spellings_of_the_relay() {
    for (user, password) in [("TURN_USERNAME", "TURN_PASSWORD"), ("TURN_USER", "TURN_PASS")] {
        let config = parsed(&[], &[("TURN_URL", "turn:h:3478"), (user, "u"), (password, "p")]).unwrap();
        let wanted = TurnAuth::Static { username: "u".to_owned(), password: "p".to_owned() };
        assert_eq!(config.ice.turn_auth, wanted, "{user}");
    }
    let alone = parsed(&[], &[("TURN_SECRET", "s")]).unwrap();
    assert!(alone.notes()[0].contains("TURN_URL"));
    let open = parsed(&[], &[("TURN_URL", "turn:h:3478,turns:h:5349")]).unwrap();
    assert!(open.notes()[0].contains("no credentials"));
}

#[test]
fn what_cannot_be_read_is_named_with_what_would_be_right() {
    for (words, wanted) in [
        (&["-port", "70000"][..], "-port 70000: it takes a port"),
        (&["-port", "http"], "-port http"),
        (&["-port"], "-port needs a value: N"),
        (&["-prot", "1"], "no flag -prot"),
        (&["3001"], "no flag"),
        (&["-bind", "example.org"], "address of this machine"),
        (&["-public-url", "rooms.example"], "https://HOST"),
        (&["-public-url", "https://a\"b"], "https://HOST"),
        (&["-trust-proxy", "10.0.0.0/40"], "networks"),
        (&["-host-grace", "soon"], "a time"),
        (&["-host-grace", "-1s"], "a time"),
        (&["-host-grace", "99999999h"], "a year"),
        (&["-ice-ttl", "0"], "a second or more"),
        (&["-max-room", "0"], "1 to 1000000"),
        (&["-limits", "maybe"], "on or off"),
        (&["-log-level", "loud"], "off, error"),
        (&["-stun", "example.org"], "stun:host"),
        (&["-turn", "stun:h"], "turn:host"),
        (&["-redis", "localhost"], "redis://"),
        (&["-redis", "redis://localhost"], "SECRET, the same"),
        (&["-turn-username", "u"], "TURN_PASSWORD"),
        (&["-turn-password", "p"], "TURN_USERNAME"),
    ] {
        let why = parsed(words, &[]).unwrap_err();
        assert!(why.contains(wanted), "{words:?}: {why}");
    }
    let why = parsed(&[], &[("PORT", "x\u{1b}[2J")]).unwrap_err();
    assert!(why.contains("PORT") && !why.contains('\u{1b}'), "{why}");
}

#[test]
fn help_names_every_flag_and_its_variable() {
    let text = help();
    for row in table::TABLE {
        assert!(text.contains(&format!("-{} ", row.name)), "{}", row.name);
        assert!(text.contains(row.variables[0]), "{}", row.name);
    }
    assert!(matches!(Config::parse(&["--help".to_owned()], |_| None), Ok(Invocation::Help)));
    assert!(matches!(Config::parse(&["-version".to_owned()], |_| None), Ok(Invocation::Version)));
}

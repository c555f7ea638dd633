use super::*;
use proptest::prelude::{prop, prop_assert, proptest};

struct Bench {
    now: Instant,
    tiers: Tiers,
}

impl Bench {
    fn new(strangers: &[&[&str]], users: &[&str]) -> Self {
        let mut bench = Self { now: Instant::now(), tiers: Tiers::new(Rng::new(1)) };
        let url = |name: &&str| TrackerUrl::parse(&format!("http://{name}/announce")).unwrap();
        let users = users.iter().map(|name| vec![url(name)]).collect();
        bench.input(Input::Trackers { tiers: users, named_by: NamedBy::User });
        let strangers = strangers.iter().map(|tier| tier.iter().map(url).collect()).collect();
        bench.input(Input::Trackers { tiers: strangers, named_by: NamedBy::Stranger });
        bench
    }

    fn input(&mut self, input: Input) {
        self.tiers.handle_input(self.now, input);
    }

    fn key(&self, name: &str) -> TrackerKey {
        TrackerKey(self.tiers.trackers.iter().position(|tracker| tracker.url.host() == name).unwrap())
    }

    fn name(&self, key: TrackerKey) -> String {
        self.tiers.tracker(key).0.host().to_owned()
    }

    fn answers(&mut self, name: &str) {
        let tracker = self.key(name);
        let (interval, interval_min) = (Duration::from_secs(1800), Duration::from_secs(60));
        self.input(Input::Answered { tracker, interval, interval_min });
    }

    fn fails(&mut self, name: &str) {
        let failure = Failure::Unreachable("gone".into());
        self.input(Input::Failed { tracker: self.key(name), failure });
    }

    fn refuses(&mut self, name: &str) {
        let failure = Failure::Refused("no".into());
        self.input(Input::Failed { tracker: self.key(name), failure });
    }

    /// What is asked and told, in short.
    fn outputs(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(output) = self.tiers.poll_output() {
            told.push(match output {
                Output::Announce { tracker, event: None } => self.name(tracker),
                Output::Announce { tracker, event: Some(event) } => format!("{} {event:?}", self.name(tracker)),
                Output::WorksAgain(tracker) => format!("{} works again", self.name(tracker)),
                Output::Works(tracker) => format!("{} works", self.name(tracker)),
                Output::Left(tracker) => format!("{} left", self.name(tracker)),
                Output::Fails(tracker, Failure::Unreachable(_)) => format!("{} fails", self.name(tracker)),
                Output::Fails(tracker, Failure::Refused(_)) => format!("{} refuses", self.name(tracker)),
            });
        }
        told
    }

    /// Goes to the next wake; the seconds until then.
    fn wake(&mut self) -> u64 {
        let (at, Wake::Announce) = self.tiers.poll_timeout().expect("something is due");
        let waited = at - self.now;
        self.now = at;
        self.tiers.handle_timeout(at);
        waited.as_secs()
    }
}

#[test]
fn one_that_works_is_enough_and_moves_to_the_front() {
    let mut bench = Bench::new(&[&["a", "b", "c"], &["d"]], &[]);
    let mut order = Vec::new();
    for _ in 0..2 {
        let asked = bench.outputs().into_iter().find(|told| told.ends_with("Started")).unwrap();
        let name = asked.split(' ').next().unwrap().to_owned();
        bench.fails(&name);
        order.push(name);
    }
    let third = bench.outputs().into_iter().find(|told| told.ends_with("Started")).unwrap()[..1].to_owned();
    bench.answers(&third);
    assert_eq!(bench.outputs(), [format!("{third} works")]);
    assert_eq!(bench.wake(), 1800);
    assert_eq!(bench.outputs(), std::slice::from_ref(&third), "the front of its tier");
    bench.answers(&third);
    bench.wake();
    bench.fails(&third);
    let told = bench.outputs();
    assert_eq!(told[2], format!("{} Started", order[0]), "the others follow as they stood: {told:?}");
    assert!(!told.iter().any(|told| told.starts_with('d')), "a tier is tried to its end first");
}

#[test]
fn tiers_are_walked_and_trackers_rest_longer_and_longer() {
    let mut bench = Bench::new(&[&["a"], &["b"]], &[]);
    assert_eq!(bench.outputs(), ["a Started"]);
    bench.fails("a");
    assert_eq!(bench.outputs(), ["a fails", "b Started"]);
    bench.fails("b");
    assert_eq!(bench.outputs(), ["b fails"]);
    let mut waits = Vec::new();
    for _ in 0..12 {
        waits.push(bench.wake());
        assert_eq!(bench.outputs(), ["a Started"]);
        bench.fails("a");
        assert_eq!(bench.outputs(), ["b Started"]);
        bench.fails("b");
        assert!(bench.outputs().is_empty(), "a failure is told once");
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]);
}

#[test]
fn a_users_tracker_is_asked_always_and_soon_again() {
    let mut bench = Bench::new(&[&["a"], &["u"]], &["u", "v"]);
    assert_eq!(bench.outputs(), ["u Started", "v Started", "a Started"]);
    bench.answers("a");
    bench.answers("v");
    bench.outputs();
    for _ in 0..9 {
        bench.fails("u");
        let waited = bench.wake();
        assert!(waited <= 60, "{waited}");
        assert!(bench.outputs().contains(&"u Started".to_owned()));
    }
}

#[test]
fn a_refusal_is_told_and_lasts() {
    let mut bench = Bench::new(&[&["a"]], &[]);
    bench.refuses("a");
    assert_eq!(bench.outputs(), ["a Started", "a refuses"]);
    assert_eq!(bench.wake(), 60);
    bench.fails("a");
    assert_eq!(bench.outputs(), ["a Started", "a fails"], "another trouble is told as well");
    bench.wake();
    bench.answers("a");
    assert_eq!(bench.outputs(), ["a Started", "a works"]);
}

#[test]
fn few_peers_ask_sooner_public_trackers_less_and_less() {
    let mut bench = Bench::new(&[&["a"]], &["u"]);
    bench.answers("a");
    bench.answers("u");
    bench.input(Input::PeersFew(true));
    bench.outputs();
    assert_eq!(bench.wake(), 60);
    assert_eq!(bench.outputs(), ["u", "a"]);
    bench.answers("a");
    bench.answers("u");
    assert_eq!((bench.wake(), bench.outputs()), (60, vec!["u".to_owned()]));
    bench.answers("u");
    assert_eq!((bench.wake(), bench.outputs()), (60, vec!["u".to_owned(), "a".to_owned()]));
    bench.answers("a");
    bench.answers("u");
    bench.input(Input::PeersFew(false));
    assert_eq!(bench.wake(), 1800);
}

#[test]
fn completed_goes_to_those_who_know_us() {
    let mut bench = Bench::new(&[&["a"]], &["u"]);
    bench.answers("u");
    bench.outputs();
    bench.input(Input::Completed);
    assert_eq!(bench.outputs(), ["u Completed"], "`a` has not answered yet");
    bench.answers("u");
    bench.answers("a");
    assert_eq!(bench.outputs(), ["a works", "a Completed"], "it was asked when something was missing");
    bench.answers("a");
    bench.wake();
    assert_eq!(bench.outputs(), ["u", "a"], "said once");
}

#[test]
fn a_partial_seed_says_so_in_every_announce() {
    let mut bench = Bench::new(&[&["a"]], &["u"]);
    bench.answers("u");
    bench.outputs();
    bench.input(Input::BecamePartialSeed);
    assert_eq!(bench.outputs(), ["u Paused"], "at once to who knows us");
    bench.answers("a");
    assert_eq!(bench.outputs(), ["a works", "a Paused"], "it was told that something is fetched");
    ["a", "u"].into_iter().for_each(|name| bench.answers(name));
    assert_eq!((bench.wake(), bench.outputs()), (1800, vec!["u Paused".to_owned(), "a Paused".to_owned()]));
    bench.input(Input::Stop);
    assert_eq!(bench.outputs(), ["u Stopped", "a Stopped"]);
    let mut bench = Bench::new(&[], &[]);
    bench.input(Input::BecamePartialSeed);
    let url = TrackerUrl::parse("http://late/announce").unwrap();
    bench.input(Input::Trackers { tiers: vec![vec![url]], named_by: NamedBy::User });
    assert_eq!(bench.outputs(), ["late Paused"], "also to who never heard of us");
}

#[test]
fn a_seed_never_completes_and_a_failed_start_owes_nothing() {
    let mut bench = Bench::new(&[&["a"]], &[]);
    bench.input(Input::Completed);
    bench.fails("a");
    bench.outputs();
    bench.wake();
    bench.answers("a");
    assert_eq!(bench.outputs(), ["a Started", "a works"]);
}

#[test]
fn those_who_know_us_hear_that_we_leave() {
    let mut bench = Bench::new(&[&["a"], &["b"]], &["u", "v"]);
    bench.answers("u");
    bench.fails("v");
    bench.fails("a");
    bench.fails("b");
    bench.input(Input::Stop);
    assert_eq!(bench.outputs(), ["u Stopped"]);
    assert_eq!(bench.tiers.poll_timeout(), None);
    bench.answers("u");
    bench.tiers.handle_timeout(bench.now + Duration::from_secs(9_999));
    assert!(bench.outputs().is_empty(), "nothing comes after the end");
    let mut bench = Bench::new(&[&["a"]], &[]);
    bench.input(Input::Stop);
    assert_eq!(bench.outputs(), ["a Stopped"], "it may have heard the question that it never answered");
}

#[test]
fn trackers_are_bounded_and_an_answer_nobody_waits_for_is_nothing() {
    let names: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&[&names], &[]);
    assert_eq!(bench.tiers.trackers.len(), TRACKERS_MAX);
    let asked = bench.outputs().len();
    assert_eq!(asked, 1);
    let idle = bench.tiers.walks[0].tiers[0][63];
    bench.input(Input::Failed { tracker: TrackerKey(idle), failure: Failure::Refused("x".into()) });
    assert!(bench.outputs().is_empty());
}

proptest! {
    /// Whatever trackers answer: one question a walk at a time, none sooner than a minute after an answer, and there is
    /// always something to wait for.
    #[test]
    fn nobody_is_pestered(steps in prop::collection::vec((0u8..5, 0usize..8), 1..200)) {
        let mut bench = Bench::new(&[&["a", "b"], &["c"]], &["u"]);
        let mut open: Vec<(String, Option<AnnounceEvent>)> = Vec::new();
        let mut answered: Vec<(String, Instant)> = Vec::new();
        let mut completed = false;
        for (what, which) in steps {
            while let Some(output) = bench.tiers.poll_output() {
                if let Output::Announce { tracker, event } = output {
                    let name = bench.name(tracker);
                    let last = answered.iter().rev().find(|(other, _)| *other == name);
                    if let Some((_, at)) = last.filter(|_| event.is_none()) {
                        prop_assert!(bench.now - *at >= INTERVAL_MIN || completed, "{}", name);
                    }
                    open.push((name, event));
                    prop_assert!(open.len() <= 2, "one for the room, one for the others: {:?}", open);
                }
            }
            prop_assert!(!open.is_empty() || bench.tiers.poll_timeout().is_some());
            match what {
                0 | 1 if !open.is_empty() => {
                    let (name, _) = open.remove(which % open.len());
                    answered.push((name.clone(), bench.now));
                    bench.answers(&name);
                }
                2 if !open.is_empty() => {
                    let (name, _) = open.remove(which % open.len());
                    if which % 2 == 0 { bench.fails(&name) } else { bench.refuses(&name) }
                }
                3 => bench.input(Input::PeersFew(which % 2 == 0)),
                4 if which == 0 => {
                    completed = true;
                    bench.input(Input::Completed);
                }
                _ if bench.tiers.poll_timeout().is_some() => {
                    bench.wake();
                }
                _ => {}
            }
        }
    }
}

#[test]
fn who_moves_announces_again_at_once_and_to_those_that_were_out_of_reach() {
    let mut bench = Bench::new(&[], &["a", "b", "c"]);
    assert_eq!(bench.outputs(), ["a Started", "b Started", "c Started"]);
    bench.answers("a");
    bench.fails("b");
    bench.refuses("c");
    assert_eq!(bench.outputs(), ["a works", "b fails", "c refuses"]);
    bench.input(Input::Moved);
    assert_eq!(bench.outputs(), ["a", "b Started"]);
    // Meanwhile it moves on: what `a` is being told is out of date before it answers, and it is told once more.
    bench.input(Input::Moved);
    assert_eq!(bench.outputs(), [""; 0]);
    bench.answers("a");
    bench.fails("b");
    assert_eq!(bench.outputs(), ["a"]);
    bench.answers("a");
    assert_eq!(bench.outputs(), [""; 0]);
}

#[test]
fn in_silence_the_rooms_tracker_is_asked_at_once_and_the_worlds_is_not() {
    let mut bench = Bench::new(&[&["a"]], &["b", "c"]);
    bench.outputs();
    ["a", "b"].into_iter().for_each(|name| bench.answers(name));
    bench.fails("c");
    bench.outputs();
    bench.input(Input::Silence);
    // One that failed has its rest all the same.
    assert_eq!(bench.outputs(), ["b"]);
    bench.input(Input::Silence);
    bench.answers("b");
    assert_eq!(bench.outputs(), [""; 0]);
}

#[test]
fn a_private_torrent_leaves_all_trackers_but_its_own() {
    let url = |name: &str| TrackerUrl::parse(&format!("http://{name}/announce")).unwrap();
    let mut bench = Bench::new(&[&["own"], &["x"]], &["u", "v", "w"]);
    bench.answers("u");
    bench.fails("w");
    bench.outputs();
    bench.input(Input::OnlyItsOwn(vec![url("own"), url("later")]));
    let told = bench.outputs();
    assert_eq!(told, ["u Stopped", "u left", "v Stopped", "v left", "w left", "x left"]);
    // An answer that was on its way is nobody's, and whoever is named again is not asked either.
    bench.answers("v");
    bench.input(Input::Trackers { tiers: vec![vec![url("u"), url("new"), url("later")]], named_by: NamedBy::User });
    assert_eq!(bench.outputs(), ["later Started"]);
    assert!(bench.tiers.may_ask(&url("own")) && !bench.tiers.may_ask(&url("u")));
    bench.answers("own");
    bench.answers("later");
    assert_eq!(bench.outputs(), ["own works", "later works"]);
    assert_eq!((bench.wake(), bench.outputs()), (1800, vec!["own".to_owned(), "later".to_owned()]));
    bench.input(Input::Silence);
    bench.input(Input::Moved);
    bench.input(Input::Stop);
    assert_eq!(bench.outputs(), ["own Stopped", "later Stopped"]);
}

#[test]
fn a_private_torrent_without_any_tracker_left_waits_for_nothing() {
    let mut bench = Bench::new(&[], &["u"]);
    bench.answers("u");
    bench.outputs();
    bench.input(Input::OnlyItsOwn(Vec::new()));
    assert_eq!(bench.outputs(), ["u Stopped", "u left"]);
    assert_eq!(bench.tiers.poll_timeout(), None);
}

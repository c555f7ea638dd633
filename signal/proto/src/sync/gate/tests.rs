use super::*;
use crate::testing::start;
use proptest::prelude::*;

const S: Duration = Duration::from_secs(1);

struct Scene {
    now: Instant,
    gate: Gate,
}

fn id(name: &str) -> ParticipantId {
    ParticipantId::parse(name).unwrap()
}

fn ids(names: &[&str]) -> Vec<ParticipantId> {
    names.iter().map(|name| id(name)).collect()
}

impl Scene {
    /// A room with a film that nobody is ready for.
    fn new(policy: WaitPolicy, names: &[&str]) -> Self {
        let mut scene = Self { now: start(), gate: Gate::new(policy) };
        for name in names {
            assert_eq!(scene.input(Input::Joined { who: id(name), says_ready: true }), []);
        }
        scene.input(Input::Film { present: true });
        scene
    }

    /// The same, playing, everybody ready.
    fn playing(policy: WaitPolicy, names: &[&str]) -> Self {
        let mut scene = Self::new(policy, names);
        for name in names {
            scene.ready(name, true);
        }
        assert_eq!(scene.input(Input::Play), [go(&[])]);
        scene
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.gate.handle_input(self.now, input);
        self.outputs()
    }

    fn ready(&mut self, who: &str, ready: bool) -> Vec<Output> {
        self.input(Input::Ready(id(who), ready))
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.gate.poll_output()).collect()
    }

    /// Lives through so much time, waking the gate when it wants to be.
    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let (end, mut outputs) = (self.now + time, Vec::new());
        while let Some((at, _)) = self.gate.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            self.gate.handle_timeout(self.now);
            outputs.extend(self.outputs());
        }
        self.now = end;
        outputs
    }

    fn hold(&self, names: &[&str], wait: Duration, stalled: bool) -> Output {
        Output::Hold { waiting_on: ids(names), deadline: self.now + wait, stalled }
    }
}

fn go(without: &[&str]) -> Output {
    Output::Go { without: ids(without) }
}

#[test]
fn a_start_waits_for_everybody_and_goes_when_they_are_ready() {
    let mut room = Scene::new(WaitPolicy::Auto, &["ann", "bea"]);
    let deadline = room.now + START_WAIT_MAX;
    assert_eq!(room.input(Input::Play), [room.hold(&["ann", "bea"], START_WAIT_MAX, false)]);
    assert_eq!(room.ready("bea", true), [Output::StillWaiting { waiting_on: ids(&["ann"]), deadline }]);
    assert_eq!(room.ready("ann", true), [go(&[])]);
    assert_eq!(room.gate.poll_timeout(), None);
}

#[test]
fn a_start_waits_no_longer_than_its_deadline_or_anybodys_patience() {
    let mut room = Scene::new(WaitPolicy::Auto, &["ann", "bea"]);
    room.ready("ann", true);
    room.input(Input::Play);
    assert_eq!(room.pass(START_WAIT_MAX - S), []);
    assert_eq!(room.pass(S), [go(&["bea"])]);
    assert_eq!(room.pass(S * 60), [], "who was never ready does not stall");

    room.input(Input::Stopped);
    assert_eq!(room.input(Input::Play), [room.hold(&["bea"], START_WAIT_MAX, false)]);
    assert_eq!(room.input(Input::StartAnyway), [go(&["bea"])]);
    assert_eq!(room.input(Input::StartAnyway), [], "nothing waits");
}

#[test]
fn a_seek_while_playing_is_a_start_again_and_while_standing_is_not() {
    let mut room = Scene::playing(WaitPolicy::Auto, &["ann", "bea"]);
    assert_eq!(room.input(Input::Sought), [room.hold(&["ann", "bea"], START_WAIT_MAX, false)]);
    room.input(Input::Stopped);
    assert_eq!(room.input(Input::Sought), []);
    assert_eq!(room.gate.poll_timeout(), None);
}

#[test]
fn a_pause_ends_a_wait() {
    let mut room = Scene::new(WaitPolicy::Auto, &["ann"]);
    room.input(Input::Play);
    assert_eq!(room.input(Input::Stopped), []);
    assert_eq!(room.ready("ann", true), []);
    assert_eq!(room.pass(S * 60), []);
}

#[test]
fn nothing_gates_without_a_film() {
    let mut room = Scene::new(WaitPolicy::Auto, &["ann"]);
    room.input(Input::Film { present: false });
    assert_eq!(room.input(Input::Play), [go(&[])]);
    room.ready("ann", true);
    room.ready("ann", false);
    assert_eq!(room.pass(S * 5), [], "there is nothing to stall in");
}

#[test]
fn who_cannot_say_so_is_not_waited_for() {
    let mut room = Scene::new(WaitPolicy::Auto, &[]);
    room.input(Input::Joined { who: id("plan"), says_ready: false });
    room.input(Input::Film { present: true });
    assert_eq!(room.input(Input::Play), [go(&[])]);
    room.ready("plan", true);
    room.ready("plan", false);
    assert_eq!(room.pass(S * 5), []);
}

#[test]
fn who_joins_a_running_film_holds_nobody_up_until_it_was_ready() {
    let mut room = Scene::playing(WaitPolicy::Wait, &["ann"]);
    room.input(Input::Joined { who: id("late"), says_ready: true });
    room.ready("late", false);
    assert_eq!(room.pass(S * 5), []);
    room.input(Input::Sought);
    assert_eq!(room.ready("ann", true), [go(&[])], "the late one is not waited for");
    room.ready("late", true);
    assert_eq!(room.input(Input::Sought), [room.hold(&["ann", "late"], START_WAIT_MAX, false)]);
    room.input(Input::Film { present: true });
    assert_eq!(room.gate.waiting_on(room.now), ids(&["ann", "late"]), "the next film is everybody's");
}

#[test]
fn a_short_stall_is_none() {
    let mut room = Scene::playing(WaitPolicy::Wait, &["ann", "bea"]);
    room.ready("bea", false);
    assert_eq!(room.pass(STALL_GRACE - Duration::from_millis(1)), []);
    room.ready("bea", true);
    assert_eq!(room.pass(S * 10), []);
}

#[test]
fn a_stall_pauses_the_room_for_a_while() {
    let mut room = Scene::playing(WaitPolicy::Wait, &["ann", "bea"]);
    room.ready("bea", false);
    let held = room.pass(STALL_GRACE);
    assert_eq!(held, [room.hold(&["bea"], STALL_WAIT_MAX, true)]);
    assert_eq!(room.pass(S * 3), []);
    assert_eq!(room.ready("bea", true), [go(&[])]);

    room.ready("bea", false);
    assert_eq!(room.pass(STALL_GRACE + STALL_WAIT_MAX).last(), Some(&go(&["bea"])));
}

#[test]
fn who_leaves_or_watches_alone_is_not_waited_for() {
    let mut room = Scene::new(WaitPolicy::Auto, &["ann", "bea", "cem"]);
    room.ready("ann", true);
    room.input(Input::Play);
    room.input(Input::Left(id("bea")));
    assert_eq!(room.input(Input::Spectating(id("cem"), true)), [go(&[])]);
    room.ready("cem", true);
    room.ready("cem", false);
    assert_eq!(room.pass(S * 5), []);
}

#[test]
fn many_flow_and_few_wait() {
    for (policy, names, waits) in [
        (WaitPolicy::Auto, &["a", "b", "c", "d"][..], true),
        (WaitPolicy::Auto, &["a", "b", "c", "d", "e"][..], false),
        (WaitPolicy::Flow, &["a", "b"][..], false),
        (WaitPolicy::Wait, &["a", "b", "c", "d", "e", "f"][..], true),
    ] {
        let mut room = Scene::playing(policy, names);
        room.ready("a", false);
        assert_eq!(!room.pass(S).is_empty(), waits, "{policy:?} among {}", names.len());
    }
}

#[test]
fn who_stalls_again_and_again_is_excused_for_a_while() {
    let mut room = Scene::playing(WaitPolicy::Wait, &["ann", "bea"]);
    for _ in 0..3 {
        room.ready("bea", false);
        assert_eq!(room.pass(STALL_GRACE).len(), 1);
        assert_eq!(room.ready("bea", true), [go(&[])]);
    }
    room.ready("bea", false);
    assert_eq!(room.pass(S), [Output::Excused(id("bea"))]);
    assert_eq!(room.input(Input::Sought), [room.hold(&["ann"], START_WAIT_MAX, false)]);
    room.ready("ann", true);
    room.pass(PAUSES_WITHIN);
    room.ready("bea", true);
    room.ready("bea", false);
    assert_eq!(room.pass(STALL_GRACE).len(), 1, "forgiven");
}

#[test]
fn policies_travel_by_name() {
    for policy in [WaitPolicy::Auto, WaitPolicy::Wait, WaitPolicy::Flow] {
        assert_eq!(WaitPolicy::parse(policy.as_str()), Some(policy));
    }
    assert_eq!(WaitPolicy::parse(""), None);
}

fn any_input() -> impl Strategy<Value = Input> {
    let who = || prop::sample::select(vec!["ann", "bea", "cem"]).prop_map(id);
    prop_oneof![
        (who(), any::<bool>()).prop_map(|(who, says_ready)| Input::Joined { who, says_ready }),
        who().prop_map(Input::Left),
        (who(), any::<bool>()).prop_map(|(who, spectates)| Input::Spectating(who, spectates)),
        any::<bool>().prop_map(|present| Input::Film { present }),
        Just(Input::FilmNamed),
        Just(Input::Sought),
        (who(), any::<bool>()).prop_map(|(who, ready)| Input::Ready(who, ready)),
        Just(Input::Play),
        Just(Input::Stopped),
        Just(Input::StartAnyway),
        prop::sample::select(vec![WaitPolicy::Auto, WaitPolicy::Wait, WaitPolicy::Flow]).prop_map(Input::Policy),
    ]
}

proptest! {
    /// Whatever people do, a room that is held goes on by its deadline, and a hold names somebody.
    #[test]
    fn no_wait_lasts_forever(steps in prop::collection::vec((any_input(), 0_u64..4_000), 1..60)) {
        let mut room = Scene { now: start(), gate: Gate::new(WaitPolicy::Auto) };
        let mut held = false;
        let follow = |outputs: Vec<Output>, held: &mut bool| {
            for output in outputs {
                match output {
                    Output::Hold { waiting_on, .. } => {
                        assert!(!waiting_on.is_empty());
                        *held = true;
                    }
                    Output::Go { .. } => *held = false,
                    Output::StillWaiting { .. } => assert!(*held),
                    Output::Excused(_) => {}
                }
            }
        };
        for (input, wait) in steps {
            if matches!(input, Input::Stopped | Input::Film { .. }) {
                held = false;
            }
            let outputs = room.input(input);
            follow(outputs, &mut held);
            let outputs = room.pass(Duration::from_millis(wait));
            follow(outputs, &mut held);
        }
        // A stall that was in its grace may hold once more.
        follow(room.pass(START_WAIT_MAX), &mut held);
        follow(room.pass(START_WAIT_MAX), &mut held);
        prop_assert!(!held, "every wait ends");
    }
}

//! An evening of three windows on one virtual screen, one of them at the end of a long and narrow line, with everything that
//! happens to people: what each window shows is read off the screen.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tests::app::App;
use tests::net::{Addresses, Line, Network};
use tests::screen::figures::{Distances, OUT_OF_STEP_MS, apart};
use tests::screen::film;
use tests::screen::stage::Stage;
use tests::screen::watch::Watch;
use tests::signal::Server;
use tests::{free_port, scratch, within};

/// Seconds, and kbit a second: the far line carries twice that, so that it has the film when a minute is over.
const FILM: u16 = 120;
const FILM_RATE: u32 = 4000;

/// 40 ms, 8 Mbit/s.
const FAR: Line = Line { round_trip: Duration::from_millis(40), loss_percent: 0.0, rate: Some(1_000_000) };

const PATIENCE: Duration = Duration::from_secs(60);
const UNDISTURBED: Duration = Duration::from_secs(6);

fn in_step(view: &Value) -> bool {
    view["playback"]["state"] == "playing" && view["playback"]["drift"].as_f64().is_some_and(|drift| drift.abs() < 0.2)
}

/// It plays at a place of these, in seconds: a view from before a seek shows another one.
fn in_step_at(places: Range<f64>) -> impl Fn(&Value) -> bool {
    move |view| in_step(view) && view["playback"]["position"].as_f64().is_some_and(|place| places.contains(&place))
}

fn all_see(people: &mut [&mut App], what: &str, is_so: impl Fn(&Value) -> bool) {
    for person in people {
        person.sees_within(PATIENCE, what, &is_so);
    }
}

#[test]
fn an_evening_over_a_long_and_narrow_line() {
    let Some(mut network) = Network::new() else { return };
    let folder = scratch();
    let path = folder.path().join("film.mp4");
    film::make_at(&path, FILM, FILM_RATE);
    let film = path.display().to_string();
    let stage = Stage::new(folder.path());
    let (home, near, far) =
        (network.host(Addresses::All), network.host(Addresses::All), network.far_host(Addresses::All, FAR));
    let port = free_port();
    let secret = ["-secret", "the secret of three windows and one film"];
    let server = Server::start_on(port, &secret, &[]);
    let url = format!("http://{}:{port}", network.address());
    let watch = Watch::start(stage.display.clone());
    let mut calm: Vec<Range<Duration>> = Vec::new();
    let mut undisturbed = || {
        let from = watch.now();
        within(PATIENCE, "some seconds are over", || (watch.now() >= from + UNDISTURBED).then_some(()));
        calm.push(from..watch.now());
    };

    let mut ana = home.inside(|| App::window(&stage, 0, "Ana", &["host", &film, "--server", &url]));
    let code = ana.code();
    let joins = ["join", &code, "--server", &url];
    let mut bea = near.inside(|| App::window(&stage, 1, "Bea", &joins));
    let mut cem = far.inside(|| App::window(&stage, 2, "Cem", &joins));
    ana.sees_within(PATIENCE, "all three ready", |view| {
        let people = view["people"].as_array().map(Vec::as_slice).unwrap_or_default();
        people.len() == 3 && people.iter().all(|person| person["state"]["is"] == "ready")
    });

    ana.send(&json!({"cmd": "play"}));
    all_see(&mut [&mut ana, &mut bea, &mut cem], "it plays in step", in_step);
    undisturbed();
    ana.send(&json!({"cmd": "pause"}));
    all_see(&mut [&mut ana, &mut bea, &mut cem], "it stands", |view| view["playback"]["state"] == "paused");

    // The far one does not have that yet.
    let has = |view: &Value, part: f64| {
        let ranges = view["film"]["ranges"].as_array().map(Vec::as_slice).unwrap_or_default();
        ranges.iter().any(|range| (range[0].as_f64()..=range[1].as_f64()).contains(&Some(part)))
    };
    assert!(!has(cem.view(), 0.61), "{}", cem.view()["film"]);
    ana.send(&json!({"cmd": "seek", "to": 72}));
    ana.send(&json!({"cmd": "play"}));
    all_see(&mut [&mut ana, &mut bea, &mut cem], "it plays there", in_step_at(72.0..120.0));
    assert!(has(cem.view(), 0.61), "{}", cem.view()["film"]);

    // One goes, and comes late to a film that runs.
    bea.leaves();
    ana.send(&json!({"cmd": "seek", "to": 10}));
    ana.sees_within(PATIENCE, "it plays without her", in_step_at(10.0..60.0));
    let mut bea = near.inside(|| App::window(&stage, 1, "Bea", &joins));
    all_see(&mut [&mut bea, &mut ana, &mut cem], "it plays in step for all", in_step_at(10.0..60.0));
    undisturbed();

    // A window dies and comes again; meanwhile the others watch.
    let kept = cem.dies();
    all_see(&mut [&mut ana, &mut bea], "it goes on", |view| view["playback"]["running"] == true);
    let mut cem = far.inside(|| App::window_in(kept, &stage, 2, "Cem", &joins));
    cem.sees_within(PATIENCE, "it plays in step again", in_step);

    // So does the server. Before the jump they were further than that.
    ana.send(&json!({"cmd": "seek", "to": 1}));
    all_see(&mut [&mut ana, &mut bea, &mut cem], "it plays in step from there", in_step_at(1.0..15.0));
    drop(server);
    all_see(&mut [&mut ana, &mut bea, &mut cem], "that there is no server, and the film", |view| {
        view["server"]["connected"] == false && view["playback"]["running"] == true
    });
    let _server = Server::start_on(port, &secret, &[]);
    let back = |view: &Value| view["server"]["connected"] == true && in_step(view);
    all_see(&mut [&mut ana, &mut bea, &mut cem], "the server, in step", back);
    undisturbed();

    // The host goes for good. Whoever has the film goes on.
    ana.leaves();
    let alone = |view: &Value| view["people"].as_array().is_some_and(|people| people.len() == 2) && in_step(view);
    all_see(&mut [&mut bea, &mut cem], "the film without its host", alone);
    bea.leaves();
    cem.leaves();

    let seen = watch.end();
    let distances = calm.iter().flat_map(|during| apart(&seen.windows, &[0, 1, 2], during)).collect();
    let distances = Distances::new(distances);
    println!("apart on the screen, undisturbed: {}", distances.json());
    assert!(distances.count() > 100, "nothing ran on the screen: {}", distances.json());
    assert!(distances.percentile(95) < OUT_OF_STEP_MS, "{}", distances.json());
}

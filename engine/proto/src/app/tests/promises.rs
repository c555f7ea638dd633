//! What holds whatever happens, in any order.

use proptest::prelude::*;

use super::*;

/// Anything a front end or a driver might do, with small numbers so that things meet.
#[derive(Clone, Debug)]
enum Act {
    Line(&'static str),
    Fact(u64, u8, u64),
    Pass(u64),
}

fn any_act() -> impl Strategy<Value = Act> {
    let lines = [
        r#"{"cmd":"seed","filePath":"f"}"#,
        r#"{"cmd":"add","magnetURI":"m","id":1}"#,
        r#"{"cmd":"stop"}"#,
        r#"{"cmd":"stop","infoHash":"1111111111111111111111111111111111111111"}"#,
        r#"{"cmd":"status"}"#,
        "{",
    ];
    prop_oneof![
        3 => proptest::sample::select(lines.to_vec()).prop_map(Act::Line),
        8 => (0u64..6, 0u8..9, 0u64..=1000).prop_map(|(key, kind, n)| Act::Fact(key, kind, n)),
        2 => (0u64..1500).prop_map(Act::Pass),
    ]
}

fn fact_of(kind: u8, number: u64) -> Fact {
    match kind {
        0 => Fact::Hashing(0.5),
        1 => Fact::Accepted(if number.is_multiple_of(2) { ONE } else { TWO }),
        2 => Fact::Details(film("film.mp4")),
        3 => Fact::Done,
        4 => Fact::Told(Err(problem(ErrorCode::E009))),
        5 if number.is_multiple_of(5) => Fact::Refused(problem(ErrorCode::E005)),
        6 if number.is_multiple_of(5) => Fact::Failed(problem(ErrorCode::E008)),
        7 => Fact::Stopped,
        _ => stats(number, 1),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever happens in whatever order: progress of a torrent never goes back, `done` comes once and after exactly
    /// 1.0, no timeout repeats without moving, and quitting ends.
    #[test]
    fn promises_hold(acts in proptest::collection::vec(any_act(), 0..60)) {
        let mut bench = Bench::new();
        let mut downloaded = std::collections::BTreeMap::<String, f64>::new();
        let mut done = std::collections::BTreeSet::<String>::new();
        let mut started = std::collections::BTreeSet::new();
        for act in acts {
            match act {
                Act::Line(line) => bench.app.handle_input(bench.now, Input::Line(line.as_bytes().to_vec())),
                Act::Fact(key, kind, number) => bench.fact(TorrentKey(key), fact_of(kind, number)),
                Act::Pass(millis) => bench.pass(Duration::from_millis(millis)),
            }
            let (events, effects) = bench.drain();
            for event in events {
                let hash = event["infoHash"].as_str().unwrap_or_default().to_owned();
                match event["event"].as_str().unwrap() {
                    "progress" => {
                        let now = event["downloaded"].as_f64().unwrap();
                        let before = downloaded.insert(hash, now).unwrap_or(0.0);
                        prop_assert!(now >= before, "{now} after {before}");
                    }
                    "done" => {
                        prop_assert_eq!(downloaded.get(&hash), Some(&1.0));
                        prop_assert!(done.insert(hash), "done twice");
                    }
                    "stopped" => {
                        downloaded.remove(&hash);
                        done.remove(&hash);
                    }
                    _ => {}
                }
            }
            for effect in effects {
                if let Effect::Start { torrent, .. } = effect {
                    prop_assert!(started.insert(torrent), "started twice");
                }
            }
            if let Some((due, wake)) = bench.app.poll_timeout() {
                prop_assert!(due > bench.now, "{wake:?} is overdue");
            }
        }
        bench.app.handle_input(bench.now, Input::Signal);
        bench.pass(Duration::from_secs(3));
        let (_, effects) = bench.drain();
        prop_assert_eq!(effects.last(), Some(&Effect::Quit));
    }
}

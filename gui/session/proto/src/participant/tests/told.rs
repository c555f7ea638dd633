//! Every code reaches the person as words and one thing to do, whatever it comes by.

use engine_proto::error::{ErrorCode, Problem};
use engine_proto::ipc;
use serde_json::json;
use signal_proto::error::Code;

use crate::participant::{End, EngineNews, Input, Output, SignalNews};
use crate::testing::{Desk, join, setup};
use crate::view::Notice;

fn has_words(notice: &Notice, code: &str) {
    assert_eq!(notice.code.as_deref(), Some(code), "{notice:?}");
    assert!(notice.title.len() > 8 && !notice.title.ends_with('.'), "{notice:?}");
    assert!(notice.text.len() > 20, "{notice:?}");
    assert!(notice.action.is_some(), "{notice:?}");
}

fn noticed(desk: &mut Desk) -> Vec<Notice> {
    let told = |output: Output| match output {
        Output::Noticed(notice) => Some(notice),
        _ => None,
    };
    desk.take().into_iter().filter_map(told).collect()
}

#[test]
fn every_code_of_the_engine() {
    for code in ErrorCode::ALL {
        let mut desk = Desk::with_film("viewer");
        match code {
            // These two are told of the engine by who starts it.
            ErrorCode::E001 | ErrorCode::E002 => {
                desk.input(Input::Engine(EngineNews::Down { problem: Problem::new(code, "why"), retry_in: None }));
            }
            ErrorCode::E003
            | ErrorCode::E004
            | ErrorCode::E005
            | ErrorCode::E006
            | ErrorCode::E007
            | ErrorCode::E008
            | ErrorCode::E009
            | ErrorCode::E010 => {
                desk.engine(ipc::Event::Error(ipc::Error::new(Problem::new(code, "what and why"), None)));
            }
        }
        let told = noticed(&mut desk);
        assert_eq!(told.len(), 1, "{code}");
        has_words(&told[0], &code.to_string());
        assert_eq!(desk.view().notices.len(), 1);
        desk.wish(crate::wish::Wish::Dismiss(told[0].key));
        assert!(desk.view().notices.is_empty());
    }
}

#[test]
fn every_code_of_the_server_inside_the_room() {
    for code in Code::ALL {
        let mut desk = Desk::with_film("viewer");
        match code {
            Code::S001 => {
                desk.input(Input::Signal(SignalNews::Lost {
                    why: "refused".into(),
                    retry_in: Some(std::time::Duration::from_secs(5)),
                }));
            }
            Code::S012 => desk.hear("server-restarting", json!({"retryAfter": 3})),
            Code::S007 => {
                desk.hear("error", json!({"code": "S007", "message": "removed"}));
                let ended = desk.take().into_iter().any(|output| output == Output::Ended(End::Removed));
                assert!(ended, "it is over");
                continue;
            }
            Code::S008 => {
                desk.hear("error", json!({"code": "S008", "message": "no"}));
                let told = noticed(&mut desk);
                assert_eq!(told[0].title, "Only the host can do that");
                continue;
            }
            Code::S002
            | Code::S003
            | Code::S004
            | Code::S005
            | Code::S006
            | Code::S009
            | Code::S010
            | Code::S011
            | Code::S013
            | Code::S014
            | Code::S015 => {
                desk.hear("error", json!({"code": code.to_string(), "message": "what and why", "wait": 1.0}));
            }
        }
        let told = noticed(&mut desk);
        assert_eq!(told.len(), 1, "{code}");
        has_words(&told[0], &code.to_string());
    }
}

#[test]
fn a_server_of_the_plan_refuses_with_an_error_alone() {
    let mut desk = Desk::new(setup(join()));
    desk.input(Input::Signal(SignalNews::Connected));
    desk.hear("error", json!({"message": "Room not found"}));
    let ended = desk.take().into_iter().find_map(|output| match output {
        Output::Ended(End::Refused(notice)) => Some(notice),
        _ => None,
    });
    assert!(ended.expect("it is over").text.contains("Room not found"));
}

#[test]
fn another_torrents_trouble_is_not_this_films() {
    let mut desk = Desk::with_film("viewer");
    let other = engine_proto::infohash::Infohash([7; 20]);
    desk.engine(ipc::Event::Error(ipc::Error::new(Problem::new(ErrorCode::E008, "changed"), Some(other))));
    assert!(noticed(&mut desk).is_empty());
}

#[test]
fn nobody_found_for_long_is_told_and_taken_back_when_somebody_is() {
    let mut desk = Desk::in_room("viewer");
    desk.hear("torrent-magnet", json!({"magnetURI": crate::testing::MAGNET, "name": "film", "by": "ana"}));
    desk.run(19_000);
    assert!(noticed(&mut desk).is_empty());
    desk.run(1_500);
    let told = noticed(&mut desk);
    has_words(&told[0], "E004");
    assert!(told[0].title.contains("Ana") || told[0].text.contains("Ana"), "{:?}", told[0]);
    desk.added();
    assert!(desk.view().notices.is_empty());
}

//! A room for tests of what is shown of it.

use session::proto::view::{
    Action, Film, Forecast, Level, Notice, Person, PersonState, Phase, Playback, RoomState, Server, Stage, View,
};
use signal_proto::roles::Role;

pub(super) fn film(stage: Stage) -> Film {
    Film {
        name: "A film.mkv".into(),
        info_hash: None,
        url: None,
        shared_here: false,
        stage,
        duration: Some(100.0),
        length: 1,
        downloaded: 0.25,
        download_rate: 1_500_000,
        upload_rate: 900,
        upload_capacity: 0,
        peers: 1,
        ranges: vec![(0.0, 0.25), (0.5, 0.51)],
        ahead: 12.0,
        forecast: Forecast::Stalls { after: 720.0, unless_waiting: Some(180.0) },
        tracks: Vec::new(),
    }
}

pub(super) fn person(name: &str, me: bool, role: Role, state: PersonState) -> Person {
    Person {
        id: name.into(),
        name: name.into(),
        role,
        me,
        in_call: false,
        may_control: false,
        state,
        drift: Some(-0.012),
        ahead: Some(30.0),
        rtt: Some(0.04),
        position: None,
    }
}

pub(super) fn view() -> View {
    View {
        phase: Phase::InRoom,
        code: Some("ABC1-2345".into()),
        server: Server { connected: true, retry_in: None, rtt: Some(0.04) },
        people: vec![
            person("Bea", true, Role::Viewer, PersonState::Buffering { percent: Some(42) }),
            person("An\u{1b}a", false, Role::Host, PersonState::Behind { seconds: 3.2 }),
        ],
        film: Some(film(Stage::Arriving)),
        playback: Playback {
            state: RoomState::Waiting,
            room_position: 10.0,
            rate: 1.0,
            volume: 1.0,
            waiting_on: vec!["Bea".into()],
            waits_for: Some(8.2),
            ..Playback::default()
        },
        ..View::default()
    }
}

pub(super) fn trouble(code: Option<&str>, level: Level, action: Action) -> Notice {
    Notice {
        key: 1,
        level,
        code: code.map(str::to_owned),
        title: "The server is gone".into(),
        text: "Playing continues.".into(),
        action: Some(action),
    }
}

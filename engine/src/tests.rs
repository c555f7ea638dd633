//! What an engine does when a part of it has ended.

use engine_proto::ipc::Event;
use futures_lite::FutureExt as _;
use smol::Timer;

use super::*;

/// Longer than any of this takes on a busy machine.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

fn config(folder: &tempfile::TempDir) -> Config {
    Config { data_dir: folder.path().to_owned(), listen_port: 0, http_port: 0, ..Config::default() }
}

/// What it tells until it ends.
fn told(engine: &Engine) -> Vec<Event> {
    let mut told = Vec::new();
    smol::block_on(
        async {
            while let Ok(message) = engine.events().recv().await {
                told.push(message.event);
            }
        }
        .or(async {
            Timer::after(LIMIT).await;
            panic!("it has not ended");
        }),
    );
    told
}

#[test]
fn an_engine_without_its_swarm_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let client = Client::start(config.client()).unwrap();
    let engine = start_with(client.clone(), config).unwrap();
    assert!(matches!(smol::block_on(engine.events().recv()).unwrap().event, Event::Ready(_)));
    // However its thread ends: this is a way to bring that about from outside.
    smol::block_on(client.shutdown());
    assert_eq!(told(&engine), []);
    assert_eq!(engine.end(), Err(Crashed("swarm")));
}

#[test]
fn an_engine_that_was_told_to_quit_has_not_crashed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(config(&folder)).unwrap();
    engine.commands().quit();
    assert!(matches!(told(&engine)[0], Event::Ready(_)));
    assert_eq!(engine.end(), Ok(()));
}

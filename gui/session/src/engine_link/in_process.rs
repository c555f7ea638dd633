//! The engine in this process.

use engine_proto::ipc::Request;
use futures_lite::future::or;
use sharestream_engine::Config;

use super::{Line, Outcome};

/// One run, from its start to its end.
pub(super) async fn run(config: &Config, line: &Line) -> Outcome {
    let engine = match sharestream_engine::start(config.clone()) {
        Ok(engine) => engine,
        // E007: the port may be free again, the disk may be back.
        Err(problem) => return Outcome::Failed { problem, again: true },
    };
    let commands = engine.commands();
    let say = async |command| {
        if commands.send(Request::from(command)).await.is_err() {
            log::debug!("a command for an engine that is ending");
        }
    };
    or(line.pass_commands(say), line.pass_news(engine.events())).await
    // The engine is dropped here, which waits for its goodbyes.
}

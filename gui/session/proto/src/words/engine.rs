//! The engine's codes.

use engine_proto::error::ErrorCode;

use super::{Context, Words, sentence};
use crate::view::{Action, Level};

pub(super) fn words(code: ErrorCode, context: &Context<'_>) -> Words {
    let (host, film, next) = (context.host(), context.film(), context.next_try());
    let (level, title, text, action) = match code {
        ErrorCode::E001 => (
            Level::Error,
            "The sharing engine is not there".to_owned(),
            "Films cannot be fetched or shared without it; rooms and chat work. A part of ShareStream is missing or was \
             blocked: install ShareStream again, or name the engine's program."
                .to_owned(),
            Action::Install,
        ),
        ErrorCode::E002 => (
            Level::Error,
            "The sharing engine is not running".to_owned(),
            format!(
                "The film waits for it. It took too long to start, or ended by itself; another copy may be running, or the disk \
                 is busy.{next}"
            ),
            Action::Retry,
        ),
        ErrorCode::E003 if context.sharing => (
            Level::Error,
            format!("{} cannot be shared", sentence(&film)),
            "Nobody can watch it from here. It may be empty, or not a file that can be read. Choose another one.".to_owned(),
            Action::ChooseFile,
        ),
        ErrorCode::E003 => (
            Level::Error,
            "This room's film cannot be used".to_owned(),
            format!("What describes it is damaged or unsafe, so it is not fetched. Ask {host} to share it again."),
            Action::AskHost,
        ),
        ErrorCode::E004 if context.sharing => (
            Level::Warning,
            "Nobody reaches this computer yet".to_owned(),
            format!(
                "The others cannot fetch {film} from you. Your network may block incoming connections; the app goes on trying."
            ),
            Action::Doctor,
        ),
        ErrorCode::E004 => (
            Level::Error,
            format!("We can't reach {host}'s computer"),
            format!(
                "{} cannot arrive until somebody who has it is reached. That computer may be off, or both networks block \
                 incoming connections; the app goes on trying.",
                sentence(&film)
            ),
            Action::Doctor,
        ),
        ErrorCode::E005 => (
            Level::Error,
            "ShareStream may not read this file".to_owned(),
            "It cannot be shared or played. Check that its disk is plugged in and that you may open it, or choose another."
                .to_owned(),
            Action::ChooseFile,
        ),
        ErrorCode::E006 => (
            Level::Error,
            "The disk is full".to_owned(),
            format!("{} stops arriving; what is here stays, and it goes on by itself once there is room.", sentence(&film)),
            Action::FreeDisk,
        ),
        ErrorCode::E007 => (
            Level::Error,
            "The sharing engine cannot open a network port".to_owned(),
            format!("Films cannot be fetched or shared. Another program may use the port, or the system forbids it.{next}"),
            Action::Retry,
        ),
        ErrorCode::E008 if context.sharing => (
            Level::Error,
            format!("{} changed while it was shared", sentence(&film)),
            "Nobody can fetch the rest of it: it is another film now. Share it again, or choose another.".to_owned(),
            Action::ChooseFile,
        ),
        ErrorCode::E008 => (
            Level::Error,
            "The film's file changed or is gone".to_owned(),
            format!("The rest of it cannot arrive. Ask {host} to share it again."),
            Action::AskHost,
        ),
        ErrorCode::E009 => (
            Level::Warning,
            "A part of the film arrives damaged".to_owned(),
            "It is thrown away and fetched again, from somebody else where that is possible; the film may stop there."
                .to_owned(),
            Action::Wait,
        ),
        ErrorCode::E010 => (
            Level::Error,
            "The app and its engine do not understand one another".to_owned(),
            "What was asked for was not done. They may be of different versions: update ShareStream.".to_owned(),
            Action::Update,
        ),
    };
    Words { level, title, text, action }
}

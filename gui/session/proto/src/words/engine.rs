//! The engine's codes.

use engine_proto::error::ErrorCode;

use super::names::{English, German, next_try, sentence};
use super::{Context, Words, in_both};
use crate::view::{Action, Level};

pub(super) fn words(code: ErrorCode, context: &Context<'_>) -> Words {
    let (l, next) = (context.language, next_try(context));
    let English { host, film, .. } = English::of(context);
    let German { den_host, vom_host, der_film, den_film, .. } = German::of(context);
    let (film_begins, der_film_begins) = (sentence(&film), sentence(&der_film));
    let (level, title, text, action) = match code {
        ErrorCode::E001 => (
            Level::Error,
            in_both!(l, "The sharing engine is not there", "Der Übertragungsdienst fehlt"),
            in_both!(
                l,
                "Films cannot be fetched or shared without it; rooms and chat work. A part of ShareStream is missing or was \
                 blocked: install ShareStream again, or name the engine's program.",
                "Ohne ihn lassen sich keine Filme holen oder teilen; Räume und Chat funktionieren. Ein Teil von ShareStream \
                 fehlt oder wurde blockiert: Installiere ShareStream neu oder gib an, wo der Dienst liegt."
            ),
            Action::Install,
        ),
        ErrorCode::E002 => (
            Level::Error,
            in_both!(l, "The sharing engine is not running", "Der Übertragungsdienst läuft nicht"),
            in_both!(
                l,
                "The film waits for it. It took too long to start, or ended by itself; another copy may be running, or the disk \
                 is busy.{next}",
                "Der Film wartet auf ihn. Er hat zum Starten zu lange gebraucht oder sich von selbst beendet; vielleicht läuft \
                 er schon einmal, oder die Festplatte ist beschäftigt.{next}"
            ),
            Action::Retry,
        ),
        ErrorCode::E003 if context.sharing => (
            Level::Error,
            in_both!(l, "{film_begins} cannot be shared", "{der_film_begins} lässt sich nicht teilen"),
            in_both!(
                l,
                "Nobody can watch it from here. It may be empty, or not a file that can be read. Choose another one.",
                "Niemand kann ihn von hier aus sehen. Vielleicht ist die Datei leer oder nicht lesbar. Wähle eine andere."
            ),
            Action::ChooseFile,
        ),
        ErrorCode::E003 => (
            Level::Error,
            in_both!(l, "This room's film cannot be used", "Der Film dieses Raums ist nicht brauchbar"),
            in_both!(
                l,
                "What describes it is damaged or unsafe, so it is not fetched. Ask {host} to share it again.",
                "Seine Beschreibung ist beschädigt oder unsicher, deshalb wird er nicht geholt. Bitte {den_host}, ihn noch \
                 einmal zu teilen."
            ),
            Action::AskHost,
        ),
        ErrorCode::E004 if context.sharing => (
            Level::Warning,
            in_both!(l, "Nobody reaches this computer yet", "Noch erreicht niemand diesen Computer"),
            in_both!(
                l,
                "The others cannot fetch {film} from you. Your network may block incoming connections; the app goes on trying.",
                "Die anderen können {den_film} nicht von dir holen. Vielleicht lässt dein Netz keine eingehenden Verbindungen \
                 zu; die App versucht es weiter."
            ),
            Action::Doctor,
        ),
        ErrorCode::E004 => (
            Level::Error,
            in_both!(l, "We can't reach {host}'s computer", "Wir erreichen den Computer {vom_host} nicht"),
            in_both!(
                l,
                "{film_begins} cannot arrive until somebody who has it is reached. That computer may be off, or both networks \
                 block incoming connections; the app goes on trying.",
                "{der_film_begins} kommt erst an, wenn jemand erreicht wird, der ihn hat. Vielleicht ist der Computer aus, oder \
                 beide Netze lassen keine eingehenden Verbindungen zu; die App versucht es weiter."
            ),
            Action::Doctor,
        ),
        ErrorCode::E005 => (
            Level::Error,
            in_both!(l, "ShareStream may not read this file", "ShareStream darf diese Datei nicht lesen"),
            in_both!(
                l,
                "It cannot be shared or played. Check that its disk is plugged in and that you may open it, or choose another.",
                "Sie lässt sich weder teilen noch abspielen. Sieh nach, ob das Laufwerk angesteckt ist und du sie öffnen darfst, \
                 oder wähle eine andere."
            ),
            Action::ChooseFile,
        ),
        ErrorCode::E006 => (
            Level::Error,
            in_both!(l, "The disk is full", "Die Festplatte ist voll"),
            in_both!(
                l,
                "{film_begins} stops arriving; what is here stays, and it goes on by itself once there is room.",
                "{der_film_begins} kommt nicht weiter an; was da ist, bleibt, und sobald Platz ist, geht es von selbst weiter."
            ),
            Action::FreeDisk,
        ),
        ErrorCode::E007 => (
            Level::Error,
            in_both!(
                l,
                "The sharing engine cannot open a network port",
                "Der Übertragungsdienst bekommt keinen Netzwerk-Port"
            ),
            in_both!(
                l,
                "Films cannot be fetched or shared. Another program may use the port, or the system forbids it.{next}",
                "Filme lassen sich weder holen noch teilen. Vielleicht benutzt ein anderes Programm den Port, oder das System \
                 verbietet es.{next}"
            ),
            Action::Retry,
        ),
        ErrorCode::E008 if context.sharing => (
            Level::Error,
            in_both!(
                l,
                "{film_begins} changed while it was shared",
                "{der_film_begins} hat sich während des Teilens verändert"
            ),
            in_both!(
                l,
                "Nobody can fetch the rest of it: it is another film now. Share it again, or choose another.",
                "Den Rest kann niemand mehr holen, denn es ist jetzt eine andere Datei. Teile sie noch einmal oder wähle eine \
                 andere."
            ),
            Action::ChooseFile,
        ),
        ErrorCode::E008 => (
            Level::Error,
            in_both!(l, "The film's file changed or is gone", "Die Filmdatei wurde verändert oder ist weg"),
            in_both!(
                l,
                "The rest of it cannot arrive. Ask {host} to share it again.",
                "Der Rest kann nicht ankommen. Bitte {den_host}, den Film noch einmal zu teilen."
            ),
            Action::AskHost,
        ),
        ErrorCode::E009 => (
            Level::Warning,
            in_both!(l, "A part of the film arrives damaged", "Ein Stück des Films kommt beschädigt an"),
            in_both!(
                l,
                "It is thrown away and fetched again, from somebody else where that is possible; the film may stop there.",
                "Es wird verworfen und noch einmal geholt, wenn möglich von jemand anderem; der Film kann dort kurz anhalten."
            ),
            Action::Wait,
        ),
        ErrorCode::E010 => (
            Level::Error,
            in_both!(
                l,
                "The app and its engine do not understand one another",
                "Die App und ihr Übertragungsdienst verstehen sich nicht"
            ),
            in_both!(
                l,
                "What was asked for was not done. They may be of different versions: update ShareStream.",
                "Was gewünscht war, ist nicht passiert. Vielleicht haben sie verschiedene Versionen: Aktualisiere ShareStream."
            ),
            Action::Update,
        ),
    };
    Words { level, title, text, action }
}

//! The server's codes.

use signal_proto::error::Code;

use super::names::{English, German, named, next_try, sentence};
use super::{Context, Words, in_both};
use crate::view::{Action, Level};

pub(super) fn words(code: Code, context: &Context<'_>) -> Words {
    let (l, next) = (context.language, next_try(context));
    let English { host, server, .. } = English::of(context);
    let German { der_host, den_host, dem_host, der_server, auf_server, .. } = German::of(context);
    let (host_begins, server_begins) = (sentence(&host), sentence(&server));
    let (der_host_begins, der_server_begins) = (sentence(&der_host), sentence(&der_server));
    let (level, title, text, action) = match code {
        Code::S001 if context.in_room => (
            Level::Warning,
            in_both!(l, "Can't reach {server}", "{der_server_begins} ist nicht erreichbar"),
            in_both!(
                l,
                "Playing continues; chat and sync resume when the server is back.{next}",
                "Der Film läuft weiter; Chat und Gleichlauf sind wieder da, sobald der Server zurück ist.{next}"
            ),
            Action::Retry,
        ),
        Code::S001 => (
            Level::Error,
            in_both!(l, "Can't reach {server}", "{der_server_begins} ist nicht erreichbar"),
            in_both!(
                l,
                "No room can be entered until it answers. Check your connection and the server's address.{next}",
                "Solange er nicht antwortet, kommst du in keinen Raum. Prüfe deine Verbindung und die Adresse des Servers.{next}"
            ),
            Action::Retry,
        ),
        Code::S002 => (
            Level::Error,
            match named(context.room) {
                Some(room) => {
                    in_both!(l, "There is no room {room} on {server}", "Den Raum {room} gibt es {auf_server} nicht")
                }
                None => in_both!(l, "There is no such room on {server}", "Diesen Raum gibt es {auf_server} nicht"),
            },
            in_both!(
                l,
                "You cannot come in. It may have ended, the code may be mistyped, or the room is on another server.",
                "Du kommst nicht hinein. Vielleicht ist er schon zu Ende, der Code hat einen Tippfehler, oder der Raum ist auf \
                 einem anderen Server."
            ),
            Action::EditInvite,
        ),
        Code::S003 => (
            Level::Error,
            in_both!(l, "This cannot be a room's code", "Das kann kein Raumcode sein"),
            in_both!(
                l,
                "Codes are 4 to 32 letters and digits; hyphens are only for reading. Check it, or paste the whole invitation.",
                "Codes haben 4 bis 32 Buchstaben und Ziffern; Bindestriche sind nur zum besseren Lesen da. Sieh noch einmal nach \
                 oder füge die ganze Einladung ein."
            ),
            Action::EditInvite,
        ),
        Code::S004 => (
            Level::Error,
            in_both!(l, "Another room has this code", "Diesen Code hat schon ein anderer Raum"),
            in_both!(
                l,
                "Your room was not made. Choose another code, or let the server draw one.",
                "Dein Raum wurde nicht angelegt. Wähle einen anderen Code oder lass den Server einen aussuchen."
            ),
            Action::EditInvite,
        ),
        Code::S005 => (
            Level::Error,
            in_both!(l, "There is no place left", "Es ist kein Platz mehr frei"),
            in_both!(
                l,
                "You cannot come in until somebody leaves. Tell {host} that you are waiting.{next}",
                "Du kommst erst hinein, wenn jemand geht. Sag {dem_host} Bescheid, dass du wartest.{next}",
            ),
            Action::AskHost,
        ),
        Code::S006 => (
            Level::Error,
            in_both!(l, "The room is locked", "Der Raum ist abgeschlossen"),
            in_both!(
                l,
                "Nobody new comes in. Ask {host} to open it, then try again.",
                "Es kommt niemand mehr dazu. Bitte {den_host} aufzuschließen und versuch es dann noch einmal."
            ),
            Action::AskHost,
        ),
        Code::S007 => (
            Level::Error,
            in_both!(l, "You were removed from the room", "Du wurdest aus dem Raum entfernt"),
            in_both!(
                l,
                "You cannot come back by yourself. Ask {host} to invite you again.",
                "Allein kommst du nicht wieder hinein. Bitte {den_host} um eine neue Einladung."
            ),
            Action::AskHost,
        ),
        Code::S008 => (
            Level::Info,
            in_both!(l, "You may not do that in this room", "Das darfst du in diesem Raum nicht"),
            in_both!(
                l,
                "Nothing was changed. Ask {host} to give you control.",
                "Es hat sich nichts geändert. Bitte {den_host}, dich steuern zu lassen."
            ),
            Action::AskHost,
        ),
        Code::S009 => (
            Level::Error,
            in_both!(l, "This app is too old for the server", "Diese App ist zu alt für den Server"),
            in_both!(
                l,
                "You cannot come in with it. Update ShareStream; your rooms stay.",
                "Mit ihr kommst du nicht hinein. Aktualisiere ShareStream; deine Räume bleiben."
            ),
            Action::Update,
        ),
        Code::S010 => (
            Level::Info,
            in_both!(l, "That was too much at once", "Das war zu viel auf einmal"),
            in_both!(
                l,
                "{server_begins} did not take it. Wait a moment, then do it again.{next}",
                "{der_server_begins} hat es nicht angenommen. Warte einen Moment und versuch es dann noch einmal.{next}"
            ),
            Action::Wait,
        ),
        Code::S011 => (
            Level::Warning,
            in_both!(l, "{host_begins} is away", "{der_host_begins} ist gerade nicht da"),
            in_both!(
                l,
                "What only the host can do waits until then. You can go on watching and chatting.",
                "Was nur der Host kann, muss so lange warten. Weiterschauen und chatten kannst du trotzdem."
            ),
            Action::Wait,
        ),
        Code::S012 => (
            Level::Warning,
            in_both!(l, "{server_begins} is restarting", "{der_server_begins} startet gerade neu"),
            in_both!(
                l,
                "Playing continues; the app comes back into the room by itself.{next}",
                "Der Film läuft weiter; die App kommt von selbst in den Raum zurück.{next}"
            ),
            Action::Wait,
        ),
        Code::S013 => (
            Level::Warning,
            in_both!(l, "{server_begins} refused what was said", "{der_server_begins} hat etwas nicht angenommen"),
            in_both!(
                l,
                "The others did not get it. It may be too long, or app and server are of different versions.",
                "Bei den anderen ist es nicht angekommen. Vielleicht war es zu lang, oder App und Server haben verschiedene \
                 Versionen."
            ),
            Action::Dismiss,
        ),
        Code::S014 => (
            Level::Info,
            in_both!(l, "That person is not in the room", "Diese Person ist nicht im Raum"),
            in_both!(
                l,
                "Nothing was changed. They may just have left.",
                "Es hat sich nichts geändert. Vielleicht ist sie gerade gegangen."
            ),
            Action::Dismiss,
        ),
        Code::S015 => (
            Level::Warning,
            in_both!(l, "The call is full", "Im Gespräch ist kein Platz mehr"),
            in_both!(
                l,
                "You can go on watching and chatting. There is place once somebody leaves the call.",
                "Weiterschauen und chatten kannst du trotzdem. Sobald jemand auflegt, ist wieder Platz."
            ),
            Action::Wait,
        ),
    };
    Words { level, title, text, action }
}

//! What the remote says: in its page, and by its script.

use serde_json::{Value, json};

use super::super::super::language::Language;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) what: &'static str,
    pub(super) name: &'static str,
    pub(super) enter: &'static str,
    pub(super) no_script: &'static str,
    pub(super) place: &'static str,
    pub(super) back: &'static str,
    pub(super) ahead: &'static str,
    pub(super) anyway: &'static str,
    pub(super) only: &'static str,
    pub(super) people: &'static str,
    pub(super) chat: &'static str,
    pub(super) message: &'static str,
    pub(super) send: &'static str,
    pub(super) leave: &'static str,
    pub(super) watch: &'static str,
}

pub(super) const fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

const ENGLISH: Words = Words {
    title: "Remote control",
    what: "Move the film and chat from here. The film itself plays on the computers of those who watch.",
    name: "Your name, for the others",
    enter: "Come in",
    no_script: "The remote control needs JavaScript, which this browser does not run.",
    place: "Place in the film",
    back: "10 seconds back",
    ahead: "10 seconds ahead",
    anyway: "Start anyway",
    only: "Only the host moves this film. You can chat.",
    people: "People",
    chat: "Chat",
    message: "Message",
    send: "Send",
    leave: "Leave",
    watch: "Watch on a computer instead",
};

const GERMAN: Words = Words {
    title: "Fernbedienung",
    what: "Bewege von hier den Film und unterhalte dich. Der Film selbst läuft auf den Computern derer, die zusehen.",
    name: "Dein Name, für die anderen",
    enter: "Hereinkommen",
    no_script: "Die Fernbedienung braucht JavaScript, und dieser Browser führt keines aus.",
    place: "Stelle im Film",
    back: "10 Sekunden zurück",
    ahead: "10 Sekunden vor",
    anyway: "Trotzdem starten",
    only: "Nur der Gastgeber bewegt diesen Film. Du kannst dich unterhalten.",
    people: "Leute",
    chat: "Unterhaltung",
    message: "Nachricht",
    send: "Senden",
    leave: "Verlassen",
    watch: "Stattdessen an einem Computer mitsehen",
};

/// The script's. Every refusal of the door has one; other codes come with the server's words.
pub(super) fn of_script(language: Language, code: &str) -> Value {
    let mut words = match language {
        Language::English => json!({
            "room": "No film yet", "film": "The film", "you": "you", "away": "away", "play": "Play", "pause": "Pause", "of": "{} of {}",
            "roles": { "host": "host", "cohost": "cohost" },
            "connecting": "Coming in…", "lost": "The server cannot be reached. Trying again…", "noFilm": "The host has not chosen a film yet.",
            "playing": "Playing", "paused": "Paused", "waiting": "About to start", "waitingFor": "Waiting for {}",
            "ended": "The room has ended.", "closing": "The room ends in a moment.",
            "refused": {
                "S002": "There is no room with this code. Ask for the code again: rooms end when everybody has left.",
                "S003": "This is no room’s code.", "S005": "The room is full.", "S006": "The host lets nobody new in at the moment.",
                "S007": "The host removed you from the room.", "S008": "Only the host may do that.",
                "S009": "This page is too old for the server. Load it again.",
            },
        }),
        Language::German => json!({
            "room": "Noch kein Film", "film": "Der Film", "you": "du", "away": "abwesend", "play": "Abspielen", "pause": "Anhalten", "of": "{} von {}",
            "roles": { "host": "Gastgeber", "cohost": "Mitgastgeber" },
            "connecting": "Komme herein…", "lost": "Der Server ist nicht zu erreichen. Es wird weiter versucht…",
            "noFilm": "Der Gastgeber hat noch keinen Film gewählt.",
            "playing": "Läuft", "paused": "Angehalten", "waiting": "Startet gleich", "waitingFor": "Warten auf {}",
            "ended": "Der Raum ist zu Ende.", "closing": "Der Raum endet gleich.",
            "refused": {
                "S002": "Es gibt keinen Raum mit diesem Code. Frag noch einmal nach dem Code: Räume enden, wenn alle gegangen sind.",
                "S003": "Das ist kein Code eines Raums.", "S005": "Der Raum ist voll.", "S006": "Der Gastgeber lässt gerade niemanden Neues herein.",
                "S007": "Der Gastgeber hat dich aus dem Raum entfernt.", "S008": "Das darf nur der Gastgeber.",
                "S009": "Diese Seite ist zu alt für den Server. Lade sie neu.",
            },
        }),
    };
    words["code"] = code.into();
    words
}

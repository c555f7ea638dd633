//! What the pages say.

use super::super::language::Language;

pub(super) struct Words {
    pub(super) join: &'static str,
    pub(super) invited: &'static str,
    pub(super) what: &'static str,
    pub(super) code: &'static str,
    pub(super) copy_code: &'static str,
    pub(super) copied: &'static str,
    pub(super) open: &'static str,
    pub(super) phone: &'static str,
    pub(super) remote: &'static str,
    pub(super) only_remote: &'static str,
    pub(super) nothing: &'static str,
    pub(super) get: &'static str,
    pub(super) ask: &'static str,
    pub(super) start: &'static str,
    pub(super) paste: &'static str,
    pub(super) copy_link: &'static str,
    pub(super) qr: &'static str,
    pub(super) film: &'static str,
    pub(super) no_invitation: &'static str,
    pub(super) no_code: &'static str,
    pub(super) front: &'static str,
    pub(super) use_it: &'static str,
    pub(super) sees: &'static str,
    pub(super) copy_address: &'static str,
    pub(super) health: &'static str,
    pub(super) metrics: &'static str,
}

pub(super) const fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

const ENGLISH: Words = Words {
    join: "Join",
    invited: "You are invited to watch a film together",
    what: "Somebody has a film on their computer. ShareStream plays it on yours while it arrives, in step with everybody in the room. \
           Nobody needs an account.",
    code: "The room’s code",
    copy_code: "Copy code",
    copied: "Copied",
    open: "Open in ShareStream",
    phone: "Films play on computers, not on phones: open this page on yours, or type the code there. With this one you can move the film and chat.",
    remote: "Use this phone as a remote",
    only_remote: "Only move the film and chat, from this browser",
    nothing: "Nothing opens? Get the app first",
    get: "Get ShareStream",
    ask: "Install ShareStream. Whoever invited you knows where to get it.",
    start: "Start it, and choose <b>Join</b>.",
    paste: "Paste this link, or type the code:",
    copy_link: "Copy link",
    qr: "On another device: point its camera here.",
    film: "The film goes from computer to computer. This server sees none of it.",
    no_invitation: "This is no invitation",
    no_code: "A link to a room ends with its code, like <b>ABC1-2345</b>. This one may have been cut on its way: copy all of it, or ask \
              whoever sent it for the code.",
    front: "A place to watch films together",
    use_it: "This server keeps rooms in which people watch a film together that only one of them has. To use it, name it in the app’s settings:",
    sees: "It sees no byte of any film.",
    copy_address: "Copy address",
    health: "How it is",
    metrics: "Figures",
};

const GERMAN: Words = Words {
    join: "Beitreten",
    invited: "Du bist eingeladen, einen Film mitzusehen",
    what: "Jemand hat einen Film auf dem eigenen Computer. ShareStream spielt ihn auf deinem ab, während er ankommt, im Gleichtakt mit \
           allen im Raum. Niemand braucht ein Konto.",
    code: "Der Code des Raums",
    copy_code: "Code kopieren",
    copied: "Kopiert",
    open: "In ShareStream öffnen",
    phone: "Filme laufen auf Computern, nicht auf Telefonen: Öffne diese Seite auf deinem, oder gib dort den Code ein. Mit diesem hier kannst du \
            den Film bewegen und dich unterhalten.",
    remote: "Dieses Telefon als Fernbedienung",
    only_remote: "Nur den Film bewegen und sich unterhalten, aus diesem Browser",
    nothing: "Nichts öffnet sich? Hol dir zuerst die App",
    get: "ShareStream holen",
    ask: "Installiere ShareStream. Wer dich eingeladen hat, weiß, woher.",
    start: "Starte es, und wähle <b>Beitreten</b>.",
    paste: "Füge diesen Link ein, oder tippe den Code:",
    copy_link: "Link kopieren",
    qr: "Auf einem anderen Gerät: richte die Kamera hierhin.",
    film: "Der Film geht von Computer zu Computer. Dieser Server sieht nichts davon.",
    no_invitation: "Das ist keine Einladung",
    no_code: "Ein Link zu einem Raum endet mit dessen Code, etwa <b>ABC1-2345</b>. Dieser ist vielleicht unterwegs abgeschnitten worden: \
              Kopiere ihn ganz, oder frag, wer ihn geschickt hat, nach dem Code.",
    front: "Ein Ort, um zusammen Filme zu sehen",
    use_it: "Dieser Server hält Räume, in denen Leute zusammen einen Film sehen, den nur einer von ihnen hat. Um ihn zu benutzen, nenne ihn in \
             den Einstellungen der App:",
    sees: "Von den Filmen sieht er kein Byte.",
    copy_address: "Adresse kopieren",
    health: "Wie es ihm geht",
    metrics: "Zahlen",
};

//! The pages for people: the front; `/j/CODE`, which opens the app or says how to get it; and its `remote`, for phones.
//!
//! The first two need no script: it copies, and hands on what stands behind `#`. A browser runs and paints nothing that is not in the page.

mod remote;
mod sheet;
mod words;

use std::fmt::Write as _;

use http::StatusCode;
use signal_proto::ids::RoomCode;

use super::language::Language;
use super::respond::Answer;
use crate::qr::Qr;

pub(super) use remote::remote;
use sheet::{Sheet, no_invitation};

/// What `/` shows.
pub(super) fn front(language: Language, base: &str) -> Answer {
    let words = words::of(language);
    let body = format!(
        "<section><h1>{}</h1><p>{}</p><div class=\"row\"><code id=\"address\">{base}</code>{}</div>\
         <p class=\"quiet\">{} <a href=\"/health\">{}</a> · <a href=\"/metrics\">{}</a></p></section>",
        words.front,
        words.use_it,
        copy("address", words.copy_address, words.copied),
        words.sees,
        words.health,
        words.metrics,
    );
    page(language, StatusCode::OK, "ShareStream", words.front, &body, "")
}

/// What `/j/CODE` shows. `app` is where the app is to be had.
///
/// It does not say whose room that is, nor whether there is one: whoever guesses codes would ask here, past the lobby's bounds.
pub(super) fn invitation(language: Language, code: &str, base: &str, app: Option<&str>) -> Answer {
    let words = words::of(language);
    let Some(code) = RoomCode::parse(code.trim_end_matches('/')) else {
        return no_invitation(language);
    };
    let server = match base.split_once("://") {
        Some(("https", rest)) => format!("wss://{rest}"),
        Some((_, rest)) => format!("ws://{rest}"),
        None => base.to_owned(),
    };
    let link = format!("{base}/j/{code}");
    let mut body = format!(
        "<section><h1>{}</h1><p>{}</p>\
         <div class=\"code\"><span class=\"quiet\">{}</span><strong id=\"code\">{code}</strong>{}</div>\
         <a class=\"open\" href=\"sharestream://join/{code}?s={server}\">{}</a>\
         <div class=\"phone\"><p>{}</p><a class=\"open\" href=\"{link}/remote\">{}</a></div></section>",
        words.invited,
        words.what,
        words.code,
        copy("code", words.copy_code, words.copied),
        words.open,
        words.phone,
        words.remote,
    );
    let get = match app {
        Some(app) => format!("<a href=\"{app}\">{}</a>", words.get),
        None => words.ask.to_owned(),
    };
    let copy_link = copy("link", words.copy_link, words.copied);
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "<section class=\"columns\"><div><h2>{}</h2><ol><li>{get}</li><li>{}</li>\
         <li>{}<div class=\"row\"><code id=\"link\">{link}</code>{copy_link}</div></li></ol>\
         <p class=\"quiet\"><a href=\"{link}/remote\">{}</a></p></div>",
        words.nothing, words.start, words.paste, words.only_remote,
    );
    // A server's name that is too long for a phone has no picture.
    if let Ok(qr) = Qr::new(&link) {
        let _ = write!(body, "<figure>{}<figcaption>{}</figcaption></figure>", qr.svg(), words.qr);
    }
    body.push_str("</section>");
    page(language, StatusCode::OK, &format!("{} {code} · ShareStream", words.join), words.invited, &body, words.film)
}

/// Hidden until the script is there to do it.
fn copy(of: &str, label: &str, done: &str) -> String {
    format!(
        "<button type=\"button\" data-of=\"{of}\" data-done=\"{done}\" aria-live=\"polite\" hidden>{label}</button>"
    )
}

fn page(language: Language, status: StatusCode, title: &str, description: &str, body: &str, below: &str) -> Answer {
    Sheet { title, description, body, below, style: STYLE, script: SCRIPT, connects: false }.answer(language, status)
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("copy.js");

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, VARY};
    use http_body_util::BodyExt as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    pub(super) fn text(answer: Answer) -> String {
        let body = smol::block_on(answer.into_body().collect()).unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    }

    fn invited(code: &str, base: &str, app: Option<&str>) -> String {
        text(invitation(Language::English, code, base, app))
    }

    #[test]
    fn an_invitation_opens_the_app_at_this_server() {
        let page = invited("abc1-2345", "https://rooms.example", None);
        assert!(page.contains("\"sharestream://join/ABC1-2345?s=wss://rooms.example\""));
        assert!(page.contains("<code id=\"link\">https://rooms.example/j/ABC1-2345</code>"));
        assert!(invited("abc12345", "http://h:3001", None).contains("?s=ws://h:3001\""));
    }

    #[test]
    fn who_knows_where_the_app_is_says_so() {
        let page = invited("ABC1-2345", "http://h", Some("https://get.example/app"));
        assert!(page.contains("<a href=\"https://get.example/app\">Get ShareStream</a>"));
        assert!(invited("ABC1-2345", "http://h", None).contains("Whoever invited you"));
    }

    #[test]
    fn a_phone_reads_the_link_unless_it_is_too_long() {
        let base = "https://rooms.example";
        let qr = Qr::new(&format!("{base}/j/ABC1-2345")).unwrap().svg();
        assert!(invited("ABC1-2345", base, None).contains(&qr));
        let long = format!("http://{}", "h".repeat(crate::qr::QR_TEXT_LEN_MAX));
        let page = invited("ABC1-2345", &long, None);
        assert!(page.contains("ABC1-2345") && !page.contains("<figure>"));
    }

    #[test]
    fn what_is_no_code_is_told_so_and_not_repeated() {
        let nothing = invited("", "http://h", None);
        assert!(nothing.contains("This is no invitation") && !nothing.contains("sharestream:"));
        for bad in ["a", "\"><script>", "%3Cscript%3E", "a/b/c/d/e", &"A".repeat(10_000)] {
            let answer = invitation(Language::English, bad, "http://h", None);
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{bad}");
            assert_eq!(text(answer), nothing, "{bad}");
        }
    }

    #[test]
    fn each_language_is_marked_as_such() {
        for (language, said) in [(Language::English, "You are invited"), (Language::German, "Du bist eingeladen")] {
            let answer = invitation(language, "ABC1-2345", "http://h", None);
            assert_eq!(answer.headers()[CONTENT_LANGUAGE], language.tag());
            assert_eq!(answer.headers()[VARY], "Accept-Language");
            let page = text(answer);
            assert!(page.contains(said) && page.contains(&format!("<html lang=\"{}\">", language.tag())));
            assert!(text(front(language, "http://h")).contains("<code id=\"address\">http://h</code>"));
        }
    }

    #[test]
    fn the_policy_lets_nothing_in_but_what_is_there() {
        let answer = front(Language::English, "http://h");
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        let page = text(answer);
        for (kind, open, close) in [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")] {
            let inside = page.split_once(open).and_then(|(_, rest)| rest.split_once(close)).unwrap().0;
            let allowed = format!("{kind} 'sha256-{}';", STANDARD.encode(Sha256::digest(inside)));
            assert!(policy.contains(&allowed), "{policy}: {allowed}");
        }
        // What a policy with hashes forbids in attributes.
        assert!(!page.contains(" style=") && !page.contains(" onclick="));
    }
}

//! `/j/CODE/remote`: a phone, or any browser, that moves the room's film and chats, and plays nothing itself.
//!
//! Its script is a client of the room like every other, by the contract's events. `#t=TICKET` behind the address makes it come in under the
//! name `remote-TICKET`, by which whoever showed the ticket knows it; the server never sees a fragment.

mod words;

use http::StatusCode;
use signal_proto::ids::RoomCode;

use super::super::language::Language;
use super::super::respond::Answer;
use super::sheet::{Sheet, no_invitation};

/// What the page shows for that code.
pub(in crate::web) fn remote(language: Language, code: &str, base: &str) -> Answer {
    let Some(code) = RoomCode::parse(code) else { return no_invitation(language) };
    let words = words::of(language);
    // `<` alone could end the block of data.
    let data = words::of_script(language, code.as_str()).to_string().replace('<', "\\u003c");
    let enter = format!(
        "<section id=\"enter\"><h1>{}</h1><p>{}</p><p id=\"why\" role=\"alert\"></p><noscript><p>{}</p></noscript>\
         <form><label>{}<input id=\"name\" maxlength=\"64\" autocomplete=\"nickname\" required></label>\
         <button class=\"open\" id=\"start\" disabled>{}</button></form>\
         <p class=\"quiet\"><a href=\"{base}/j/{code}\">{}</a></p></section>",
        words.title, words.what, words.no_script, words.name, words.enter, words.watch,
    );
    let keys = format!(
        "<div class=\"keys\"><button type=\"button\" id=\"back\" aria-label=\"{}\">−10</button>\
         <button type=\"button\" id=\"play\" data-runs=\"false\">\
         <svg class=\"go\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M7 4 20 12 7 20z\"/></svg>\
         <svg class=\"stop\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M6 4h4v16H6zM14 4h4v16h-4z\"/></svg></button>\
         <button type=\"button\" id=\"ahead\" aria-label=\"{}\">+10</button></div>",
        words.back, words.ahead,
    );
    let room = format!(
        "<section id=\"room\" hidden><h1 id=\"film\" dir=\"auto\"></h1><p id=\"state\" role=\"status\"></p>\
         <input type=\"range\" id=\"at\" min=\"0\" max=\"0\" step=\"1\" aria-label=\"{}\"><div class=\"times\"><span id=\"now\"></span><span id=\"end\"></span></div>\
         {keys}<button type=\"button\" id=\"anyway\" hidden>{}</button><p id=\"only\" hidden>{}</p><p id=\"told\" role=\"alert\"></p>\
         <h2>{} · <span id=\"count\"></span></h2><ul id=\"people\"></ul><h2>{}</h2><ol id=\"chat\" role=\"log\" tabindex=\"0\" aria-label=\"{}\"></ol>\
         <form id=\"say\"><input id=\"text\" maxlength=\"2000\" autocomplete=\"off\" aria-label=\"{}\" placeholder=\"{}\"><button id=\"send\">{}</button></form>\
         <p class=\"foot\"><span class=\"quiet\">{code}</span><button type=\"button\" id=\"leave\">{}</button></p></section>\
         <script type=\"application/json\" id=\"words\">{data}</script>",
        words.place,
        words.anyway,
        words.only,
        words.people,
        words.chat,
        words.chat,
        words.message,
        words.message,
        words.send,
        words.leave,
    );
    Sheet {
        title: &format!("{} {code} · ShareStream", words.title),
        description: words.what,
        body: &format!("{enter}{room}"),
        below: "",
        style: STYLE,
        script: SCRIPT,
        connects: true,
    }
    .answer(language, StatusCode::OK)
}

const STYLE: &str = concat!(include_str!("../style.css"), include_str!("remote.css"));

/// One script: the line to the server, the room as it is told, and what is shown and pressed.
const SCRIPT: &str = concat!(include_str!("line.js"), include_str!("room.js"), include_str!("screen.js"));

#[cfg(test)]
mod tests {
    use super::super::tests::text;
    use super::*;

    #[test]
    fn every_word_that_the_script_says_is_there_in_both_languages() {
        let mut said = std::collections::BTreeSet::new();
        for part in SCRIPT.split("words.").skip(1) {
            said.insert(part.chars().take_while(|c| c.is_ascii_alphanumeric()).collect::<String>());
        }
        assert!(said.len() > 15, "{said:?}");
        for language in [Language::English, Language::German] {
            let words = words::of_script(language, "ABC12345");
            for word in &said {
                assert!(!words[word].is_null(), "{word} in {language:?}");
            }
            assert_eq!(words.as_object().unwrap().len(), said.len(), "{language:?} has words that nothing says");
            let code = |code| words["refused"][code].as_str().unwrap().len();
            assert!(["S002", "S003", "S005", "S006", "S007", "S008", "S009"].map(code).iter().all(|len| *len > 10));
        }
    }

    #[test]
    fn every_element_that_the_script_looks_for_is_there_once() {
        let page = text(remote(Language::English, "ABC1-2345", "http://h"));
        let (html, _) = page.rsplit_once("<script>").unwrap();
        for part in SCRIPT.split("element('").skip(1) {
            let id = part.split('\'').next().unwrap();
            assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
        assert!(html.contains("\"code\":\"ABC12345\""));
    }

    #[test]
    fn it_talks_to_its_own_server_and_runs_its_own_script_alone() {
        let answer = remote(Language::German, "ABC1-2345", "http://h");
        let policy = answer.headers()[http::header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("connect-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let page = text(answer);
        assert!(page.contains("lang=\"de\"") && page.contains("Fernbedienung ABC1-2345"));
        assert!(!page.contains(" style=") && !page.contains(" onclick="));
    }

    #[test]
    fn what_is_no_code_is_no_invitation() {
        for bad in ["", "a", "\"><script>", "ABC1-2345/remote"] {
            assert_eq!(remote(Language::English, bad, "http://h").status(), StatusCode::NOT_FOUND, "{bad}");
        }
    }
}

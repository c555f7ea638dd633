//! The pages for people: the front, and `/j/CODE`, which opens the app or says how to get it.

use signal_proto::ids::RoomCode;

/// What `/` shows.
pub(super) fn front(base: &str) -> String {
    let body = format!(
        "<h1>ShareStream</h1>\
         <p>This server keeps rooms in which people watch a film together that only one of them has.</p>\
         <p>To use it, name it in the app: <code>{base}</code></p>\
         <p class=\"quiet\"><a href=\"/health\">health</a> · <a href=\"/metrics\">metrics</a></p>"
    );
    page_of("ShareStream", &body)
}

/// What `/j/CODE` shows, or `None` when no room can have that code.
pub(super) fn page(code: &str, base: &str) -> Option<String> {
    let code = RoomCode::parse(code.trim_end_matches('/'))?;
    let server = match base.split_once("://") {
        Some(("https", rest)) => format!("wss://{rest}"),
        Some((_, rest)) => format!("ws://{rest}"),
        None => base.to_owned(),
    };
    let body = format!(
        "<p>You are invited to watch a film together</p>\
         <h1>{code}</h1>\
         <p><a class=\"button\" href=\"sharestream://join/{code}?s={server}\">Open in ShareStream</a></p>\
         <p class=\"quiet\">Nothing opened? Then the app is not on this computer yet. Install ShareStream, start it once, \
         choose <em>Join</em> and type the code above. The server is <code>{base}</code>.</p>"
    );
    Some(page_of(&format!("Join {code} · ShareStream"), &body))
}

fn page_of(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\
         <title>{title}</title><style>{STYLE}</style><main>{body}</main></html>\n"
    )
}

const STYLE: &str = "\
    :root{color-scheme:dark light}\
    body{margin:0;min-height:100vh;display:grid;place-items:center;font:18px/1.5 system-ui,sans-serif;background:#14161a;color:#e8eaed}\
    main{max-width:32rem;padding:2rem;text-align:center}\
    h1{font-size:clamp(2.2rem,9vw,4rem);letter-spacing:.06em;margin:.3em 0;overflow-wrap:anywhere}\
    a{color:#8ab4f8}\
    .button{display:inline-block;padding:.7em 1.6em;border-radius:.6em;background:#8ab4f8;color:#101318;font-weight:600;text-decoration:none}\
    .quiet{color:#9aa0a6;font-size:.85em}\
    code{overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_opens_the_app_at_this_server() {
        let text = page("abc1-2345", "https://rooms.example").unwrap();
        assert!(text.contains("sharestream://join/ABC1-2345?s=wss://rooms.example\""));
        assert!(page("abc12345", "http://h:3001").unwrap().contains("?s=ws://h:3001\""));
    }

    #[test]
    fn what_is_no_code_has_no_page() {
        for bad in ["", "a", "\"><script>", "%3Cscript%3E", "a/b/c/d/e"] {
            assert_eq!(page(bad, "http://h"), None, "{bad}");
        }
    }
}

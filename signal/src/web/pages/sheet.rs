//! What every page is in: its head, its style and script, and the policy that lets nothing else in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use sha2::{Digest as _, Sha256};

use super::super::language::Language;
use super::super::respond::{self, Answer, HTML};
use super::words;

/// A page.
pub(super) struct Sheet<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) body: &'a str,
    pub(super) below: &'a str,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    /// Its script talks to the server.
    pub(super) connects: bool,
}

impl Sheet<'_> {
    pub(super) fn answer(&self, language: Language, status: StatusCode) -> Answer {
        let tag = language.tag();
        let Self { title, description, body, below, style, script, connects } = self;
        let text = format!(
            "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><meta property=\"og:title\" content=\"{title}\"><meta property=\"og:description\" content=\"{description}\">\
             <style>{style}</style><main><header>{MARK}ShareStream</header>{body}</main><p class=\"quiet\">{below}</p>\
             <script>{script}</script></html>\n"
        );
        let mut answer = respond::with(status, HTML, text);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy(style, script, *connects));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(tag));
        headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

/// For a code that no room can have. What stood in its place is not repeated: anybody may have written it.
pub(super) fn no_invitation(language: Language) -> Answer {
    let words = words::of(language);
    let body = format!("<section><h1>{}</h1><p>{}</p></section>", words.no_invitation, words.no_code);
    super::page(language, StatusCode::NOT_FOUND, "ShareStream", words.no_invitation, &body, "")
}

/// The app's icon, `gui/ui/ui/icons/sharestream.svg`.
const MARK: &str = "<svg viewBox=\"0 0 128 128\" aria-hidden=\"true\"><rect x=\"4\" y=\"4\" width=\"120\" height=\"120\" rx=\"28\" fill=\"#1d2130\"/>\
    <rect x=\"18\" y=\"34\" width=\"92\" height=\"56\" rx=\"8\" fill=\"#ffa057\"/><path d=\"M55 46 81 62 55 78z\" fill=\"#1d2130\"/>\
    <circle cx=\"40\" cy=\"100\" r=\"9\" fill=\"#6fc3ff\"/><circle cx=\"64\" cy=\"100\" r=\"9\" fill=\"#6fd69a\"/>\
    <circle cx=\"88\" cy=\"100\" r=\"9\" fill=\"#f3c552\"/></svg>";

/// Nothing but this style and this script, known by their hashes (CSP 3, 2.3.1), and no page around it. `'self'` has its WebSockets (6.7.2.8).
fn policy(style: &str, script: &str, connects: bool) -> HeaderValue {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let connects = if connects { "connect-src 'self'; " } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; {connects}base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(style),
        hash(script)
    );
    HeaderValue::try_from(policy).expect("base64 and the words around it are visible ASCII")
}

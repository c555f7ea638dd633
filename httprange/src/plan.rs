//! From a request's head and a resource's facts to the answer's head, and which bytes follow it. Pure.
//!
//! The order of the conditions is RFC 9110's, section 13.2.2: `If-Match`, `If-None-Match`, then `Range` under `If-Range`.
//! Dates are never sent, so the conditions on dates are never true and need no code: `If-Modified-Since` and
//! `If-Unmodified-Since` are ignored for a resource without one (section 13.1.3 and 13.1.4).

use std::ops::Range;

use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::etag::{self, ETag};
use crate::range::{self, Wanted};

/// What is known of a file before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Bytes of the whole file.
    pub len: u64,
    /// The strong entity tag; see [`ETag::new`].
    pub etag: &'a str,
    /// Media type.
    pub content_type: &'static str,
}

/// An answer but for its bytes.
#[derive(Debug)]
pub struct Plan {
    /// The status.
    pub status: StatusCode,
    /// All header fields but `Date` and `Connection`, which are the connection's.
    pub headers: HeaderMap,
    /// What follows the head.
    pub body: BodyPlan,
}

/// What follows an answer's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPlan {
    /// Nothing; the source is not opened.
    Empty,
    /// A text.
    Text(String),
    /// These bytes of the file, at least one.
    Bytes(Range<u64>),
}

/// The answer for a file. `method` is GET or HEAD; the others are [`method_not_allowed`].
pub fn file(method: &Method, request: &HeaderMap, facts: Facts<'_>) -> Plan {
    let etag = ETag::new(facts.etag);
    let mut headers = basic_headers();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(etag) = &etag {
        headers.insert(ETAG, etag.header());
    }
    match conditions(request, etag.as_ref()) {
        Condition::Fails => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            return Plan { status: StatusCode::PRECONDITION_FAILED, headers, body: BodyPlan::Empty };
        }
        Condition::NotModified => return Plan { status: StatusCode::NOT_MODIFIED, headers, body: BodyPlan::Empty },
        Condition::Holds => {}
    }
    let (status, bytes) = match wanted(method, request, etag.as_ref(), facts.len) {
        Wanted::Whole => (StatusCode::OK, 0..facts.len),
        Wanted::Part(part) => {
            let value = format!("bytes {}-{}/{}", part.start, part.end - 1, facts.len);
            headers.insert(CONTENT_RANGE, ascii(value));
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Wanted::Unsatisfiable => {
            headers.insert(CONTENT_RANGE, ascii(format!("bytes */{}", facts.len)));
            (StatusCode::RANGE_NOT_SATISFIABLE, 0..0)
        }
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    if status != StatusCode::RANGE_NOT_SATISFIABLE {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(facts.content_type));
    }
    let is_sent = method != Method::HEAD && bytes.start < bytes.end;
    Plan { status, headers, body: if is_sent { BodyPlan::Bytes(bytes) } else { BodyPlan::Empty } }
}

/// The answer for a short text that changes: whole, and not to be kept.
pub fn text(method: &Method, status: StatusCode, content_type: &'static str, text: String) -> Plan {
    let mut headers = basic_headers();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    let is_sent = method != Method::HEAD && !text.is_empty();
    Plan { status, headers, body: if is_sent { BodyPlan::Text(text) } else { BodyPlan::Empty } }
}

/// An answer that is only its status: 403 and 404 tell a stranger nothing.
pub fn bare(status: StatusCode) -> Plan {
    let mut headers = basic_headers();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    Plan { status, headers, body: BodyPlan::Empty }
}

/// 405 when the method is neither GET nor HEAD (RFC 9110, section 15.5.6: `Allow` is required).
pub fn method_not_allowed(method: &Method) -> Option<Plan> {
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let mut plan = bare(StatusCode::METHOD_NOT_ALLOWED);
    plan.headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(plan)
}

/// What every answer carries: a browser must not guess its type, embed it in another origin's page, or run anything in it.
fn basic_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    // Without its origin, a film opened in a browser's own tab could not ask this server for its bytes.
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox allow-same-origin"));
    headers
}

enum Condition {
    Holds,
    /// 412.
    Fails,
    /// 304: the client has these bytes.
    NotModified,
}

fn conditions(request: &HeaderMap, etag: Option<&ETag>) -> Condition {
    if request.contains_key(IF_MATCH) {
        let values = request.get_all(IF_MATCH);
        if !etag.map_or_else(|| etag::is_any(&values), |etag| etag.is_listed_strongly(&values)) {
            return Condition::Fails;
        }
    }
    if request.contains_key(IF_NONE_MATCH) {
        let values = request.get_all(IF_NONE_MATCH);
        if etag.map_or_else(|| etag::is_any(&values), |etag| etag.is_listed_weakly(&values)) {
            return Condition::NotModified;
        }
    }
    Condition::Holds
}

fn wanted(method: &Method, request: &HeaderMap, etag: Option<&ETag>, len: u64) -> Wanted {
    // RFC 9110, section 14.2: "GET is the only method for which range handling is defined."
    if method != Method::GET {
        return Wanted::Whole;
    }
    let mut values = request.get_all(RANGE).iter();
    // Range is no list field, so several lines of it are a broken one.
    let (Some(value), None) = (values.next(), values.next()) else { return Wanted::Whole };
    // RFC 9110, section 13.1.5: when If-Range does not match, the range is ignored.
    let mut if_range = request.get_all(IF_RANGE).iter();
    if if_range.any(|value| !etag.is_some_and(|etag| etag.is_if_range(value))) {
        return Wanted::Whole;
    }
    range::wanted(value.as_bytes(), len)
}

fn ascii(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("digits and ASCII words make a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> = Facts { len: 1000, etag: "v1", content_type: "video/mp4" };

    fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn get(lines: &[(&'static str, &'static str)]) -> Plan {
        file(&Method::GET, &request(lines), FACTS)
    }

    fn field<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
        plan.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status, Content-Range, Content-Length and body of a GET with those header lines.
    type Expected = (u16, Option<&'static str>, Option<&'static str>, Option<Range<u64>>);

    #[test]
    fn the_table_of_answers() {
        let whole: Expected = (200, None, Some("1000"), Some(0..1000));
        let part: Expected = (206, Some("bytes 10-19/1000"), Some("10"), Some(10..20));
        let unsatisfiable: Expected = (416, Some("bytes */1000"), Some("0"), None);
        let not_modified: Expected = (304, None, None, None);
        let failed: Expected = (412, None, Some("0"), None);
        let range = ("range", "bytes=10-19");
        let table: &[(&[(&'static str, &'static str)], &Expected)] = &[
            (&[], &whole),
            (&[range], &part),
            (&[("range", "bytes=10-19,30-39")], &part),
            (&[("range", "bytes=990-")], &(206, Some("bytes 990-999/1000"), Some("10"), Some(990..1000))),
            (&[("range", "bytes=-1")], &(206, Some("bytes 999-999/1000"), Some("1"), Some(999..1000))),
            (&[("range", "bytes=0-")], &(206, Some("bytes 0-999/1000"), Some("1000"), Some(0..1000))),
            (&[("range", "bytes=1000-")], &unsatisfiable),
            (&[("range", "bytes=-0")], &unsatisfiable),
            (&[("range", "bytes=19-10")], &whole),
            (&[("range", "lines=1-2")], &whole),
            (&[range, range], &whole),
            (&[range, ("if-range", "\"v1\"")], &part),
            (&[range, ("if-range", "\"v2\"")], &whole),
            (&[range, ("if-range", "W/\"v1\"")], &whole),
            (&[range, ("if-range", "v1")], &whole),
            (&[range, ("if-range", "Sat, 29 Oct 1994 19:43:31 GMT")], &whole),
            (&[range, ("if-range", "\"v1\""), ("if-range", "\"v2\"")], &whole),
            (&[("range", "bytes=1000-"), ("if-range", "\"v1\"")], &unsatisfiable),
            (&[("range", "bytes=1000-"), ("if-range", "\"v2\"")], &whole),
            (&[("if-range", "\"v1\"")], &whole),
            (&[("if-none-match", "\"v1\"")], &not_modified),
            (&[("if-none-match", "W/\"v1\"")], &not_modified),
            (&[("if-none-match", "\"v0\", \"v1\"")], &not_modified),
            (&[("if-none-match", "*")], &not_modified),
            (&[("if-none-match", "\"v2\"")], &whole),
            (&[("if-none-match", "\"v1\""), range], &not_modified),
            (&[("if-none-match", "\"v2\""), range], &part),
            (&[("if-none-match", "\"v1\""), ("range", "bytes=1000-")], &not_modified),
            (&[("if-match", "\"v1\"")], &whole),
            (&[("if-match", "*"), range], &part),
            (&[("if-match", "\"v2\""), range], &failed),
            (&[("if-match", "W/\"v1\"")], &failed),
            (&[("if-match", "\"v2\""), ("if-none-match", "\"v1\"")], &failed),
            (&[("if-match", "\"v1\""), ("if-none-match", "\"v1\"")], &not_modified),
            (&[("if-modified-since", "Sat, 29 Oct 2094 19:43:31 GMT")], &whole),
            (&[("if-unmodified-since", "Sat, 29 Oct 1994 19:43:31 GMT"), range], &part),
        ];
        for (lines, (status, content_range, content_length, bytes)) in table {
            let plan = get(lines);
            assert_eq!(plan.status, *status, "{lines:?}");
            assert_eq!(field(&plan, "content-range"), *content_range, "{lines:?}");
            assert_eq!(field(&plan, "content-length"), *content_length, "{lines:?}");
            assert_eq!(plan.body, bytes.clone().map_or(BodyPlan::Empty, BodyPlan::Bytes), "{lines:?}");
            assert_eq!(field(&plan, "etag"), Some("\"v1\""), "{lines:?}");
            assert_eq!(field(&plan, "accept-ranges"), Some("bytes"), "{lines:?}");
            let has_type = matches!(status, 200 | 206);
            assert_eq!(field(&plan, "content-type"), has_type.then_some("video/mp4"), "{lines:?}");
        }
    }

    #[test]
    fn head_is_get_without_its_bytes_and_ranges() {
        for lines in [&[][..], &[("range", "bytes=10-19")], &[("range", "bytes=1000-")]] {
            let plan = file(&Method::HEAD, &request(lines), FACTS);
            assert_eq!(plan.status, 200, "{lines:?}");
            assert_eq!(field(&plan, "content-length"), Some("1000"));
            assert_eq!(field(&plan, "content-range"), None);
            assert_eq!(plan.body, BodyPlan::Empty);
        }
        let plan = file(&Method::HEAD, &request(&[("if-none-match", "\"v1\"")]), FACTS);
        assert_eq!(plan.status, 304);
    }

    #[test]
    fn a_file_of_no_bytes_is_whole_and_has_no_part() {
        let facts = Facts { len: 0, ..FACTS };
        let plan = file(&Method::GET, &request(&[]), facts);
        assert_eq!((plan.status.as_u16(), field(&plan, "content-length")), (200, Some("0")));
        assert_eq!(plan.body, BodyPlan::Empty);
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            let plan = file(&Method::GET, &request(&[("range", range)]), facts);
            assert_eq!((plan.status.as_u16(), field(&plan, "content-range")), (416, Some("bytes */0")), "{range}");
        }
    }

    #[test]
    fn without_a_tag_nothing_but_a_star_matches() {
        let facts = Facts { etag: "not a tag", ..FACTS };
        for (lines, status) in [
            (&[("range", "bytes=0-1")][..], 206),
            (&[("range", "bytes=0-1"), ("if-range", "\"not a tag\"")], 200),
            (&[("if-none-match", "\"v1\"")], 200),
            (&[("if-none-match", "*")], 304),
            (&[("if-match", "\"v1\"")], 412),
            (&[("if-match", "*")], 200),
        ] {
            let plan = file(&Method::GET, &request(lines), facts);
            assert_eq!(plan.status, status, "{lines:?}");
            assert_eq!(field(&plan, "etag"), None);
        }
    }

    #[test]
    fn every_answer_is_closed_to_other_origins() {
        let plans = [
            get(&[]),
            get(&[("range", "bytes=1000-")]),
            get(&[("if-none-match", "*")]),
            get(&[("if-match", "\"x\"")]),
            bare(StatusCode::FORBIDDEN),
            text(&Method::GET, StatusCode::OK, "text/plain", "hello".to_owned()),
            method_not_allowed(&Method::POST).unwrap(),
        ];
        for plan in plans {
            assert_eq!(field(&plan, "x-content-type-options"), Some("nosniff"), "{plan:?}");
            assert_eq!(field(&plan, "cross-origin-resource-policy"), Some("same-origin"), "{plan:?}");
            assert_eq!(field(&plan, "content-security-policy"), Some("sandbox allow-same-origin"), "{plan:?}");
            let no_cors = plan.headers.keys().all(|name| !name.as_str().starts_with("access-control-"));
            assert!(no_cors, "{plan:?}");
        }
    }

    #[test]
    fn texts_are_whole_and_not_kept() {
        let plan = text(&Method::GET, StatusCode::OK, "text/plain", "hello".to_owned());
        assert_eq!(plan.body, BodyPlan::Text("hello".to_owned()));
        assert_eq!(field(&plan, "content-length"), Some("5"));
        assert_eq!(field(&plan, "cache-control"), Some("no-store"));
        let plan = text(&Method::HEAD, StatusCode::OK, "text/plain", "hello".to_owned());
        assert_eq!((&plan.body, field(&plan, "content-length")), (&BodyPlan::Empty, Some("5")));
    }

    #[test]
    fn other_methods_are_told_which_there_are() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
            let plan = method_not_allowed(&method).unwrap();
            assert_eq!((plan.status.as_u16(), field(&plan, "allow")), (405, Some("GET, HEAD")), "{method}");
        }
        assert!(method_not_allowed(&Method::GET).is_none());
        assert!(method_not_allowed(&Method::HEAD).is_none());
    }
}

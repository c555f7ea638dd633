//! Names as they stand in a URL (RFC 3986, section 2).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A name or path as the path of a URL, without a leading slash. Slashes stay, everything else that is not unreserved is
/// escaped, so that the result can be pasted anywhere.
pub fn url_path(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// The path of a request's target as the library knows it; `None` for one that is not UTF-8, which names nothing.
pub(crate) fn decode(path: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8().ok()
}

/// All but RFC 3986's unreserved characters and the slash.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(url_path("Big Buck (100%)?#.mkv"), "Big%20Buck%20%28100%25%29%3F%23.mkv");
        assert_eq!(url_path("Größe/ф.mp4"), "Gr%C3%B6%C3%9Fe/%D1%84.mp4");
        assert_eq!(url_path("plain-1.0_a~b.mkv"), "plain-1.0_a~b.mkv");
    }

    #[test]
    fn targets_are_decoded_once() {
        assert_eq!(decode("/a%20b").as_deref(), Some("a b"));
        assert_eq!(decode("/a%2520b").as_deref(), Some("a%20b"));
        assert_eq!(decode("/").as_deref(), Some(""));
        assert_eq!(decode("/%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decode("/%ff"), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in ".*") {
            let path = format!("/{}", url_path(&name));
            let uri: http::Uri = path.parse().expect("an escaped path is a valid target");
            let decoded = decode(uri.path());
            prop_assert_eq!(decoded.as_deref(), Some(name.as_str()));
        }
    }
}

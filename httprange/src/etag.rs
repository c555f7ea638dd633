//! Entity tags (RFC 9110, sections 8.8.3 and 13.1): the name of one version of a file's bytes.

use http::HeaderValue;
use http::header::GetAll;

/// A strong tag that can stand in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag {
    quoted: HeaderValue,
}

impl ETag {
    /// From the opaque text, with or without its quotes; `None` when it holds what a tag may not.
    pub fn new(opaque: &str) -> Option<Self> {
        let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(opaque);
        if !opaque.bytes().all(is_etagc) {
            return None;
        }
        HeaderValue::from_str(&format!("\"{opaque}\"")).ok().map(|quoted| Self { quoted })
    }

    /// As in the `ETag` header.
    pub fn header(&self) -> HeaderValue {
        self.quoted.clone()
    }

    /// Whether `If-Range` holds it: strong comparison, exactly one tag. A date never matches, for no date is ever sent.
    pub fn is_if_range(&self, value: &HeaderValue) -> bool {
        value.as_bytes() == self.quoted.as_bytes()
    }

    /// Whether `If-None-Match` names it: weak comparison, or `*`.
    pub fn is_listed_weakly(&self, values: &GetAll<'_, HeaderValue>) -> bool {
        is_any(values) || values.iter().flat_map(tags).any(|tag| tag.quoted == self.quoted.as_bytes())
    }

    /// Whether `If-Match` names it: strong comparison, or `*`.
    pub fn is_listed_strongly(&self, values: &GetAll<'_, HeaderValue>) -> bool {
        is_any(values) || values.iter().flat_map(tags).any(|tag| !tag.weak && tag.quoted == self.quoted.as_bytes())
    }
}

/// Whether the condition is `*`: any version there is.
pub fn is_any(values: &GetAll<'_, HeaderValue>) -> bool {
    values.iter().any(|value| value.as_bytes() == b"*")
}

/// A tag of a list, with its quotes.
struct Listed<'a> {
    weak: bool,
    quoted: &'a [u8],
}

/// The tags of a list. Stops at the first that is none: what follows it cannot be told apart.
fn tags(value: &HeaderValue) -> impl Iterator<Item = Listed<'_>> {
    let mut rest = value.as_bytes();
    std::iter::from_fn(move || {
        // A tag may hold commas, so the list cannot be split at them.
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        let (weak, from) = match rest {
            [b'W', b'/', after @ ..] => (true, after),
            _ => (false, rest),
        };
        let [b'"', opaque @ ..] = from else { return None };
        let len = opaque.iter().take_while(|&&byte| is_etagc(byte)).count();
        if opaque.get(len) != Some(&b'"') {
            return None;
        }
        rest = &opaque[len + 1..];
        Some(Listed { weak, quoted: &from[..len + 2] })
    })
}

/// RFC 9110, section 8.8.3: any visible character but the quote.
fn is_etagc(byte: u8) -> bool {
    byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::IF_NONE_MATCH;

    use super::*;

    fn listed(values: &[&'static str]) -> (bool, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        let tag = ETag::new("a,b").unwrap();
        let values = headers.get_all(IF_NONE_MATCH);
        (tag.is_listed_weakly(&values), tag.is_listed_strongly(&values))
    }

    #[test]
    fn lists_are_read_tag_by_tag() {
        for (values, weakly, strongly) in [
            (&["\"a,b\""][..], true, true),
            (&["W/\"a,b\""], true, false),
            (&["*"], true, true),
            (&["\"x\", \"a,b\""], true, true),
            (&["\"x\",,W/\"y\" ,\t\"a,b\""], true, true),
            (&["\"x\"", "\"a,b\""], true, true),
            (&["\"x\""], false, false),
            (&["a,b"], false, false),
            (&["\"a,b"], false, false),
            (&["w/\"a,b\""], false, false),
            (&["junk, \"a,b\""], false, false),
            (&["\"a,b\"\"x\""], true, true),
            (&[""], false, false),
            (&[], false, false),
        ] {
            assert_eq!(listed(values), (weakly, strongly), "{values:?}");
        }
    }

    #[test]
    fn only_what_may_stand_in_a_tag_makes_one() {
        assert_eq!(ETag::new("abc").unwrap().header(), "\"abc\"");
        assert_eq!(ETag::new("\"abc\"").unwrap(), ETag::new("abc").unwrap());
        for bad in ["a\"b", "a b", "a\nb", "\"", "W/\"a\""] {
            assert_eq!(ETag::new(bad), None, "{bad:?}");
        }
    }
}

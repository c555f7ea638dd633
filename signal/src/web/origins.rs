//! Which web pages may use the server (`-cors`). Identity is a token, never a cookie, so everybody may unless told otherwise.

use http::HeaderMap;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, ORIGIN, VARY};

/// `*`, or a list of origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages of every origin.
    #[default]
    Any,
    /// Pages of these, as browsers write them: `https://example.org`.
    Only(Vec<String>),
}

impl Origins {
    /// Reads `*` or a comma-separated list.
    pub fn parse(text: &str) -> Self {
        let list: Vec<String> = text
            .split(',')
            .map(|origin| origin.trim().trim_end_matches('/').to_owned())
            .filter(|origin| !origin.is_empty())
            .collect();
        if list.is_empty() || list.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(list) }
    }

    /// Whether a request may go on. One without an origin comes from no page.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        match (self, headers.get(ORIGIN)) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(list), Some(origin)) => list.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes()),
        }
    }

    /// Tells the browser.
    pub(crate) fn mark(&self, asked: Option<&HeaderValue>, answer: &mut HeaderMap) {
        match self {
            Self::Any => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Only(list) => {
                answer.insert(VARY, HeaderValue::from_static("Origin"));
                if let Some(origin) = asked.filter(|asked| list.iter().any(|one| asked.as_bytes() == one.as_bytes())) {
                    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn a_list_lets_its_own_in_and_says_so() {
        assert_eq!(Origins::parse(" * "), Origins::Any);
        assert_eq!(Origins::parse(""), Origins::Any);
        let origins = Origins::parse("https://a.example, https://b.example/");
        assert!(origins.allow(&from("https://b.example")));
        assert!(origins.allow(&HeaderMap::new()), "no page asked");
        assert!(!origins.allow(&from("https://b.example.evil")));
        assert!(!origins.allow(&from("null")));
        let mut answer = HeaderMap::new();
        origins.mark(Some(&HeaderValue::from_static("https://a.example")), &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(answer[VARY], "Origin", "caches keep the answers apart");
        let mut answer = HeaderMap::new();
        origins.mark(Some(&HeaderValue::from_static("https://c.example")), &mut answer);
        assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        Origins::Any.mark(None, &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
}

//! Which web pages may use the server (`-cors`). Identity is a token, never a cookie, so everybody may unless told otherwise.

use http::HeaderMap;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, HeaderValue, ORIGIN, VARY};

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

    /// Whether a request may go on. One without an origin comes from no page, and one of the server's own is of its own host.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        match (self, headers.get(ORIGIN)) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(list), Some(origin)) => {
                list.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes()) || is_own(origin, headers.get(HOST))
            }
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

fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let authority = |origin: &HeaderValue| {
        let origin = origin.as_bytes();
        origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://")).map(<[u8]>::to_vec)
    };
    host.is_some_and(|host| authority(origin).is_some_and(|own| own == host.as_bytes()))
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
        let at = |origin: &'static str, host: &'static str| {
            HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin)), (HOST, HeaderValue::from_static(host))])
        };
        assert!(origins.allow(&at("https://rooms.example", "rooms.example")), "its own page");
        assert!(origins.allow(&at("http://10.0.0.2:3001", "10.0.0.2:3001")));
        assert!(!origins.allow(&at("https://evil.example", "rooms.example")));
        assert!(!origins.allow(&at("http://10.0.0.2", "10.0.0.2:3001")));
        assert!(!origins.allow(&at("rooms.example", "rooms.example")));
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

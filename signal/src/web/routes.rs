//! What answers which path.

use std::rc::Rc;
use std::time::Instant;

use http::header::{
    ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use signal_proto::tracker::rendezvous;

use super::language::Language;
use super::peer::Peer;
use super::respond::{self, Answer, JSON, TEXT};
use super::site::{Site, Upgrade};
use super::trackers::Trackers;
use super::{engineio, metrics, pages};
use crate::rooms::Rooms;
use crate::transport::Hub;

/// What the signalling server has beside its rooms' own path.
pub(crate) struct Services {
    pub(crate) hub: Rc<Hub<Rooms>>,
    pub(crate) trackers: Rc<Trackers>,
    /// `-public-url`.
    pub(crate) public_url: Option<String>,
    /// `-app-url`.
    pub(crate) app_url: Option<String>,
    /// The UDP port that answers STUN, if one does.
    pub(crate) stun_port: Option<u16>,
    pub(crate) started: Instant,
}

pub(super) async fn answer(
    site: &Site,
    peer: Peer,
    request: Request<Incoming>,
    upgrade: &Upgrade,
    is_turned_away: bool,
) -> Answer {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut answer = if is_turned_away {
        full()
    } else if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else if let Some(mount) = site.mounts.iter().find(|mount| is_under(request.uri().path(), &mount.path)) {
        Rc::clone(&mount.hub).answer(site, peer, request, upgrade).await
    } else {
        match &site.services {
            Some(services) if engineio::is_upgrade(request.headers()) => services.to_tracker(site, request, upgrade),
            Some(services) => services.page(site, &peer, &request),
            None => not_found(),
        }
    };
    site.origins.mark(origin.as_ref(), answer.headers_mut());
    answer
}

impl Services {
    /// A WebSocket on any other path is WebTorrent's tracker.
    fn to_tracker(&self, site: &Site, mut request: Request<Incoming>, upgrade: &Upgrade) -> Answer {
        if let Some(refusal) = engineio::forbidden(site, request.headers()) {
            return refusal;
        }
        let Some(switching) = engineio::switching(request.headers()) else {
            return respond::with(StatusCode::BAD_REQUEST, TEXT, "This is no request for a WebSocket.\n");
        };
        let (upgraded, trackers) = (hyper::upgrade::on(&mut request), Rc::clone(&self.trackers));
        upgrade.set(Some(Box::pin(async move {
            if let Ok(upgraded) = upgraded.await {
                trackers.serve(upgraded).await;
            }
        })));
        switching
    }

    fn page(&self, site: &Site, peer: &Peer, request: &Request<Incoming>) -> Answer {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let base = || self.base(site, peer, request.headers());
        let page = match path {
            "/health" => json_page(&self.health()),
            "/metrics" => respond::with(StatusCode::OK, metrics::KIND, metrics::text(self)),
            "/rendezvous" => json_page(&rendezvous(&base(), None, self.stun_port)),
            "/announce" => respond::with(StatusCode::OK, TEXT, self.trackers.announce(query, peer.from, peer.reached)),
            "/scrape" => respond::with(StatusCode::OK, TEXT, self.trackers.scrape(query)),
            "/" => pages::front(language(request.headers()), &base()),
            path => match path.strip_prefix("/j/") {
                Some(rest) => match rest.trim_end_matches('/').strip_suffix("/remote") {
                    Some(code) => pages::remote(language(request.headers()), code, &base()),
                    None => pages::invitation(language(request.headers()), rest, &base(), self.app_url.as_deref()),
                },
                None => return not_found(),
            },
        };
        match *request.method() {
            Method::GET | Method::HEAD => page,
            _ => respond::not_allowed("GET, HEAD"),
        }
    }

    fn health(&self) -> Value {
        let totals = self.hub.with_app(|rooms, _| rooms.totals());
        json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "rooms": totals.rooms,
            "participants": totals.participants,
            "uptime": self.started.elapsed().as_secs(),
        })
    }

    /// The address under which clients know this server, without a slash at the end.
    fn base(&self, site: &Site, peer: &Peer, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
        let is_proxied = !site.trusted.is_empty();
        let scheme = match headers.get(FORWARDED_PROTO).filter(|_| is_proxied).map(HeaderValue::as_bytes) {
            Some(b"https") => "https",
            Some(_) | None => "http",
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
        match host {
            Some(host) => format!("{scheme}://{host}"),
            None if peer.reached.is_ipv6() => format!("{scheme}://[{}]", peer.reached),
            None => format!("{scheme}://{}", peer.reached),
        }
    }
}

/// The one that the person's browser asks for.
fn language(headers: &HeaderMap) -> Language {
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    Language::preferred(header.unwrap_or_default())
}

/// What a `Host` header may hold, and nothing that could get out of an attribute.
fn is_authority(host: &str) -> bool {
    !host.is_empty() && host.len() <= 260 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

fn is_under(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest == "/")
}

fn preflight(headers: &HeaderMap) -> Answer {
    let mut answer = respond::empty(StatusCode::NO_CONTENT);
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = answer.headers_mut();
    allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HeaderValue::from_static("Content-Type")));
    allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

fn json_page(value: &Value) -> Answer {
    respond::with(StatusCode::OK, JSON, value.to_string())
}

fn not_found() -> Answer {
    respond::with(StatusCode::NOT_FOUND, TEXT, "There is nothing at this address.\n")
}

fn full() -> Answer {
    let text = "The server has as many connections as it can hold. Try again in a moment.\n";
    let mut answer = respond::with(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    // Its place is for the next who is to be told.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_and_what_is_none() {
        for good in ["h", "h:80", "[::1]:3001", "rooms.example"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", "h/x", "h\"", "a b", "<h>", &"h".repeat(261)] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn a_mount_is_its_path_with_or_without_the_last_slash() {
        assert!(is_under("/socket.io/", "/socket.io/"));
        assert!(is_under("/socket.io", "/socket.io/"));
        assert!(!is_under("/socket.iox", "/socket.io/"));
        assert!(!is_under("/socket.io/x", "/socket.io/"));
    }
}

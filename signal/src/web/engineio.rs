//! Requests to an Engine.IO path: polling's GET and POST, and the way to a WebSocket.

use std::rc::Rc;

use http::header::{ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use signal_proto::engineio::{PacketError, Query, RequestError, Transport};
use smol::Timer;

use super::peer::Peer;
use super::respond::{self, Answer, JSON, TEXT};
use super::site::{Site, Upgrade};
use crate::limits::BODY_PATIENCE;
use crate::transport::websocket;
use crate::transport::{App, Hub};

pub(super) async fn answer<A: App + 'static>(
    hub: Rc<Hub<A>>,
    site: &Site,
    peer: Peer,
    request: Request<Incoming>,
    upgrade: &Upgrade,
) -> Answer {
    let query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return refused(error),
    };
    let sid = query.sid.as_deref();
    match (query.transport, request.method(), sid) {
        (Transport::WebSocket, _, _) => to_websocket(hub, site, peer, request, query.sid, upgrade),
        (Transport::Polling, _, _) if is_upgrade(request.headers()) => refused(RequestError::Bad),
        (Transport::Polling, &Method::GET, None) => body(hub.open_polling(peer.from).wait().await),
        (Transport::Polling, &Method::GET, Some(sid)) => match hub.poll(sid) {
            Ok(poll) => body(poll.wait().await),
            Err(error) => refused(error),
        },
        (Transport::Polling, &Method::POST, Some(sid)) => {
            let sid = sid.to_owned();
            post(&hub, &sid, request.into_body()).await
        }
        (Transport::Polling, _, _) => refused(RequestError::Method),
    }
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The 101 that a request for a WebSocket gets (RFC 6455, section 4.2.2). `None`: it is no such request.
pub(super) fn switching(headers: &HeaderMap) -> Option<Answer> {
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24)?;
    let is_13 = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    if !is_13 || !is_upgrade(headers) {
        return None;
    }
    let accept = async_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let mut answer = respond::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept).ok()?);
    Some(answer)
}

/// What a page of an origin that may not gets, which browsers do not check for WebSockets.
pub(super) fn forbidden(site: &Site, headers: &HeaderMap) -> Option<Answer> {
    if site.origins.allow(headers) {
        return None;
    }
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("that origin");
    Some(respond::with(StatusCode::FORBIDDEN, TEXT, format!("Pages of {origin} may not use this server.\n")))
}

fn to_websocket<A: App + 'static>(
    hub: Rc<Hub<A>>,
    site: &Site,
    peer: Peer,
    mut request: Request<Incoming>,
    sid: Option<String>,
    upgrade: &Upgrade,
) -> Answer {
    if request.method() != Method::GET {
        return refused(RequestError::Method);
    }
    if let Some(refusal) = forbidden(site, request.headers()) {
        return refusal;
    }
    let Some(switching) = switching(request.headers()) else { return refused(RequestError::Bad) };
    if let Err(error) = hub.accepts_socket(sid.as_deref()) {
        return refused(error);
    }
    let upgraded = hyper::upgrade::on(&mut request);
    upgrade.set(Some(Box::pin(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Some(socket) = websocket::over(upgraded, hub.payload_max()).await else { return };
        // Somebody else's WebSocket may have taken the session meanwhile; this one is then dropped.
        let Some((key, outbox)) = hub.open_socket(sid.as_deref(), peer.from) else { return };
        websocket::run(socket, &outbox, |said| hub.said(key, &outbox, said)).await;
        hub.closed(key, &outbox);
    })));
    switching
}

async fn post<A: App>(hub: &Hub<A>, sid: &str, body: Incoming) -> Answer {
    let (socket, answer) = match hub.begin_post(sid) {
        Ok(begun) => begun,
        Err(error) => return refused(error),
    };
    let spoiled = Spoil { hub, socket: Some(socket) };
    let body = async { Some(Limited::new(body, hub.payload_max()).collect().await) };
    let late = async {
        Timer::after(BODY_PATIENCE).await;
        None
    };
    match futures_lite::future::or(body, late).await {
        Some(Ok(body)) => hub.post(spoiled.disarm(), &body.to_bytes()),
        Some(Err(error)) if error.is::<LengthLimitError>() => return too_long(),
        Some(Err(_)) => return refused(RequestError::Bad),
        None => return respond::with(StatusCode::REQUEST_TIMEOUT, TEXT, "The body did not come in time.\n"),
    }
    match answer.recv().await {
        Ok(Ok(())) => respond::with(StatusCode::OK, TEXT, "ok"),
        Ok(Err(PacketError::Long)) => too_long(),
        Ok(Err(_)) | Err(_) => refused(RequestError::Bad),
    }
}

/// A POST without its body ends the session, also when its connection breaks.
struct Spoil<'a, A: App> {
    hub: &'a Hub<A>,
    socket: Option<signal_proto::ids::SocketKey>,
}

impl<A: App> Spoil<'_, A> {
    fn disarm(mut self) -> signal_proto::ids::SocketKey {
        self.socket.take().expect("it is taken once, here, and `self` is gone then")
    }
}

impl<A: App> Drop for Spoil<'_, A> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket {
            self.hub.spoil_post(socket);
        }
    }
}

fn body(answer: Result<String, PacketError>) -> Answer {
    match answer {
        Ok(body) => respond::with(StatusCode::OK, TEXT, body),
        Err(_) => refused(RequestError::Bad),
    }
}

pub(super) fn refused(error: RequestError) -> Answer {
    respond::with(StatusCode::BAD_REQUEST, JSON, error.body())
}

fn too_long() -> Answer {
    respond::with(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "The body is longer than maxPayload of the handshake.\n")
}

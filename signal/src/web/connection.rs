//! One connection: HTTP by hyper, then what it was upgraded to.

use std::cell::Cell;
use std::convert::Infallible;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::net::TcpStream;
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::peer::Peer;
use super::routes;
use super::site::{Site, Upgrade};
use crate::limits::{HEAD_LEN_MAX, HEAD_PATIENCE};

pub(super) async fn serve(site: &Site, stream: TcpStream, peer: Peer) {
    let upgrade: Upgrade = Cell::new(None);
    // In a box, so that an idle WebSocket does not carry hyper's state for the rest of its life.
    Box::pin(speak_http(site, stream, &peer, &upgrade)).await;
    if let Some(upgraded) = upgrade.take() {
        upgraded.await;
    }
}

async fn speak_http(site: &Site, stream: TcpStream, peer: &Peer, upgrade: &Upgrade) {
    // Who was here before the last place was taken goes on, also over this connection's next requests.
    let came_last = site.is_full();
    let answer = service_fn(async |request: Request<Incoming>| {
        let peer = peer.of_request(request.headers(), &site.trusted);
        let is_turned_away = came_last && site.is_full();
        Ok::<_, Infallible>(routes::answer(site, peer, request, upgrade, is_turned_away).await)
    });
    let served = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_LEN_MAX)
        .max_header_size(HEAD_LEN_MAX)
        .serve_connection(FuturesIo::new(stream), answer)
        .with_upgrades();
    if let Err(error) = served.await {
        log::debug!("a connection ended: {error}");
    }
}

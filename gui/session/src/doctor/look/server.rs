//! The server: `/health`, `/rendezvous`, and a WebSocket with questions on it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_proto::server_url::ServerUrl;
use sharestream_signal_client::{AckError, Client, Event, Events, LostReason, Options, Trust, get};

use super::{within, words};
use crate::doctor::limits::{ROUND_TRIP_PATIENCE, ROUND_TRIPS, STUN_SERVERS_MAX, WEBSOCKET_PATIENCE};
use crate::doctor::seen::{RendezvousSeen, ServerSeen, WebSocketSeen};

pub(crate) async fn server(url: Option<&ServerUrl>, trust: &Trust) -> ServerSeen {
    let Some(url) = url else { return ServerSeen::NotConfigured };
    let url = url.signal();
    let answer = match get(&url, "/health", trust).await {
        Ok(answer) => answer,
        Err(error) => return ServerSeen::Failed(error),
    };
    let health: Option<Value> = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200);
    let said = |key: &str| health.as_ref()?.get(key)?.as_str();
    let is_ours = health.as_ref().is_some_and(|health| health["rooms"].is_u64());
    match (said("status"), said("version")) {
        (Some("ok"), Some(version)) if is_ours => {
            ServerSeen::Ours { version: words(&version), secure: url.starts_with("https") || url.starts_with("wss") }
        }
        _ => ServerSeen::Other { status: answer.status },
    }
}

pub(crate) async fn rendezvous(url: Option<&ServerUrl>, trust: &Trust) -> RendezvousSeen {
    let Some(url) = url else { return RendezvousSeen::NotTried };
    let answer = match get(&url.signal(), "/rendezvous", trust).await {
        Ok(answer) => answer,
        Err(error) => return RendezvousSeen::Failed(error),
    };
    let Ok(told) = serde_json::from_slice::<Value>(&answer.body) else { return RendezvousSeen::Strange };
    if !told["announce"].is_string() || !told["websocket"].is_string() {
        return RendezvousSeen::Strange;
    }
    let named = told["stun"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let stun = named.filter_map(|name| name.strip_prefix("stun:")).take(STUN_SERVERS_MAX).map(str::to_owned).collect();
    RendezvousSeen::Found { stun }
}

pub(crate) async fn websocket(url: Option<&ServerUrl>, trust: &Trust) -> WebSocketSeen {
    let Some(url) = url else { return WebSocketSeen::NotTried };
    let options = Options { trust: trust.clone(), ..Options::default() };
    let (client, mut events) = match Client::connect(&url.signal(), options) {
        Ok(connection) => connection,
        Err(error) => return WebSocketSeen::Broken { why: words(&error) },
    };
    let seen = match within(WEBSOCKET_PATIENCE, events.next()).await {
        Some(Some(Event::Connected { .. })) => {
            WebSocketSeen::Open { round_trips: round_trips(&client, &mut events).await }
        }
        Some(Some(Event::Disconnected { reason: LostReason::Dial(error), .. })) => WebSocketSeen::Failed(error),
        Some(Some(Event::Disconnected { reason, .. })) => WebSocketSeen::Broken { why: words(&reason) },
        Some(Some(Event::Message { .. }) | None) => {
            WebSocketSeen::Broken { why: "it speaks before its turn".to_owned() }
        }
        None => WebSocketSeen::Broken { why: "no answer".to_owned() },
    };
    client.leave().await;
    seen
}

/// By questions that only somebody in a room may ask: the refusal is an answer, and costs the server nothing.
async fn round_trips(client: &Client, events: &mut Events) -> Vec<Duration> {
    let measured = async {
        let mut measured = Vec::new();
        for number in 1..=ROUND_TRIPS {
            let sent = Instant::now();
            let probe = json!({ "roomCode": "0000", "t0": 0, "n": number });
            match client.emit_with_ack("sync-check", probe, ROUND_TRIP_PATIENCE).await {
                Ok(_) => measured.push(sent.elapsed()),
                Err(AckError::TimedOut) => {}
                Err(AckError::Emit(_) | AckError::Lost) => break,
            }
        }
        measured
    };
    let heard = async {
        // Refusals come as events, too; whoever does not take them makes the server wait.
        while events.next().await.is_some() {}
        std::future::pending().await
    };
    futures_lite::future::or(measured, heard).await
}

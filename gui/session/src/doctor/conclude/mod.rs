//! From what was seen to what it means. Pure, so that every sentence is tested without the trouble it is about.

mod machine;
mod network;
mod server;

pub(super) use machine::{devices, disk, own_player, player, uplink};
pub(super) use network::{ipv6, port, public_address, relay};
pub(super) use server::{rendezvous, server, websocket};

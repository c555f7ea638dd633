//! BitTorrent on smol.

mod addresses;
mod hash;
mod pool;
mod seed;
mod storage;
mod throttle;

//! Everything people would argue about, one file each: pure functions and small tables with named constants.
//!
//! | question | file | prose |
//! | --- | --- | --- |
//! | which piece next | [`picker`] | `docs/streaming.md` |
//! | which peer for a block, and when twice | [`requester`] | `docs/streaming.md` |
//! | how many requests in flight | [`pipeline`] | `docs/streaming.md` |
//! | which pieces a bounded disk keeps | [`eviction`] | `docs/streaming.md` |
//! | whom to unchoke | [`choker`] | `docs/choking.md` |
//! | whom to dial | [`connector`] | `docs/choking.md` |

pub mod choker;
pub mod connector;
pub mod eviction;
pub mod picker;
pub mod pipeline;
pub mod rarity;
pub mod requester;

//! One person in one room.

mod io;

pub use io::{Answer, End, EngineNews, Entry, Input, Output, Say, Setup, SignalNews, Ticket};

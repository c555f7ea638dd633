//! The server over real sockets, with requests as raw bytes.

mod answers;
mod cinema;
mod connections;

//! A file of a torrent as a byte stream that waits for verified bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncSeek, SeekFrom};

/// Reads a file of a torrent. A read waits until the bytes are verified, and makes them urgent; dropping the stream
/// withdraws that at once. Reads fail when the torrent stops (`ConnectionAborted`) or its source changed (`InvalidData`).
pub struct TorrentStream {}

impl AsyncRead for TorrentStream {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, _buf: &mut [u8]) -> Poll<io::Result<usize>> {
        unimplemented!()
    }
}

impl AsyncSeek for TorrentStream {
    fn poll_seek(self: Pin<&mut Self>, _cx: &mut Context<'_>, _pos: SeekFrom) -> Poll<io::Result<u64>> {
        unimplemented!()
    }
}

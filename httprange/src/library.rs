//! What the server serves, told by its user.

use futures_io::{AsyncRead, AsyncSeek};

/// Says what lies at a path. Asked once for each request, on the server's thread, so it must not block.
pub trait Library: Send + Sync + 'static {
    /// A file's bytes. Opened, read and dropped on the server's thread. A read may wait as long as it likes; the
    /// source is dropped at once when its client is gone.
    type Source: AsyncRead + AsyncSeek + Unpin + 'static;

    /// `path` is percent-decoded, without the leading slash and the query.
    fn find(&self, path: &str) -> Found<Self::Source>;
}

/// What lies at a path.
pub enum Found<S> {
    /// Nothing: 404.
    Nothing,
    /// Something that cannot be served now: 503 with this reason, as plain text.
    Unavailable(String),
    /// Bytes, served in ranges.
    File(FileResource<S>),
    /// A short text, served whole and not to be kept: 200.
    Text {
        /// Media type, with its charset.
        content_type: &'static str,
        /// The text.
        body: String,
    },
}

/// A file to be served.
pub struct FileResource<S> {
    /// Bytes of the whole file.
    pub len: u64,
    /// The strong entity tag, with or without its quotes: equal only for equal bytes (RFC 9110, section 8.8.3). One that
    /// cannot stand in a header is not sent.
    pub etag: String,
    /// Media type; see [`crate::mime::content_type`].
    pub content_type: &'static str,
    /// Makes the source. Called only when a body with at least one byte is sent.
    pub open: Box<dyn FnOnce() -> S + Send>,
}

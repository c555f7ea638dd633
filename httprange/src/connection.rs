//! One connection: hyper speaks HTTP/1.1 on it, and each request is answered by guard, library and plan in turn.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::net::TcpStream;
use smol_hyper::rt::SmolTimer;

use crate::body::{Chunk, ChunkPool, RangeBody};
use crate::error::BodyError;
use crate::library::{FileResource, Found, Library};
use crate::limits::{Limits, REQUEST_HEAD_LEN_MAX};
use crate::plan::{self, BodyPlan, Facts, Plan};
use crate::wire::Wire;
use crate::{guard, path};

/// What all connections of a server share.
pub(crate) struct Service<L> {
    library: Arc<L>,
    port: u16,
    pool: ChunkPool,
    refused: Arc<AtomicU64>,
    http: http1::Builder,
}

impl<L: Library> Service<L> {
    pub(crate) fn new(library: Arc<L>, port: u16, limits: &Limits, refused: Arc<AtomicU64>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(SmolTimer::new())
            .header_read_timeout(limits.head_deadline)
            .max_buf_size(REQUEST_HEAD_LEN_MAX)
            .max_header_size(REQUEST_HEAD_LEN_MAX)
            // The end of a connection is `wire`'s to see: a client that only closed its own side, after its request, is
            // still answered when nothing has to be waited for.
            .half_close(true);
        Self { library, port, pool: ChunkPool::new(), refused, http }
    }

    /// Serves a connection until either side ends it.
    pub(crate) async fn serve(self: Rc<Self>, stream: TcpStream) {
        let wire = Wire::new(stream);
        let answer = service_fn(|request: Request<hyper::body::Incoming>| {
            std::future::ready(Ok::<_, Infallible>(self.answer(&request, &wire)))
        });
        if let Err(error) = self.http.serve_connection(wire.clone(), answer).await {
            // A player that seeks closes in the middle, so this is the ordinary end.
            log::debug!("a connection of the local server: {error}");
        }
    }

    fn answer<B>(&self, request: &Request<B>, wire: &Wire<TcpStream>) -> Response<Payload<L::Source>> {
        if let Err(refusal) = guard::check(request.uri(), request.headers(), self.port) {
            // Counted, not shouted: a page could fill a log.
            self.refused.fetch_add(1, Ordering::Relaxed);
            log::debug!("a request to the local server was refused: {refusal}");
            return respond(plan::bare(StatusCode::FORBIDDEN));
        }
        let method = request.method();
        if let Some(plan) = plan::method_not_allowed(method) {
            return respond(plan);
        }
        let found = path::decode(request.uri().path()).map_or(Found::Nothing, |path| self.library.find(&path));
        match found {
            Found::Nothing => respond(plan::bare(StatusCode::NOT_FOUND)),
            Found::Unavailable(reason) => {
                respond(plan::text(method, StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", reason))
            }
            Found::Text { content_type, body } => respond(plan::text(method, StatusCode::OK, content_type, body)),
            Found::File(FileResource { len, etag, content_type, open }) => {
                let plan = plan::file(method, request.headers(), Facts { len, etag: &etag, content_type });
                respond_with(plan, |range| {
                    Payload::File(Box::new(RangeBody::new(open(), range, self.pool.clone(), wire.clone())))
                })
            }
        }
    }
}

fn respond<S>(plan: Plan) -> Response<Payload<S>> {
    respond_with(plan, |_| Payload::Empty)
}

fn respond_with<S>(plan: Plan, open: impl FnOnce(std::ops::Range<u64>) -> Payload<S>) -> Response<Payload<S>> {
    let mut response = Response::new(match plan.body {
        BodyPlan::Empty => Payload::Empty,
        BodyPlan::Text(text) => Payload::Text(Some(Chunk::text(text))),
        BodyPlan::Bytes(range) => open(range),
    });
    *response.status_mut() = plan.status;
    *response.headers_mut() = plan.headers;
    response
}

/// What follows an answer's head.
enum Payload<S> {
    Empty,
    /// None once it is sent.
    Text(Option<Chunk>),
    File(Box<RangeBody<S, Wire<TcpStream>>>),
}

impl<S> Body for Payload<S>
where
    S: futures_io::AsyncRead + futures_io::AsyncSeek + Unpin,
{
    type Data = Chunk;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::File(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Text(None) => true,
            Self::Text(Some(_)) => false,
            Self::File(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Text(None) => SizeHint::with_exact(0),
            Self::Text(Some(text)) => SizeHint::with_exact(bytes::Buf::remaining(text) as u64),
            Self::File(body) => body.size_hint(),
        }
    }
}

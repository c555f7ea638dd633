//! One WebSocket: an outbox's frames out, messages in, both on one task.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::CapacityError;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use bytes::Bytes;
use futures_lite::{AsyncRead, AsyncWrite, Stream, StreamExt as _, future};
use futures_sink::Sink;
use hyper::upgrade::Upgraded;
use signal_proto::engineio::Frame;
use smol::Timer;
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;

use super::bell::Bell;
use super::outbox::{Ending, Outbox, Parcel};
use crate::limits::{CLOSE_PATIENCE, MESSAGES_IN_A_ROW, READ_BUFFER_LEN, WRITE_BUFFER_LEN};

/// What a client said.
pub(crate) enum Said {
    Text(Utf8Bytes),
    Binary(Bytes),
}

/// Takes over the connection of a request that was answered with 101. `None`: it broke meanwhile.
pub(crate) async fn over(upgraded: Upgraded, message_len_max: usize) -> Option<WebSocketStream<TcpStream>> {
    let parts = upgraded.downcast::<FuturesIo<TcpStream>>().ok()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_LEN)
        .write_buffer_size(WRITE_BUFFER_LEN)
        .max_message_size(Some(message_len_max))
        .max_frame_size(Some(message_len_max));
    let stream = parts.io.into_inner();
    Some(WebSocketStream::from_partially_read(stream, parts.read_buf.to_vec(), Role::Server, Some(config)).await)
}

/// Moves frames until either side ends it. What is cut is dropped at once; what is closed says so first.
pub(crate) async fn run<S>(mut socket: WebSocketStream<S>, outbox: &Rc<Outbox>, mut on_said: impl FnMut(Said))
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let arrivals = Bell::new();
    let end = future::poll_fn(|cx| poll(&mut socket, outbox, &arrivals, &mut on_said, cx)).await;
    let code = match end {
        End::Gone => return,
        End::Closed => CloseCode::Normal,
        End::TooLong => CloseCode::Size,
        End::Malformed => CloseCode::Protocol,
    };
    let goodbye = async {
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        if socket.close(Some(frame)).await.is_ok() {
            // Closing with something unread would destroy what is on its way.
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let patience = async {
        Timer::after(CLOSE_PATIENCE).await;
    };
    future::or(goodbye, patience).await;
}

enum End {
    /// The other side went, or was cut.
    Gone,
    /// By us, after everything was sent.
    Closed,
    /// It sent more than it may.
    TooLong,
    /// It sent what is no WebSocket.
    Malformed,
}

fn poll<S>(
    socket: &mut WebSocketStream<S>,
    outbox: &Outbox,
    arrivals: &Arc<Bell>,
    on_said: &mut impl FnMut(Said),
    cx: &mut Context<'_>,
) -> Poll<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    outbox.register(cx);
    if outbox.ending() == Ending::Now {
        return Poll::Ready(End::Gone);
    }
    if arrivals.take(cx)
        && let Poll::Ready(end) = read(socket, arrivals, on_said)
    {
        return Poll::Ready(end);
    }
    // What was said may have been answered, so writing comes second.
    let written = write(socket, outbox, cx);
    if outbox.ending() == Ending::Now {
        return Poll::Ready(End::Gone);
    }
    match written {
        Poll::Ready(Err(_)) => Poll::Ready(End::Gone),
        Poll::Ready(Ok(())) if outbox.ending() == Ending::AfterFrames && outbox.is_empty() => Poll::Ready(End::Closed),
        Poll::Ready(Ok(())) | Poll::Pending => {
            // The hub may have filled the outbox meanwhile, and taken the waker with it.
            outbox.register(cx);
            Poll::Pending
        }
    }
}

fn read<S>(socket: &mut WebSocketStream<S>, arrivals: &Arc<Bell>, on_said: &mut impl FnMut(Said)) -> Poll<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let waker = Waker::from(Arc::clone(arrivals));
    let mut cx = Context::from_waker(&waker);
    for _ in 0..MESSAGES_IN_A_ROW {
        match Pin::new(&mut *socket).poll_next(&mut cx) {
            Poll::Ready(Some(Ok(Message::Text(text)))) => on_said(Said::Text(text)),
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => on_said(Said::Binary(bytes)),
            Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
            Poll::Ready(Some(Ok(Message::Close(_))) | None) => return Poll::Ready(End::Gone),
            Poll::Ready(Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. })))) => {
                return Poll::Ready(End::TooLong);
            }
            Poll::Ready(Some(Err(Error::Protocol(_) | Error::Utf8(_)))) => return Poll::Ready(End::Malformed),
            Poll::Ready(Some(Err(_))) => return Poll::Ready(End::Gone),
            Poll::Pending => return Poll::Pending,
        }
    }
    // The rest comes when the others had their turn.
    waker.wake();
    Poll::Pending
}

fn write<S>(socket: &mut WebSocketStream<S>, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Result<(), Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = Pin::new(socket);
    loop {
        std::task::ready!(socket.as_mut().poll_ready(cx))?;
        let message = match outbox.pop() {
            Some(Parcel::Own(Frame::Text(text))) => Message::Text(text.into()),
            Some(Parcel::Own(Frame::Binary(bytes))) => Message::Binary(bytes),
            Some(Parcel::Shared(text)) => Message::Text(text),
            None => break,
        };
        socket.as_mut().start_send(message)?;
    }
    socket.poll_flush(cx)
}

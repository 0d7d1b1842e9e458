//! `wasi:http`'s `response.new` with a body that is buffered while the component writes it. A reply that fits the
//! buffer is whole when its component returns: head and body are sent in one write, and no task is woken in between.

use crate::limits;
use crate::store::Instance;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    FutureConsumer, FutureReader, Linker, Resource, Source, StreamConsumer, StreamReader,
    StreamResult,
};
use wasmtime_wasi_http::p3::Response;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, FieldMap, WasiHttpView};

/// The interface that has `response.new`.
const TYPES: &str = "wasi:http/types@0.3.0";

type Trailers = Result<Option<Resource<FieldMap>>, ErrorCode>;
type New = (
    Resource<FieldMap>,
    Option<StreamReader<u8>>,
    FutureReader<Trailers>,
);

/// The response, and the outcome of sending it.
type Made = (Resource<Response>, FutureReader<Result<(), ErrorCode>>);

/// Replaces the linker's `response.new`.
pub fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[static]response.new", |store, parameters: New| {
        new(store, parameters).map(|made| (made,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn new(
    mut store: StoreContextMut<'_, Instance>,
    (headers, contents, trailers): New,
) -> wasmtime::Result<Made> {
    let pipe = Arc::new(Pipe::default());
    match contents {
        Some(contents) => contents.pipe(&mut store, Contents(pipe.clone()))?,
        None => pipe.lock().contents_ended = true,
    }
    trailers.pipe(&mut store, End(pipe.clone()))?;
    let http = store.data_mut().http();
    let mut fields = http.table.delete(headers)?;
    // The host holds them from here on: the component may not change them.
    fields.set_immutable();
    let empty = http::Response::new(Reader(pipe));
    let (mut response, sent) = Response::from_http(http.hooks, empty);
    response.headers = fields;
    let response = http.table.push(response)?;
    let sent = FutureReader::new(&mut store, async move {
        let outcome = sent.await.map_err(|error| code(&error));
        Ok::<_, wasmtime::Error>(outcome)
    })?;
    Ok((response, sent))
}

/// The error of sending as a component gets it.
fn code(error: &Error) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}

/// From the component's stream to the client's connection, at most [`limits::REPLY_BUFFERED_BYTES_MAX`] at a time.
#[derive(Default)]
struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    contents_ended: bool,
    /// How the component ended the reply; `None` until it does.
    end: Option<Result<Option<http::HeaderMap>, Error>>,
    /// The component went away without ending the reply.
    broken: bool,
    /// The client went away.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state);
            state.reader.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The component's end of the pipe, for the body.
struct Contents(Arc<Pipe>);

impl<D> StreamConsumer<D> for Contents {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let mut state = self.0.lock();
        if state.unread {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        let room = limits::REPLY_BUFFERED_BYTES_MAX.saturating_sub(state.bytes);
        if room == 0 {
            if finish {
                return Poll::Ready(Ok(StreamResult::Cancelled));
            }
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let offered = source.remaining();
        let taken = offered.len().min(room);
        if taken > 0 {
            state
                .pieces
                .push_back(Bytes::copy_from_slice(&offered[..taken]));
            state.bytes += taken;
            source.mark_read(taken);
        }
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.0.change(|state| state.contents_ended = true);
    }
}

/// The component's end of the pipe, for the trailers, which come when the reply is whole.
struct End(Arc<Pipe>);

impl FutureConsumer<Instance> for End {
    type Item = Trailers;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, Instance>,
        mut source: Source<'_, Trailers>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut read = None;
        source.read(&mut store, &mut read)?;
        let end = match read {
            Some(Ok(Some(fields))) => {
                let fields = store.data_mut().http().table.delete(fields)?;
                Ok(Some(fields.into()))
            }
            Some(Ok(None)) => Ok(None),
            Some(Err(code)) => Err(Error::from(code)),
            None => return Poll::Ready(Err(wasmtime::format_err!("trailers without a value"))),
        };
        self.0.change(|state| state.end = Some(end));
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.change(|state| state.broken = state.end.is_none());
    }
}

/// The connection's end of the pipe.
struct Reader(Arc<Pipe>);

impl Body for Reader {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut state = self.0.lock();
        if let Some(piece) = state.next_piece() {
            let waker = state.writer.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if state.contents_ended {
            match state.end.take() {
                Some(Ok(trailers)) => {
                    // The next poll finds the end.
                    state.end = Some(Ok(None));
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if state.broken => {
                    let reason = ErrorCode::InternalError(Some("the reply broke off".to_owned()));
                    return Poll::Ready(Some(Err(reason.into())));
                }
                None => {}
            }
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.lock();
        state.is_whole() && state.bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.0.lock();
        let bytes = state.bytes as u64;
        if state.is_whole() {
            return SizeHint::with_exact(bytes);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(bytes);
        hint
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.lock();
            state.unread = true;
            state.pieces.clear();
            state.writer.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    /// All buffered bytes in one piece, to send as few as possible.
    fn next_piece(&mut self) -> Option<Bytes> {
        let first = self.pieces.pop_front()?;
        let all = if self.pieces.is_empty() {
            first
        } else {
            let mut all = BytesMut::with_capacity(self.bytes);
            all.extend_from_slice(&first);
            self.pieces
                .drain(..)
                .for_each(|piece| all.extend_from_slice(&piece));
            all.freeze()
        };
        self.bytes = 0;
        Some(all)
    }

    /// Whether nothing more comes, not even trailers.
    fn is_whole(&self) -> bool {
        self.contents_ended && matches!(self.end, Some(Ok(None)))
    }
}

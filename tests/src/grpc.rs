//! A gRPC client of the platform's own: unary calls over h2, one connection each, so that a test sees every trailer and
//! depends on no other client's retries.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use contract::api::route::access::{self, Access};
use http::{HeaderMap, Method, Request};
use prost::Message;
use std::time::Duration;
use tokio::net::TcpStream;

/// What a gateway of the shop's sends for the staff, in mode `compat`.
pub const ROLE_HEADER: &str = "x-flashorder-role";
/// Longer than any call takes.
const DEADLINE: Duration = Duration::from_secs(35);

/// The end of a call.
#[derive(Clone, Debug)]
pub struct Ended<T> {
    /// 0: as asked.
    pub status: i32,
    /// For people; empty where there is none.
    pub message: String,
    /// The platform's code, in the trailers or, beside a message, in the headers; 0 where there is none.
    pub code: u32,
    /// The reply's message.
    pub reply: Option<T>,
}

impl<T> Ended<T> {
    /// The reply's message, where the status is 0.
    ///
    /// # Errors
    /// Where it is another; with all of it.
    pub fn ok(self) -> Result<T> {
        let (status, message) = (self.status, self.message);
        ensure!(
            status == 0,
            "status {status}, code {}: {message}",
            self.code
        );
        self.reply.context("no message")
    }

    /// Status and code.
    pub fn refused(&self) -> (i32, u32) {
        (self.status, self.code)
    }
}

/// Calls `method` (`package.Service/Method`) of a host at `base` (`http://HOST:PORT`), with these lines of metadata.
/// What only the staff may call is called in its role.
///
/// # Errors
/// Where the host does not answer, or not as gRPC.
pub fn call<T: Message + Default>(
    base: &str,
    method: &str,
    message: &impl Message,
    metadata: &[(&str, &str)],
) -> Result<Ended<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let address = base.strip_prefix("http://").context("a base URL")?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{base}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let access = access::of_method(&format!("/{method}"));
    if let Some(role) = access.and_then(Access::staff) {
        request = request.header(ROLE_HEADER, role.name());
    }
    for (name, value) in metadata {
        request = request.header(*name, *value);
    }
    let request = request.body(())?;
    let exchanged = exchange(address, request, framed(message));
    let (headers, body, trailers) =
        runtime.block_on(async { tokio::time::timeout(DEADLINE, exchanged).await })??;
    ended(&headers, body, &trailers)
}

/// A message with its prefix.
pub fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap_or(u32::MAX));
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

/// The end of a call, from what came.
///
/// # Errors
/// Where that is no reply of gRPC.
pub fn ended<T: Message + Default>(
    headers: &HeaderMap,
    mut body: Bytes,
    trailers: &HeaderMap,
) -> Result<Ended<T>> {
    let text = |name: &str| {
        let value = trailers.get(name).or_else(|| headers.get(name));
        value.and_then(|value| value.to_str().ok())
    };
    let Some(status) = text("grpc-status") else {
        bail!("no status: {headers:?} {trailers:?}");
    };
    let reply = match body.len() {
        0 => None,
        length => {
            ensure!(
                length >= 5 && body.get_u8() == 0,
                "a frame of {length} bytes"
            );
            ensure!(body.get_u32() as usize == body.len(), "one message");
            Some(T::decode(body)?)
        }
    };
    Ok(Ended {
        status: status.parse()?,
        message: decoded(text("grpc-message").unwrap_or_default()),
        code: text("x-error-code").map_or(Ok(0), str::parse)?,
        reply,
    })
}

/// A status message is percent-encoded UTF-8.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%');
        let byte = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn exchange(
    address: &str,
    request: Request<()>,
    message: Bytes,
) -> Result<(HeaderMap, Bytes, HeaderMap)> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = h2::client::handshake(stream).await?;
    let driving = tokio::spawn(connection);
    let mut sender = sender.ready().await?;
    let (response, mut sending) = sender.send_request(request, false)?;
    sending.send_data(message, true)?;
    let (parts, mut incoming) = response.await?.into_parts();
    ensure!(parts.status == 200, "HTTP status {}", parts.status);
    let mut body = BytesMut::new();
    while let Some(data) = incoming.data().await {
        let data = data?;
        incoming.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = incoming.trailers().await?.unwrap_or_default();
    driving.abort();
    Ok((parts.headers, body.freeze(), trailers))
}

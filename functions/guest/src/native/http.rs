//! HTTP of a function in a native program: a request that is read already, and a reply that the program sends.

use crate::Fault;
use crate::http::call::TOO_LARGE;
use crate::http::{Call, Reply, answer};
use bytes::Bytes;
use domain::Rejection;
use domain::limits::BODY_BYTES_MAX;
use http::Request;
use http::header::HOST;
use http::request::Parts;
use http_body_util::Full;

/// Makes `async fn(Call) -> Result<Reply, Fault>` the function `respond`, for the embedding program.
#[macro_export]
macro_rules! http_function {
    ($answer:ident) => {
        /// Answers a request.
        pub async fn respond(request: $crate::host::http::WholeRequest) -> $crate::Reply {
            $crate::host::http::serve(request, $answer).await
        }
    };
}

/// A request and its whole body.
pub type WholeRequest = Request<Bytes>;

/// Runs a handler and returns its reply, or that of its fault.
pub async fn serve<H, F>(request: WholeRequest, handler: H) -> Reply
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let (head, body) = request.into_parts();
    answer(Head(head), body, handler).await
}

/// The body of the embedding program's request; empty once it is taken.
pub(crate) type Body = Bytes;

/// What stands before the body.
pub(crate) struct Head(Parts);

impl Head {
    /// As the caller sent it.
    pub(crate) fn method(&self) -> &str {
        self.0.method.as_str()
    }

    /// Not decoded; empty where the request has none.
    pub(crate) fn path_and_query(&self) -> &str {
        let target = self.0.uri.path_and_query();
        target.map_or("", |target| target.as_str())
    }

    /// Every line of a header, as it came; none where it is absent.
    pub(crate) fn header_lines(&self, name: &str) -> Vec<Vec<u8>> {
        let lines = self.0.headers.get_all(name).into_iter();
        lines.map(|line| line.as_bytes().to_vec()).collect()
    }
}

impl Call {
    /// The host and port that the request was sent to.
    pub(crate) fn authority(&self) -> Option<String> {
        let Parts { uri, headers, .. } = &self.head.0;
        let named = headers.get(HOST).and_then(|host| host.to_str().ok());
        let in_target = uri.authority().map(|authority| authority.as_str());
        in_target.or(named).map(str::to_owned)
    }

    /// The body of the program's request; empty when it was taken before.
    ///
    /// # Errors
    /// Where it is too long, or declared to be.
    pub(crate) async fn read_body(&mut self) -> Result<Bytes, Rejection> {
        let declared = self.declared();
        let body = std::mem::take(&mut self.content);
        let length = declared.unwrap_or_default().max(body.len() as u64);
        if length > BODY_BYTES_MAX as u64 {
            return Err(TOO_LARGE);
        }
        Ok(body)
    }
}

/// Fails: a native program reaches no other server.
///
/// # Errors
/// Always.
pub async fn send(
    _: Request<Full<Bytes>>,
    _: usize,
) -> Result<(http::StatusCode, Vec<u8>), String> {
    Err("a native program has no way to it".to_owned())
}

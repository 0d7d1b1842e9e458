//! Outgoing `wasi:http` requests: only to allowed hosts, and never without a time limit.

use crate::application::Guest;
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

/// How long connecting may take, whatever the component asks for.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(5);
/// How long the first byte of the answer may take, whatever the component asks for.
const FIRST_BYTE_TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// How long a pause within the answer may be, whatever the component asks for.
const BETWEEN_BYTES_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// The egress check of one component.
pub struct OutboundHttp(pub Arc<Guest>);

type SendRequest = Box<
    dyn Future<
            Output = Result<(
                http::Response<WasiBody>,
                Box<dyn Future<Output = Result<()>> + Send>,
            )>,
        > + Send,
>;

impl WasiHttpHooks for OutboundHttp {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_read: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> SendRequest {
        if !self.allows(request.uri()) {
            tracing::warn!(
                component = self.0.id,
                host = request.uri().host().unwrap_or_default(),
                "outgoing request to a host that allowed_outbound_hosts does not name"
            );
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let options = bounded(options.unwrap_or_default());
        Box::new(async move {
            use http_body_util::BodyExt;
            let (response, io) =
                wasmtime_wasi_http::default_send_request(request, Some(options)).await?;
            let io: Box<dyn Future<Output = Result<()>> + Send> = Box::new(io);
            Ok((response.map(BodyExt::boxed_unsync), io))
        })
    }
}

impl OutboundHttp {
    fn allows(&self, uri: &http::Uri) -> bool {
        let scheme = uri.scheme_str().unwrap_or("https");
        uri.host()
            .is_some_and(|host| self.0.allowed_hosts.allows(scheme, host, uri.port_u16()))
    }
}

fn bounded(options: RequestOptions) -> RequestOptions {
    let at_most = |asked: Option<Duration>, max| Some(asked.map_or(max, |asked| asked.min(max)));
    RequestOptions {
        connect_timeout: at_most(options.connect_timeout, CONNECT_TIMEOUT_MAX),
        first_byte_timeout: at_most(options.first_byte_timeout, FIRST_BYTE_TIMEOUT_MAX),
        between_bytes_timeout: at_most(options.between_bytes_timeout, BETWEEN_BYTES_TIMEOUT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_shorten_a_timeout_but_not_lengthen_it() {
        let asked = RequestOptions {
            connect_timeout: Some(Duration::from_millis(5)),
            first_byte_timeout: Some(Duration::from_secs(3_600)),
            between_bytes_timeout: None,
        };
        let got = bounded(asked);
        assert_eq!(got.connect_timeout, Some(Duration::from_millis(5)));
        assert_eq!(got.first_byte_timeout, Some(FIRST_BYTE_TIMEOUT_MAX));
        assert_eq!(got.between_bytes_timeout, Some(BETWEEN_BYTES_TIMEOUT_MAX));
    }
}

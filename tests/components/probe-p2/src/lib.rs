//! A guest of WASI 0.2: exports `wasi:http/incoming-handler@0.2` and answers with what it sees of its request. A query
//! is a URL that it fetches first.

use std::io::Write;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};

struct Probe;

wasip2::http::proxy::export!(Probe);

impl Guest for Probe {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let text = match path.split_once('?') {
            Some((_, url)) => fetch(url),
            None => {
                let info = request.headers().get("spin-path-info");
                let info = info
                    .first()
                    .map(|value| String::from_utf8_lossy(value).into_owned());
                format!("{path} {}", info.unwrap_or_default())
            }
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body();
        ResponseOutparam::set(answer, Ok(response));
        let Ok(body) = body else { return };
        if let Ok(mut out) = body.write() {
            // A client that went away is no problem of a probe.
            let _ = out.write_all(text.as_bytes());
            let _ = out.flush();
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

/// Fetches `AUTHORITY/PATH` over plain HTTP.
fn fetch(url: &str) -> String {
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    let request = OutgoingRequest::new(Fields::new());
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(&format!("/{path}"))));
    if set.is_err() {
        return "bad URL".to_owned();
    }
    let response = match outgoing_handler::handle(request, None) {
        Ok(response) => response,
        Err(error) => return format!("{error:?}"),
    };
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => response.status().to_string(),
        other => format!("{other:?}"),
    }
}

//! A component that answers every request with 200 `ok`: a request to it costs what the host itself costs.

use spin_sdk::wasip3;
use wasip3::http::types::{ErrorCode, Headers, Request, Response};
use wasip3::{spawn, wit_future, wit_stream};

struct Noop;
wasip3::http::service::export!(Noop);

const BODY: &[u8] = b"ok";

impl wasip3::exports::http::handler::Guest for Noop {
    async fn handle(_: Request) -> Result<Response, ErrorCode> {
        let headers = Headers::from_list(&[
            ("content-type".to_owned(), b"text/plain".to_vec()),
            (
                "content-length".to_owned(),
                BODY.len().to_string().into_bytes(),
            ),
        ])
        .map_err(|error| ErrorCode::InternalError(Some(format!("headers: {error}"))))?;
        let (end, trailers) = wit_future::new(|| Ok(None));
        let (mut writer, body) = wit_stream::new();
        let (response, _sent) = Response::new(headers, Some(body), trailers);
        spawn(async move {
            let _unread = writer.write_all(BODY.to_vec()).await;
            drop(writer);
            drop(end);
        });
        Ok(response)
    }
}

//! `GET /openapi.json` with `GET /docs`, a page that shows it, and `GET /asyncapi.json`. Everything is in the
//! component, so that the page needs no other server.

mod coding;
mod file;

use domain::Rejection;
use guest::{Call, Fault, Reply};

/// What the page may do: run its own scripts, and call the server that it came from. Swagger UI writes styles into its
/// elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    if call.method() != "GET" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let file = file::at(call.path()).ok_or(Rejection::NoRoute)?;
    let lines = call.header_lines("accept-encoding");
    let gzip = coding::takes_gzip(lines.iter().map(Vec::as_slice));
    let (body, coded) = file.content(gzip)?;
    let mut reply = Reply::file(file.content_type, body.into_owned()).checked(&call);
    if reply.status == 200 {
        reply = reply.with("x-content-type-options", "nosniff");
        if coded {
            reply = reply.with("content-encoding", "gzip");
        }
        if file.is_page() {
            reply = reply.with("content-security-policy", POLICY);
        }
    }
    Ok(reply.with("vary", "accept-encoding"))
}

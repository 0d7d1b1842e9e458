//! A guest that does what a test asks for: statements, Redis commands, requests, and everything that a good guest does
//! not do. Its paths are its commands; tests of the host and manual trials use it.

mod mischief;
mod redis_script;
mod reply;
mod sql;

use spin_sdk::http::{EmptyBody, Request, Response, StatusCode, send};
use spin_sdk::{http_service, variables};

#[http_service]
async fn handle(request: Request) -> anyhow::Result<Response<String>> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if path == "/reply" {
        return reply::build(&query).await;
    }
    let mut status = StatusCode::OK;
    let text = match path.as_str() {
        "/hello" => "hello".to_owned(),
        "/headers" => headers(&request),
        "/body" => body(request).await?.len().to_string(),
        "/try-body" => match body(request).await {
            Ok(body) => body.len().to_string(),
            Err(error) => {
                status = StatusCode::BAD_REQUEST;
                error.to_string()
            }
        },
        "/variable" => format!("{:?}", variables::get(&query).await),
        "/environment" => std::env::var(&query).unwrap_or_default(),
        "/file" => std::fs::read_to_string(&query).unwrap_or_else(|e| e.to_string()),
        "/write-file" => format!("{:?}", std::fs::write(&query, "x").map_err(|e| e.kind())),
        "/print" => print(&query),
        "/fetch" => fetch(&query).await,
        "/sql" => sql::run(serde_json::from_slice(&body(request).await?)?).await,
        "/hammer" => sql::hammer(&query).await,
        "/get" => redis_script::get().await?,
        "/sel" => sql::select().await?,
        "/tx" => sql::transaction().await?,
        "/redis" => redis_script::run(serde_json::from_slice(&body(request).await?)?).await,
        "/trap" | "/orders/trap" => mischief::trap(&body(request).await?),
        "/spin" => mischief::spin(),
        "/compute" => mischief::compute(&query),
        "/wait" => mischief::wait().await,
        "/hog" => mischief::hog(),
        _ => {
            status = StatusCode::NOT_FOUND;
            "no such command".to_owned()
        }
    };
    Ok(Response::builder().status(status).body(text)?)
}

fn headers(request: &Request) -> String {
    let mut lines: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    lines.concat()
}

async fn body(request: Request) -> anyhow::Result<Vec<u8>> {
    use spin_sdk::http::body::IncomingBodyExt;
    Ok(request.into_body().bytes().await?.to_vec())
}

/// Prints one line, or as many as the query says.
fn print(query: &str) -> String {
    for _ in 0..query.parse().unwrap_or(1) {
        println!("a line on stdout");
    }
    eprintln!("a line on stderr");
    "printed".to_owned()
}

async fn fetch(url: &str) -> String {
    let request = match http::Request::get(url).body(EmptyBody::new()) {
        Ok(request) => request,
        Err(error) => return error.to_string(),
    };
    match send(request).await {
        Ok(response) => response.status().as_str().to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

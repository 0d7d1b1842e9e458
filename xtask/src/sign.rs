//! `cargo xtask sign`: a request signed as a machine signs it (docs/decisions/0025), as one `curl` line, to try an
//! operation by hand. The key comes from a file: others on the machine can read arguments.

use anyhow::{Context, Result, bail, ensure};
use auth::keys::Key;
use auth::signature::{self, Signed};
use domain::hex::hex;
use domain::limits::BODY_BYTES_MAX;
use http_rules::path;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of the line with the key.
const LINE_BYTES_MAX: u64 = 1_024;

/// Arguments of `sign`.
#[derive(clap::Args)]
pub struct Args {
    /// Method of the request
    #[arg(value_parser = ["GET", "POST", "PUT", "PATCH"], ignore_case = true)]
    method: String,
    /// http://HOST:PORT/PATH?QUERY
    url: String,
    /// File with the body, which is JSON; -: standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// File whose first line is NAME:KEY or NAME:ROLE:KEY; `up` makes that of a payment provider
    #[arg(long, value_name = "FILE", default_value = ".run/machines/payments")]
    key_file: PathBuf,
}

/// Prints the line. It is good for five minutes, and once.
///
/// # Errors
/// Where a file cannot be read, or the URL is none; without the key.
pub fn run(args: &Args) -> Result<()> {
    let key = key(&args.key_file)?;
    let body = args.body.as_deref().map(Body::read).transpose()?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).context("no random bytes for a nonce")?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = since.context("the clock is before 1970")?.as_secs();
    let method = args.method.to_ascii_uppercase();
    let line = line(&key, &method, &args.url, body.as_ref(), time, &hex(&nonce))?;
    println!("{line}");
    Ok(())
}

fn key(file: &Path) -> Result<Key> {
    let shown = file.display();
    let opened = File::open(file).with_context(|| format!("the key: {shown}"))?;
    let mut line = String::new();
    let mut lines = BufReader::new(opened.take(LINE_BYTES_MAX));
    let read = lines.read_line(&mut line);
    read.with_context(|| format!("the key: {shown}"))?;
    Key::of_machine(&line).with_context(|| format!("the first line of {shown}"))
}

/// A body, and how `curl` is told of it.
struct Body {
    bytes: Vec<u8>,
    argument: String,
}

impl Body {
    fn read(file: &Path) -> Result<Body> {
        let shown = file.display();
        let is_input = file == Path::new("-");
        let input: Box<dyn Read> = match is_input {
            true => Box::new(std::io::stdin()),
            false => Box::new(File::open(file).with_context(|| format!("the body: {shown}"))?),
        };
        let mut bytes = Vec::new();
        let most = BODY_BYTES_MAX as u64 + 1;
        let read = input.take(most).read_to_end(&mut bytes);
        read.with_context(|| format!("the body: {shown}"))?;
        ensure!(
            bytes.len() <= BODY_BYTES_MAX,
            "the body: {shown} has more than {BODY_BYTES_MAX} bytes"
        );
        if !is_input {
            let file = file
                .to_str()
                .context("the body: its file has no name in UTF-8")?;
            let argument = format!("--data-binary {}", quoted(&format!("@{file}")));
            return Ok(Body { bytes, argument });
        }
        let text = std::str::from_utf8(&bytes).ok();
        let text = text.filter(|text| !text.contains('\0'));
        let text = text.context("the body: standard input is no text; name a file instead")?;
        let argument = format!("--data-raw {}", quoted(text));
        Ok(Body { bytes, argument })
    }
}

fn line(
    key: &Key,
    method: &str,
    url: &str,
    body: Option<&Body>,
    time: u64,
    nonce: &str,
) -> Result<String> {
    let (path, query) = target(url)?;
    let request = Signed {
        method,
        path: &path,
        query,
        body: body.map_or(&[], |body| &body.bytes),
    };
    let header = signature::sign(key, &request, time, nonce).context("the nonce")?;
    let header = quoted(&format!("Authorization: {header}"));
    // The URL goes as it is: no ranges in brackets.
    let mut line = format!("curl -s -g -X {method} {} -H {header}", quoted(url));
    if let Some(body) = body {
        line.push_str(" -H 'Content-Type: application/json' ");
        line.push_str(&body.argument);
    }
    Ok(line)
}

/// The path of a URL in its canonical spelling, and the query as it is.
fn target(url: &str) -> Result<(String, &str)> {
    ensure!(
        url.bytes().all(|byte| byte.is_ascii_graphic()),
        "the URL must be visible ASCII; percent-encode the rest"
    );
    let rest = url.strip_prefix("http://");
    let rest = rest.or_else(|| url.strip_prefix("https://"));
    let rest = rest.context("the URL must begin with http:// or https://")?;
    ensure!(!rest.contains('#'), "the URL must have no fragment");
    let ends = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(ends);
    if authority.is_empty() || authority.contains('@') {
        bail!("the URL must have a host, and no user and password");
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = if path.is_empty() { "/" } else { path };
    let path = path::canonical(path);
    let path = path
        .ok()
        .context("the path has dot segments, two slashes, or a bad escape")?;
    ensure!(
        path::has_valid_escapes(query),
        "the query has a percent sign without two digits"
    );
    Ok((path.into_owned(), query))
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::signature::Signature;

    const KEY: &str = "pay-1:provider:YW4gZXhhbXBsZSBrZXkgb2YgdGhpcnR5LXR3byBieS4";
    const NONCE: &str = "5f0c1e7a9b3d4286";

    #[test]
    fn a_line_is_a_request_with_its_signature() {
        let key = Key::of_machine(KEY).unwrap();
        let body = Body {
            bytes: b"it's".to_vec(),
            argument: format!("--data-raw {}", quoted("it's")),
        };
        let url = "http://127.0.0.1:8081/v1/%6frder/7?b=2&a=1";
        let line = line(&key, "PUT", url, Some(&body), 1_800_000_000, NONCE).unwrap();
        let start = format!("curl -s -g -X PUT '{url}' -H 'Authorization: HMAC-SHA256 key=pay-1, ");
        assert!(line.starts_with(&start), "{line}");
        let end = r" -H 'Content-Type: application/json' --data-raw 'it'\''s'";
        assert!(line.ends_with(end), "{line}");
        assert!(!line.contains("YW4gZXhh"), "{line}");
        let header = line.split("Authorization: ").nth(1).unwrap();
        let header = header.split('\'').next().unwrap();
        let signature = Signature::parse(header.as_bytes()).unwrap();
        let request = Signed {
            method: "PUT",
            path: "/v1/order/7",
            query: "a=1&b=2",
            body: b"it's",
        };
        assert_eq!(signature.verify(&key, &request, 1_800_000_000), Ok(()));
    }

    #[test]
    fn targets_of_urls() {
        for (url, path, query) in [
            ("http://h:1/a/b?c=d?e", "/a/b", "c=d?e"),
            ("https://h", "/", ""),
            ("http://[::1]:80?x", "/", "x"),
            ("http://h/%61%2f", "/a%2F", ""),
        ] {
            let read = target(url).unwrap();
            assert_eq!((read.0.as_str(), read.1), (path, query), "{url}");
        }
        for wrong in [
            "",
            "h/a",
            "ftp://h/",
            "http:///a",
            "http://u:s3cret@h/",
            "http://h/a b",
            "http://h/é",
            "http://h/a/../b",
            "http://h//a",
            "http://h/%zz",
            "http://h/?%",
            "http://h/#a",
        ] {
            let error = target(wrong).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{wrong}: {error}");
        }
    }

    #[test]
    fn errors_name_the_file_and_no_key() {
        let folder = stack::Home::temporary().unwrap();
        let file = folder.path().join("key");
        for wrong in ["", "s3cretkey", "erp:s3cretkey", "erp:user:s3cretkey"] {
            std::fs::write(&file, wrong).unwrap();
            let error = format!("{:#}", key(&file).unwrap_err());
            assert!(
                error.contains("key: ") && !error.contains("s3cret"),
                "{error}"
            );
        }
        std::fs::write(&file, format!("{KEY}\nanother line")).unwrap();
        assert_eq!(key(&file).unwrap().name(), "pay-1");
        assert!(key(&folder.path().join("none")).is_err());
    }
}

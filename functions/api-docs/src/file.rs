//! The files: the documents as they are in the checkout, the page, and Swagger UI, which is stored compressed
//! (`cargo xtask swagger-ui`).

use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use guest::Fault;
use std::borrow::Cow;
use std::io::Read;
use std::sync::OnceLock;

const HTML: &str = "text/html;charset=utf-8";
const SCRIPT: &str = "text/javascript;charset=utf-8";
const STYLE: &str = "text/css;charset=utf-8";

/// A file that is served.
pub struct File {
    path: &'static str,
    /// As the reply is labelled.
    pub content_type: &'static str,
    stored: Stored,
}

enum Stored {
    /// So small that compressing it saves nothing.
    Small(&'static [u8]),
    /// Compressed when it is first asked for.
    Plain(&'static [u8], &'static OnceLock<Vec<u8>>),
    /// Compressed.
    Gzip(&'static [u8]),
}

static OPENAPI: OnceLock<Vec<u8>> = OnceLock::new();
static ASYNCAPI: OnceLock<Vec<u8>> = OnceLock::new();

static FILES: [File; 6] = [
    File {
        path: "/openapi.json",
        content_type: "application/json",
        stored: Stored::Plain(include_bytes!("../../../contract/openapi.json"), &OPENAPI),
    },
    File {
        path: "/asyncapi.json",
        content_type: "application/json",
        stored: Stored::Plain(include_bytes!("../../../contract/asyncapi.json"), &ASYNCAPI),
    },
    File {
        path: "/docs",
        content_type: HTML,
        stored: Stored::Small(include_bytes!("../assets/docs.html")),
    },
    File {
        path: "/docs/start.js",
        content_type: SCRIPT,
        stored: Stored::Small(include_bytes!("../assets/start.js")),
    },
    File {
        path: "/docs/swagger-ui-bundle.js",
        content_type: SCRIPT,
        stored: Stored::Gzip(include_bytes!(
            "../assets/swagger-ui/swagger-ui-bundle.js.gz"
        )),
    },
    File {
        path: "/docs/swagger-ui.css",
        content_type: STYLE,
        stored: Stored::Gzip(include_bytes!("../assets/swagger-ui/swagger-ui.css.gz")),
    },
];

/// The file at this path.
pub fn at(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// Whether a browser shows it as a page.
    pub fn is_page(&self) -> bool {
        self.content_type == HTML
    }

    /// Its bytes, and whether they are compressed, which they are only where `gzip` allows it.
    pub fn content(&self, gzip: bool) -> Result<(Cow<'static, [u8]>, bool), Fault> {
        let coded = |error| Fault::Internal(format!("{}: {error}", self.path));
        Ok(match (&self.stored, gzip) {
            (Stored::Small(bytes), _) | (Stored::Plain(bytes, _), false) => {
                (Cow::Borrowed(*bytes), false)
            }
            (Stored::Plain(bytes, compressed), true) => {
                if compressed.get().is_none() {
                    let made = read(GzEncoder::new(*bytes, Compression::default()));
                    // Another request may have been faster; both have made the same.
                    let _ = compressed.set(made.map_err(coded)?);
                }
                let made = compressed.get().map(Vec::as_slice);
                (Cow::Borrowed(made.unwrap_or_default()), true)
            }
            (Stored::Gzip(bytes), true) => (Cow::Borrowed(*bytes), true),
            (Stored::Gzip(bytes), false) => (
                Cow::Owned(read(GzDecoder::new(*bytes)).map_err(coded)?),
                false,
            ),
        })
    }
}

fn read(mut coder: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    coder.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_or_not_a_file_is_the_same() {
        for file in &FILES {
            let (plain, coded) = file.content(false).unwrap();
            assert!(!coded && !plain.is_empty(), "{}", file.path);
            let (taken, coded) = file.content(true).unwrap();
            if coded {
                assert!(taken.len() < plain.len() / 2, "{}", file.path);
                assert_eq!(
                    read(GzDecoder::new(&*taken)).unwrap(),
                    *plain,
                    "{}",
                    file.path
                );
            } else {
                assert!(plain.len() < 4_096, "{}", file.path);
            }
        }
    }
}

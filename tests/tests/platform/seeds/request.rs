//! A request file: lines beginning with `#`, which say where the request is from; request line, headers, an empty line,
//! the body. `{{FILE:/path}}` stands for a text of an earlier answer. `# until /path text` repeats the request until
//! its answer has that text there: what is done later. `# status only` says that the answer's body depends on how fast
//! that is.

use anyhow::{Context, Result};
use platform::client::{Client, Reply};
use std::collections::BTreeMap;

pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    /// A path in the answer, and its text.
    pub until: Option<(String, String)>,
    pub status_only: bool,
}

impl Request {
    /// `replies`: of earlier requests, by the names of their files.
    pub fn parse(text: &str, replies: &BTreeMap<String, Reply>) -> Result<Request> {
        let comments: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect();
        let until = comments
            .iter()
            .find_map(|line| line.strip_prefix("# until "));
        let until = until
            .map(|line| {
                line.split_once(' ')
                    .context("until needs a path and a text")
            })
            .transpose()?;
        let rest: Vec<&str> = text.lines().skip(comments.len()).collect();
        let rest = filled(&rest.join("\n"), replies)?;
        let (head, body) = rest.split_once("\n\n").unwrap_or((rest.trim_end(), ""));
        let mut lines = head.lines();
        let line = lines.next().context("no request line")?;
        let (method, path) = line
            .split_once(' ')
            .context("a request line is METHOD PATH")?;
        let header = |line: &str| -> Result<(String, String)> {
            let (name, value) = line.split_once(": ").context("a header is NAME: VALUE")?;
            Ok((name.to_owned(), value.to_owned()))
        };
        Ok(Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: lines.map(header).collect::<Result<_>>()?,
            body: body.trim_end().to_owned(),
            status_only: comments.contains(&"# status only"),
            until: until.map(|(path, text)| (path.to_owned(), text.to_owned())),
        })
    }

    pub fn send(&self, api: &Client) -> Result<Reply> {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        api.send(&self.method, &self.path, &headers, &self.body)
    }

    pub fn body(&self) -> &str {
        &self.body
    }
}

/// The text with its placeholders filled.
fn filled(text: &str, replies: &BTreeMap<String, Reply>) -> Result<String> {
    let mut parts = text.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part
            .split_once("}}")
            .context("a placeholder without an end")?;
        let (file, path) = name
            .split_once(':')
            .context("a placeholder is FILE:/path")?;
        let reply = replies
            .get(file)
            .with_context(|| format!("no answer of {file} yet"))?;
        filled.push_str(reply.text_at(path));
        filled.push_str(rest);
    }
    Ok(filled)
}

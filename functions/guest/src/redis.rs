//! Redis through the host: scripts by their SHA-1, and typed access to replies.

use crate::Fault;
use crate::host::redis::{Connection, RedisParameter, lent};
use contract::store::call::Call;
use contract::store::redis::Script;
use spin_sdk::redis::{Error, RedisResult};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// A connection, which the instance's requests share until a command fails on it.
pub struct Redis(Arc<Connection>);

thread_local! {
    /// The connection to share, and its URL.
    static OPENED: RefCell<Option<(String, Arc<Connection>)>> = const { RefCell::new(None) };
}

static SHA1: LazyLock<RwLock<BTreeMap<&'static str, String>>> = LazyLock::new(RwLock::default);

fn sha1(script: &Script) -> String {
    if let Some(known) = SHA1
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(script.name)
    {
        return known.clone();
    }
    let digest = sha1_smol::Sha1::from(script.text).digest().to_string();
    SHA1.write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(script.name, digest.clone());
    digest
}

/// The fault of an error. The next request opens a new connection: not every host repairs one.
fn away(error: Error) -> Fault {
    OPENED.set(None);
    let reason = match error {
        Error::InvalidAddress => return Fault::Internal("redis_url is not acceptable".to_owned()),
        Error::TooManyConnections => "too many connections".to_owned(),
        Error::TypeError => {
            return Fault::Internal("a Redis value has an unexpected type".to_owned());
        }
        Error::Other(reason) => reason,
    };
    Fault::Unavailable {
        backend: "redis",
        reason,
    }
}

impl Redis {
    /// The shared connection, else a new one. `url`: a `redis://` URL.
    ///
    /// # Errors
    /// Where Redis is away or the URL is not acceptable.
    pub async fn open(url: &str) -> Result<Redis, Fault> {
        let opened = OPENED.with_borrow(|opened| {
            let (address, connection) = opened.as_ref()?;
            (address == url).then(|| connection.clone())
        });
        if let Some(connection) = opened {
            return Ok(Redis(connection));
        }
        let connection = Arc::new(Connection::open(url).await.map_err(away)?);
        OPENED.set(Some((url.to_owned(), connection.clone())));
        Ok(Redis(connection))
    }

    /// The value of a string key; `None` where it is absent.
    ///
    /// # Errors
    /// Where Redis is away.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.0.get(key).await.map_err(away)
    }

    /// Runs any command; arguments as text or bytes.
    ///
    /// # Errors
    /// Where Redis is away or refuses it.
    pub async fn command(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Answer, Fault> {
        let arguments: Vec<_> = arguments.into_iter().map(RedisParameter::Binary).collect();
        self.0
            .execute(name, arguments)
            .await
            .map(Answer)
            .map_err(away)
    }

    /// Runs a script by its hash, or with its text where the server does not know it yet.
    ///
    /// # Errors
    /// Where Redis is away or the script fails.
    pub async fn call(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let Call {
            script,
            keys,
            arguments,
        } = call;
        let parameters = |head: Vec<u8>| {
            let mut all = Vec::with_capacity(2 + keys.len() + arguments.len());
            all.push(RedisParameter::Binary(head));
            all.push(RedisParameter::Int64(keys.len() as i64));
            all.extend(keys.iter().map(|key| lent(key.as_bytes())));
            all.extend(arguments.iter().map(|argument| lent(argument.as_bytes())));
            all
        };
        match self
            .0
            .execute("EVALSHA", parameters(sha1(script).into_bytes()))
            .await
        {
            Err(Error::Other(reason)) if unknown_script(&reason) => {
                self.0
                    .execute("EVAL", parameters(script.text.as_bytes().to_vec()))
                    .await
            }
            other => other,
        }
        .map(Answer)
        .map_err(away)
    }
}

/// Hosts report Redis' NOSCRIPT differently: by its code or by its text.
fn unknown_script(reason: &str) -> bool {
    reason.contains("NOSCRIPT")
        || reason.contains("NoScriptError")
        || reason.contains("No matching script")
}

/// A reply, flattened to a list as the host's interface gives it. Places count from 0.
#[derive(Debug)]
pub struct Answer(Vec<RedisResult>);

impl Answer {
    /// Values in the flattened list.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no value, not even nil.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at a place as text; `None` for nil or past the end.
    pub fn text(&self, at: usize) -> Option<String> {
        match self.0.get(at)? {
            RedisResult::Nil => None,
            RedisResult::Status(text) => Some(text.clone()),
            RedisResult::Int64(number) => Some(number.to_string()),
            RedisResult::Binary(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// Fields and values of a hash at these places; pairs that are no UTF-8 are left out.
    pub fn pairs(&self, places: Range<usize>) -> impl Iterator<Item = (&str, &str)> + Clone {
        let hash = self.0.get(places).unwrap_or_default();
        hash.chunks_exact(2).filter_map(|pair| {
            let [RedisResult::Binary(field), RedisResult::Binary(value)] = pair else {
                return None;
            };
            Some((str::from_utf8(field).ok()?, str::from_utf8(value).ok()?))
        })
    }

    /// The number at a place.
    ///
    /// # Errors
    /// Where there is none; the text for the log names `what`.
    pub fn number<T: std::str::FromStr>(&self, at: usize, what: &str) -> Result<T, Fault> {
        self.text(at)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Fault::Internal(format!("Redis gave no {what}: {:?}", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wording_of_an_unknown_script() {
        for reason in [
            "NOSCRIPT No matching script. Please use EVAL.",
            "\"NoScriptError: No matching script. Please use EVAL.\"",
            "An error was signalled by the server - NoScriptError: No matching script. Please use EVAL.",
        ] {
            assert!(unknown_script(reason), "{reason}");
        }
        assert!(!unknown_script("ERR Error running script"));
    }
}

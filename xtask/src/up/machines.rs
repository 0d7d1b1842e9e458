//! The sample machine of a platform: a payment provider that collects no money and pays at once. It signs its reports
//! with a key that is kept in `.run/machines/`, where `cargo xtask sign` finds it.

use crate::checkout::Checkout;
use anyhow::{Context, Result};
use auth::keys::Key;
use auth::signature::{Signed, sign};
use domain::hex::hex;
use stack::provider::{Manner, Provider};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const NAME: &str = "payments";

/// The running provider; it ends with this process.
pub struct Payments {
    provider: Provider,
    /// Where it reports to.
    api: String,
    /// Of its key: `NAME:ROLE:KEY`.
    entry: String,
}

impl Payments {
    /// Starts it, on a free port. Its key is made at the first call.
    ///
    /// # Errors
    /// When it cannot listen, or its key can be neither read nor made.
    pub fn start(checkout: &Checkout, api: SocketAddr) -> Result<Payments> {
        let (api, entry) = (format!("http://{api}"), key(checkout)?);
        let signing = Key::of_machine(&entry)?;
        let provider = Provider::start(None, Manner::AtOnce, &*api, move |path, body| {
            let signed = Signed {
                method: "POST",
                path,
                query: "",
                body,
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            Ok(sign(&signing, &signed, now, &hex(&random::<16>()?))?)
        })?;
        Ok(Payments {
            provider,
            api,
            entry,
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.provider.url()
    }

    /// Variables of the functions.
    pub fn for_host(&self) -> [(&'static str, &str); 2] {
        [
            ("SPIN_VARIABLE_MACHINE_KEYS", &self.entry),
            ("SPIN_VARIABLE_PAYMENT_URL", self.url()),
        ]
    }

    /// The relay asks it about payments, and reports in its name.
    pub fn for_relay(&self) -> [(&'static str, &str); 3] {
        [
            ("PAYMENT_URL", self.url()),
            ("API_URL", &self.api),
            ("MACHINE_KEY", &self.entry),
        ]
    }
}

fn key(checkout: &Checkout) -> Result<String> {
    let file = checkout.run_dir().join(place());
    if let Ok(text) = fs::read_to_string(&file) {
        return Ok(text);
    }
    if let Some(folder) = file.parent() {
        stack::private_folder(folder)?;
    }
    let entry = format!("{NAME}:provider:{}", hex(&random::<32>()?));
    stack::write_private(&file, &entry)?;
    Ok(entry)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("no random bytes")?;
    Ok(bytes)
}

/// Where the key is, below the folder of a run.
pub fn place() -> PathBuf {
    PathBuf::from("machines").join(NAME)
}

//! The tests' own certificate, and clients that trust it.

use crate::wire::{Wire, socket};
use stack::Home;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A certificate for `localhost` and its key, as files.
pub struct Certificate {
    cert: String,
    key: String,
    der: CertificateDer<'static>,
    _home: Home,
}

impl Certificate {
    pub fn new() -> Self {
        let home = Home::temporary().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str, text: String| {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        Self {
            cert: file("cert.pem", made.cert.pem()),
            key: file("key.pem", made.signing_key.serialize_pem()),
            der: made.cert.der().clone(),
            _home: home,
        }
    }

    pub fn cert(&self) -> &str {
        &self.cert
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// A connection over TLS that offers the protocols `alpn`.
    pub fn wire(&self, address: SocketAddr, alpn: &[&[u8]]) -> Wire {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = socket(address);
        let stream = StreamOwned::new(client, socket.try_clone().unwrap());
        Wire::over(Box::new(stream), socket)
    }
}

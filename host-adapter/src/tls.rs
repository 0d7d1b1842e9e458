//! HTTPS: certificate and key from the command line, HTTP/2 and HTTP/1.1 by ALPN.

use crate::startup::StartupError;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An acceptor with the chain in `cert` and the key in `key`, both PEM.
pub fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, StartupError> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| StartupError::new(cert, "--tls-cert", e))?;
    if chain.is_empty() {
        return Err(StartupError::new(
            cert,
            "--tls-cert",
            "holds no certificate",
        ));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|e| StartupError::new(key, "--tls-key", e))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|e| StartupError::new(key, "--tls-key", e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

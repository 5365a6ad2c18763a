//! Encrypted connections out: whom to trust, read from the system once.
//!
//! Reading and parsing the system's certificates takes as long as everything else at a start, so all clients of the process
//! share what came of it.

use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

/// The system's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the system's certificates cannot be used: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// What HTTP clients are made of: the system's certificates, and no redirect is followed.
///
/// # Errors
/// When the system's certificates cannot be used.
pub fn client() -> Result<reqwest::ClientBuilder, TlsError> {
    let mut config = trusting_the_system()?;
    config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    let builder = reqwest::Client::builder().tls_backend_preconfigured(config);
    Ok(builder.redirect(reqwest::redirect::Policy::none()))
}

fn trusting_the_system() -> Result<ClientConfig, TlsError> {
    static TRUSTING: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = TRUSTING.get() {
        return Ok(config.clone());
    }
    // Fails when there is a provider already, and then that one serves.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = ClientConfig::builder().with_platform_verifier()?.with_no_client_auth();
    Ok(TRUSTING.get_or_init(|| config).clone())
}

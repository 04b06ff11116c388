//! How connections to a database are encrypted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    Disabled,
    /// They are, to whoever answers: the certificate is not looked at.
    Encrypted,
    /// They are, to the host that was meant, as its certificate says.
    Verified {
        /// Who is trusted to sign certificates.
        roots: Roots,
    },
}

/// Who is trusted to sign certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Whom the system trusts.
    System,
    /// Those whose certificates are in this file (PEM).
    File(PathBuf),
}

impl Tls {
    /// What speaks TLS in this way; `None` where nothing does.
    ///
    /// # Errors
    /// When the certificates to be trusted cannot be read.
    pub(super) fn client(&self) -> Result<Option<ClientConfig>, String> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("TLS cannot be used: {error}"))?;
        let builder = match self {
            Tls::Disabled => return Ok(None),
            Tls::Encrypted => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody { provider })),
            Tls::Verified { roots } => {
                let roots = Arc::new(roots.read()?);
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                let verifier = verifier.map_err(|error| format!("the certificates that are trusted: {error}"))?;
                builder.with_webpki_verifier(verifier)
            }
        };
        Ok(Some(builder.with_no_client_auth()))
    }
}

impl Roots {
    fn read(&self) -> Result<RootCertStore, String> {
        match self {
            Roots::System => system(),
            Roots::File(path) => of_file(path),
        }
    }
}

/// The certificates that the system trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted > 0 {
        return Ok(roots);
    }
    let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
    Err(format!("the system trusts no certificates{why}: name those of the database with sslrootcert=FILE"))
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let wrong = |why: String| format!("sslrootcert: {}: {why}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(roots) }
}

/// Takes every certificate, as libpq does with `sslmode=require`: what is said is encrypted, to whomever.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(roots: Roots) -> String {
        Tls::Verified { roots }.client().expect_err("nothing to trust")
    }

    #[test]
    fn nothing_speaks_tls_where_nothing_is_encrypted() {
        assert!(Tls::Disabled.client().expect("nothing can go wrong").is_none());
        assert!(Tls::Encrypted.client().expect("nothing can go wrong").is_some());
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let told = complaint(Roots::File(path.clone()));
        assert!(told.starts_with("sslrootcert: ") && told.contains("ca.pem"), "{told}");
        std::fs::write(&path, "not PEM").expect("written");
        assert!(complaint(Roots::File(path)).ends_with("there is no certificate in it"));
    }
}

//! TLS: whom this system trusts, or whom the program names, by rustls; and its errors in plain words.

use std::io;
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;
use smol::net::TcpStream;

use crate::client::Trust;

/// Why there is no such connection, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Whom to trust cannot be found out.
    #[error("this system's certificates cannot be read: {0}")]
    NoRoots(String),
    /// Too old.
    #[error("its certificate has expired, or this machine's clock is wrong")]
    Expired,
    /// Too new.
    #[error("its certificate is not valid yet, or this machine's clock is wrong")]
    NotYetValid,
    /// Of somebody else.
    #[error("its certificate is made for another name than {0}")]
    OtherName(String),
    /// Of nobody known.
    #[error("its certificate is signed by nobody this system trusts")]
    Untrusted,
    /// Taken back.
    #[error("its certificate was revoked")]
    Revoked,
    /// Something else about it.
    #[error("its certificate is not in order: {0}")]
    Certificate(String),
    /// No TLS at all.
    #[error("it does not speak TLS: {0}")]
    NoTls(String),
    /// The line.
    #[error("{0}")]
    Io(String),
}

/// Reads whom to trust. The system's certificates are files: not for a thread that must not wait.
pub(crate) fn connector(trust: &Trust) -> Result<TlsConnector, TlsError> {
    let no_roots = |error: Error| TlsError::NoRoots(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(no_roots)?;
    let builder = match trust {
        Trust::System => builder.with_platform_verifier().map_err(no_roots)?,
        Trust::Only(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority.clone()).map_err(no_roots)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

/// Speaks TLS to `host` on a connection to it. The caller bounds the time.
pub(crate) async fn connect(
    connector: &TlsConnector,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::OtherName(host.to_owned()))?;
    connector.connect(name, stream).await.map_err(|error| explain(&error, host))
}

fn explain(error: &io::Error, host: &str) -> TlsError {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => TlsError::NoTls("it hangs up".to_owned()),
            _ => TlsError::Io(error.to_string()),
        };
    };
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::OtherName(host.to_owned())
            }
            CertificateError::UnknownIssuer => TlsError::Untrusted,
            CertificateError::Revoked => TlsError::Revoked,
            other => TlsError::Certificate(other.to_string()),
        },
        other => TlsError::NoTls(other.to_string()),
    }
}

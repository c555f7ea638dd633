//! TLS for trackers: whom this system trusts, by rustls. Nothing of it is made before the first `https://` or `wss://`
//! address is asked, so that an engine without one pays neither time nor memory.

use std::io;
use std::sync::{Arc, OnceLock};

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::{CertificateError, ClientConfig, Error, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;
use smol::net::TcpStream;

/// Why there is no such connection, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("this system's certificates cannot be read: {0}")]
    NoRoots(String),
    #[error("its certificate has expired, or this machine's clock is wrong")]
    Expired,
    #[error("its certificate is not valid yet, or this machine's clock is wrong")]
    NotYetValid,
    #[error("its certificate is made for another name than {0}")]
    OtherName(String),
    #[error("its certificate is signed by nobody this system trusts")]
    Untrusted,
    #[error("its certificate was revoked")]
    Revoked,
    #[error("its certificate is not in order: {0}")]
    Certificate(String),
    #[error("it does not speak TLS: {0}")]
    NoTls(String),
    #[error("{0}")]
    Io(String),
}

/// Speaks TLS to `host` on a connection to it. The caller bounds the time.
pub(crate) async fn connect(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::OtherName(host.to_owned()))?;
    // The system's certificates are files, and the thread of the swarm touches none.
    let connector = smol::unblock(connector).await?;
    connector.connect(name, stream).await.map_err(|error| explain(&error, host))
}

fn connector() -> Result<TlsConnector, TlsError> {
    static CONNECTOR: OnceLock<Result<TlsConnector, TlsError>> = OnceLock::new();
    let made = CONNECTOR.get_or_init(|| {
        let no_roots = |error: Error| TlsError::NoRoots(error.to_string());
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(no_roots)?
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    });
    made.clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(error: Error) -> TlsError {
        explain(&io::Error::new(io::ErrorKind::InvalidData, error), "h")
    }

    #[test]
    fn certificates_in_plain_words() {
        let certificate = |error| explained(Error::InvalidCertificate(error));
        assert_eq!(certificate(CertificateError::Expired), TlsError::Expired);
        assert_eq!(certificate(CertificateError::NotValidYet), TlsError::NotYetValid);
        assert_eq!(certificate(CertificateError::NotValidForName), TlsError::OtherName("h".into()));
        assert_eq!(certificate(CertificateError::UnknownIssuer), TlsError::Untrusted);
        assert_eq!(certificate(CertificateError::Revoked), TlsError::Revoked);
        assert!(matches!(certificate(CertificateError::BadSignature), TlsError::Certificate(_)));
        assert!(matches!(explained(Error::DecryptError), TlsError::NoTls(_)));
        assert_eq!(explain(&io::ErrorKind::UnexpectedEof.into(), "h"), TlsError::NoTls("it hangs up".into()));
        assert!(matches!(explain(&io::ErrorKind::ConnectionReset.into(), "h"), TlsError::Io(_)));
    }

    #[test]
    fn a_name_that_no_certificate_holds() {
        smol::block_on(async {
            let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let error = connect("a..b", stream).await.unwrap_err();
            assert_eq!(error, TlsError::OtherName("a..b".into()));
        });
    }
}

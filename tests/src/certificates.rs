//! Certificates of a test's own: an authority that nobody else trusts, and servers that it vouches for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;

/// An authority, fresh each time.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one. Two of one name would be taken for one that signs wrongly.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("an authority has no address");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("a fresh key signs");
        Self { issuer }
    }

    /// Writes its certificate where `SSL_CERT_FILE` finds it.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, self.issuer.pem()).expect("the test's own folder can be written");
        path
    }

    /// What a server of that name speaks TLS with. `valid_until`: a year; the certificate is valid from 2020 on.
    pub fn server(&self, name: &str, valid_until: i32) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a plain name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(valid_until, 1, 1);
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("a fresh key signs");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("what rcgen writes rustls reads");
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.into()], key))
            .expect("key and certificate belong together")
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the system's randomness makes keys")
}

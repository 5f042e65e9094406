//! Who an issuer's server must prove to be. Deliberately absent: any way not to check.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    },
};

use super::{
    certificate,
    stages::{Step, Stop},
};

const PUBLIC: &str = "public";

/// The authorities that a server's certificate may come from.
#[derive(Clone)]
pub struct Roots {
    verifier: Arc<WebPkiServerVerifier>,
    name: &'static str,
}

/// Why a PEM text names no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRoots {
    /// It is not PEM.
    NotPem,
    /// It holds no certificate.
    Empty,
    /// One of its certificates cannot be an authority.
    NotAuthority,
    /// It holds something that is no certificate, such as a private key.
    Foreign,
}

/// Checks as webpki does, and remembers what it was shown.
#[derive(Debug)]
struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

// === impl Roots ===

impl Roots {
    /// The public authorities, as Mozilla lists them.
    pub fn public() -> Result<Self, InvalidRoots> {
        Self::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }, PUBLIC)
    }

    /// Exactly the certificates of a PEM text.
    pub fn private(pem: &str) -> Result<Self, InvalidRoots> {
        // The reader of certificates passes over everything else.
        let foreign = pem
            .lines()
            .any(|line| line.starts_with("-----BEGIN ") && line.trim_end() != "-----BEGIN CERTIFICATE-----");
        if foreign {
            return Err(InvalidRoots::Foreign);
        }
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| InvalidRoots::NotPem)?;
            store.add(certificate).map_err(|_| InvalidRoots::NotAuthority)?;
        }
        if store.is_empty() { Err(InvalidRoots::Empty) } else { Self::new(store, "the issuer's `keys.ca`") }
    }

    fn new(store: RootCertStore, name: &'static str) -> Result<Self, InvalidRoots> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
        Ok(Self { verifier: verifier.map_err(|_| InvalidRoots::Empty)?, name })
    }

    /// Which they are.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Shakes hands over `stream` with whoever must be `host` (a name, or an address without brackets).
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<(TlsStream<S>, Value), Stop> {
        let internal = |error: &dyn fmt::Display| Stop::new(Step::Tls, error.to_string(), "see the log");
        let witness = Arc::new(Witness { verifier: Arc::clone(&self.verifier), seen: Mutex::default() });
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| internal(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Witness>::clone(&witness))
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| internal(&error))?;
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let leaf = witness.leaf();
        let mut detail =
            json!({ "roots": self.name, "certificate": leaf.as_deref().map(certificate::describe) });
        match shaken {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
                if let Some(members) = detail.as_object_mut() {
                    members.insert(String::from("version"), json!(version));
                }
                Ok((stream, detail))
            }
            Err(error) => {
                let cause = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
                let (text, next) = cause.map_or_else(
                    || {
                        (
                            error.to_string(),
                            "check that the port speaks TLS and that nothing cuts the connection",
                        )
                    },
                    |cause| (cause.to_string(), self.advice(cause)),
                );
                Err(Stop::new(Step::Tls, text, next).with(detail))
            }
        }
    }

    fn advice(&self, error: &Error) -> &'static str {
        let Error::InvalidCertificate(error) = error else {
            return "the server does not speak TLS 1.2 or 1.3 as it should; check the port";
        };
        if matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
            return "the server's certificate has expired; its operator must renew it";
        }
        if matches!(error, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) {
            return "the certificate is not valid yet; compare the clocks of both machines";
        }
        if matches!(
            error,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ) {
            return "the certificate is for other names; use one of them in the URL, or let it be issued for this one";
        }
        // A signature that does not fit is what another authority of the same name leaves.
        if !matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
            return "the server's certificate cannot be used; its operator must replace it";
        }
        if self.name == PUBLIC {
            "no public authority issued the certificate; put the PEM of its authority in `keys.ca`"
        } else {
            "none of the authorities in `keys.ca` issued the certificate; put the right one there"
        }
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Roots").field(&self.name).finish()
    }
}

// === impl InvalidRoots ===

impl fmt::Display for InvalidRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => "is not PEM",
            Self::Empty => "holds no certificate; put PEM certificates of authorities here",
            Self::NotAuthority => "holds a certificate that cannot be an authority's",
            Self::Foreign => "must hold certificates only, no keys",
        })
    }
}

// === impl Witness ===

impl Witness {
    fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

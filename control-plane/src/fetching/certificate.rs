//! What a certificate says, for whoever has to find out why it is not accepted. Deliberately absent: any judgement.

use core::net::{Ipv4Addr, Ipv6Addr};

use cambist_core::time::Timestamp;
use serde_json::{Value, json};
use x509_cert::{
    Certificate,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
    time::Time,
};

use crate::clock::rfc3339;

/// Names beyond this are not shown.
const MOST_NAMES: usize = 100;

/// Subject, issuer, names and times of a certificate in DER.
pub(super) fn describe(der: &[u8]) -> Value {
    let Ok(certificate) = Certificate::from_der(der) else { return json!({ "error": "it cannot be read" }) };
    let body = &certificate.tbs_certificate;
    let names = match body.get::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().take(MOST_NAMES).map(name).collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    json!({
        "subject": body.subject.to_string(),
        "issuer": body.issuer.to_string(),
        "names": names,
        "not_before": time(&body.validity.not_before),
        "not_after": time(&body.validity.not_after),
    })
}

fn name(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => name.to_string(),
        GeneralName::UniformResourceIdentifier(uri) => uri.to_string(),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        GeneralName::OtherName(_)
        | GeneralName::Rfc822Name(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::RegisteredId(_) => String::from("(another kind of name)"),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ipv4Addr::from(v4).to_string();
    }
    <[u8; 16]>::try_from(bytes)
        .map_or_else(|_| String::from("(no address)"), |v6| Ipv6Addr::from(v6).to_string())
}

fn time(time: &Time) -> String {
    let seconds = time.to_unix_duration().as_secs();
    rfc3339(Timestamp::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

//! Compiling token endpoints of others. No fault quotes a secret or the name of what may be one.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};

use super::{Compiler, Secrets, is_slug, is_variable};
use crate::{
    crypto::SigningKey,
    digest::Digest,
    encoding,
    endpoint::Endpoint,
    exchange::external::form_encoded,
    policy::{ExternalEndpoint, Login},
    secret::Secret,
    wire::snapshot::{self as wire, ClientLogin, ExternalGrant, PrivateKey, SecretText, TargetParameter},
};

const KIND: &str = "external_endpoint";
/// Longest client id and secret.
const MAX_LOGIN_BYTES: usize = 4_096;

impl Compiler {
    pub(super) fn external_endpoint(&mut self, endpoint: wire::ExternalEndpoint, secrets: &dyn Secrets) {
        let wire::ExternalEndpoint { id, uri, grant, login, target_parameter, timeout_ms, allow_http } =
            endpoint;
        if !is_slug(&id) {
            self.fault(KIND, &id, "id", "must match [a-z0-9][a-z0-9._-]{0,62}");
        }
        self.bound(KIND, &id, "timeout_ms", timeout_ms, 100, 10_000);
        let endpoint = Endpoint::parse(&uri, allow_http);
        if let Err(invalid) = &endpoint {
            self.fault(KIND, &id, "uri", invalid.message());
        }
        let login = self.login(&id, login, secrets);
        if self.external_endpoints.contains_key(&id) {
            self.fault(KIND, &id, "id", "is used twice");
        }
        let (Ok(endpoint), Some((login, proof))) = (endpoint, login) else {
            // The routes that name it are not to blame.
            self.faulty_external.insert(id);
            return;
        };
        let digest = digest(&uri, grant, target_parameter, &login, &proof);
        let compiled =
            ExternalEndpoint { id: id.clone(), endpoint, grant, login, target_parameter, timeout_ms, digest };
        self.external_endpoints.insert(id, Arc::new(compiled));
    }

    /// The endpoint that a route names.
    pub(super) fn external_of(&mut self, route: &str, id: Option<&str>) -> Option<Arc<ExternalEndpoint>> {
        let id = id?;
        let found = self.external_endpoints.get(id).map(Arc::clone);
        if found.is_none() && !self.faulty_external.contains(id) {
            self.fault("route", route, "external", format!("no external endpoint {id:?}"));
        }
        found
    }

    /// The login, and a digest of what proves it.
    fn login(&mut self, id: &str, login: ClientLogin, secrets: &dyn Secrets) -> Option<(Login, Digest)> {
        let (ClientLogin::ClientSecretBasic { client_id, .. }
        | ClientLogin::ClientSecretPost { client_id, .. }
        | ClientLogin::PrivateKeyJwt { client_id, .. }) = &login
        else {
            return Some((Login::None, Digest::of(b"")));
        };
        if !is_printable(client_id) {
            self.fault(KIND, id, "login/client_id", "must be 1 to 4096 printable ASCII characters");
        }
        match login {
            ClientLogin::None => None,
            ClientLogin::ClientSecretBasic { client_id, secret } => {
                let secret = self.secret_text(id, &secret, secrets)?;
                let pair = Secret::new(format!(
                    "{}:{}",
                    form_encoded(client_id.as_bytes()),
                    form_encoded(secret.expose().as_bytes())
                ));
                let value = format!("Basic {}", encoding::base64(pair.expose().as_bytes()));
                let proof = Digest::of(value.as_bytes());
                Some((Login::Basic(Secret::new(value)), proof))
            }
            ClientLogin::ClientSecretPost { client_id, secret } => {
                let secret = self.secret_text(id, &secret, secrets)?;
                let proof = Digest::of_parts([client_id.as_bytes(), secret.expose().as_bytes()]);
                Some((Login::Post { client_id, secret }, proof))
            }
            ClientLogin::PrivateKeyJwt { client_id, audience, kid, private_key } => {
                if audience.is_empty() || audience.len() > 2_048 || audience.chars().any(char::is_control) {
                    let detail = "must be the authorization server's issuer identifier";
                    self.fault(KIND, id, "login/audience", detail);
                }
                let key = self.assertion_key(id, private_key, kid.as_deref(), secrets)?;
                let parts =
                    [client_id.as_bytes(), audience.as_bytes(), key.kid().as_bytes(), key.thumbprint()];
                let proof = Digest::of_parts(parts);
                Some((Login::Assertion { client_id, audience, key: Box::new(key) }, proof))
            }
        }
    }

    fn secret_text(&mut self, id: &str, text: &SecretText, secrets: &dyn Secrets) -> Option<Secret<String>> {
        let secret = match text {
            SecretText::Value(text) => Some(Secret::new(text.clone())),
            SecretText::Env(variable) => {
                let value = self.variable(id, "login/secret", variable, secrets)?;
                core::str::from_utf8(value.expose()).ok().map(|text| Secret::new(text.to_string()))
            }
        };
        let secret = secret.filter(|secret| is_printable(secret.expose()));
        if secret.is_none() {
            self.fault(KIND, id, "login/secret", "must be 1 to 4096 printable ASCII characters");
        }
        secret
    }

    fn assertion_key(
        &mut self,
        id: &str,
        key: PrivateKey,
        kid: Option<&str>,
        secrets: &dyn Secrets,
    ) -> Option<SigningKey> {
        let material = match key {
            PrivateKey::Pkcs8(text) => Secret::new(text.into_bytes()),
            PrivateKey::Env(variable) => self.variable(id, "login/private_key", &variable, secrets)?,
        };
        let key = SigningKey::from_pkcs8(material.expose(), kid);
        if key.is_err() {
            let detail = "must be a P-256 private key as PKCS#8 (PEM or base64 DER), its kid 1 to 256 bytes";
            self.fault(KIND, id, "login/private_key", detail);
        }
        key.ok()
    }

    fn variable(
        &mut self,
        id: &str,
        field: &str,
        name: &str,
        secrets: &dyn Secrets,
    ) -> Option<Secret<Vec<u8>>> {
        if !is_variable(name) {
            // Not quoted: whoever put the secret itself here would find it in the log.
            let detail =
                "env must name an environment variable of A-Z, 0-9 and _, not hold the secret itself";
            self.fault(KIND, id, field, detail);
            return None;
        }
        let value = secrets.env(name);
        if value.is_none() {
            let detail = format!(
                "environment variable {name} is not set; name it in the VM's host_env_keys and set it for Envoy"
            );
            self.fault(KIND, id, field, detail);
        }
        value
    }
}

/// RFC 6749 Appendix A.1, A.2.
fn is_printable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LOGIN_BYTES
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// The timeout is not part of it: no answer depends on it.
fn digest(
    uri: &str,
    grant: ExternalGrant,
    parameter: TargetParameter,
    login: &Login,
    proof: &Digest,
) -> Digest {
    let grant = match grant {
        ExternalGrant::JwtBearer => 0,
        ExternalGrant::TokenExchange => 1,
    };
    let parameter = match parameter {
        TargetParameter::Audience => 0,
        TargetParameter::Resource => 1,
        TargetParameter::None => 2,
    };
    let login = match login {
        Login::None => 0,
        Login::Basic(_) => 1,
        Login::Post { .. } => 2,
        Login::Assertion { .. } => 3,
    };
    Digest::of_parts([uri.as_bytes(), &[grant, parameter, login], proof.as_bytes()])
}

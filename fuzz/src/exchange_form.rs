//! Bodies of token requests, as a form and as JSON.

use cambist_core::{
    bearer::MAX_TOKEN_BYTES,
    denial::Denial,
    exchange::{
        form::{Form, MAX_BODY_BYTES, MAX_PARAMETERS, decode},
        request::{Grant, TokenRequest},
    },
};

/// The input is the body of a request at the token endpoint.
///
/// Whatever is read keeps its bounds: no repeated name, no token beyond its limit, scopes and targets each once. What is
/// refused is refused with an error of the endpoint. Reading is the same each time.
pub fn exchange_form(data: &[u8]) {
    if let Ok(text) = decode(data) {
        assert!(text.len() <= data.len(), "decoding made it longer");
    }
    match Form::parse(data) {
        Ok(mut form) => {
            assert!(data.len() <= MAX_BODY_BYTES);
            let targets = [form.take_all("audience"), form.take_all("resource")].concat();
            assert!(targets.len() <= MAX_PARAMETERS && targets.iter().all(|target| !target.is_empty()));
            assert!(form.take("grant_type").is_none_or(|value| !value.is_empty()));
            assert!(form.take("grant_type").is_none(), "a value was taken twice");
        }
        Err(denial) => demand_known(denial),
    }
    for read in [TokenRequest::from_form, TokenRequest::from_json] {
        match read(&[], data) {
            Ok(request) => check(&request),
            Err(denial) => demand_known(denial),
        }
    }
    // The same bytes as a client's `Basic` credential.
    let header = [b"Basic ", data].concat();
    if let Ok(request) = TokenRequest::from_form(&[&header], b"grant_type=client_credentials") {
        assert!(request.client.is_some_and(|client| client.secret.is_some()));
    }
}

fn check(request: &TokenRequest) {
    let TokenRequest { grant, client: _, scopes, targets, form: _ } = request;
    match grant {
        Grant::JwtBearer { assertion } => {
            assert!(!assertion.is_empty() && assertion.len() <= MAX_TOKEN_BYTES);
        }
        Grant::TokenExchange { subject_token, actor_token } => {
            for token in [Some(subject_token), actor_token.as_ref()].into_iter().flatten() {
                assert!(!token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
            }
        }
        Grant::ClientCredentials { tenant } => {
            assert!(tenant.as_ref().is_none_or(|tenant| !tenant.is_empty()));
        }
    }
    for (place, scope) in scopes.iter().enumerate() {
        assert!(scope != "openid" && !scopes[..place].contains(scope));
        assert!(scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'));
    }
    for (place, target) in targets.iter().enumerate() {
        assert!(!target.is_empty() && !targets[..place].contains(target));
    }
}

fn demand_known(denial: Denial) {
    let row = denial.token_endpoint_row(None);
    assert!(matches!(row.status, 400 | 401 | 413), "{denial:?}");
}

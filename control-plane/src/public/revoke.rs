//! Token revocation (RFC 7009): an access token of ours is refused from now on, by us and by every gateway.
//!
//! Deliberately absent: which token that is and who may say so, which is core's.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cambist_core::{
    denial::Denial,
    exchange::metadata::{REVOKE, path_of},
    flow::Head,
};
use serde_json::json;

use super::token::{head_of, read_in_time, refused, values};
use crate::{
    app::App,
    problem::Problem,
    request::RequestId,
    store::records::{Author, RevokedToken},
};

/// `POST` at [`REVOKE`]. A token that nobody would take any more is as good as revoked: the answer is 200.
pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(tenant) = app.engine.sole_tenant() else {
        return Problem::not_found("There is no tenant.").into_response();
    };
    let authorization = values(&parts, &header::AUTHORIZATION);
    let content_type = values(&parts, &header::CONTENT_TYPE);
    let head: Head<'_> = head_of(&parts, &authorization, &content_type);
    let uses_authorization = !authorization.is_empty();
    let Some(body) = read_in_time(body).await else {
        return refused(Denial::RequestMalformed, uses_authorization);
    };
    let token = match app.engine.revoked(&app.publisher, &tenant, &head, &body).await {
        Ok(Some(token)) => token,
        Ok(None) => return done(),
        Err(denial) => return refused(denial, uses_authorization),
    };
    let actor = format!("client:{}", token.client_id);
    let author = Author { actor, request: RequestId::of(&parts), at: app.clock.now() };
    let token = RevokedToken {
        detail: json!({
            "jti": token.jti, "exp": token.exp, "identity": token.identity, "client_id": token.client_id,
        }),
        jti: token.jti,
        exp: token.exp,
        identity: token.identity,
    };
    match app.store.revoke_token(&tenant, token, author).await {
        Ok(()) => done(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Whether the endpoint is at `path`, which may stand below that of the authority.
pub(super) fn is_endpoint(path: &str, authority: &str) -> bool {
    path == REVOKE || path.strip_prefix(path_of(authority)) == Some(REVOKE)
}

fn done() -> Response {
    let no_store: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::OK, [no_store]).into_response()
}

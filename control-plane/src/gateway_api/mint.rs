//! `POST /gateway/v1/mint`: an access token for a gateway without a key. The tokens are verified here, as if nobody had.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cambist_core::{
    denial::Denial,
    flow::{Credential, Errand, Head},
    wire::mint::{EndpointRequest, MintRequest, RouteMint, RouteMinted, RouteRefused},
};

use crate::{
    app::App,
    auth::Gateway,
    documents::GatewayKind,
    engine::{Caller, Decided, Minted},
    problem::Problem,
    public::token,
    request, strict,
};

/// Answers with an access token or a denial.
pub(super) async fn mint(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = request::body(body).await?;
    let request: MintRequest = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
    let is_sidecar = gateway.document()?.kind == GatewayKind::Sidecar;
    let tenant = gateway.token.tenant.as_str();
    let caller = Caller { actor: gateway.author(&app).actor, request: gateway.request.clone() };
    match request {
        // At a sidecar nothing is exchanged.
        MintRequest::Route(_) | MintRequest::Endpoint(_) if is_sidecar => Ok(refused(Denial::RouteUnknown)),
        MintRequest::Route(RouteMint { route, subject_token }) => {
            let errand = Errand { route: &route, token: subject_token.as_bytes() };
            Ok(answer(app.engine.mint(&app.publisher, tenant, errand, caller).await))
        }
        MintRequest::Endpoint(EndpointRequest { path, headers, body }) => {
            let authority = app.publisher.tenant(tenant).await?.authority;
            if !token::is_endpoint(&path, &authority) {
                return Ok(refused(Denial::RouteUnknown));
            }
            let header = |name: &str| headers.get(name).map(String::as_bytes);
            let authorization: Vec<&[u8]> = header("authorization").into_iter().collect();
            let head = Head {
                method: b"POST",
                path: path.as_bytes(),
                authorization: &authorization,
                content_type: header("content-type"),
                ..Head::default()
            };
            Ok(token::decide(&app, tenant, head, body.into_bytes(), caller).await)
        }
    }
}

fn answer(decided: Decided) -> Response {
    let (edits, minted) = match decided {
        Decided::Denied(denial, retry_after) => return refused_for(denial, retry_after),
        // An errand is answered with a token or a denial.
        Decided::Reply(_) | Decided::Forward(_, None) => return refused(Denial::Internal),
        Decided::Forward(edits, Some(minted)) => (edits, minted),
    };
    let Credential::Replace(authorization) = edits.credential else { return refused(Denial::Internal) };
    let Some(token) = authorization.strip_prefix("Bearer ") else { return refused(Denial::Internal) };
    let Minted { jti, exp, .. } = minted;
    uncached(StatusCode::OK, Json(RouteMinted { access_token: token.to_owned(), jti, exp }))
}

/// A denial with the status of its row; the gateway knows what else belongs to it.
fn refused(denial: Denial) -> Response {
    refused_for(denial, None)
}

fn refused_for(denial: Denial, retry_after: Option<u32>) -> Response {
    let row = denial.row();
    let retry_after = retry_after.or(row.retry_after);
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = uncached(status, Json(RouteRefused { reason: row.reason.to_owned(), retry_after }));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn uncached(status: StatusCode, body: impl IntoResponse) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], body).into_response()
}

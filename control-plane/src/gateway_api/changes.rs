//! `GET /gateway/v1/changes`: revocations since an epoch, held until there is one.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use cambist_core::wire::changes::Changes;
use serde::Deserialize;

use super::{epoch_header, wait};
use crate::{app::App, auth::Gateway, problem::Problem, store::records::Head};

/// The query of the request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangesQuery {
    since: u64,
    wait: Option<String>,
}

/// Answers with what was revoked and reinstated after `since`; with all that is revoked for 0, for an epoch that is yet
/// to come, and for one that is too old.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ChangesQuery { since, wait: longest }) =
        query.map_err(|rejection| Problem::invalid_request(format!("{}.", rejection.body_text())))?;
    let longest = wait(longest.as_deref())?;
    let tenant = &gateway.token.tenant;
    let news =
        |head: Head| (since == 0 || since > head.epoch || head.revocation_epoch > since).then_some(head);
    if let Some(head) = app.wait(tenant, longest, news).await {
        Ok(answer(app.publisher.changes(tenant, since, head).await?, head))
    } else {
        let head = app.head(tenant);
        // A revocation may have come at the last moment: it belongs to the next answer then.
        let epoch = if head.revocation_epoch > since { since } else { head.epoch };
        let empty = Changes { epoch, ..Changes::default() };
        let body = serde_json::to_vec(&empty).map_err(|_| Problem::internal())?;
        Ok(answer(body.into(), head))
    }
}

fn answer(body: Bytes, head: Head) -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            epoch_header(head.epoch),
        ],
        body,
    )
        .into_response()
}

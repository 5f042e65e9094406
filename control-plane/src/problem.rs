//! Refusals as RFC 9457 problems. Deliberately absent: anything a caller should not learn; causes go to the log.

use core::error::Error as _;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    fault::Fault,
    intake::Refused,
    store::{ChangeError, StoreError},
    text::NoRandomness,
};

/// A refusal. `code` is stable, `detail` says what to do next.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

// === impl Problem ===

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with_errors(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }

    /// 400: something in the request line or headers.
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "The request is malformed.", detail)
    }

    /// 400: the body is no JSON object.
    pub fn invalid_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", "The body is not a JSON object.", detail)
    }

    /// 400: a gateway's message is not of the agreed form.
    pub fn invalid_message(fault: Fault) -> Self {
        let detail = "Correct the member named in `errors`.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_message", "The message is malformed.", detail)
            .with_errors(vec![fault])
    }

    /// 422: the document is wrong in the places of `errors`. Nothing was changed.
    pub fn invalid_document(errors: Vec<Fault>) -> Self {
        let detail = "Nothing was changed. Correct every member named in `errors` and send it again.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document", "The document is invalid.", detail)
            .with_errors(errors)
    }

    /// 401: no good bearer token.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid bearer token is required.", detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such resource.", detail)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let detail = "See the `allow` header for the methods of this resource.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "The resource does not take this method.",
            detail,
        )
    }

    /// 409: keys are given for an issuer whose keys come from elsewhere.
    pub fn not_pushed() -> Self {
        let detail = "Replace the issuer with `\"keys\": {\"source\": \"pushed\"}` first.";
        Self::new(StatusCode::CONFLICT, "not_pushed", "The keys of this issuer are not pushed.", detail)
    }

    /// 409: nobody fetches the keys of the issuer.
    pub fn nothing_to_fetch() -> Self {
        let detail = "They are inline or pushed; read the issuer, or `/v1/issuers/{id}/jwks`.";
        let title = "The keys of this issuer are not fetched.";
        Self::new(StatusCode::CONFLICT, "nothing_to_fetch", title, detail)
    }

    /// 429: the same is under way.
    pub fn busy() -> Self {
        let detail = "A trial of this issuer is under way; wait for its end.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", "One at a time.", detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("10"))
    }

    /// 409: a client with as many secrets as it may have.
    pub fn enough_secrets() -> Self {
        let detail = "Remove one that is not used any more first.";
        Self::new(StatusCode::CONFLICT, "enough_secrets", "The client has two secrets.", detail)
    }

    /// 413.
    pub fn too_large() -> Self {
        let detail = "Send at most 1 MiB.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large.", detail)
    }

    /// 428: a replacement without `If-Match`.
    pub fn precondition_required() -> Self {
        let detail = "Read the object and send its `etag` as `if-match`.";
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            "A replacement needs `if-match`.",
            detail,
        )
    }

    /// 503: the store does not answer.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The store does not answer.",
            "Try again soon.",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 500: a fault of ours.
    pub fn internal() -> Self {
        let detail = "The log has the cause under the same `x-request-id`.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, title, detail, errors, headers } = self;
        let mut body = json!({
            "type": format!("urn:cambist:problem:{code}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
        if let (false, Some(members)) = (errors.is_empty(), body.as_object_mut()) {
            members.insert(String::from("errors"), json!(errors));
        }
        let mut response = (
            status,
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
            body.to_string(),
        )
            .into_response();
        response.headers_mut().extend(headers);
        response
    }
}

impl From<Refused> for Problem {
    /// The gateway keeps the batch and sends it again; the intake logged the cause.
    fn from(_: Refused) -> Self {
        Self::unavailable()
    }
}

impl From<StoreError> for Problem {
    /// Logs the cause once, here, and tells the caller nothing of it.
    fn from(error: StoreError) -> Self {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = %error, cause, "a request failed");
        Self::unavailable()
    }
}

impl From<NoRandomness> for Problem {
    fn from(NoRandomness: NoRandomness) -> Self {
        tracing::error!("the system gave no randomness");
        Self::internal()
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Exists => Self::new(
                StatusCode::CONFLICT,
                "exists",
                "There is one already.",
                "Replace it with PUT, or choose another id.",
            ),
            ChangeError::Missing => Self::not_found("It may have been deleted; list the collection."),
            ChangeError::Stale { current } => {
                let detail = format!("Its version is {current} by now: read it again and repeat the change.");
                Self::new(
                    StatusCode::PRECONDITION_FAILED,
                    "precondition_failed",
                    "It was changed in the meantime.",
                    detail,
                )
            }
            ChangeError::Referenced(referrers) => {
                let errors = referrers
                    .into_iter()
                    .map(|(kind, id, reference)| {
                        let detail = format!("{} `{id}` refers to it at {}", kind.name(), reference.pointer);
                        Fault::new("", detail)
                    })
                    .collect();
                let detail = "Change or delete what is listed in `errors` first.";
                Self::new(StatusCode::CONFLICT, "referenced", "Others refer to it.", detail)
                    .with_errors(errors)
            }
            ChangeError::Revoked => Self::new(
                StatusCode::CONFLICT,
                "revoked",
                "It is revoked.",
                "A revoked identity is kept so that it stays refused. Reinstate it first.",
            ),
            ChangeError::Invalid(faults) => Self::invalid_document(faults),
            ChangeError::Store(error) => error.into(),
        }
    }
}

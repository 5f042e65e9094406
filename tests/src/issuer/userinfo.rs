//! The issuer's UserInfo endpoint: it knows an address of everyone it gave a token to, and can be made to fail.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::Shared;
use crate::jwt::Parts;

/// The member of an answer with the subject's address, `SUBJECT@example.org`.
pub const LOGIN_ID: &str = "email";

/// How the UserInfo endpoint answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserInfo {
    /// It tells what it knows of a subject that brings a good token.
    Good,
    /// It answers with this status.
    Status(u16),
    /// It takes requests and answers them only when it is told otherwise.
    Hold,
    /// It tells of this subject, whoever asks.
    About(String),
    /// This text, said to be JSON.
    Text(&'static str),
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.book().fetches.userinfo += 1;
    let mut mood = shared.userinfo.subscribe();
    let Ok(mood) = mood.wait_for(|mood| *mood != UserInfo::Hold).await.map(|mood| mood.clone()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Some(fault) = shared.fault().await {
        return fault;
    }
    let subject = match mood {
        UserInfo::Status(status) => return StatusCode::from_u16(status).expect("a status").into_response(),
        UserInfo::Text(text) => return ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        UserInfo::About(subject) => Some(subject),
        UserInfo::Good | UserInfo::Hold => subject(&shared, &headers),
    };
    match subject {
        Some(subject) => {
            Json(json!({ "sub": subject, LOGIN_ID: format!("{subject}@example.org"), "groups": ["dev"] }))
                .into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// The subject of the token that the request bears, if the issuer signed it.
fn subject(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let parts = Parts::of(token);
    let is_ours = parts.is_signed_by(&shared.book().jwks());
    is_ours.then(|| parts.claims["sub"].as_str().map(str::to_owned)).flatten()
}

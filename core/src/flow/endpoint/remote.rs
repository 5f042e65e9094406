//! The token endpoint of a gateway without a key: what it would grant, the control plane decides again and mints.

use alloc::{format, string::String, vec::Vec};

use crate::{
    denial::{Denial, Row},
    flow::{
        Call, Counted, Head, Remote, Report, Response,
        endpoint::GrantAnswer,
        halt::Halt,
        visit::{Errand, Visit},
    },
    json,
    wire::snapshot::GrantType,
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Asks the control plane, or says what it answered.
#[cold]
pub(super) fn answer(head: &Head<'_>, visit: &Visit<'_>) -> Result<GrantAnswer, Halt> {
    let remote = match visit.errand {
        Errand::Answered(Call::MintRemotely { .. }, remote) => remote,
        Errand::InVain => return Err(Denial::UpstreamStsUnavailable.into()),
        Errand::Open | Errand::Answered(..) => {
            let body = request(head, visit.body.unwrap_or_default()).ok_or(Denial::RequestMalformed)?;
            return Err(Halt::Wait(Call::MintRemotely { body }));
        }
    };
    let response = read(remote, !head.authorization.is_empty()).ok_or(Denial::UpstreamStsUnavailable)?;
    // The control plane has recorded it.
    Ok(GrantAnswer { response, report: Report::counted(Counted::Minted) })
}

/// A [`MintRequest::Endpoint`](crate::wire::mint::MintRequest::Endpoint) as JSON.
fn request(head: &Head<'_>, body: &[u8]) -> Option<Vec<u8>> {
    let text = |bytes: &[u8]| core::str::from_utf8(bytes).ok().map(json::quoted);
    // More than one `authorization` was refused before.
    let headers =
        [("authorization", head.authorization.first().copied()), ("content-type", head.content_type)];
    let mut sent = Vec::new();
    for (name, value) in headers {
        if let Some(value) = value {
            sent.push(format!("\"{name}\":{}", text(value)?));
        }
    }
    let (path, headers, body) = (text(head.path)?, sent.join(","), text(body)?);
    let request = format!("{{\"endpoint\":{{\"path\":{path},\"headers\":{{{headers}}},\"body\":{body}}}}}");
    Some(request.into_bytes())
}

/// Its answer if it is one of a token endpoint: granted, or refused with an `error` of the table. Anything else,
/// a refusal of the gateway itself included, is not about who asks here.
fn read(remote: &Remote, uses_authorization: bool) -> Option<Response> {
    let Remote { status, body, retry_after, .. } = remote;
    let members = json::parse_object(body).ok().filter(|_| body.len() <= MAX_ANSWER_BYTES)?;
    if *status == 200 {
        members.get("access_token")?.as_str()?;
        return String::from_utf8(body.clone()).ok().map(Response::granted);
    }
    let said = members.get("error")?.as_str()?;
    let mut rows = Denial::ALL.iter().flat_map(|denial| {
        [GrantType::JwtBearer, GrantType::TokenExchange].map(|grant| denial.token_endpoint_row(Some(grant)))
    });
    let row: Row = rows.find(|row| row.status == *status && row.error == Some(said))?;
    // Only for a rate is it told exactly; otherwise the table knows.
    let retry_after = retry_after.filter(|_| row.status == 429);
    Some(Response::grant_denial(row, uses_authorization).until(retry_after))
}

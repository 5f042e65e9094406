//! Finding the one token of a request in the places that its route looks at.

use alloc::sync::Arc;

use super::{
    Head,
    parts::{cookies, parameters},
};
use crate::{
    bearer::{self, Credential},
    denial::Denial,
    policy::TokenSources,
};

/// Where a token stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier<'p> {
    Authorization,
    Header(&'p Arc<str>),
    /// A query parameter or a cookie; those are cut out of every request that goes on.
    Cut,
}

/// A token and where it stood.
type Found<'a, 'p> = (&'a [u8], Carrier<'p>);

/// The one token in all the places of `sources`.
///
/// Whatever stands in one of them is taken for a token, except another scheme in `authorization`: two of them are
/// refused whatever they look like ([`Denial::MultipleTokens`]), and a single one is held to the form of its carrier.
pub(super) fn find<'a, 'p>(
    head: &Head<'a>,
    sources: &'p TokenSources,
) -> Result<Option<Found<'a, 'p>>, Denial> {
    let mut found: Option<(Result<&'a [u8], Denial>, Carrier<'p>)> = None;
    let mut add = |token, carrier| match found.replace((token, carrier)) {
        Some(_) => Err(Denial::MultipleTokens),
        None => Ok(()),
    };
    if sources.authorization {
        match bearer::extract(head.authorization) {
            Ok(Credential::None | Credential::OtherScheme) => {}
            Ok(Credential::Bearer(token)) => add(Ok(token), Carrier::Authorization)?,
            Err(denial) => add(Err(denial), Carrier::Authorization)?,
        }
    }
    for source in &sources.headers {
        for value in head.values(&source.name) {
            add(without_prefix(value, &source.prefix).and_then(bearer::bare), Carrier::Header(&source.name))?;
        }
    }
    if !sources.queries.is_empty() {
        for parameter in parameters(head.path).filter(|parameter| parameter.is_any_of(&sources.queries)) {
            add(bearer::bare(parameter.value), Carrier::Cut)?;
        }
    }
    if !sources.cookies.is_empty() {
        for cookie in
            head.values("cookie").flat_map(cookies).filter(|cookie| cookie.is_any_of(&sources.cookies))
        {
            add(bearer::bare(cookie.value), Carrier::Cut)?;
        }
    }
    match found {
        None => Ok(None),
        Some((token, carrier)) => Ok(Some((token?, carrier))),
    }
}

/// A value that does not begin as configured is no token at all, rather than somebody else's business.
fn without_prefix<'a>(value: &'a [u8], prefix: &str) -> Result<&'a [u8], Denial> {
    match value.split_at_checked(prefix.len()) {
        Some((start, token)) if start.eq_ignore_ascii_case(prefix.as_bytes()) => Ok(token),
        _ => Err(Denial::TokenMalformed),
    }
}

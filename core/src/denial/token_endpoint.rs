//! What a caller of the token endpoint sees of a denial: RFC 6749 §5.2, RFC 7521 §4.1.1, RFC 8693 §2.2.2.

use super::{Denial, Row};
use crate::wire::snapshot::GrantType;

impl Denial {
    /// What a caller of the token endpoint sees; `grant` is `None` while it is not known.
    pub const fn token_endpoint_row(self, grant: Option<GrantType>) -> Row {
        let inline = self.row();
        let (status, error) = match self {
            Self::TokenMissing
            | Self::TokenMalformed
            | Self::TokenTooLarge
            | Self::MultipleTokens
            | Self::DuplicateParameter
            | Self::RequestMalformed
            | Self::RouteUnknown => (400, "invalid_request"),
            Self::JwtMalformed
            | Self::IssuerNotAllowed
            | Self::IssuerAmbiguous
            | Self::BadSignature
            | Self::AlgNotAllowed
            | Self::TypNotAllowed
            | Self::UnknownKid
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::TokenTooOld
            | Self::TokenReplayed
            | Self::AudienceMismatch
            | Self::IdentityNotFound
            | Self::IdentityPending
            | Self::IdentityRevoked
            | Self::ConditionFalse
            | Self::ActorNotAllowed
            | Self::BindingAmbiguous => (400, bad_token(grant)),
            Self::TargetNotAllowed => (400, "invalid_target"),
            Self::ScopeNotAllowed => (400, "invalid_scope"),
            Self::ClientUnknown | Self::ClientAuthFailed => (401, "invalid_client"),
            Self::GrantDisabled => (400, "unauthorized_client"),
            Self::GrantUnknown
            | Self::RequestTooLarge
            | Self::MethodNotAllowed
            | Self::Overloaded
            | Self::RateLimited
            | Self::KeysUnavailable
            | Self::ConfigStale
            | Self::UpstreamStsUnavailable
            | Self::Internal => return inline,
        };
        Row { status, error: Some(error), retry_after: None, reason: inline.reason }
    }
}

/// RFC 8693 §2.2.2 says `invalid_request` where RFC 7521 §4.1.1 says `invalid_grant`.
const fn bad_token(grant: Option<GrantType>) -> &'static str {
    match grant {
        Some(GrantType::TokenExchange) => "invalid_request",
        Some(GrantType::JwtBearer | GrantType::ClientCredentials) | None => "invalid_grant",
    }
}

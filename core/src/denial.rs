//! Every way to refuse a request, with one table from reason to HTTP.
//!
//! What the caller sees is uniform; the reason code is for the operator. Rows follow RFC 6750 §3, RFC 6749 §5.2 and
//! law 2: "we cannot tell" is 503, "you are wrong" is 401, "you may not" is 403.

mod token_endpoint;

/// A refusal of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// No credential on a `require` route.
    TokenMissing,
    /// The credential's carrier is malformed: scheme, header or request line.
    TokenMalformed,
    /// The token itself is not a well-formed JWS.
    JwtMalformed,
    /// The token exceeds the size limit.
    TokenTooLarge,
    /// More than one credential.
    MultipleTokens,
    /// A form parameter was repeated (RFC 6749 §3.2).
    DuplicateParameter,
    /// A request at the token endpoint lacks something, or has something that is not served.
    RequestMalformed,
    /// The body exceeds the size limit.
    RequestTooLarge,
    /// An endpoint was asked with another method than its own.
    MethodNotAllowed,
    /// No such grant is served here.
    GrantUnknown,
    /// No enabled issuer has this `iss`.
    IssuerNotAllowed,
    /// The token's audiences fit two issuers that share an `iss`.
    IssuerAmbiguous,
    /// The signature does not verify.
    BadSignature,
    /// The algorithm is not on the issuer's list or does not fit the key.
    AlgNotAllowed,
    /// The `typ` is not on the issuer's list.
    TypNotAllowed,
    /// No key has this `kid`, after a refetch.
    UnknownKid,
    /// `exp` has passed.
    TokenExpired,
    /// `nbf` or `iat` lies in the future.
    TokenNotYetValid,
    /// The token lives longer or is older than the issuer allows.
    TokenTooOld,
    /// The token was presented before, and the issuer's replay policy forbids it.
    TokenReplayed,
    /// No accepted audience.
    AudienceMismatch,
    /// No binding knows this subject.
    IdentityNotFound,
    /// The identity waits for an administrator to let it in.
    IdentityPending,
    /// The identity, its client or its issuer is revoked.
    IdentityRevoked,
    /// The identity is known, a condition is false.
    ConditionFalse,
    /// The requested target is not among the binding's.
    TargetNotAllowed,
    /// The requested scope is wider than the binding's.
    ScopeNotAllowed,
    /// Who wants to act for the subject may not, or somebody must and nobody does.
    ActorNotAllowed,
    /// No enabled client has this id, or it may not use the route.
    ClientUnknown,
    /// Client authentication failed.
    ClientAuthFailed,
    /// The client may not use this grant.
    GrantDisabled,
    /// No route matches the request.
    RouteUnknown,
    /// Two bindings fit.
    BindingAmbiguous,
    /// Too many requests wait for the same thing.
    Overloaded,
    /// The identity is over its exchange rate.
    RateLimited,
    /// The issuer's keys cannot be had.
    KeysUnavailable,
    /// No snapshot, or one older than its `max_staleness`.
    ConfigStale,
    /// The control plane or the external token endpoint cannot be reached.
    UpstreamStsUnavailable,
    /// A fault of ours.
    Internal,
}

/// What an inline caller sees of a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// RFC 6750 `error`, absent where no credential was sent.
    pub error: Option<&'static str>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
    /// Stable reason code, for operators only.
    pub reason: &'static str,
}

const INVALID_REQUEST: (u16, Option<&str>, Option<u32>) = (400, Some("invalid_request"), None);
const INVALID_TOKEN: (u16, Option<&str>, Option<u32>) = (401, Some("invalid_token"), None);
const FORBIDDEN: (u16, Option<&str>, Option<u32>) = (403, Some("insufficient_scope"), None);
const UNAVAILABLE: (u16, Option<&str>, Option<u32>) = (503, Some("temporarily_unavailable"), Some(1));

impl Denial {
    /// Every denial, in the order of the enum.
    pub const ALL: [Self; 39] = [
        Self::TokenMissing,
        Self::TokenMalformed,
        Self::JwtMalformed,
        Self::TokenTooLarge,
        Self::MultipleTokens,
        Self::DuplicateParameter,
        Self::RequestMalformed,
        Self::RequestTooLarge,
        Self::MethodNotAllowed,
        Self::GrantUnknown,
        Self::IssuerNotAllowed,
        Self::IssuerAmbiguous,
        Self::BadSignature,
        Self::AlgNotAllowed,
        Self::TypNotAllowed,
        Self::UnknownKid,
        Self::TokenExpired,
        Self::TokenNotYetValid,
        Self::TokenTooOld,
        Self::TokenReplayed,
        Self::AudienceMismatch,
        Self::IdentityNotFound,
        Self::IdentityPending,
        Self::IdentityRevoked,
        Self::ConditionFalse,
        Self::TargetNotAllowed,
        Self::ScopeNotAllowed,
        Self::ActorNotAllowed,
        Self::ClientUnknown,
        Self::ClientAuthFailed,
        Self::GrantDisabled,
        Self::RouteUnknown,
        Self::BindingAmbiguous,
        Self::Overloaded,
        Self::RateLimited,
        Self::KeysUnavailable,
        Self::ConfigStale,
        Self::UpstreamStsUnavailable,
        Self::Internal,
    ];

    /// What an inline caller sees.
    pub const fn row(self) -> Row {
        let ((status, error, retry_after), reason) = match self {
            Self::TokenMissing => ((401, None, None), "token_missing"),
            Self::TokenMalformed => (INVALID_REQUEST, "token_malformed"),
            Self::JwtMalformed => (INVALID_TOKEN, "token_malformed"),
            Self::TokenTooLarge => (INVALID_REQUEST, "token_too_large"),
            Self::MultipleTokens => (INVALID_REQUEST, "multiple_tokens"),
            Self::DuplicateParameter => (INVALID_REQUEST, "duplicate_parameter"),
            Self::RequestMalformed => (INVALID_REQUEST, "request_malformed"),
            Self::RequestTooLarge => ((413, Some("invalid_request"), None), "request_too_large"),
            Self::MethodNotAllowed => ((405, Some("invalid_request"), None), "method_not_allowed"),
            Self::GrantUnknown => ((400, Some("unsupported_grant_type"), None), "grant_unknown"),
            Self::IssuerNotAllowed => (INVALID_TOKEN, "issuer_not_allowed"),
            Self::IssuerAmbiguous => (INVALID_TOKEN, "issuer_ambiguous"),
            Self::BadSignature => (INVALID_TOKEN, "bad_signature"),
            Self::AlgNotAllowed => (INVALID_TOKEN, "alg_not_allowed"),
            Self::TypNotAllowed => (INVALID_TOKEN, "typ_not_allowed"),
            Self::UnknownKid => (INVALID_TOKEN, "unknown_kid"),
            Self::TokenExpired => (INVALID_TOKEN, "token_expired"),
            Self::TokenNotYetValid => (INVALID_TOKEN, "token_not_yet_valid"),
            Self::TokenTooOld => (INVALID_TOKEN, "token_too_old"),
            Self::TokenReplayed => (INVALID_TOKEN, "token_replayed"),
            Self::AudienceMismatch => (INVALID_TOKEN, "audience_mismatch"),
            Self::IdentityNotFound => (INVALID_TOKEN, "identity_not_found"),
            Self::IdentityPending => (INVALID_TOKEN, "identity_pending"),
            Self::IdentityRevoked => (INVALID_TOKEN, "identity_revoked"),
            Self::ConditionFalse => (FORBIDDEN, "condition_false"),
            Self::TargetNotAllowed => (FORBIDDEN, "target_not_allowed"),
            Self::ScopeNotAllowed => (FORBIDDEN, "scope_not_allowed"),
            Self::ActorNotAllowed => (FORBIDDEN, "actor_not_allowed"),
            Self::ClientUnknown => (FORBIDDEN, "client_unknown"),
            Self::ClientAuthFailed => (FORBIDDEN, "client_auth_failed"),
            Self::GrantDisabled => (FORBIDDEN, "grant_disabled"),
            Self::RouteUnknown => (FORBIDDEN, "route_unknown"),
            Self::BindingAmbiguous => (FORBIDDEN, "binding_ambiguous"),
            Self::Overloaded => (UNAVAILABLE, "overloaded"),
            Self::RateLimited => ((429, Some("temporarily_unavailable"), Some(6)), "rate_limited"),
            Self::KeysUnavailable => (UNAVAILABLE, "keys_unavailable"),
            Self::ConfigStale => (UNAVAILABLE, "config_stale"),
            Self::UpstreamStsUnavailable => (UNAVAILABLE, "upstream_sts_unavailable"),
            Self::Internal => ((500, Some("server_error"), None), "internal"),
        };
        Row { status, error, retry_after, reason }
    }

    /// Stable reason code, for operators only.
    pub const fn reason(self) -> &'static str {
        self.row().reason
    }
}

//! Compiling how an issuer's UserInfo endpoint is asked.

use super::Compiler;
use crate::{attribute::ClaimPath, endpoint::Endpoint, policy::UserInfoRules, wire::snapshot as wire};

impl Compiler {
    /// The rules; `None` where a fault was reported that leaves none.
    pub(super) fn userinfo(
        &mut self,
        issuer: &str,
        userinfo: wire::UserInfo,
        allow_http: bool,
    ) -> Option<UserInfoRules> {
        let wire::UserInfo { uri, login_id, on_error, timeout_ms, cache_seconds } = userinfo;
        let endpoint = Endpoint::parse(&uri, allow_http)
            .map_err(|invalid| self.fault("issuer", issuer, "userinfo/uri", invalid.message()));
        let login_id = login_id.map(|path| ClaimPath::parse(&path)).transpose();
        let login_id = login_id.map_err(|invalid| self.fault("issuer", issuer, "userinfo/login_id", invalid));
        self.bound("issuer", issuer, "userinfo/timeout_ms", timeout_ms, 100, 10_000);
        self.bound("issuer", issuer, "userinfo/cache_seconds", cache_seconds, 10, 3_600);
        match (endpoint, login_id) {
            (Ok(endpoint), Ok(login_id)) => {
                Some(UserInfoRules { endpoint, login_id, on_error, timeout_ms, cache_seconds })
            }
            _ => None,
        }
    }
}

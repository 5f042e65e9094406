//! The rate: how often an identity has a token made for it. It comes last, so that what is refused is never counted.
//!
//! What counts: each call of a token endpoint, where it is decided, and each order (subject token, targets, scope) that
//! somebody else is asked to fill. What lies in a cache and what a gateway mints for its own route is free: caches are
//! per worker, and an honest workload must not be refused for their number.

use super::super::{
    Ambient,
    grant::{Desk, Granted},
    halt::Halt,
    order::Order,
};
use crate::{denial::Denial, digest::Digest, rate::OrderTag, token_cache::Verified};

impl Desk<'_> {
    /// Counts an exchange; the same `order` of the same identity once.
    #[cold]
    pub(in super::super) fn count(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        order: Option<OrderTag>,
        ambient: &mut Ambient<'_>,
    ) -> Result<(), Halt> {
        let identity = self.identity(granted, verified);
        let counted = ambient.limiter.count(&identity, order, granted.binding.rate, ambient.now);
        counted.map_err(|seconds| Halt::from(Denial::RateLimited).until(Some(seconds)))
    }

    /// What tells `order` for this token apart.
    pub(in super::super) fn tag(self, verified: &mut Verified, order: &Order<'_>) -> OrderTag {
        let token = self.sha256(verified);
        let targets = order.targets.iter().map(|target| target.as_bytes());
        let parts = [token.as_bytes().as_slice(), order.scope.as_bytes()].into_iter().chain(targets);
        Digest::of_parts(parts).as_bytes().first_chunk().copied().unwrap_or_default()
    }
}

//! The swap on a route: who makes the access token, what has to hold before that, and what is recorded of it.

use super::{
    super::{
        Ambient, Counted, Credential, Edits, Report, Venue,
        grant::{Desk, Granted},
        halt::Halt,
        order::{Issued, Order, route_target},
        report::Mint,
        visit::Visit,
    },
    Way, unexpired,
};
use crate::{
    policy::{MintingKey, Route},
    token_cache::Verified,
    wire::snapshot::{Exchange, Mode},
};

/// Who makes an access token.
enum Maker<'p> {
    /// This VM, with this key.
    Here(&'p MintingKey),
    /// Somebody else.
    Elsewhere(Way<'p>),
}

impl Desk<'_> {
    /// An access token in the place of the subject token.
    pub(in super::super) fn swap(
        self,
        route: &Route,
        verified: &mut Verified,
        granted: &Granted<'_>,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Edits, Halt> {
        let way = match (route.exchange, &route.external) {
            // The control plane itself has the key.
            (Exchange::ControlPlane, _) if self.venue == Venue::Gateway => {
                Some(Way::ControlPlane { route: &route.id })
            }
            (Exchange::External, Some(endpoint)) => Some(Way::External(endpoint)),
            (Exchange::Gateway | Exchange::ControlPlane | Exchange::None | Exchange::External, _) => None,
        };
        let target = route_target(route, granted.binding)?;
        let maker = match way {
            None => Maker::Here(self.minter(granted, verified, ambient.now)?),
            Some(way) => {
                unexpired(verified, ambient.now)?;
                Maker::Elsewhere(way)
            }
        };
        if route.mode == Mode::Observe {
            // Nothing is minted for a request that goes on as it came: the token would lie in the cache unrecorded.
            return Ok(Edits::untouched(Counted::Observed(None)));
        }
        let order = Order { targets: &[target], scope: &route.scope, actor: None };
        self.pass_gates(verified, granted, order.targets, visit, ambient.now)?;
        let issued = match maker {
            Maker::Here(minting) => self.exchange(minting, verified, granted, &order, ambient)?,
            Maker::Elsewhere(way) => {
                self.exchange_elsewhere(way, verified, granted, &order, visit, ambient)?
            }
        };
        let Issued { authorization, fresh, counted } = issued;
        let report = match fresh {
            Some(fresh) if self.audited => {
                let (token, identity) = (self.sha256(verified), self.tuple(granted, verified));
                let mint = Mint { token: Some(&token), identity, fresh: *fresh, grant: None, actor: None };
                let report = Report::minted(Some(route), mint, self.policy.header.epoch);
                Report { counted, ..report }
            }
            Some(_) | None => Report::counted(counted),
        };
        Ok(Edits::new(Credential::Replace(authorization), report))
    }
}

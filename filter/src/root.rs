//! A root context: a handle on a gateway that ticks and owns callouts.

use core::cell::RefCell;
use std::rc::Rc;

use cambist_core::policy::Faults;
use hashbrown::HashMap;

use crate::{
    calling,
    config::PluginConfig,
    driver::{self, Executing},
    fetching,
    gateway::Gateway,
    host::{Host, Level},
    minting,
    registry::{self, Key, SharedGateway},
    stream::Stream,
    synchronizing,
};

/// Milliseconds between two ticks when nothing is urgent.
const TICK_MS: u32 = 50;

/// The callouts of a root context that are out, by the host's number.
pub type InFlight = HashMap<u32, Purpose>;

/// What a callout is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An issuer's keys.
    Keys {
        /// The issuer's id.
        issuer: String,
        /// Number of the fetch.
        ticket: u64,
    },
    /// A request to the control plane.
    ControlPlane {
        /// Which one.
        exchange: synchronizing::Exchange,
        /// Number of the request.
        ticket: u32,
    },
    /// An access token that somebody else makes.
    Mint {
        /// Number of the call.
        number: u32,
    },
}

/// A handle on a gateway.
pub struct Root {
    id: u32,
    gateway: Option<SharedGateway>,
    in_flight: InFlight,
}

// === impl Root ===

impl Root {
    /// The root context `id`, which is not configured yet; its requests are refused.
    pub fn new(id: u32) -> Self {
        Self { id, gateway: None, in_flight: InFlight::new() }
    }

    /// Takes the plugin configuration; false, with the reason in the log, if it is not good.
    pub fn configure(&mut self, host: &dyn Host, configuration: &[u8]) -> bool {
        match self.try_configure(host, configuration) {
            Ok(()) => {
                // No callout from here: this may be the throw-away VM that only tries the configuration out.
                host.set_tick_period(1);
                true
            }
            Err(faults) => {
                host.log(Level::Error, &format!("plugin configuration refused: {faults}"));
                false
            }
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, host: &dyn Host) {
        let Self { id, gateway, in_flight } = self;
        let Some(mut gateway) = gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok()) else {
            return;
        };
        gateway.tick_came();
        host.set_tick_period(TICK_MS);
        synchronizing::tick(&mut gateway, host, in_flight);
        fetching::tick(&mut gateway, host, in_flight);
        minting::tick(&mut gateway, host, in_flight);
        gateway.flush(host);
        gateway.waiters.expire(host.now());
        driver::resume_ripe(&mut gateway, host, *id);
    }

    /// Takes the answer to a callout of this root context.
    pub fn callout_answered(&mut self, host: &dyn Host, token: u32, body_size: usize) {
        let Self { id, gateway, in_flight } = self;
        let Some(mut gateway) = gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok()) else {
            return;
        };
        match in_flight.remove(&token) {
            Some(Purpose::Keys { issuer, ticket }) => {
                fetching::answered(&mut gateway, host, in_flight, &issuer, ticket, body_size);
            }
            Some(Purpose::ControlPlane { exchange, ticket }) => {
                synchronizing::answered(&mut gateway, host, exchange, ticket, body_size);
                // Compiling and the next poll are for the tick, which should come soon.
                gateway.hurry(host);
            }
            Some(Purpose::Mint { number }) => minting::answered(&mut gateway, host, number, body_size),
            // A request's own, made while this context went on with it.
            None => calling::answered(&mut gateway, host, Executing::Root(*id), token, body_size),
        }
        driver::resume_ripe(&mut gateway, host, *id);
    }

    /// A request of this root context.
    pub fn stream(&self, id: u32) -> Stream {
        Stream::new(id, self.gateway.as_ref().map(Rc::clone))
    }

    fn try_configure(&mut self, host: &dyn Host, configuration: &[u8]) -> Result<(), Faults> {
        let config = PluginConfig::read(configuration)?;
        let text = |path: &str| {
            host.property(&[path]).and_then(|value| String::from_utf8(value).ok()).unwrap_or_default()
        };
        let key = Key::of(&config, (text("plugin_name"), text("plugin_root_id")));
        let gateway = if let Some(gateway) = registry::find(&key) {
            reconfigure(&gateway, config, host)?;
            gateway
        } else {
            let gateway = Rc::new(RefCell::new(Gateway::new(config, host)?));
            registry::enter(key, &gateway);
            gateway
        };
        if self.gateway.as_ref().is_some_and(|known| !Rc::ptr_eq(known, &gateway)) {
            self.abandon_callouts();
        }
        self.gateway = Some(gateway);
        Ok(())
    }

    /// Gives back what this root context has out, so that others ask again.
    fn abandon_callouts(&mut self) {
        let Self { id: _, gateway, in_flight } = self;
        let Some(mut gateway) = gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok()) else {
            return;
        };
        gateway.tick_came();
        for (_, purpose) in in_flight.drain() {
            match purpose {
                Purpose::Keys { issuer, ticket } => gateway.state.keyring.abandon(&issuer, ticket),
                Purpose::Mint { number } => gateway.minting.abandon(number),
                Purpose::ControlPlane { exchange, ticket } => {
                    if let Some(synchronizer) = &mut gateway.synchronizer {
                        synchronizer.abandon(exchange, ticket);
                    }
                }
            }
        }
    }
}

fn reconfigure(gateway: &SharedGateway, config: PluginConfig, host: &dyn Host) -> Result<(), Faults> {
    let Ok(mut gateway) = gateway.try_borrow_mut() else {
        let mut faults = Faults::default();
        faults.add("gateway", "is busy; give the configuration again");
        return Err(faults);
    };
    gateway.configure(config, host)
}

impl Drop for Root {
    /// The host cancels the callouts of a root context that goes: others must make them again.
    fn drop(&mut self) {
        self.abandon_callouts();
    }
}

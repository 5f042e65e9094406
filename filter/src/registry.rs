//! The gateways of a VM. A new plugin configuration makes a new root context in the same VM; its gateway, with
//! snapshot, keys and caches, is the one that was there.

use core::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use crate::{config::PluginConfig, gateway::Gateway};

/// A gateway, shared by its root contexts and streams.
pub type SharedGateway = Rc<RefCell<Gateway>>;

/// What makes two root contexts handles on one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// (control-plane cluster, gateway).
    ControlPlane(String, String),
    /// (plugin name, root id, gateway) of an inline snapshot.
    Inline(String, String, String),
}

thread_local! {
    static GATEWAYS: RefCell<HashMap<Key, SharedGateway>> = RefCell::default();
}

// === impl Key ===

impl Key {
    /// The key of a configuration; `plugin` is (plugin name, root id).
    pub fn of(config: &PluginConfig, plugin: (String, String)) -> Self {
        match &config.control_plane {
            Some(control_plane) => Self::ControlPlane(control_plane.cluster.clone(), config.gateway.clone()),
            None => Self::Inline(plugin.0, plugin.1, config.gateway.clone()),
        }
    }
}

/// The gateway of `key`, if there is one.
pub fn find(key: &Key) -> Option<SharedGateway> {
    GATEWAYS.with(|gateways| gateways.try_borrow().ok()?.get(key).cloned())
}

/// Enters a gateway and forgets those that no root context and no stream holds any more.
pub fn enter(key: Key, gateway: &SharedGateway) {
    GATEWAYS.with(|gateways| {
        if let Ok(mut gateways) = gateways.try_borrow_mut() {
            gateways.retain(|_, known| Rc::strong_count(known) > 1);
            gateways.insert(key, Rc::clone(gateway));
        }
    });
}

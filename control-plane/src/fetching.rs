//! The control plane as fetcher of issuers' keys: for issuers that gateways cannot reach, and to show what is wrong.
//!
//! Names are resolved once, every address is checked, and the connection goes to an address that passed; names count only
//! for SNI and the certificate. Deliberately absent: when to fetch and what an answer means, which are core's keyring's.

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::sync::Arc;

use cambist_core::{
    endpoint::Endpoint,
    keyring::Alarm,
    wire::snapshot::{Issuer, KeySource},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

pub mod address;
pub mod attempts;
mod certificate;
mod holding;
pub mod network;
pub mod proxy;
pub mod request;
pub mod schedule;
pub mod stages;
pub mod tls;
pub mod trial;

use self::{
    address::Host,
    network::{Network, System},
    proxy::Proxy,
    request::{Answer, Ask, Form},
    stages::{Journey, Step, Stop},
    tls::{InvalidRoots, Roots},
};

/// How long one fetch may take in all.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long one address may take to answer where there are others.
const PATIENCE_EACH: Duration = Duration::from_secs(3);
/// Addresses of one name that are looked at.
const MOST_ADDRESSES: usize = 16;

/// Fetches.
#[derive(Clone)]
pub struct Fetcher {
    network: Arc<dyn Network>,
    public: Option<Roots>,
}

/// How one issuer is reached.
#[derive(Clone, Debug)]
pub struct Way {
    roots: Roots,
    proxy: Option<Proxy>,
    allow_private: bool,
}

// === impl Fetcher ===

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Arc::new(System))
    }
}

impl Fetcher {
    /// A fetcher with this way out.
    pub fn new(network: Arc<dyn Network>) -> Self {
        Self { network, public: Roots::public().ok() }
    }

    /// How an issuer is reached, as its document says; or the member that is wrong and how.
    pub fn way(&self, issuer: &Issuer) -> Result<Way, (&'static str, String)> {
        let (ca, proxy, allow_private) =
            if let KeySource::ControlPlane { uri: _, ca, proxy, allow_private } = &issuer.keys {
                (ca.as_deref(), proxy.as_deref(), *allow_private)
            } else {
                (None, None, false)
            };
        let roots = match ca {
            Some(pem) => Roots::private(pem).map_err(|invalid| ("/keys/ca", invalid.to_string()))?,
            None => self.public.clone().ok_or_else(|| ("/keys/ca", InvalidRoots::Empty.to_string()))?,
        };
        let proxy = proxy.map(Proxy::parse).transpose();
        let proxy = proxy.map_err(|invalid| ("/keys/proxy", invalid.to_owned()))?;
        Ok(Way { roots, proxy, allow_private })
    }

    /// How somebody reaches a server from their own machine: whatever address it has but metadata's, and with the
    /// certificates of `ca` in the place of the public ones.
    pub fn own_way(&self, ca: Option<&str>) -> Result<Way, InvalidRoots> {
        let roots = match ca {
            Some(pem) => Roots::private(pem)?,
            None => self.public.clone().ok_or(InvalidRoots::Empty)?,
        };
        Ok(Way { roots, proxy: None, allow_private: true })
    }

    /// Gets keys from `endpoint` in at most [`PATIENCE`], telling `journey` of each step.
    pub async fn get(&self, endpoint: &Endpoint, way: &Way, journey: &mut Journey) -> Result<Answer, Stop> {
        self.ask_by(endpoint, way, Ask::Keys, journey).await
    }

    /// Asks `endpoint` for something in at most [`PATIENCE`].
    pub async fn ask(&self, endpoint: &Endpoint, way: &Way, ask: Ask<'_>) -> Result<Answer, Stop> {
        self.ask_by(endpoint, way, ask, &mut Journey::default()).await
    }

    async fn ask_by(
        &self,
        endpoint: &Endpoint,
        way: &Way,
        ask: Ask<'_>,
        journey: &mut Journey,
    ) -> Result<Answer, Stop> {
        // What was reached last says where the time went.
        let mut step = Step::Address;
        let whole = self.walk(endpoint, way, ask, journey, &mut step);
        match timeout(PATIENCE, whole).await {
            Ok(result) => result,
            Err(_) => Err(Stop::new(
                step,
                format!("not done after {} s in all", PATIENCE.as_secs()),
                "check the network between control plane and issuer, and how busy the issuer is",
            )),
        }
    }

    async fn walk(
        &self,
        endpoint: &Endpoint,
        way: &Way,
        ask: Ask<'_>,
        journey: &mut Journey,
        step: &mut Step,
    ) -> Result<Answer, Stop> {
        let host = address::host(endpoint.host());
        if matches!(host, Host::Ambiguous) {
            let error =
                format!("`{}` is neither a name nor an address in its usual spelling", endpoint.host());
            return Err(Stop::new(
                Step::Address,
                error,
                "write the name, or the address as a.b.c.d or [a:b::c]",
            ));
        }
        let scheme = if endpoint.is_https() { "https" } else { "http" };
        journey.passed(
            Step::Address,
            json!({
                "url": format!("{scheme}://{}{}", endpoint.authority(), endpoint.path()),
                "allow_private": way.allow_private,
                "proxy": way.proxy.as_ref().map(Proxy::name),
            }),
        );
        *step = Step::Dns;
        let addresses = self.addresses(host, way, journey).await?;
        *step = Step::Tcp;
        let (stream, form) = self.connect(endpoint, &addresses, way, journey).await?;
        *step = Step::Tls;
        if !endpoint.is_https() {
            journey.passed(Step::Tls, json!({ "note": "none: the issuer has `allow_http`" }));
            *step = Step::Http;
            return request::get(stream, endpoint, form, ask).await;
        }
        let name = match host {
            Host::Literal(address) => address.to_string(),
            Host::Name(name) => name.to_owned(),
            Host::Ambiguous => String::new(),
        };
        let (stream, detail) = way.roots.handshake(&name, stream).await?;
        journey.passed(Step::Tls, detail);
        *step = Step::Http;
        request::get(stream, endpoint, form, ask).await
    }

    /// The addresses that may be asked. Resolves a name once; behind a proxy not at all.
    async fn addresses(&self, host: Host<'_>, way: &Way, journey: &mut Journey) -> Result<Vec<IpAddr>, Stop> {
        let found = match host {
            Host::Literal(address) => vec![address],
            Host::Name(name) if way.proxy.is_some() => {
                if address::is_local_name(name) && !way.allow_private {
                    let error = format!("`{name}` leads to a machine's own services");
                    return Err(Stop::new(Step::Dns, error, "use the issuer's real name"));
                }
                journey.passed(Step::Dns, json!({ "note": "the proxy resolves the name" }));
                return Ok(Vec::new());
            }
            Host::Name(name) => self.network.resolve(name).await.map_err(|error| {
                let error = format!("`{name}` cannot be resolved: {error}");
                Stop::new(Step::Dns, error, "check the name and the DNS that the control plane uses")
            })?,
            Host::Ambiguous => Vec::new(),
        };
        let mut allowed = Vec::new();
        let mut seen = Vec::new();
        for address in found.into_iter().take(MOST_ADDRESSES) {
            let denial = address::reach(address).denial(way.allow_private);
            seen.push(json!({ "address": address.to_string(), "denied": denial }));
            if denial.is_none() && !allowed.contains(&address) {
                allowed.push(address);
            }
        }
        let detail = json!({ "addresses": seen });
        if !allowed.is_empty() {
            journey.passed(Step::Dns, detail);
            return Ok(allowed);
        }
        let stop = if seen.is_empty() {
            Stop::new(Step::Dns, "the name has no address", "check the name")
        } else {
            Stop::new(
                Step::Dns,
                "every address is denied: issuers must have public ones",
                "set `keys.source` to `control_plane` with `allow_private` if the issuer is in a private network; \
                 metadata and link-local addresses are never asked",
            )
        };
        Err(stop.with(detail))
    }

    /// A connection to the issuer, directly or through its proxy, and how requests on it are written.
    async fn connect(
        &self,
        endpoint: &Endpoint,
        addresses: &[IpAddr],
        way: &Way,
        journey: &mut Journey,
    ) -> Result<(TcpStream, Form), Stop> {
        if let Some(proxy) = &way.proxy {
            let mut stream = proxy.connect(&*self.network).await?;
            if endpoint.is_https() {
                proxy.tunnel(&mut stream, endpoint).await?;
            }
            journey.passed(Step::Tcp, json!({ "proxy": proxy.name() }));
            let form = if endpoint.is_https() { Form::Origin } else { Form::Absolute };
            return Ok((stream, form));
        }
        let mut tried: Vec<Value> = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            let target = SocketAddr::new(*address, endpoint.port());
            let last = index.saturating_add(1) == addresses.len();
            let patience = if last { PATIENCE } else { PATIENCE_EACH };
            let until = Instant::now().checked_add(patience).unwrap_or_else(Instant::now);
            let error = match timeout_at(until, self.network.connect(target)).await {
                Ok(Ok(stream)) => {
                    journey.passed(Step::Tcp, json!({ "address": target.to_string(), "failed": tried }));
                    return Ok((stream, Form::Origin));
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => String::from("no answer"),
            };
            tried.push(json!({ "address": target.to_string(), "error": error }));
        }
        let error = match tried.last().and_then(|last| last.get("error")).and_then(Value::as_str) {
            Some(error) => format!("no connection: {error}"),
            None => String::from("no connection"),
        };
        let next = "check that the issuer runs, its port, and the firewalls between";
        Err(Stop::new(Step::Tcp, error, next).with(json!({ "failed": tried })))
    }
}

/// Tells the operator of keys that issuers of a tenant should not have published.
pub(crate) fn warn(tenant: &str, alarms: Vec<Alarm>) {
    for Alarm { issuer, kids } in alarms {
        let kids = kids.into_iter().flatten().collect::<Vec<_>>().join(", ");
        tracing::error!(
            tenant,
            issuer,
            kids,
            "the issuer publishes private or symmetric keys; they are not used, and it must replace them"
        );
    }
}

//! Compiling bindings and routes.

use alloc::{format, string::String, sync::Arc};

use super::{Compiler, is_slug};
use crate::{
    condition::Condition,
    digest::Digest,
    exchange::{claim_templates::ClaimTemplates, subject::SubjectTemplate},
    jose::alg::Alg,
    policy::{Binding, Route, canonical_path},
    wire::snapshot::{
        self as wire, Enforcement, Exchange, ForeignToken, Mode, PathMatch, Place, Profile, SigningAlg,
    },
};

impl Compiler {
    pub(super) fn binding(&mut self, binding: wire::Binding) {
        let digest = self.digest_of(&binding);
        let wire::Binding {
            id,
            client_id,
            issuer,
            audiences,
            subjects,
            allow_any_subject,
            condition,
            condition_enforcement,
            scopes,
            targets,
            ttl,
            profile,
            alg,
            subject_template,
            claims,
            actor,
            enrolment,
            rate,
            enforcement,
            until,
            enabled,
        } = binding;
        if !self.clients.contains_key(&client_id) {
            self.fault("binding", &id, "client_id", format!("no client {client_id:?}"));
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            self.fault("binding", &id, "audiences", "must name at least one audience, none of them empty");
        }
        let is_condition_tried = condition.is_some() && condition_enforcement == Enforcement::Audit;
        let names_subjects = (!subjects.is_empty(), allow_any_subject);
        let any_subject = self.any_subject(&id, names_subjects, condition.is_some(), is_condition_tried);
        let condition = self.condition("binding", &id, condition);
        if subjects.iter().any(String::is_empty) {
            self.fault("binding", &id, "subjects", "must not hold an empty subject");
        }
        if scopes.iter().any(|scope| !is_scope(scope)) {
            self.fault("binding", &id, "scopes", "must be RFC 6749 scope tokens");
        }
        if targets.iter().any(String::is_empty) {
            self.fault("binding", &id, "targets", "must not hold an empty audience");
        }
        self.bound("binding", &id, "ttl", ttl, 60, 3_600);
        self.rate("binding", &id, "rate", rate);
        let subject = self.subject(&id, subject_template.as_deref(), profile);
        let claims = ClaimTemplates::compile(&claims).unwrap_or_else(|detail| {
            self.fault("binding", &id, "claims", detail);
            ClaimTemplates::default()
        });
        if !self.binding_ids.insert(id.clone()) {
            self.fault("binding", &id, "id", "is used twice");
        }
        if !self.issuers.contains_key(&issuer) && !self.disabled_issuers.contains(&issuer) {
            self.fault("binding", &id, "issuer", format!("no issuer {issuer:?}"));
        }
        let Some(issuer) = self.issuers.get_mut(&issuer) else { return };
        if !enabled {
            return;
        }
        let compiled = Arc::new(Binding {
            id,
            client_id,
            audiences,
            condition,
            condition_enforcement,
            scopes,
            targets,
            ttl,
            profile,
            subject,
            claims,
            actor,
            enrolment,
            rate,
            enforcement,
            alg: match alg {
                SigningAlg::Es256 => Alg::Es256,
                SigningAlg::Rs256 => Alg::Rs256,
            },
            until,
            digest,
        });
        let is_tried =
            compiled.enforcement == Enforcement::Audit && issuer.enforcement == Enforcement::Enforce;
        let index = if is_tried { &mut issuer.on_trial } else { &mut issuer.by_audience };
        for audience in &compiled.audiences {
            let entry = index.entry_ref(audience.as_str()).or_default();
            if any_subject {
                entry.any_subject.push(Arc::clone(&compiled));
            }
            for subject in &subjects {
                entry.by_subject.entry(subject.clone()).or_default().push(Arc::clone(&compiled));
            }
        }
    }

    /// Whether binding `id` takes any subject: it says so, or has none and a condition that says which tokens fit.
    fn any_subject(
        &mut self,
        id: &str,
        (named, allowed): (bool, bool),
        has_condition: bool,
        tried: bool,
    ) -> bool {
        let any = allowed || (!named && has_condition && !tried);
        if tried && !named && !any {
            let detail = "cannot be `audit` where nothing but the condition says which tokens fit";
            self.fault("binding", id, "condition_enforcement", detail);
        } else if named == any {
            let detail = "must name a subject, or be empty with a condition or allow_any_subject: true";
            self.fault("binding", id, "subjects", detail);
        }
        any
    }

    /// The template of the `sub` that binding `id` asks for.
    fn subject(&mut self, id: &str, template: Option<&str>, profile: Profile) -> Option<SubjectTemplate> {
        let Some(template) = template else {
            if profile == Profile::JwtSvid {
                let detail =
                    "must say the SPIFFE ID of a jwt-svid, such as spiffe://td.example/sa/${jwt.claim.sub}";
                self.fault("binding", id, "subject_template", detail);
            }
            return None;
        };
        match SubjectTemplate::parse(template, profile) {
            Ok(subject) => Some(subject),
            Err(detail) => {
                self.fault("binding", id, "subject_template", detail);
                None
            }
        }
    }

    /// The binding's digest, which covers the header's part in what is minted under it.
    fn digest_of(&self, binding: &wire::Binding) -> Digest {
        let header = self.header.as_ref().map(|header| (&*header.tenant, &*header.authority));
        let (tenant, authority) = header.unwrap_or_default();
        let binding = serde_json::to_vec(binding).unwrap_or_default();
        Digest::of_parts([tenant.as_bytes(), authority.as_bytes(), &binding])
    }

    /// A condition that is wrong is a fault, so what is without one here never takes effect.
    fn condition(&mut self, kind: &str, id: &str, condition: Option<wire::Condition>) -> Option<Condition> {
        Condition::compile(&condition?, &format!("{kind}/{id}/condition"), &mut self.faults)
    }

    pub(super) fn route(&mut self, route: wire::Route) {
        self.check_handling(&route);
        let wire::Route {
            id,
            host,
            path,
            methods,
            mode,
            clients,
            scopes,
            exchange,
            external,
            resource,
            place: _,
            target,
            forward,
            cors_preflight,
            foreign_token,
            token_sources,
            claims_out,
            condition,
            condition_enforcement,
            audit,
        } = route;
        if !is_slug(&id) {
            self.fault("route", &id, "id", "must match [a-z0-9][a-z0-9._-]{0,62}");
        }
        if !is_host(&host) {
            self.fault("route", &id, "host", "must be a lower-case host without port, `*.suffix` or `*`");
        }
        if let Err(detail) = check_path(&path) {
            self.fault("route", &id, "path", detail);
        }
        let valid_methods = |list: &[String]| {
            !list.is_empty()
                && list
                    .iter()
                    .all(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'))
        };
        if methods.as_deref().is_some_and(|list| !valid_methods(list)) {
            self.fault("route", &id, "methods", "must name upper-case methods; leave it out for all");
        }
        if clients.is_empty() && mode == Mode::Require {
            self.fault(
                "route",
                &id,
                "clients",
                "must name the clients that may use it; an empty list denies all",
            );
        }
        for client in &clients {
            if !self.clients.contains_key(client) {
                self.fault("route", &id, "clients", format!("no client {client:?}"));
            }
        }
        if scopes.iter().any(|scope| !is_scope(scope)) {
            self.fault("route", &id, "scopes", "must be RFC 6749 scope tokens");
        }
        let sources = self.token_sources(&id, token_sources, forward);
        let claims_out = self.claims_out(&id, &claims_out);
        let condition = self.condition("route", &id, condition);
        let external = self.external_of(&id, external.as_deref());
        let resource_metadata = resource.and_then(|resource| {
            let added = self.resources.add(&resource, &scopes);
            added.map_err(|detail| self.fault("route", &id, "resource", detail)).ok()
        });
        let scope = scopes.join(" ");
        let clients = clients.into_iter().collect();
        let compiled = Arc::new(Route {
            id: id.clone(),
            mode,
            clients,
            scopes,
            scope,
            exchange,
            external,
            target,
            forward,
            cors_preflight,
            foreign_token,
            sources,
            claims_out,
            condition,
            condition_enforcement,
            audit,
            resource_metadata,
        });
        if self.routes_by_id.insert(id.clone(), Arc::clone(&compiled)).is_some() {
            self.fault("route", &id, "id", "is used twice");
        }
        if let Err(other) = self.routes.insert(&host, &path, methods.as_deref(), &compiled) {
            self.fault(
                "route",
                &id,
                "path",
                format!("ties with route {other:?}: same host, path and method"),
            );
        }
    }

    /// What contradicts itself in what a route does with a token.
    fn check_handling(&mut self, route: &wire::Route) {
        let wire::Route { id, mode, exchange, forward, foreign_token, .. } = route;
        if (*exchange == Exchange::External) != route.external.is_some() {
            let detail = "names the external endpoint of `exchange: external`, which needs one";
            self.fault("route", id, "external", detail);
        }
        if route.place == Place::Sidecar && *exchange != Exchange::None {
            self.fault("route", id, "exchange", "must be `none` at a sidecar, which exchanges nothing");
        }
        if *exchange != Exchange::None && *forward {
            let detail = "has no meaning with exchange: the subject token is replaced";
            self.fault("route", id, "forward", detail);
        }
        if *foreign_token == ForeignToken::Pass && *mode == Mode::Require {
            let detail = "`pass` would let a `require` route through unverified";
            self.fault("route", id, "foreign_token", detail);
        }
    }
}

/// RFC 6749 §3.3 `scope-token`.
pub(crate) fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// A lower-case host without port, `*.suffix` or `*`.
pub(crate) fn is_host(host: &str) -> bool {
    let name = match host.strip_prefix('*') {
        Some("") => return true,
        Some(suffix) => match suffix.strip_prefix('.') {
            Some(name) => name,
            None => return false,
        },
        None => host,
    };
    let bracketed = name.starts_with('[') && name.ends_with(']');
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let labels_are_named = name.split('.').all(|label| !label.is_empty());
    labels_are_named
        && name.len() <= 253
        && name.bytes().all(|b| plain(b) || (bracketed && b"[]:".contains(&b)))
}

fn check_path(path: &PathMatch) -> Result<(), String> {
    let (PathMatch::Exact(text) | PathMatch::Prefix(text) | PathMatch::Template(text)) = path;
    let is_variable = |s: &str| s.len() > 2 && s.starts_with('{') && s.ends_with('}');
    let plain = match path {
        PathMatch::Template(template) => {
            let segments = template.split('/').map(|s| if is_variable(s) { "x" } else { s });
            segments.collect::<alloc::vec::Vec<_>>().join("/")
        }
        PathMatch::Exact(_) | PathMatch::Prefix(_) => text.clone(),
    };
    match canonical_path(plain.as_bytes()) {
        Some(canonical) if canonical == plain => Ok(()),
        _ => Err(format!(
            "{text:?} can never match: a request path must start with `/` and be in canonical form"
        )),
    }
}

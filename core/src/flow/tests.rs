//! Decisions about requests: one valid gateway, one thing changed, the exact outcome.
#![expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]

mod cache_hit;
mod cache_reasons;
mod conditions;
mod consumption;
mod delegation;
mod endpoint;
mod endpoint_clients;
mod endpoint_refusals;
mod errands;
mod events;
mod fields;
mod issuer_rules;
mod issuers;
mod keys;
mod lifetime;
mod modes;
mod own;
mod places;
mod profiles;
mod rates;
mod refusals;
mod replies;
mod resources;
mod robustness;
mod secrecy;
mod snapshots;
mod sources;
mod spellings;
mod strict;
mod swap;
mod told;
mod userinfo;
mod userinfo_cache;
mod ways;
mod ways_cache;

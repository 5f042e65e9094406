//! What a decision waits for, and what became of it.

use core::time::Duration;
use std::sync::Arc;

use cambist_core::{
    flow::{Answer, Call, Remote},
    wire::{
        admission::{Admission, AdmissionRequest},
        consumption::Consumption,
    },
};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    Engine,
    consumptions::Unwritten,
    keys::{self, Place},
    seat::Seat,
};
use crate::{fetching::request::Ask, gateway_api::admit::asking};

/// Questions to UserInfo endpoints at once, of all tenants.
pub(super) const MOST_INQUIRIES: usize = 256;

// === impl Engine ===

impl Engine {
    pub(super) async fn call(self: &Arc<Self>, seat: &Arc<Seat>, call: Call, place: Option<Place>) -> Answer {
        match (&call, place) {
            (Call::FetchKeys { .. }, Some(place)) => {
                self.attend(seat);
                match timeout(keys::PATIENCE, place).await {
                    Ok(_) => Answer::Ready,
                    Err(_) => Answer::TimedOut(call),
                }
            }
            (Call::FetchKeys { .. }, None) => Answer::Overloaded,
            (Call::UserInfo { issuer, endpoint, authorization, timeout_ms }, _) => {
                let Ok(_permit) = self.inquiries.try_acquire() else { return Answer::Overloaded };
                let way = seat.inner().ways.get(issuer).cloned();
                let Some(way) = way else { return Answer::Remote(call, Remote::default()) };
                let patience = Duration::from_millis(u64::from(*timeout_ms));
                let ask = Ask::UserInfo { authorization, most_bytes: call.most_bytes() };
                let asked = timeout(patience, self.fetcher.ask(endpoint, &way, ask)).await;
                match asked {
                    Ok(Ok(answer)) => {
                        let remote = Remote {
                            status: answer.status,
                            content_type: answer.content_type,
                            body: answer.body.to_vec(),
                            ..Remote::default()
                        };
                        Answer::Remote(call, remote)
                    }
                    Ok(Err(stop)) => {
                        let error = format!("{}: {}", stop.step.name(), stop.error);
                        tracing::warn!(tenant = seat.tenant, issuer, error, "UserInfo gave no answer");
                        Answer::Remote(call, Remote::default())
                    }
                    Err(_) => Answer::TimedOut(call),
                }
            }
            (Call::ConsumeReplay { issuer, key, exp }, _) => {
                match self.consume(&seat.tenant, issuer, key, *exp).await {
                    Ok(first) => Answer::Remote(call, good(&Consumption { first })),
                    Err(Unwritten::Crowded) => Answer::Overloaded,
                    Err(Unwritten::Invalid | Unwritten::Failed) => Answer::Remote(call, Remote::default()),
                }
            }
            (Call::AdmitIdentity(request), _) => {
                let remote = self.admission(&seat.tenant, request).await;
                Answer::Remote(call, remote)
            }
            // Core asks for none of these here.
            _ => Answer::TimedOut(call),
        }
    }

    /// What a gateway would be told; nothing where that cannot be found out.
    async fn admission(&self, tenant: &str, request: &AdmissionRequest) -> Remote {
        let Ok(asking) = asking(tenant, request.clone(), self.clock.now()) else { return Remote::default() };
        match self.store.admit(tenant, asking).await {
            Ok(verdict) => good(&Admission { verdict }),
            Err(error) => {
                let cause = core::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(tenant, cause, "whether an identity is let in could not be read");
                Remote::default()
            }
        }
    }
}

/// What a gateway would be answered.
fn good(message: &impl Serialize) -> Remote {
    Remote {
        status: 200,
        content_type: Some("application/json".into()),
        body: serde_json::to_vec(message).unwrap_or_default(),
        ..Remote::default()
    }
}

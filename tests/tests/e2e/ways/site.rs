//! A gateway whose only route goes one of the three ways, with everything around it.

use cambist_tests::client::Request;
use cambist_tests::envoy::clock::Clock;
use cambist_tests::external::TokenEndpoint;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::json;

/// Who makes the access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Gateway,
    ControlPlane,
    External,
}

pub(super) const WAYS: [Way; 3] = [Way::Gateway, Way::ControlPlane, Way::External];

/// Everything together.
pub(super) struct Site {
    pub(super) way: Way,
    pub(super) stage: Stage,
    pub(super) endpoint: TokenEndpoint,
}

// === impl Site ===

impl Site {
    pub(super) async fn start(way: Way, workers: u32) -> Self {
        Self::start_at(None, way, workers).await
    }

    /// The same where control plane and gateway have this clock.
    pub(super) async fn start_at(clock: Option<&Clock>, way: Way, workers: u32) -> Self {
        let endpoint = TokenEndpoint::start().await;
        let issuer = Issuer::start(Key::p256("first")).await;
        let policy = |issuer: &Issuer| match way {
            Way::Gateway => Policy::exchange(issuer),
            Way::ControlPlane => {
                let mut policy = Policy::exchange_by("control-plane", issuer);
                // It goes to no issuer on loopback unless it is told to.
                let (source, uri) = ("control_plane", issuer.keys_url());
                policy.issuers[0]["keys"] = json!({ "source": source, "uri": uri, "allow_private": true });
                policy
            }
            Way::External => Policy::exchange_by("external", issuer).at(&endpoint.document()),
        };
        let stage = match clock {
            Some(clock) => Stage::managed_at(clock, workers, issuer, policy).await,
            None => Stage::managed_with(workers, issuer, policy).await,
        };
        let site = Self { way, stage, endpoint };
        // Signed with another key of the same name: refused once the issuer's keys are known.
        let stranger = Key::p256("first").token(&site.stage.issuer.claims("stranger"));
        wait::until("the issuer's keys are known", wait::PATIENCE, async || {
            site.stage.present_to_each_worker(&stranger).await.iter().all(|status| *status == 401)
        })
        .await;
        site
    }

    /// What the upstream sees of `token` from each worker.
    pub(super) async fn seen_everywhere(&self, token: &str) -> Vec<String> {
        let answers = self.stage.envoy.send_to_each_worker(&Request::get("/").bearer(token)).await;
        answers.into_iter().map(|answer| stage::seen(&answer.expect(200)).bearer().to_owned()).collect()
    }

    /// What the upstream sees in the place of a good token of `subject`.
    pub(super) async fn swap(&self, subject: &str) -> String {
        let answer = self.stage.present(&self.stage.issuer.token(subject)).await.expect(200);
        stage::seen(&answer).bearer().to_owned()
    }

    /// Presents `token` to every worker, and expects this of each.
    pub(super) async fn everywhere(&self, token: &str, status: u16) {
        let answers = self.stage.present_to_each_worker(token).await;
        assert!(answers.iter().all(|found| *found == status), "{:?}: {answers:?}", self.way);
    }

    /// How many access tokens were made for the gateway, by whoever makes them.
    pub(super) async fn made(&self) -> u64 {
        let counter = match self.way {
            Way::Gateway => "cambist.decision.minted",
            Way::ControlPlane => "cambist.decision.minted_remote",
            Way::External => "cambist.decision.minted_external",
        };
        self.stage.envoy.counter(counter).await
    }

    /// Whoever makes the access tokens goes away, if that is not the gateway itself.
    pub(super) async fn go_down(&mut self) {
        match self.way {
            Way::Gateway | Way::ControlPlane => self.stage.control_plane_mut().stop().await,
            Way::External => self.endpoint.go_down().await,
        }
    }

    /// And comes back.
    pub(super) async fn come_up(&mut self) {
        match self.way {
            Way::Gateway | Way::ControlPlane => self.stage.control_plane_mut().serve().await,
            Way::External => self.endpoint.come_up().await,
        }
    }

    /// Waits until a good token of `subject` is exchanged at every worker.
    pub(super) async fn until_swapped(&self, subject: &str) {
        let token = self.stage.issuer.token(subject);
        wait::until("every worker exchanges", wait::PATIENCE, async || {
            self.stage.present_to_each_worker(&token).await.iter().all(|status| *status == 200)
        })
        .await;
    }
}

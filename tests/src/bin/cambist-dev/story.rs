//! The story of `just demo`: from a workload's token to a revoke, with every answer shown and checked.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use cambist_tests::client::{Answer, Connection, Request};
use cambist_tests::jwt::Parts;
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::Value;

use crate::issuer::until_interrupted;
use crate::table::Table;

/// The workload of the story, and one beside it.
const WORKLOAD: &str = "system:serviceaccount:shop:cart";
const NEIGHBOUR: &str = "system:serviceaccount:shop:stock";

/// Rows of the story, with the time each took.
struct Story {
    stage: Stage,
    table: Table,
    number: u32,
}

// === impl Story ===

impl Story {
    async fn begin() -> Self {
        println!("Starting a control plane, an issuer, an upstream and Envoy …");
        let begun = Instant::now();
        let stage = Stage::managed(1).await;
        println!("Started in {}.\n", shown(begun.elapsed()));
        show_addresses(&stage);
        Self { stage, table: Table::new(["", "what happens", "request", "answer", "time"]), number: 0 }
    }

    fn tell(&mut self, what: &str, request: &str, answer: impl Into<String>, took: Duration) {
        self.number += 1;
        let (what, request) = (what.to_owned(), request.to_owned());
        self.table.push([self.number.to_string(), what, request, answer.into(), shown(took)]);
    }

    async fn refused_without_token(&mut self, gateway: &mut Connection) {
        let (answer, took) = timed(gateway, &Request::get("/orders")).await;
        let challenge = answer.expect(401).header("www-authenticate").unwrap_or_default().to_owned();
        self.tell("no token: refused", "GET /orders", format!("401, {challenge}"), took);
    }

    async fn swapped(&mut self, gateway: &mut Connection, token: &str) -> Parts {
        let (answer, took) = timed(gateway, &Request::get("/orders").bearer(token)).await;
        let access = Parts::of(stage::seen(&answer.expect(200)).bearer());
        let keys = self.stage.authority_keys().await;
        assert!(access.is_signed_by(&keys), "the upstream's token is not signed with a published key");
        self.tell("the workload's token: swapped", "GET /orders", "200, token of ours at the upstream", took);
        access
    }

    async fn cached(&mut self, gateway: &mut Connection, token: &str, first: &Parts) {
        let (answer, took) = timed(gateway, &Request::get("/orders").bearer(token)).await;
        let again = Parts::of(stage::seen(&answer.expect(200)).bearer());
        assert_eq!(again.claims["jti"], first.claims["jti"], "the second answer is not from the cache");
        self.stage.envoy.until_counted("cambist.decision.minted_cached", 1).await;
        assert_eq!(
            self.stage.envoy.counter("cambist.host_sign").await,
            1,
            "the second answer was signed anew"
        );
        self.tell(
            "the same token again: from the cache",
            "GET /orders",
            "200, same jti, nothing signed",
            took,
        );
    }

    async fn refused_when_altered(&mut self, gateway: &mut Connection, token: &str) {
        let (rest, signature) = token.rsplit_once('.').expect("a token has a signature");
        let signature: String = signature.chars().rev().collect();
        let (answer, took) =
            timed(gateway, &Request::get("/orders").bearer(&format!("{rest}.{signature}"))).await;
        let body = answer.expect(401).text();
        self.tell("an altered token: refused", "GET /orders", format!("401, {}", body.trim()), took);
    }

    async fn listed(&mut self) -> String {
        let begun = Instant::now();
        let identity = self.stage.control_plane().identity(WORKLOAD).await;
        let id = text(&identity, "id");
        let answer = format!("{}…, {}, count {}", &id[..14], text(&identity, "status"), identity["count"]);
        self.tell("its identity is on record", "GET /v1/identities", answer, begun.elapsed());
        id
    }

    async fn revoked(&mut self, gateway: &mut Connection, token: &str, id: &str) {
        let begun = Instant::now();
        self.stage.control_plane().revoke(id).await;
        let path = "POST /v1/identities/…/revoke";
        self.tell("the identity is revoked", path, "done", begun.elapsed());
        let request = Request::get("/orders").bearer(token);
        wait::until("the gateway refuses the identity", wait::PATIENCE, async || {
            gateway.send(&request).await.status == 401
        })
        .await;
        self.tell(
            "the cached token: refused",
            "GET /orders",
            "401, since the revoke took effect",
            begun.elapsed(),
        );
    }

    async fn neighbour_unharmed(&mut self, gateway: &mut Connection, token: &str) {
        let (answer, took) = timed(gateway, &Request::get("/orders").bearer(token)).await;
        let _ = answer.expect(200);
        self.tell("its neighbour goes on", "GET /orders", "200", took);
    }
}

/// Tells the story once.
pub(crate) async fn tell() -> ExitCode {
    let mut story = Story::begin().await;
    let token = story.stage.issuer.token(WORKLOAD);
    let neighbour = story.stage.issuer.token(NEIGHBOUR);
    let mut gateway =
        Connection::open(story.stage.envoy.port()).await.expect("the gateway accepts connections");

    story.refused_without_token(&mut gateway).await;
    let access = story.swapped(&mut gateway, &token).await;
    story.cached(&mut gateway, &token, &access).await;
    story.refused_when_altered(&mut gateway, &token).await;
    let id = story.listed().await;
    story.revoked(&mut gateway, &token, &id).await;
    story.neighbour_unharmed(&mut gateway, &neighbour).await;

    story.table.print();
    println!("\nWhat the workload sent:\n");
    show_token(&Parts::of(&token));
    println!("\nWhat the upstream saw in its place, verified with the keys at /oauth2/v1/keys:\n");
    show_token(&access);
    println!("\nEvery step was as it should be.");
    ExitCode::SUCCESS
}

/// Starts the stage of the story and leaves it running.
pub(crate) async fn leave_running() -> ExitCode {
    let story = Story::begin().await;
    let stage = &story.stage;
    let gateway = format!("http://127.0.0.1:{}", stage.envoy.port());
    let control_plane = format!("http://127.0.0.1:{}", stage.control_plane().port());
    println!("To try:\n");
    println!("  TOKEN={}", stage.issuer.token(WORKLOAD));
    println!("  ADMIN={}", stage.control_plane().admin_token());
    println!("  curl -i -H \"authorization: Bearer $TOKEN\" {gateway}/orders");
    println!("  curl -H \"authorization: Bearer $ADMIN\" {control_plane}/v1/identities");
    println!("  curl -X POST -H \"authorization: Bearer $ADMIN\" {control_plane}/v1/identities/ID/revoke\n");
    println!("The token is good for ten minutes.");
    until_interrupted().await;
    ExitCode::SUCCESS
}

fn show_addresses(stage: &Stage) {
    let mut table = Table::new(["part", "address"]);
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    table.push(["gateway".to_owned(), url(stage.envoy.port())]);
    table.push(["envoy admin".to_owned(), url(stage.envoy.admin_port())]);
    table.push(["control plane".to_owned(), url(stage.control_plane().port())]);
    table.push(["issuer".to_owned(), stage.issuer.iss().to_owned()]);
    table.push(["upstream".to_owned(), url(stage.upstream.port())]);
    table.print();
    println!();
}

fn show_token(token: &Parts) {
    let mut table = Table::new(["claim", "value"]);
    for (part, values) in [("header", &token.header), ("", &token.claims)] {
        for (name, value) in values.as_object().expect("an object") {
            let name = if part.is_empty() { name.clone() } else { format!("{part} {name}") };
            table.push([name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
        }
    }
    table.print();
}

async fn timed(gateway: &mut Connection, request: &Request) -> (Answer, Duration) {
    let begun = Instant::now();
    let answer = gateway.send(request).await;
    (answer, begun.elapsed())
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

//! The text of the page, and what counts as what.

use core::time::Duration;

use super::{Histogram, Metrics, histogram, surface, text::Page};

#[test]
fn writes_help_type_and_escaped_labels() {
    let mut page = Page::default();
    page.write("cambist_gateway_instances", [(vec![String::from("a\"b\\c\nd")], 3)]);
    page.write_by_reason("cambist_decision_<reason>", [("token_expired", 7)]);
    page.write_one("no_such_metric", 1);
    assert_eq!(
        page.into_text(),
        "# HELP cambist_gateway_instances Instances that were heard of in the last five minutes.\n\
         # TYPE cambist_gateway_instances gauge\n\
         cambist_gateway_instances{gateway=\"a\\\"b\\\\c\\nd\"} 3\n\
         # HELP cambist_decision_token_expired Requests that the control plane itself decided so.\n\
         # TYPE cambist_decision_token_expired counter\n\
         cambist_decision_token_expired 7\n"
    );
}

#[test]
fn a_histogram_counts_below_each_bound() {
    let mut histogram = Histogram::default();
    for millis in [0, 1, 3, 70, 20_000] {
        histogram.note(Duration::from_millis(millis));
    }
    let mut page = Page::default();
    page.write_histograms("cambist_request_seconds", [("token", histogram)]);
    let text = page.into_text();
    for line in [
        "cambist_request_seconds_bucket{surface=\"token\",le=\"0.001\"} 2",
        "cambist_request_seconds_bucket{surface=\"token\",le=\"0.005\"} 3",
        "cambist_request_seconds_bucket{surface=\"token\",le=\"10\"} 4",
        "cambist_request_seconds_bucket{surface=\"token\",le=\"+Inf\"} 5",
        "cambist_request_seconds_sum{surface=\"token\"} 20.074000",
        "cambist_request_seconds_count{surface=\"token\"} 5",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}

#[test]
fn requests_that_are_held_open_are_not_measured() {
    for (path, expected) in [
        ("/gateway/v1/snapshot", None),
        ("/gateway/v1/changes", None),
        ("/healthz", None),
        ("/gateway/v1/events", Some("events")),
        ("/gateway/v1/mint", Some("token")),
        ("/oauth2/v1/token", Some("token")),
        ("/tenants/a/oauth2/v1/token", Some("token")),
        ("/v1/auth/oidc/exchange", Some("token")),
        ("/v1/issuers", Some("admin")),
    ] {
        assert_eq!(surface(path), expected, "{path}");
    }
    let metrics = Metrics::default();
    metrics.answered("/healthz", histogram::Stopwatch::start().elapsed());
    assert!(metrics.requests.lock().unwrap().is_empty());
}

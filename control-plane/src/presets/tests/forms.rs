//! Which `iss` texts are of a preset.

use serde_json::json;

use super::{ISS, filled};

#[test]
fn an_iss_of_another_form_is_a_fault() {
    for (preset, iss) in [
        ("eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/"),
        ("eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/A/"),
        ("eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/A/B"),
        ("eks", "https://oidc.eks..amazonaws.com/id/A"),
        ("eks", "https://oidc.eks.eu-west-1.evil.example/.amazonaws.com/id/A"),
        ("eks", "https://oidc.eks.eu-west-1.amazonaws.com.evil.example/id/A"),
        ("eks", "http://oidc.eks.eu-west-1.amazonaws.com/id/A"),
        ("eks", "https://OIDC.eks.eu-west-1.amazonaws.com/id/A"),
        ("eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/A?b"),
        ("gke", "https://container.googleapis.com/v1/projects/p/locations/l/clusters/"),
        ("gke", "https://container.googleapis.com/v1/projects/p/locations/clusters/c"),
        ("gcp", "accounts.google.com"),
        ("gcp", "https://accounts.google.com/"),
        ("github", "https://token.actions.githubusercontent.com/"),
        ("github", "https://token.actions.githubusercontent.com/a/b"),
        ("github", "https://token.actions.githubusercontent.com.evil.example"),
    ] {
        let (_, faults) = filled(&json!({ "id": "a", "preset": preset, "iss": iss }));
        let [fault] = faults.as_slice() else { panic!("{preset} {iss}: {faults:?}") };
        assert_eq!(fault.pointer, "/iss");
        assert!(fault.detail.contains("https://"), "{fault:?}");
    }
}

#[test]
fn an_iss_of_the_form_is_none() {
    let more = [
        ("eks", "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/8EBDC29A6F1E4E0E9B6D00AA11BB22CC"),
        (
            "gke",
            "https://container.googleapis.com/v1/projects/example.com:acme/locations/us-east1-b/clusters/c",
        ),
        ("github", "https://token.actions.githubusercontent.com/acme"),
        ("gitlab", "https://ci.example/gitlab"),
    ];
    for (preset, iss) in ISS.into_iter().chain(more) {
        let (_, faults) = filled(&json!({ "id": "a", "preset": preset, "iss": iss }));
        assert_eq!(faults, [], "{preset} {iss}");
    }
}

#[test]
fn an_iss_that_can_only_be_one_is_filled_in() {
    for (preset, iss) in ISS {
        let (members, faults) = filled(&json!({ "id": "a", "preset": preset }));
        assert_eq!(faults, []);
        let fixed = ["gcp", "github"].contains(&preset);
        assert_eq!(members.get("iss"), fixed.then(|| json!(iss)).as_ref(), "{preset}");
    }
}

#[test]
fn an_unknown_preset_is_a_fault_that_names_those_there_are() {
    let (members, faults) =
        filled(&json!({ "id": "a", "preset": "GitHub", "iss": "https://issuer.example" }));
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.pointer, "/preset");
    for (preset, _) in ISS {
        assert!(fault.detail.contains(preset), "{fault:?}");
    }
    assert_eq!(members.len(), 3);
    // What is no text at all is for the reader to tell.
    assert_eq!(filled(&json!({ "preset": 7 })).1, []);
}

//! The cases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    EXCHANGE, Grant, JWT_BEARER, MOST_BYTES, Refusal, Scene, TOKEN, TOKEN_EXCHANGE, TOKEN_TYPE, encoded, form,
};
use crate::client::Request;
use crate::jwt;
use crate::policy::TARGET;

type Fields<'a> = Vec<(&'a str, &'a str)>;

const BASIC: &[(&str, &str)] = &[("www-authenticate", "Basic realm=\"token endpoint\"")];

/// RFC 7523, RFC 8693 and the JSON form, as those who wrote them down show them.
pub fn grants(scene: &Scene<'_>) -> Vec<Grant> {
    let token = scene.issuer.token("job");
    let access = format!("{TOKEN_TYPE}access_token");
    let jwt_type = format!("{TOKEN_TYPE}jwt");
    let plain: &[&str] = &["access_token", "token_type", "expires_in", "scope"];
    let exchanged: &[&str] = &["issued_token_type", "access_token", "token_type", "expires_in", "scope"];
    let all = json!({ "token_type": "Bearer", "scope": "read write" });
    let with = |name: &str, value: &str| {
        let mut members = all.clone();
        members[name] = value.into();
        members
    };
    vec![
        Grant {
            name: "a workload's assertion with the client's id and `openid`",
            request: form(&[
                ("grant_type", JWT_BEARER),
                ("assertion", &token),
                ("client_id", scene.client),
                ("scope", "openid"),
            ]),
            members: all.clone(),
            names: plain,
        },
        Grant {
            name: "an assertion and nothing else",
            request: form(&[("grant_type", JWT_BEARER), ("assertion", &token)]),
            members: all.clone(),
            names: plain,
        },
        Grant {
            name: "an assertion for less than all",
            request: form(&[
                ("grant_type", JWT_BEARER),
                ("assertion", &token),
                ("scope", "read"),
                ("resource", TARGET),
            ]),
            members: with("scope", "read"),
            names: plain,
        },
        Grant {
            name: "an assertion of a client that proves who it is",
            request: form(&[("grant_type", JWT_BEARER), ("assertion", &token)])
                .header("authorization", basic(scene.client, scene.secret)),
            members: all.clone(),
            names: plain,
        },
        Grant {
            name: "the secret in the body",
            request: form(&[
                ("grant_type", JWT_BEARER),
                ("assertion", &token),
                ("client_id", scene.client),
                ("client_secret", scene.secret),
            ]),
            members: all.clone(),
            names: plain,
        },
        Grant {
            name: "an exchange",
            request: form(&[
                ("grant_type", TOKEN_EXCHANGE),
                ("resource", TARGET),
                ("subject_token", &token),
                ("subject_token_type", &access),
            ]),
            members: with("issued_token_type", &access),
            names: exchanged,
        },
        Grant {
            name: "an exchange that asks for a JWT",
            request: form(&[
                ("grant_type", TOKEN_EXCHANGE),
                ("audience", TARGET),
                ("scope", "write"),
                ("requested_token_type", &jwt_type),
                ("subject_token", &token),
                ("subject_token_type", &jwt_type),
            ]),
            members: json!({ "token_type": "Bearer", "scope": "write", "issued_token_type": jwt_type }),
            names: exchanged,
        },
        Grant {
            name: "the JSON form",
            request: Request::new(Method::POST, EXCHANGE).json(&json!({ "token": token })),
            members: all,
            names: &["token", "access_token", "token_type", "expires_in", "scope"],
        },
    ]
}

/// Every error that both venues give, as requests that show it.
pub fn refusals(scene: &Scene<'_>) -> Vec<Refusal> {
    let good = scene.issuer.token("job");
    let mut all = tokens(scene);
    all.extend(forms(&good));
    all.extend(clients(scene, &good));
    all.extend(transports(&good));
    all
}

/// Tokens that are not accepted, under each of both grants.
fn tokens(scene: &Scene<'_>) -> Vec<Refusal> {
    let changed = |name: &str, value: Value| {
        let mut claims = scene.issuer.claims("job");
        claims[name] = value;
        scene.issuer.sign(&claims)
    };
    let good = scene.issuer.token("job");
    let forged = {
        let (input, signature) = good.rsplit_once('.').expect("a JWS");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        format!("{input}.{first}{}", &signature[1..])
    };
    let rows = [
        ("no JWT", "x".to_owned()),
        ("no JSON in it", "a.b.c".to_owned()),
        ("an issuer that nobody trusts", changed("iss", "https://nobody.example".into())),
        ("a forged signature", forged),
        ("an audience of others", changed("aud", "https://elsewhere.example".into())),
        ("no audience", changed("aud", json!([]))),
        ("a token that has expired", changed("exp", (jwt::now() - 1).into())),
        ("a token of tomorrow", changed("nbf", (jwt::now() + 86_000).into())),
        ("a token bound to a key", changed("cnf", json!({ "jkt": "x" }))),
    ];
    let jwt_type = format!("{TOKEN_TYPE}jwt");
    let mut all = Vec::new();
    for (name, token) in rows {
        let bearer = form(&[("grant_type", JWT_BEARER), ("assertion", &token)]);
        all.push(refusal(name, bearer, 400, "invalid_grant"));
        let exchange = form(&[
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", &token),
            ("subject_token_type", &jwt_type),
        ]);
        all.push(refusal(name, exchange, 400, "invalid_request"));
        let json = Request::new(Method::POST, EXCHANGE).json(&json!({ "token": token }));
        all.push(refusal(name, json, 400, "invalid_grant"));
    }
    let actor = form(&[
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token", &good),
        ("subject_token_type", &jwt_type),
        ("actor_token", &good),
        ("actor_token_type", &jwt_type),
    ]);
    all.push(refusal("an actor where nobody may act", actor, 400, "invalid_request"));
    all
}

/// Parameters that are missing, repeated, foreign or too much.
fn forms(good: &str) -> Vec<Refusal> {
    let jwt_type = format!("{TOKEN_TYPE}jwt");
    let refresh_type = format!("{TOKEN_TYPE}refresh_token");
    let saml_type = format!("{TOKEN_TYPE}saml2");
    let long = "x".repeat(16_385);
    let bearer = [("grant_type", JWT_BEARER), ("assertion", good)];
    let exchange = [("grant_type", TOKEN_EXCHANGE), ("subject_token", good)];
    let typed = ("subject_token_type", jwt_type.as_str());
    let and = |first: &[(&'static str, &str)], more: &[(&'static str, &str)]| {
        form(&first.iter().chain(more).copied().collect::<Fields<'_>>())
    };
    let request = "invalid_request";
    vec![
        refusal("nothing", form(&[]), 400, request),
        refusal("no grant", form(&[("assertion", good)]), 400, request),
        refusal("a grant without a value", form(&[("grant_type", ""), ("assertion", good)]), 400, request),
        refusal("no assertion", form(&[("grant_type", JWT_BEARER)]), 400, request),
        refusal("an empty assertion", form(&[("grant_type", JWT_BEARER), ("assertion", "")]), 400, request),
        refusal(
            "a token that is too long",
            form(&[("grant_type", JWT_BEARER), ("assertion", &long)]),
            400,
            request,
        ),
        refusal("a parameter twice", and(&bearer, &[("scope", "read"), ("scope", "read")]), 400, request),
        refusal("the grant twice", and(&bearer, &[("grant_type", JWT_BEARER)]), 400, request),
        refusal(
            "a subject token beside an assertion",
            and(&bearer, &[("subject_token", good)]),
            400,
            request,
        ),
        refusal(
            "an assertion beside a subject token",
            and(&exchange, &[typed, ("assertion", good)]),
            400,
            request,
        ),
        refusal("a subject token without its type", and(&exchange, &[]), 400, request),
        refusal("a refresh token", and(&exchange, &[("subject_token_type", &refresh_type)]), 400, request),
        refusal("a SAML assertion", and(&exchange, &[("subject_token_type", &saml_type)]), 400, request),
        refusal(
            "an actor token without its type",
            and(&exchange, &[typed, ("actor_token", good)]),
            400,
            request,
        ),
        refusal(
            "an actor's type without a token",
            and(&exchange, &[typed, ("actor_token_type", &jwt_type)]),
            400,
            request,
        ),
        refusal(
            "asking for a refresh token",
            and(&exchange, &[typed, ("requested_token_type", &refresh_type)]),
            400,
            request,
        ),
        refusal("a scope too many", and(&bearer, &[("scope", "read admin")]), 400, "invalid_scope"),
        refusal("a scope that is none", and(&bearer, &[("scope", "a\"b")]), 400, "invalid_scope"),
        refusal(
            "a target of others",
            and(&bearer, &[("audience", "https://other.example")]),
            400,
            "invalid_target",
        ),
        refusal(
            "one target of others among ours",
            and(&bearer, &[("audience", TARGET), ("audience", "https://other.example")]),
            400,
            "invalid_target",
        ),
        refusal("a resource that is no URI", and(&bearer, &[("resource", "orders")]), 400, "invalid_target"),
        refusal(
            "a resource with a fragment",
            and(&bearer, &[("resource", &format!("{TARGET}#x"))]),
            400,
            "invalid_target",
        ),
        refusal("passwords", form(&[("grant_type", "password")]), 400, "unsupported_grant_type"),
        refusal("codes", form(&[("grant_type", "authorization_code")]), 400, "unsupported_grant_type"),
        refusal("refresh tokens", form(&[("grant_type", "refresh_token")]), 400, "unsupported_grant_type"),
    ]
}

/// Clients that are not there, or prove it wrongly.
fn clients(scene: &Scene<'_>, good: &str) -> Vec<Refusal> {
    let bearer = [("grant_type", JWT_BEARER), ("assertion", good)];
    let and =
        |more: &[(&'static str, &str)]| form(&bearer.iter().chain(more).copied().collect::<Fields<'_>>());
    let (client, secret) = (scene.client, scene.secret);
    let invalid = "invalid_client";
    let mut all = vec![
        refusal("a client that nobody knows", and(&[("client_id", "cl_nobody")]), 401, invalid),
        refusal("a wrong secret", and(&[("client_id", client), ("client_secret", "wrong")]), 401, invalid),
        refusal(
            "a secret of a client that nobody knows",
            and(&[("client_id", "cl_nobody"), ("client_secret", secret)]),
            401,
            invalid,
        ),
        refusal(
            "an assertion of the client, which is not served",
            and(&[("client_id", client), ("client_assertion", "a.b.c")]),
            401,
            invalid,
        ),
        refusal(
            "both ways to present a secret",
            and(&[("client_secret", secret)]).header("authorization", basic(client, secret)),
            400,
            "invalid_request",
        ),
        refusal(
            "two clients",
            and(&[("client_id", "cl_other")]).header("authorization", basic(client, secret)),
            400,
            "invalid_request",
        ),
        refusal("a secret of nobody", and(&[("client_secret", secret)]), 400, "invalid_request"),
    ];
    for (name, value) in [
        ("a wrong secret in the header", basic(client, "wrong")),
        ("a client that nobody knows in the header", basic("cl_nobody", secret)),
        ("a header that is not base64", "Basic !".to_owned()),
        ("another scheme", format!("Bearer {good}")),
    ] {
        let request = and(&[]).header("authorization", value);
        all.push(Refusal { headers: BASIC, ..refusal(name, request, 401, invalid) });
    }
    all
}

/// Requests that are no POST of a form.
fn transports(good: &str) -> Vec<Refusal> {
    let fields = encoded(&[("grant_type", JWT_BEARER), ("assertion", good)]);
    let request = "invalid_request";
    let json = json!({ "token": good });
    let allow: &[(&str, &str)] = &[("allow", "POST")];
    let mut all = vec![
        refusal("JSON where a form belongs", Request::new(Method::POST, TOKEN).json(&json), 400, request),
        refusal(
            "a form where JSON belongs",
            Request::new(Method::POST, EXCHANGE).form(&fields),
            400,
            request,
        ),
        refusal("JSON that is none", Request::new(Method::POST, EXCHANGE).json(&json!([good])), 400, request),
        refusal(
            "a member that nobody knows",
            Request::new(Method::POST, EXCHANGE).json(&json!({ "token": good, "permission": "read-write" })),
            400,
            request,
        ),
        refusal("no body", Request::new(Method::POST, TOKEN).form(""), 400, request),
        refusal(
            "everything in the query",
            Request::new(Method::POST, format!("{TOKEN}?{fields}")).form(""),
            400,
            request,
        ),
        refusal(
            "a body that is too long",
            Request::new(Method::POST, TOKEN).form(&"x".repeat(MOST_BYTES + 1)),
            413,
            request,
        ),
        refusal(
            "bytes that are no text",
            Request::new(Method::POST, TOKEN).form("grant_type=%FF"),
            400,
            request,
        ),
        refusal(
            "an escape that is none",
            Request::new(Method::POST, TOKEN).form("grant_type=%zz"),
            400,
            request,
        ),
    ];
    for (method, path) in
        [(Method::GET, TOKEN), (Method::GET, EXCHANGE), (Method::PUT, TOKEN), (Method::DELETE, TOKEN)]
    {
        let path = format!("{path}?{fields}");
        all.push(Refusal {
            headers: allow,
            ..refusal("another method", Request::new(method, path), 405, request)
        });
    }
    all
}

fn refusal(name: &'static str, request: Request, status: u16, error: &'static str) -> Refusal {
    Refusal { name, request, status, error, headers: &[] }
}

fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", super::escaped(client), super::escaped(secret))))
}

#!/usr/bin/env python3
"""What a workload does at a token endpoint, one line per answer, so that two endpoints can be compared byte by byte.

    workload.py BASE-URL CLIENT-ID SUBJECT-TOKEN-FILE ACTOR-TOKEN-FILE

Three stories: the form of RFC 7523 with a client id and scope `openid`, the JSON form, and token exchange as RFC 8693
shows it in its section 2.3 and appendix A, for impersonation and for delegation. Each request is then spoiled in the ways
that a caller spoils them. Times, ids and signatures are left out of what is printed; everything else is told, headers included.
"""

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
TOLD = ("content-type", "cache-control", "pragma", "www-authenticate", "retry-after", "allow")


def main():
    base, client, subject_file, actor_file = sys.argv[1:]
    # Token files may end with a line break.
    subject, actor = (open(name).read().strip() for name in (subject_file, actor_file))
    form = lambda name, fields: tell(name, post(base + "/oauth2/v1/token", urllib.parse.urlencode(fields), "form"))
    document = lambda name, value: tell(name, post(base + "/v1/auth/oidc/exchange", json.dumps(value), "json"))

    bearer = {"grant_type": JWT_BEARER, "assertion": subject, "client_id": client, "scope": "openid"}
    form("workload: form", bearer)
    form("workload: no client id", without(bearer, "client_id"))
    form("workload: narrower", {**bearer, "scope": "read"})
    form("workload: unknown scope", {**bearer, "scope": "admin"})
    form("workload: unknown client", {**bearer, "client_id": "cl_nobody"})
    form("workload: no assertion", without(bearer, "assertion"))
    form("workload: spoiled assertion", {**bearer, "assertion": spoiled(subject)})
    form("workload: wrong grant", {**bearer, "grant_type": "password"})

    document("pod: json", {"token": subject})
    document("pod: of a client", {"token": subject, "client_id": client})
    document("pod: no token", {"client_id": client})
    document("pod: unknown member", {"token": subject, "surprise": True})
    document("pod: spoiled token", {"token": spoiled(subject)})

    exchange = {
        "grant_type": TOKEN_EXCHANGE,
        "resource": "https://upstream.example",
        "subject_token": subject,
        "subject_token_type": TOKEN_TYPE + "jwt",
    }
    acting = {**exchange, "actor_token": actor, "actor_token_type": TOKEN_TYPE + "jwt"}
    form("exchange: impersonation", exchange)
    form("exchange: delegation", acting)
    form("exchange: asked for an access token", {**exchange, "requested_token_type": TOKEN_TYPE + "access_token"})
    form("exchange: asked for SAML", {**exchange, "requested_token_type": TOKEN_TYPE + "saml2"})
    form("exchange: another target", {**exchange, "resource": "https://elsewhere.example"})
    form("exchange: no type", without(exchange, "subject_token_type"))
    form("exchange: a refresh token", {**exchange, "subject_token_type": TOKEN_TYPE + "refresh_token"})
    form("exchange: actor without type", without(acting, "actor_token_type"))
    form("exchange: type without actor", without(acting, "actor_token"))
    form("exchange: spoiled subject", {**exchange, "subject_token": spoiled(subject)})
    form("exchange: spoiled actor", {**acting, "actor_token": spoiled(actor)})
    tell("get", ask(urllib.request.Request(base + "/oauth2/v1/token")))


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


def spoiled(token):
    """The token with another last character of its payload, which its signature is not for."""
    head, payload, signature = token.split(".")
    claims = json.loads(decoded(payload))
    claims["sub"] = "root"
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return ".".join((head, payload, signature))


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def post(url, body, form):
    kind = {"form": "application/x-www-form-urlencoded", "json": "application/json"}[form]
    return ask(urllib.request.Request(url, body.encode(), {"content-type": kind}, method="POST"))


def ask(request):
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    return answer.status, {name: answer.headers[name] for name in TOLD if answer.headers[name]}, answer.read().decode()


def tell(name, answer):
    status, headers, body = answer
    if status == 200:
        members = json.loads(body)
        head, payload, _ = members["access_token"].split(".")
        token = {**without(json.loads(decoded(head)), "kid"), **json.loads(decoded(payload))}
        assert 0 < members["expires_in"] <= 900, members["expires_in"]
        assert token["exp"] - token["iat"] <= 900
        for time_or_id in ("iat", "nbf", "exp", "jti"):
            token.pop(time_or_id)
        members = {key: value for key, value in members.items() if key not in ("access_token", "token", "expires_in")}
        body = json.dumps([members, token], sort_keys=True)
    print(json.dumps([name, status, headers, body]), flush=True)


if __name__ == "__main__":
    main()

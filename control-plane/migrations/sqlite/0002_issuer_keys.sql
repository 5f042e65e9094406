-- Public keys of issuers that gateways do not fetch: somebody pushed them, or the control plane fetched them. Apart from
-- the issuer's document, so that whoever applies that does not lose them.

CREATE TABLE issuer_keys (
    tenant         TEXT    NOT NULL REFERENCES tenants (tenant),
    issuer         TEXT    NOT NULL,
    -- `pushed` or `control_plane`.
    source         TEXT    NOT NULL,
    -- SHA-256 of what the issuer's document said of where its keys are from; under another document they are not used.
    origin         BLOB    NOT NULL,
    -- The usable keys, public members only.
    jwks           TEXT    NOT NULL,
    -- The other keys and why they are not used.
    skipped        TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    actor          TEXT    NOT NULL,
    at_ms          INTEGER NOT NULL,
    -- When fetched keys grow stale; none for pushed ones.
    fresh_until_ms INTEGER,
    PRIMARY KEY (tenant, issuer)
) STRICT;

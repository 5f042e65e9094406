-- Every row names its tenant; times are Unix milliseconds.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE tenants (
    tenant           TEXT    NOT NULL PRIMARY KEY,
    authority        TEXT    NOT NULL,
    max_staleness    INTEGER NOT NULL,
    -- Grows with every change; the two beside it hold the epoch of the last change of their kind.
    epoch            INTEGER NOT NULL,
    snapshot_epoch   INTEGER NOT NULL,
    revocation_epoch INTEGER NOT NULL,
    -- Deltas of revocations are complete for every `since` from here on.
    changes_floor    INTEGER NOT NULL,
    created_ms       INTEGER NOT NULL
) STRICT;

CREATE TABLE admin_tokens (
    token_sha256 BLOB    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL REFERENCES tenants (tenant),
    name         TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE objects (
    tenant     TEXT    NOT NULL REFERENCES tenants (tenant),
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    -- The client of a binding; empty for every other kind.
    parent     TEXT    NOT NULL,
    doc        TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT;

CREATE INDEX objects_by_parent ON objects (tenant, kind, parent, id);

CREATE TABLE object_references (
    tenant      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    pointer     TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id   TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id, pointer),
    FOREIGN KEY (tenant, kind, id) REFERENCES objects (tenant, kind, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, target_kind, target_id) REFERENCES objects (tenant, kind, id)
) STRICT;

CREATE INDEX object_references_by_target ON object_references (tenant, target_kind, target_id);

CREATE TABLE gateway_tokens (
    token_sha256 BLOB    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL REFERENCES tenants (tenant),
    gateway      TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL
) STRICT;

CREATE INDEX gateway_tokens_by_gateway ON gateway_tokens (tenant, gateway);

CREATE TABLE instances (
    tenant        TEXT    NOT NULL REFERENCES tenants (tenant),
    gateway       TEXT    NOT NULL,
    instance      TEXT    NOT NULL,
    running_epoch INTEGER NOT NULL,
    last_error    TEXT,
    last_seen_ms  INTEGER NOT NULL,
    dropped       INTEGER NOT NULL,
    PRIMARY KEY (tenant, gateway, instance)
) STRICT;

CREATE TABLE identities (
    tenant        TEXT    NOT NULL REFERENCES tenants (tenant),
    id            TEXT    NOT NULL,
    -- The tuple is unknown while the identity was revoked but never seen.
    client_id     TEXT,
    issuer        TEXT,
    audience      TEXT,
    subject       TEXT,
    first_seen_ms INTEGER,
    last_seen_ms  INTEGER,
    count         INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX identities_by_client ON identities (tenant, client_id, id);
CREATE INDEX identities_by_issuer ON identities (tenant, issuer, id);

CREATE TABLE revocations (
    tenant  TEXT    NOT NULL REFERENCES tenants (tenant),
    kind    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    -- 0 after a reinstatement: the row stays so that gateways that lag behind hear of it.
    revoked INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT;

CREATE INDEX revocations_by_epoch ON revocations (tenant, epoch);

CREATE TABLE keys (
    tenant        TEXT    NOT NULL REFERENCES tenants (tenant),
    kid           TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    alg           TEXT    NOT NULL,
    public_jwk    TEXT    NOT NULL,
    -- PKCS#8, encrypted; `kek_id` names the key-encryption key.
    private_key   BLOB    NOT NULL,
    kek_id        TEXT    NOT NULL,
    created_ms    INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    -- No end for the authority's own key.
    not_after_ms  INTEGER,
    PRIMARY KEY (tenant, kid)
) STRICT;

CREATE TABLE audit (
    id       INTEGER NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL REFERENCES tenants (tenant),
    at_ms    INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    object   TEXT    NOT NULL,
    request  TEXT    NOT NULL,
    instance TEXT,
    sequence INTEGER,
    detail   TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_by_tenant ON audit (tenant, id);
-- A gateway delivers at least once: an event is stored once.
CREATE UNIQUE INDEX audit_by_sequence ON audit (tenant, actor, instance, sequence) WHERE sequence IS NOT NULL;

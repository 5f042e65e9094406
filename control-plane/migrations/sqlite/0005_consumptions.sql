-- Uses of tokens under a replay policy: the primary key decides who was first, whichever gateway asked.

CREATE TABLE consumptions (
    tenant TEXT    NOT NULL REFERENCES tenants (tenant),
    issuer TEXT    NOT NULL,
    -- SHA-256 of what tells the token, and under `once-per-target` its use, apart.
    key    BLOB    NOT NULL,
    -- Unix seconds after which no gateway takes the token.
    exp    INTEGER NOT NULL,
    PRIMARY KEY (tenant, issuer, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX consumptions_by_exp ON consumptions (exp);

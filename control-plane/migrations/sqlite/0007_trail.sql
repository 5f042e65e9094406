-- The trail: audit rows as a chain, events by range, labels of identities, and revoked access tokens.

-- SHA-256 over the hash of the tenant's row before it and all columns of this one; NULL until the upgrade has been there.
ALTER TABLE audit ADD COLUMN hash BLOB;

-- Where the chain of a tenant ends. Rows up to `legacy` are from before there was one; the upgrade seals them in order.
CREATE TABLE audit_heads (
    tenant TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant),
    id     INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    legacy INTEGER NOT NULL
) STRICT;

INSERT INTO audit_heads (tenant, id, hash, legacy)
SELECT t.tenant, 0, zeroblob(32), COALESCE((SELECT MAX(a.id) FROM audit a WHERE a.tenant = t.tenant), 0)
FROM tenants t;

-- Which sequences of an instance are stored, as closed ranges that neither meet nor overlap. A gateway delivers at least
-- once: what lies in a range is stored already. What lies between two ranges was lost.
CREATE TABLE sequences (
    tenant     TEXT    NOT NULL REFERENCES tenants (tenant),
    actor      TEXT    NOT NULL,
    instance   TEXT    NOT NULL,
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    PRIMARY KEY (tenant, actor, instance, first)
) STRICT, WITHOUT ROWID;

INSERT INTO sequences (tenant, actor, instance, first, last)
SELECT tenant, actor, instance, MIN(sequence), MAX(sequence)
FROM (
    SELECT tenant, actor, instance, sequence,
           sequence - ROW_NUMBER() OVER (PARTITION BY tenant, actor, instance ORDER BY sequence) AS island
    FROM audit WHERE sequence IS NOT NULL AND instance IS NOT NULL
)
GROUP BY tenant, actor, instance, island;

-- Both cost every event more than they give: ids are in order of time, and ranges tell what is stored. An index over
-- objects would have every event write a page of its own.
DROP INDEX audit_by_tenant;
DROP INDEX audit_by_sequence;

-- What administrators call an identity: a JSON object of texts.
ALTER TABLE identities ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';

-- Access tokens of ours that were revoked one by one, until they end.
CREATE TABLE revoked_tokens (
    tenant TEXT    NOT NULL REFERENCES tenants (tenant),
    jti    TEXT    NOT NULL,
    exp    INTEGER NOT NULL,
    epoch  INTEGER NOT NULL,
    PRIMARY KEY (tenant, jti)
) STRICT;

CREATE INDEX revoked_tokens_by_epoch ON revoked_tokens (tenant, epoch);

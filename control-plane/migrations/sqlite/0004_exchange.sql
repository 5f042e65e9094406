-- The control plane as exchanger: secrets of clients, and identities that are clients themselves.

CREATE TABLE client_secrets (
    tenant        TEXT    NOT NULL REFERENCES tenants (tenant),
    client_id     TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    secret_sha256 BLOB    NOT NULL,
    created_ms    INTEGER NOT NULL,
    PRIMARY KEY (tenant, client_id, id)
) STRICT;

-- `workload`, or `client` for one that came with its own secret.
ALTER TABLE identities ADD COLUMN kind TEXT NOT NULL DEFAULT 'workload';

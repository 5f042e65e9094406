-- Enrolment: whom an administrator let in, and who asks to be let in.

-- When an administrator registered or approved it; none for one that was only seen or revoked.
ALTER TABLE identities ADD COLUMN admitted_ms INTEGER;

-- Registering left a row in the audit before it left one here.
UPDATE identities SET admitted_ms = created_ms WHERE EXISTS (
    SELECT 1 FROM audit WHERE audit.tenant = identities.tenant AND audit.kind = 'identity'
    AND audit.action = 'create' AND audit.object = identities.id
);

CREATE TABLE pending_identities (
    tenant         TEXT    NOT NULL REFERENCES tenants (tenant),
    id             TEXT    NOT NULL,
    -- The binding that its token fits.
    binding        TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    audience       TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    fields         TEXT    NOT NULL,
    first_asked_ms INTEGER NOT NULL,
    last_asked_ms  INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

-- What is told of a workload beside its subject: a JSON object of texts, as the last token said.

ALTER TABLE identities ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';

-- IdM server: passkeys (WebAuthn). `credential` is the public key with counter and flags, as JSON; nothing is secret.

CREATE TABLE passkeys (
    id         BYTEA NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 1023),
    subject    TEXT NOT NULL,
    name       TEXT NOT NULL,
    usage      TEXT NOT NULL CHECK (usage IN ('alone', 'after-password')),
    credential TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX passkeys_by_subject ON passkeys (subject);

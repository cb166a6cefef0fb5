-- IdM server: passkeys (WebAuthn). `credential` is the public key with counter and flags, as JSON; nothing is secret.

CREATE TABLE passkeys (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 1023),
    subject    TEXT NOT NULL,
    name       TEXT NOT NULL,
    usage      TEXT NOT NULL CHECK (usage IN ('alone', 'after-password')),
    credential TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_subject ON passkeys (subject);

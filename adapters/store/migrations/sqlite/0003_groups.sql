-- GMS: group documents and GKTP documents as served, group keys sealed under the store key.

CREATE TABLE group_documents (
    group_id TEXT NOT NULL PRIMARY KEY,
    octets   BLOB NOT NULL,
    etag     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transport_documents (
    mcptt_id TEXT NOT NULL PRIMARY KEY,
    octets   BLOB NOT NULL,
    etag     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_keys (
    gmk_id     INTEGER NOT NULL PRIMARY KEY,
    group_id   TEXT NOT NULL,
    activation INTEGER NOT NULL,
    expiry     INTEGER,
    revoke_at  INTEGER,
    revoked    INTEGER NOT NULL,
    sealed     BLOB NOT NULL
) STRICT;

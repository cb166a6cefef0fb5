-- GMS: group documents and GKTP documents as served, group keys sealed under the store key.

CREATE TABLE group_documents (
    group_id TEXT NOT NULL PRIMARY KEY,
    octets   BYTEA NOT NULL,
    etag     TEXT NOT NULL
);

CREATE TABLE transport_documents (
    mcptt_id TEXT NOT NULL PRIMARY KEY,
    octets   BYTEA NOT NULL,
    etag     TEXT NOT NULL
);

CREATE TABLE group_keys (
    gmk_id     BIGINT NOT NULL PRIMARY KEY,
    group_id   TEXT NOT NULL,
    activation BIGINT NOT NULL,
    expiry     BIGINT,
    revoke_at  BIGINT,
    revoked    BOOLEAN NOT NULL,
    sealed     BYTEA NOT NULL
);

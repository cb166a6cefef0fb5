-- Users, clients, codes, refresh tokens and signing keys of the IdM server.
-- Codes and tokens are SHA-256 digests, client secrets too; `sealed` is AES-256-GCM under the store key.

CREATE TABLE users (
    subject       TEXT NOT NULL PRIMARY KEY,
    login         TEXT COLLATE "C" NOT NULL UNIQUE,
    password      TEXT NOT NULL,
    mcptt_id      TEXT NOT NULL UNIQUE,
    entitlement   TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
    failure_count BIGINT NOT NULL DEFAULT 0,
    failure_last  BIGINT
);

CREATE TABLE clients (
    client_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    secret    BYTEA CHECK (secret IS NULL OR length(secret) = 32),
    scopes    TEXT NOT NULL
);

CREATE TABLE client_redirect_uris (
    client_id    TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    PRIMARY KEY (client_id, redirect_uri)
);

CREATE TABLE codes (
    digest           BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    grant_id         TEXT NOT NULL,
    client_id        TEXT NOT NULL,
    redirect_uri     TEXT NOT NULL,
    challenge        BYTEA NOT NULL CHECK (length(challenge) = 32),
    subject          TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    nonce            TEXT,
    authenticated_at BIGINT NOT NULL,
    acr              TEXT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used             BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX codes_by_end ON codes (expires_at);
CREATE INDEX codes_by_grant ON codes (grant_id);

CREATE TABLE refresh_tokens (
    digest           BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    grant_id         TEXT NOT NULL,
    client_id        TEXT NOT NULL,
    subject          TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    acr              TEXT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used             BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

CREATE TABLE revoked_grants (
    grant_id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm  TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sealed     BYTEA NOT NULL
);

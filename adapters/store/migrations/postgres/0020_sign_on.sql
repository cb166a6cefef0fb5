-- IdM server: other MC service identities, sessions of browsers, consent, second factors.
-- Cookies, recovery codes and registration tokens are SHA-256 digests; `sealed` is AES-256-GCM under the store key.

ALTER TABLE users ADD COLUMN mcvideo_id TEXT;
ALTER TABLE users ADD COLUMN mcdata_id TEXT;
CREATE UNIQUE INDEX users_by_mcvideo_id ON users (mcvideo_id);
CREATE UNIQUE INDEX users_by_mcdata_id ON users (mcdata_id);

ALTER TABLE codes ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE codes ADD COLUMN session TEXT;
ALTER TABLE refresh_tokens ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE refresh_tokens ADD COLUMN session TEXT;
CREATE INDEX codes_by_session ON codes (session);
CREATE INDEX codes_by_subject ON codes (subject);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session);
CREATE INDEX refresh_tokens_by_subject ON refresh_tokens (subject);

ALTER TABLE clients ADD COLUMN resource_server BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN consent TEXT NOT NULL DEFAULT 'implied' CHECK (consent IN ('implied', 'ask'));
ALTER TABLE clients ADD COLUMN application TEXT NOT NULL DEFAULT 'native' CHECK (application IN ('native', 'web'));
ALTER TABLE clients ADD COLUMN registration BYTEA CHECK (registration IS NULL OR length(registration) = 32);

CREATE TABLE client_post_logout_uris (
    client_id    TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    PRIMARY KEY (client_id, redirect_uri)
);

CREATE TABLE browsers (
    digest           BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    session          TEXT NOT NULL UNIQUE,
    subject          TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    amr              TEXT NOT NULL,
    expires_at       BIGINT NOT NULL
);
CREATE INDEX browsers_by_end ON browsers (expires_at);
CREATE INDEX browsers_by_subject ON browsers (subject);

CREATE TABLE consents (
    subject   TEXT NOT NULL,
    client_id TEXT NOT NULL,
    scopes    TEXT NOT NULL,
    PRIMARY KEY (subject, client_id)
);

CREATE TABLE second_factors (
    subject   TEXT NOT NULL PRIMARY KEY,
    sealed    BYTEA NOT NULL,
    last_step BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    subject TEXT NOT NULL REFERENCES second_factors (subject) ON DELETE CASCADE,
    digest  BYTEA NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (subject, digest)
);

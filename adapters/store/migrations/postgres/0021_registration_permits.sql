-- IdM server: who may register clients. The token is a SHA-256 digest.

CREATE TABLE registration_permits (
    digest     BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    uses       BIGINT NOT NULL CHECK (uses >= 0),
    expires_at BIGINT NOT NULL
);

-- SIP core: subscribers with their public identities in order; passwords sealed under the store key.

CREATE TABLE subscribers (
    username TEXT NOT NULL PRIMARY KEY,
    sealed   BYTEA NOT NULL
);

CREATE TABLE subscriber_identities (
    identity TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL REFERENCES subscribers (username) ON DELETE CASCADE,
    position BIGINT NOT NULL
);

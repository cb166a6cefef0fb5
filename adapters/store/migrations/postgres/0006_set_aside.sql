-- GMS: GKTP documents of a change that is too large for memory, until its commit; without octets, to be deleted.

CREATE TABLE transport_set_aside (
    mcptt_id TEXT NOT NULL PRIMARY KEY,
    octets   BYTEA,
    etag     TEXT
);

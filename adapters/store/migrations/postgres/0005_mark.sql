-- A known text under the store key, so that a wrong key is noticed at once.

CREATE TABLE store_mark (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);

-- KMS: replay memory and audit. What came with several domains has the shape of then at once: see 0010.

CREATE TABLE kms_requests (
    kms_uri       TEXT NOT NULL,
    digest        BYTEA NOT NULL CHECK (length(digest) = 32),
    remember_till BIGINT NOT NULL,
    PRIMARY KEY (kms_uri, digest)
);
CREATE INDEX kms_requests_by_end ON kms_requests (remember_till);

CREATE TABLE kms_audit (
    entry    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kms_uri  TEXT NOT NULL,
    time     BIGINT NOT NULL,
    caller   TEXT,
    path     TEXT NOT NULL,
    released TEXT NOT NULL,
    status   BIGINT NOT NULL,
    refusal  TEXT
);

-- KMS: master secrets, accounts with TrK and InK, replay memory, External certificates, audit.

CREATE TABLE kms_masters (
    kms_uri TEXT NOT NULL PRIMARY KEY,
    sealed  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kms_accounts (
    user_uri    TEXT NOT NULL PRIMARY KEY,
    certificate TEXT UNIQUE,
    sealed      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kms_requests (
    digest       BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    remember_till INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX kms_requests_by_end ON kms_requests (remember_till);

CREATE TABLE kms_certificates (
    kms_uri  TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kms_cache (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO kms_cache (id, number) VALUES (1, 0);

CREATE TABLE kms_audit (
    entry    INTEGER PRIMARY KEY AUTOINCREMENT,
    time     INTEGER NOT NULL,
    caller   TEXT,
    path     TEXT NOT NULL,
    released TEXT NOT NULL,
    status   INTEGER NOT NULL,
    refusal  TEXT
) STRICT;

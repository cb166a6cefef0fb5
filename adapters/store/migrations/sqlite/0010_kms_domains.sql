-- KMS: several domains in one file, each with its own accounts, replay memory, certificates, cache number and audit.
-- A file from before has one domain at most: that of its master secrets.

CREATE TABLE kms_accounts_by_domain (
    kms_uri     TEXT NOT NULL,
    user_uri    TEXT NOT NULL,
    certificate TEXT,
    -- 0: sealed before there were domains; sealed again when the file is opened.
    bound       INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    PRIMARY KEY (kms_uri, user_uri),
    UNIQUE (kms_uri, certificate)
) STRICT, WITHOUT ROWID;
INSERT INTO kms_accounts_by_domain
    SELECT COALESCE((SELECT min(kms_uri) FROM kms_masters), ''), user_uri, certificate, 0, sealed FROM kms_accounts;
DROP TABLE kms_accounts;
ALTER TABLE kms_accounts_by_domain RENAME TO kms_accounts;

CREATE TABLE kms_requests_by_domain (
    kms_uri       TEXT NOT NULL,
    digest        BLOB NOT NULL CHECK (length(digest) = 32),
    remember_till INTEGER NOT NULL,
    PRIMARY KEY (kms_uri, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO kms_requests_by_domain
    SELECT COALESCE((SELECT min(kms_uri) FROM kms_masters), ''), digest, remember_till FROM kms_requests;
DROP TABLE kms_requests;
ALTER TABLE kms_requests_by_domain RENAME TO kms_requests;
CREATE INDEX kms_requests_by_end ON kms_requests (remember_till);

-- External certificates by the domain that gives them, the domain they are of, and their CertUri ('' for none).
CREATE TABLE kms_certificates_by_domain (
    kms_uri  TEXT NOT NULL,
    external TEXT NOT NULL,
    cert_uri TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kms_uri, external, cert_uri)
) STRICT, WITHOUT ROWID;
INSERT INTO kms_certificates_by_domain
    SELECT COALESCE((SELECT min(kms_uri) FROM kms_masters), ''), kms_uri,
           COALESCE(json_extract(document, '$.cert_uri'), ''), document
    FROM kms_certificates;
DROP TABLE kms_certificates;
ALTER TABLE kms_certificates_by_domain RENAME TO kms_certificates;

CREATE TABLE kms_cache_by_domain (
    kms_uri TEXT NOT NULL PRIMARY KEY,
    number  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO kms_cache_by_domain
    SELECT COALESCE((SELECT min(kms_uri) FROM kms_masters), ''), number FROM kms_cache;
DROP TABLE kms_cache;
ALTER TABLE kms_cache_by_domain RENAME TO kms_cache;

ALTER TABLE kms_audit ADD COLUMN kms_uri TEXT NOT NULL DEFAULT '';
UPDATE kms_audit SET kms_uri = COALESCE((SELECT min(kms_uri) FROM kms_masters), '');

-- Master secrets with their certificate: two of one domain while its master keys change, in the order of service.
CREATE TABLE kms_roots (
    entry       INTEGER PRIMARY KEY AUTOINCREMENT,
    kms_uri     TEXT NOT NULL,
    cert_uri    TEXT NOT NULL,
    valid_from  INTEGER,
    valid_to    INTEGER,
    revoked     INTEGER NOT NULL,
    key_period  INTEGER NOT NULL,
    key_offset  INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    UNIQUE (kms_uri, cert_uri)
) STRICT;

CREATE TABLE kms_revocations (
    kms_uri  TEXT NOT NULL,
    identity TEXT NOT NULL,
    period   INTEGER NOT NULL,
    PRIMARY KEY (kms_uri, identity, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE kms_user_domains (
    kms_uri  TEXT NOT NULL,
    user_uri TEXT NOT NULL,
    place    INTEGER NOT NULL,
    domain   TEXT NOT NULL,
    PRIMARY KEY (kms_uri, user_uri, place)
) STRICT, WITHOUT ROWID;

-- KMS redirect responses that clients uploaded, the newest of each domain.
CREATE TABLE kms_redirects (
    entry    INTEGER PRIMARY KEY AUTOINCREMENT,
    kms_uri  TEXT NOT NULL,
    from_uri TEXT NOT NULL,
    time     INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX kms_redirects_of_domain ON kms_redirects (kms_uri, entry);

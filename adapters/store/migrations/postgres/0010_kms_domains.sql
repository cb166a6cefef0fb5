-- KMS: several domains in one database, each with its own accounts, certificates, cache number and master secrets.

CREATE TABLE kms_accounts (
    kms_uri     TEXT NOT NULL,
    user_uri    TEXT COLLATE "C" NOT NULL,
    certificate TEXT,
    -- Whether it is sealed for its domain; always here, no account is from before there were domains.
    bound       BOOLEAN NOT NULL,
    sealed      BYTEA NOT NULL,
    PRIMARY KEY (kms_uri, user_uri),
    UNIQUE (kms_uri, certificate)
);

-- External certificates by the domain that gives them, the domain they are of, and their CertUri ('' for none).
CREATE TABLE kms_certificates (
    kms_uri  TEXT NOT NULL,
    external TEXT COLLATE "C" NOT NULL,
    cert_uri TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kms_uri, external, cert_uri)
);

CREATE TABLE kms_cache (
    kms_uri TEXT NOT NULL PRIMARY KEY,
    number  BIGINT NOT NULL
);

-- Master secrets with their certificate: two of one domain while its master keys change, in the order of service.
CREATE TABLE kms_roots (
    entry       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kms_uri     TEXT NOT NULL,
    cert_uri    TEXT NOT NULL,
    valid_from  BIGINT,
    valid_to    BIGINT,
    revoked     BOOLEAN NOT NULL,
    key_period  BIGINT NOT NULL,
    key_offset  BIGINT NOT NULL,
    sealed      BYTEA NOT NULL,
    UNIQUE (kms_uri, cert_uri)
);

CREATE TABLE kms_revocations (
    kms_uri  TEXT NOT NULL,
    identity TEXT NOT NULL,
    period   BIGINT NOT NULL,
    PRIMARY KEY (kms_uri, identity, period)
);

CREATE TABLE kms_user_domains (
    kms_uri  TEXT NOT NULL,
    user_uri TEXT NOT NULL,
    place    BIGINT NOT NULL,
    domain   TEXT NOT NULL,
    PRIMARY KEY (kms_uri, user_uri, place)
);

-- KMS redirect responses that clients uploaded, the newest of each domain.
CREATE TABLE kms_redirects (
    entry    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kms_uri  TEXT NOT NULL,
    from_uri TEXT NOT NULL,
    time     BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX kms_redirects_of_domain ON kms_redirects (kms_uri, entry);

-- Key sets made before they are asked for: of which master secrets, key period and identity, sealed and bound to that.

CREATE TABLE kms_pre_issued_roots (
    entry   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kms_uri TEXT NOT NULL,
    -- SHA-256 of KPAK and Z_T, hexadecimal.
    root    TEXT NOT NULL,
    UNIQUE (kms_uri, root)
);

CREATE TABLE kms_pre_issued (
    root     BIGINT NOT NULL REFERENCES kms_pre_issued_roots (entry),
    period   BIGINT NOT NULL,
    identity TEXT NOT NULL,
    sealed   BYTEA NOT NULL,
    PRIMARY KEY (root, period, identity)
);

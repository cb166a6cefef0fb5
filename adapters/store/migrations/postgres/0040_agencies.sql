-- Agencies of the provider, and whose user is whose.

CREATE TABLE agencies (
    agency  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name    TEXT NOT NULL,
    -- A name for agencies that belong together; '' for none.
    grouped TEXT NOT NULL,
    -- The KMS domain of the agency; none when it shares that of the configuration.
    kms_uri TEXT UNIQUE,
    -- MC domains of its users, separated by spaces.
    domains TEXT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX agencies_by_group ON agencies (grouped, agency);

ALTER TABLE users ADD COLUMN agency TEXT REFERENCES agencies (agency);
CREATE INDEX users_by_agency ON users (agency);

-- Users as they count: nobody of an agency that is kept out is let in.
CREATE VIEW users_in_force AS
    SELECT subject, login, password, mcptt_id, mcvideo_id, mcdata_id, entitlement, failure_count, failure_last, agency,
           CASE WHEN EXISTS (SELECT 1 FROM agencies WHERE agencies.agency = users.agency AND NOT enabled)
                THEN 'disabled' ELSE state END AS state
    FROM users;

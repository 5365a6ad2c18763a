-- Create the tables of what the controller remembers

-- How each guild stands. A guild may be spoken of here that nobody has reached yet, so it need not be a known one.
CREATE TABLE guild_statuses (
    server_id BIGINT NOT NULL PRIMARY KEY,
    state VARCHAR(32) NOT NULL
        CHECK (state IN ('ready', 'reconciling', 'drifted', 'awaiting_approval', 'stalled', 'suspended')),
    reason VARCHAR(64) NOT NULL,
    message TEXT NOT NULL,
    source TEXT,
    attempted_revision VARCHAR(255),
    applied_revision VARCHAR(255),
    applied_manifest VARCHAR(64),
    since TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    next_attempt_at TIMESTAMP,
    failures INTEGER NOT NULL,
    observed_at TIMESTAMP NOT NULL
);

CREATE INDEX guild_statuses_by_time ON guild_statuses (updated_at);

-- Guilds the controller leaves alone because somebody said so.
CREATE TABLE suspensions (
    server_id BIGINT NOT NULL PRIMARY KEY REFERENCES servers (server_id),
    suspended_by VARCHAR(128) NOT NULL,
    suspended_reason TEXT NOT NULL,
    suspended_at TIMESTAMP NOT NULL,
    suspended_until TIMESTAMP
);

CREATE INDEX suspensions_by_end ON suspensions (suspended_until);

-- Plans that wait, or waited, for an approval. waiting_for is the guild while the plan waits, so that one waits for each.
CREATE TABLE held_plans (
    hold_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    plan_digest VARCHAR(64) NOT NULL,
    plan TEXT NOT NULL CHECK (json_valid(plan)),
    revision VARCHAR(255),
    held_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    waiting_for BIGINT UNIQUE,
    closing VARCHAR(16) CHECK (closing IN ('approved', 'applied', 'expired', 'superseded', 'stale')),
    closed_at TIMESTAMP,
    CHECK ((closing IS NULL) = (closed_at IS NULL)),
    CHECK ((waiting_for IS NULL) = (closed_at IS NOT NULL))
);

CREATE INDEX held_plans_by_server ON held_plans (server_id, plan_digest, hold_id);
CREATE INDEX held_plans_by_digest ON held_plans (plan_digest);
CREATE INDEX held_plans_by_end ON held_plans (closed_at);

-- Differences that were found, each with who made it once that is known. The fingerprint is of what differs and how.
CREATE TABLE drift_records (
    drift_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    subject VARCHAR(16) NOT NULL CHECK (subject IN ('role', 'channel', 'category', 'settings', 'order')),
    target_id BIGINT,
    manifest_key VARCHAR(64),
    summary TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (json_valid(operation)),
    fingerprint VARCHAR(64) NOT NULL,
    changed_by BIGINT,
    changed_by_name VARCHAR(100),
    changed_at TIMESTAMP,
    change_reason VARCHAR(512),
    audit_entry_id BIGINT,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    status VARCHAR(16) NOT NULL CHECK (status IN ('open', 'reverted', 'adopted', 'ignored', 'gone')),
    resolved_at TIMESTAMP,
    resolved_by VARCHAR(128),
    CHECK ((status = 'open') = (resolved_at IS NULL))
);

CREATE INDEX drift_records_by_server ON drift_records (server_id, drift_id);
CREATE INDEX drift_records_by_server_and_status ON drift_records (server_id, status, drift_id);
CREATE INDEX drift_records_by_status ON drift_records (status, drift_id);
CREATE INDEX drift_records_by_end ON drift_records (resolved_at);

-- When each guild was looked at without a cause, and when it is to be again. Guilds nobody has reached yet are among them.
CREATE TABLE schedules (
    server_id BIGINT NOT NULL PRIMARY KEY,
    last_sweep_at TIMESTAMP,
    next_sweep_at TIMESTAMP NOT NULL
);

CREATE INDEX schedules_by_time ON schedules (next_sweep_at);

-- None for approvals from before they could expire.
ALTER TABLE approvals ADD COLUMN expires_at TIMESTAMP;

-- Whose approval a run rests on.
ALTER TABLE reconciliations ADD COLUMN approved_by VARCHAR(128);

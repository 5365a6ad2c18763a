-- Create the tables of reconciliations, their operations, and what they need to remember

-- Whole guilds as they were before and after a reconciliation, each state once.
CREATE TABLE guild_states (
    digest VARCHAR(64) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    state TEXT NOT NULL CHECK (json_valid(state)),
    recorded_at TIMESTAMP NOT NULL
);

CREATE TABLE reconciliations (
    reconciliation_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    triggered_by VARCHAR(16) NOT NULL
        CHECK (triggered_by IN ('person', 'revision', 'event', 'schedule', 'start_up', 'retry')),
    actor VARCHAR(128) NOT NULL,
    revision VARCHAR(255),
    rollback_of VARCHAR(36) REFERENCES reconciliations (reconciliation_id),
    plan_digest VARCHAR(64) NOT NULL,
    plan TEXT NOT NULL CHECK (json_valid(plan)),
    state_before VARCHAR(64) NOT NULL REFERENCES guild_states (digest),
    state_after VARCHAR(64) REFERENCES guild_states (digest),
    started_at TIMESTAMP NOT NULL,
    verdict VARCHAR(16) CHECK (verdict IN ('succeeded', 'partial', 'failed', 'interrupted')),
    remark TEXT,
    finished_at TIMESTAMP,
    CHECK ((verdict IS NULL) = (finished_at IS NULL))
);

CREATE INDEX reconciliations_by_server ON reconciliations (server_id, started_at);

-- An operation without an outcome was about to be sent: whether Discord did it has to be looked up.
CREATE TABLE operations (
    operation_id VARCHAR(36) NOT NULL PRIMARY KEY,
    reconciliation_id VARCHAR(36) NOT NULL REFERENCES reconciliations (reconciliation_id),
    step INTEGER NOT NULL,
    operation TEXT NOT NULL CHECK (json_valid(operation)),
    before_state TEXT CHECK (json_valid(before_state)),
    reason VARCHAR(512),
    intended_at TIMESTAMP NOT NULL,
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    outcome TEXT CHECK (json_valid(outcome)),
    settled_at TIMESTAMP,
    UNIQUE (reconciliation_id, step),
    CHECK ((phase = 'intended') = (settled_at IS NULL)),
    CHECK ((outcome IS NULL) = (settled_at IS NULL))
);

-- Discord gives an uploaded image a hash of its own.
CREATE TABLE image_hashes (
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    sha256 VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (server_id, sha256)
);

-- An approval is used once.
CREATE TABLE approvals (
    approval_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    plan_digest VARCHAR(64) NOT NULL,
    granted_by VARCHAR(128) NOT NULL,
    granted_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);

CREATE INDEX approvals_by_plan ON approvals (server_id, plan_digest);

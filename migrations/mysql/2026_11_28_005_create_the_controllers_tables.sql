-- Create the tables of what the controller remembers

-- How each guild stands. A guild may be spoken of here that nobody has reached yet, so it need not be a known one.
CREATE TABLE guild_statuses (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    state VARCHAR(32) NOT NULL CHECK (state IN (
        'ready', 'reconciling', 'drifted', 'awaiting_approval', 'stalled', 'suspended'
    )),
    reason VARCHAR(64) NOT NULL,
    message TEXT NOT NULL,
    source TEXT,
    attempted_revision TEXT,
    applied_revision TEXT,
    applied_manifest VARCHAR(64),
    since DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    next_attempt_at DATETIME(6),
    failures INTEGER NOT NULL,
    observed_at DATETIME(6) NOT NULL,
    INDEX guild_statuses_by_time (updated_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Guilds the controller leaves alone because somebody said so.
CREATE TABLE suspensions (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    suspended_by TEXT NOT NULL,
    suspended_reason TEXT NOT NULL,
    suspended_at DATETIME(6) NOT NULL,
    suspended_until DATETIME(6),
    INDEX suspensions_by_end (suspended_until),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Plans that wait, or waited, for an approval. waiting_for is the guild while the plan waits, so that one waits for each.
CREATE TABLE held_plans (
    hold_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    plan_digest VARCHAR(64) NOT NULL,
    plan LONGTEXT NOT NULL CHECK (json_valid(plan)),
    revision TEXT,
    held_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6),
    waiting_for BIGINT UNSIGNED UNIQUE,
    closing VARCHAR(16) CHECK (closing IN ('approved', 'applied', 'expired', 'superseded', 'stale')),
    closed_at DATETIME(6),
    CHECK ((closing IS NULL) = (closed_at IS NULL)),
    CHECK ((waiting_for IS NULL) = (closed_at IS NOT NULL)),
    INDEX held_plans_by_server (server_id, plan_digest, hold_id),
    INDEX held_plans_by_digest (plan_digest),
    INDEX held_plans_by_end (closed_at),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Differences that were found, each with who made it once that is known. The fingerprint is of what differs and how.
CREATE TABLE drift_records (
    drift_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    subject VARCHAR(16) NOT NULL CHECK (subject IN ('role', 'channel', 'category', 'settings', 'order')),
    target_id BIGINT UNSIGNED,
    manifest_key VARCHAR(64),
    summary TEXT NOT NULL,
    operation LONGTEXT NOT NULL CHECK (json_valid(operation)),
    fingerprint VARCHAR(64) NOT NULL,
    changed_by BIGINT UNSIGNED,
    changed_by_name VARCHAR(100),
    changed_at DATETIME(6),
    change_reason VARCHAR(512),
    audit_entry_id BIGINT UNSIGNED,
    first_seen_at DATETIME(6) NOT NULL,
    last_seen_at DATETIME(6) NOT NULL,
    status VARCHAR(16) NOT NULL CHECK (status IN ('open', 'reverted', 'adopted', 'ignored', 'gone')),
    resolved_at DATETIME(6),
    resolved_by TEXT,
    CHECK ((status = 'open') = (resolved_at IS NULL)),
    INDEX drift_records_by_server (server_id, drift_id),
    INDEX drift_records_by_server_and_status (server_id, status, drift_id),
    INDEX drift_records_by_status (status, drift_id),
    INDEX drift_records_by_end (resolved_at),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- When each guild was looked at without a cause, and when it is to be again. Guilds nobody has reached yet are among them.
CREATE TABLE schedules (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    last_sweep_at DATETIME(6),
    next_sweep_at DATETIME(6) NOT NULL,
    INDEX schedules_by_time (next_sweep_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- None for approvals from before they could expire.
ALTER TABLE approvals ADD COLUMN expires_at DATETIME(6);

-- Whose approval a run rests on.
ALTER TABLE reconciliations ADD COLUMN approved_by TEXT;

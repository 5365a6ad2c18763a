-- Make the audit trail a chain for each guild

-- The rows so far wait under another name until each is copied into its chain. Renaming comes first: from here on a process
-- of an earlier version can write no row that would be left behind.
RENAME TABLE audit_logs TO unsealed_audit_logs;

DROP TRIGGER audit_logs_are_never_changed;

DROP TRIGGER audit_logs_are_never_deleted;

-- One row when something is about to be done and one when its outcome is known; none is ever changed.
-- correlation_id is the reconciliation, operation_id is empty for what costs no request.
-- number counts the rows of a guild from 1, without gaps; hash covers every column of its row, the hash before it among them.
CREATE TABLE audit_logs (
    log_id VARCHAR(36) NOT NULL PRIMARY KEY,
    execution_id VARCHAR(36),
    server_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED,
    action_type VARCHAR(32) NOT NULL CHECK (action_type IN (
        'channel_created', 'channel_modified', 'channel_deleted', 'role_created', 'role_modified',
        'role_deleted', 'permission_granted', 'permission_revoked', 'template_applied', 'configuration_changed',
        'command_executed', 'error_occurred'
    )),
    action_details LONGTEXT NOT NULL CHECK (json_valid(action_details)),
    before_state LONGTEXT CHECK (json_valid(before_state)),
    after_state LONGTEXT CHECK (json_valid(after_state)),
    metadata LONGTEXT CHECK (json_valid(metadata)),
    ip_address VARCHAR(45),
    user_agent VARCHAR(255),
    logged_at DATETIME(6) NOT NULL,
    correlation_id VARCHAR(36),
    operation_id VARCHAR(36),
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    target_id BIGINT UNSIGNED,
    actor TEXT NOT NULL,
    reason VARCHAR(512),
    source_revision TEXT,
    format INTEGER NOT NULL,
    number BIGINT NOT NULL,
    previous_hash VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    UNIQUE (server_id, number),
    UNIQUE (operation_id, phase),
    INDEX audit_logs_by_time (logged_at, server_id, number),
    INDEX audit_logs_by_correlation (correlation_id, number),
    INDEX audit_logs_by_target (target_id, number),
    FOREIGN KEY (execution_id) REFERENCES command_history (execution_id),
    FOREIGN KEY (server_id) REFERENCES servers (server_id),
    FOREIGN KEY (user_id) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Where the chain of each guild ends, and where it begins since its oldest rows were pruned.
CREATE TABLE audit_chains (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    length BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    pruned_through BIGINT NOT NULL,
    pruned_hash VARCHAR(64) NOT NULL,
    pruned_at DATETIME(6),
    pruned_by TEXT,
    CHECK (pruned_through >= 0 AND pruned_through <= length),
    CHECK ((pruned_through = 0) = (pruned_at IS NULL)),
    CHECK ((pruned_at IS NULL) = (pruned_by IS NULL)),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TRIGGER audit_logs_are_never_changed BEFORE UPDATE ON audit_logs
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only';

CREATE TRIGGER audit_logs_are_only_pruned BEFORE DELETE ON audit_logs
FOR EACH ROW IF NOT EXISTS (
    SELECT 1 FROM audit_chains WHERE server_id = OLD.server_id AND pruned_through >= OLD.number
) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only'; END IF;

CREATE TRIGGER audit_chains_only_grow BEFORE UPDATE ON audit_chains
FOR EACH ROW IF NEW.server_id <> OLD.server_id OR NEW.length < OLD.length OR NEW.pruned_through < OLD.pruned_through
THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only'; END IF;

CREATE TRIGGER audit_chains_are_never_deleted BEFORE DELETE ON audit_chains
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only';

-- Make the audit trail a chain for each guild

-- The rows so far wait under another name until each is copied into its chain.
DROP TRIGGER audit_logs_are_never_changed;
DROP TRIGGER audit_logs_are_never_deleted;
DROP INDEX audit_logs_by_server;
DROP INDEX audit_logs_by_correlation;
DROP INDEX audit_logs_by_target;
ALTER TABLE audit_logs RENAME TO unsealed_audit_logs;

-- One row when something is about to be done and one when its outcome is known; none is ever changed.
-- correlation_id is the reconciliation, operation_id is empty for what costs no request.
-- number counts the rows of a guild from 1, without gaps; hash covers every column of its row, the hash before it among them.
CREATE TABLE audit_logs (
    log_id VARCHAR(36) NOT NULL PRIMARY KEY,
    execution_id VARCHAR(36) REFERENCES command_history (execution_id),
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    user_id BIGINT REFERENCES users (user_id),
    action_type VARCHAR(32) NOT NULL CHECK (action_type IN (
        'channel_created', 'channel_modified', 'channel_deleted', 'role_created', 'role_modified', 'role_deleted',
        'permission_granted', 'permission_revoked', 'template_applied', 'configuration_changed', 'command_executed',
        'error_occurred'
    )),
    action_details TEXT NOT NULL CHECK (json_valid(action_details)),
    before_state TEXT CHECK (json_valid(before_state)),
    after_state TEXT CHECK (json_valid(after_state)),
    metadata TEXT CHECK (json_valid(metadata)),
    ip_address VARCHAR(45),
    user_agent VARCHAR(255),
    logged_at TIMESTAMP NOT NULL,
    correlation_id VARCHAR(36),
    operation_id VARCHAR(36),
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    target_id BIGINT,
    actor VARCHAR(128) NOT NULL,
    reason VARCHAR(512),
    source_revision VARCHAR(255),
    format INTEGER NOT NULL,
    number BIGINT NOT NULL,
    previous_hash VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    UNIQUE (server_id, number),
    UNIQUE (operation_id, phase)
);

CREATE INDEX audit_logs_by_time ON audit_logs (logged_at, server_id, number);
CREATE INDEX audit_logs_by_correlation ON audit_logs (correlation_id, number);
CREATE INDEX audit_logs_by_target ON audit_logs (target_id, number);

-- Where the chain of each guild ends, and where it begins since its oldest rows were pruned.
CREATE TABLE audit_chains (
    server_id BIGINT NOT NULL PRIMARY KEY REFERENCES servers (server_id),
    length BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    pruned_through BIGINT NOT NULL,
    pruned_hash VARCHAR(64) NOT NULL,
    pruned_at TIMESTAMP,
    pruned_by VARCHAR(128),
    CHECK (pruned_through >= 0 AND pruned_through <= length),
    CHECK ((pruned_through = 0) = (pruned_at IS NULL)),
    CHECK ((pruned_at IS NULL) = (pruned_by IS NULL))
);

CREATE TRIGGER audit_logs_are_never_changed BEFORE UPDATE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_logs_are_only_pruned BEFORE DELETE ON audit_logs
WHEN NOT EXISTS (SELECT 1 FROM audit_chains WHERE server_id = OLD.server_id AND pruned_through >= OLD.number)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_chains_only_grow BEFORE UPDATE ON audit_chains
WHEN NEW.server_id <> OLD.server_id OR NEW.length < OLD.length OR NEW.pruned_through < OLD.pruned_through
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_chains_are_never_deleted BEFORE DELETE ON audit_chains
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

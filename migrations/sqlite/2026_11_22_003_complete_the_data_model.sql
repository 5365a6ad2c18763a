-- Create the tables of users, settings, templates and commands, leases, and the counter of the audit trail

CREATE TABLE users (
    user_id BIGINT NOT NULL PRIMARY KEY,
    username VARCHAR(32),
    discriminator VARCHAR(4),
    avatar_hash VARCHAR(64),
    status VARCHAR(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    preferences TEXT CHECK (json_valid(preferences)),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- Everybody who is already spoken of: a row that says no more than the number.
INSERT INTO users (user_id, created_at, updated_at)
SELECT owner_id, MIN(joined_at), MAX(updated_at) FROM servers WHERE owner_id IS NOT NULL GROUP BY owner_id;

INSERT INTO users (user_id, created_at, updated_at)
SELECT user_id, MIN(logged_at), MAX(logged_at) FROM audit_logs
WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT user_id FROM users) GROUP BY user_id;

CREATE TABLE new_servers (
    server_id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100),
    icon_hash VARCHAR(64),
    owner_id BIGINT REFERENCES users (user_id),
    bot_permissions TEXT CHECK (json_valid(bot_permissions)),
    status VARCHAR(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'removed')),
    joined_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

INSERT INTO new_servers
SELECT server_id, name, icon_hash, owner_id, bot_permissions, status, joined_at, updated_at FROM servers;
DROP TABLE servers;
ALTER TABLE new_servers RENAME TO servers;

CREATE TABLE user_servers (
    user_id BIGINT NOT NULL REFERENCES users (user_id),
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    user_permissions TEXT CHECK (json_valid(user_permissions)),
    role VARCHAR(16) NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'owner')),
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    server_specific_settings TEXT CHECK (json_valid(server_specific_settings)),
    joined_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, server_id)
);

CREATE INDEX user_servers_by_server ON user_servers (server_id);

CREATE TABLE server_configurations (
    server_id BIGINT NOT NULL PRIMARY KEY REFERENCES servers (server_id),
    command_prefix VARCHAR(16) NOT NULL DEFAULT '!setai',
    response_language VARCHAR(16) NOT NULL DEFAULT 'en',
    feature_flags TEXT CHECK (json_valid(feature_flags)),
    rate_limits TEXT CHECK (json_valid(rate_limits)),
    custom_settings TEXT CHECK (json_valid(custom_settings)),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE templates (
    template_id VARCHAR(36) NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    description TEXT,
    category VARCHAR(16) NOT NULL
        CHECK (category IN ('gaming', 'education', 'business', 'community', 'moderation', 'events', 'custom')),
    created_by BIGINT REFERENCES users (user_id),
    is_public BOOLEAN NOT NULL DEFAULT FALSE,
    version VARCHAR(32) NOT NULL,
    configuration TEXT NOT NULL CHECK (json_valid(configuration)),
    variables TEXT CHECK (json_valid(variables)),
    metadata TEXT CHECK (json_valid(metadata)),
    usage_count INTEGER NOT NULL DEFAULT 0,
    rating DECIMAL(3, 2),
    status VARCHAR(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deprecated', 'deleted')),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE command_history (
    execution_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    user_id BIGINT NOT NULL REFERENCES users (user_id),
    command_type VARCHAR(32) NOT NULL CHECK (command_type IN (
        'channel_management', 'role_management', 'permission_configuration', 'server_configuration',
        'template_application', 'bulk_operations'
    )),
    command_text TEXT NOT NULL,
    parameters TEXT CHECK (json_valid(parameters)),
    ai_interpretation TEXT CHECK (json_valid(ai_interpretation)),
    results TEXT CHECK (json_valid(results)),
    status VARCHAR(16) NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    execution_time DECIMAL(12, 6),
    error_message TEXT,
    executed_at TIMESTAMP NOT NULL,
    completed_at TIMESTAMP
);

CREATE INDEX command_history_by_server ON command_history (server_id, executed_at);
CREATE INDEX command_history_by_user ON command_history (user_id, executed_at);

CREATE TABLE template_usage (
    usage_id VARCHAR(36) NOT NULL PRIMARY KEY,
    template_id VARCHAR(36) NOT NULL REFERENCES templates (template_id),
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    user_id BIGINT NOT NULL REFERENCES users (user_id),
    applied_variables TEXT CHECK (json_valid(applied_variables)),
    execution_results TEXT CHECK (json_valid(execution_results)),
    status VARCHAR(16) NOT NULL CHECK (status IN ('successful', 'failed', 'partial')),
    applied_at TIMESTAMP NOT NULL
);

CREATE INDEX template_usage_by_template ON template_usage (template_id, applied_at);
CREATE INDEX template_usage_by_server ON template_usage (server_id, applied_at);

-- The trail with the keys it could not have before; its rows are as they were.
CREATE TABLE new_audit_logs (
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
    ip_address VARCHAR(45),
    user_agent VARCHAR(255),
    logged_at TIMESTAMP NOT NULL,
    sequence BIGINT NOT NULL UNIQUE,
    correlation_id VARCHAR(36),
    operation_id VARCHAR(36),
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    target_id BIGINT,
    actor VARCHAR(128) NOT NULL,
    reason VARCHAR(512),
    UNIQUE (operation_id, phase)
);

INSERT INTO new_audit_logs
SELECT log_id, execution_id, server_id, user_id, action_type, action_details, before_state, after_state, ip_address,
       user_agent, logged_at, sequence, correlation_id, operation_id, phase, target_id, actor, reason
FROM audit_logs;
-- Dropping the table drops its triggers first, so nothing is in the way of it.
DROP TABLE audit_logs;
ALTER TABLE new_audit_logs RENAME TO audit_logs;

CREATE INDEX audit_logs_by_server ON audit_logs (server_id, sequence);
CREATE INDEX audit_logs_by_correlation ON audit_logs (correlation_id);
CREATE INDEX audit_logs_by_target ON audit_logs (target_id, sequence);

CREATE TRIGGER audit_logs_are_never_changed BEFORE UPDATE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_logs_are_never_deleted BEFORE DELETE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

-- The last place taken in the trail. One row, so that writers take their places one after the other.
CREATE TABLE audit_sequence (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
);

INSERT INTO audit_sequence (id, last) SELECT 1, COALESCE(MAX(sequence), 0) FROM audit_logs;

-- Who may change a guild. The fencing number grows whenever the right changes hands; nobody has it while holder is empty.
CREATE TABLE leases (
    server_id BIGINT NOT NULL PRIMARY KEY REFERENCES servers (server_id),
    fence BIGINT NOT NULL,
    holder VARCHAR(128),
    taken_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX reconciliations_by_time ON reconciliations (started_at, reconciliation_id);
CREATE INDEX reconciliations_by_plan ON reconciliations (server_id, plan_digest);

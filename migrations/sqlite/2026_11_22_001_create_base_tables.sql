-- Create the tables of guilds, what is bound in them, and the audit trail

CREATE TABLE servers (
    server_id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100),
    icon_hash VARCHAR(64),
    owner_id BIGINT,
    bot_permissions TEXT CHECK (json_valid(bot_permissions)),
    status VARCHAR(16) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'removed')),
    joined_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- What is descriptive (name, type, category_id, permissions) is as last seen, and empty until it was seen.
-- A row is managed exactly while a manifest key is bound to it.
CREATE TABLE channels (
    channel_id BIGINT NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    name VARCHAR(100),
    type VARCHAR(16)
        CHECK (type IN ('text', 'voice', 'category', 'announcement', 'stage', 'forum', 'media', 'other')),
    category_id BIGINT,
    permissions TEXT CHECK (json_valid(permissions)),
    is_managed BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    key_kind VARCHAR(16) NOT NULL CHECK (key_kind IN ('category', 'channel')),
    manifest_key VARCHAR(64),
    provenance VARCHAR(16) NOT NULL CHECK (provenance IN ('created', 'adopted', 'pinned')),
    binding_state VARCHAR(16) NOT NULL CHECK (binding_state IN ('active', 'archived')),
    is_protected BOOLEAN NOT NULL,
    name_asked VARCHAR(100),
    name_got VARCHAR(100),
    UNIQUE (server_id, key_kind, manifest_key),
    CHECK (is_managed = (manifest_key IS NOT NULL))
);

CREATE TABLE roles (
    role_id BIGINT NOT NULL PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    name VARCHAR(100),
    color VARCHAR(7),
    permissions TEXT CHECK (json_valid(permissions)),
    position INTEGER,
    is_managed BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    manifest_key VARCHAR(64),
    provenance VARCHAR(16) NOT NULL CHECK (provenance IN ('created', 'adopted', 'pinned')),
    binding_state VARCHAR(16) NOT NULL CHECK (binding_state IN ('active', 'archived')),
    is_protected BOOLEAN NOT NULL,
    name_asked VARCHAR(100),
    name_got VARCHAR(100),
    UNIQUE (server_id, manifest_key),
    CHECK (is_managed = (manifest_key IS NOT NULL))
);

-- One row when something is about to be done and one when its outcome is known; none is ever changed.
-- correlation_id is the reconciliation, operation_id is empty for what costs no request.
CREATE TABLE audit_logs (
    log_id VARCHAR(36) NOT NULL PRIMARY KEY,
    execution_id VARCHAR(36),
    server_id BIGINT NOT NULL REFERENCES servers (server_id),
    user_id BIGINT,
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

CREATE INDEX audit_logs_by_server ON audit_logs (server_id, sequence);
CREATE INDEX audit_logs_by_correlation ON audit_logs (correlation_id);

CREATE TRIGGER audit_logs_are_never_changed BEFORE UPDATE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_logs_are_never_deleted BEFORE DELETE ON audit_logs
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

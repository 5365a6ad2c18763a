-- Create all tables
--
-- JSON is kept as checked text, which is what MariaDB's JSON is: the type of MySQL would turn keys around and spell numbers
-- anew, and what was recorded has to stay as it was, byte for byte.

CREATE TABLE users (
    user_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    username VARCHAR(32),
    discriminator VARCHAR(4),
    avatar_hash VARCHAR(64),
    status ENUM('active', 'suspended', 'deleted') NOT NULL DEFAULT 'active',
    preferences LONGTEXT CHECK (json_valid(preferences)),
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE servers (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(100),
    icon_hash VARCHAR(64),
    owner_id BIGINT UNSIGNED,
    bot_permissions LONGTEXT CHECK (json_valid(bot_permissions)),
    status ENUM('active', 'inactive', 'removed') NOT NULL DEFAULT 'active',
    joined_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    FOREIGN KEY (owner_id) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE user_servers (
    user_id BIGINT UNSIGNED NOT NULL,
    server_id BIGINT UNSIGNED NOT NULL,
    user_permissions LONGTEXT CHECK (json_valid(user_permissions)),
    role ENUM('member', 'admin', 'owner') NOT NULL DEFAULT 'member',
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    server_specific_settings LONGTEXT CHECK (json_valid(server_specific_settings)),
    joined_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, server_id),
    INDEX user_servers_by_server (server_id),
    FOREIGN KEY (user_id) REFERENCES users (user_id),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE server_configurations (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    command_prefix VARCHAR(16) NOT NULL DEFAULT '!setai',
    response_language VARCHAR(16) NOT NULL DEFAULT 'en',
    feature_flags LONGTEXT CHECK (json_valid(feature_flags)),
    rate_limits LONGTEXT CHECK (json_valid(rate_limits)),
    custom_settings LONGTEXT CHECK (json_valid(custom_settings)),
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE templates (
    template_id VARCHAR(36) NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    description TEXT,
    category VARCHAR(16) NOT NULL CHECK (category IN (
        'gaming', 'education', 'business', 'community', 'moderation', 'events', 'custom'
    )),
    created_by BIGINT UNSIGNED,
    is_public BOOLEAN NOT NULL DEFAULT FALSE,
    version VARCHAR(32) NOT NULL,
    configuration LONGTEXT NOT NULL CHECK (json_valid(configuration)),
    variables LONGTEXT CHECK (json_valid(variables)),
    metadata LONGTEXT CHECK (json_valid(metadata)),
    usage_count INTEGER NOT NULL DEFAULT 0,
    rating DECIMAL(3, 2),
    status ENUM('active', 'deprecated', 'deleted') NOT NULL DEFAULT 'active',
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    FOREIGN KEY (created_by) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE command_history (
    execution_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    command_type VARCHAR(32) NOT NULL CHECK (command_type IN (
        'channel_management', 'role_management', 'permission_configuration', 'server_configuration',
        'template_application', 'bulk_operations'
    )),
    command_text TEXT NOT NULL,
    parameters LONGTEXT CHECK (json_valid(parameters)),
    ai_interpretation LONGTEXT CHECK (json_valid(ai_interpretation)),
    results LONGTEXT CHECK (json_valid(results)),
    status ENUM('pending', 'in_progress', 'completed', 'failed', 'cancelled') NOT NULL DEFAULT 'pending',
    execution_time DECIMAL(12, 6),
    error_message TEXT,
    executed_at DATETIME(6) NOT NULL,
    completed_at DATETIME(6),
    INDEX command_history_by_server (server_id, executed_at),
    INDEX command_history_by_user (user_id, executed_at),
    FOREIGN KEY (server_id) REFERENCES servers (server_id),
    FOREIGN KEY (user_id) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE template_usage (
    usage_id VARCHAR(36) NOT NULL PRIMARY KEY,
    template_id VARCHAR(36) NOT NULL,
    server_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    applied_variables LONGTEXT CHECK (json_valid(applied_variables)),
    execution_results LONGTEXT CHECK (json_valid(execution_results)),
    status ENUM('successful', 'failed', 'partial') NOT NULL,
    applied_at DATETIME(6) NOT NULL,
    INDEX template_usage_by_template (template_id, applied_at),
    INDEX template_usage_by_server (server_id, applied_at),
    FOREIGN KEY (template_id) REFERENCES templates (template_id),
    FOREIGN KEY (server_id) REFERENCES servers (server_id),
    FOREIGN KEY (user_id) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is descriptive (name, type, category_id, permissions) is as last seen, and empty until it was seen.
-- A row is managed exactly while a manifest key is bound to it.
CREATE TABLE channels (
    channel_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    name VARCHAR(100),
    type VARCHAR(16) CHECK (type IN (
        'text', 'voice', 'category', 'announcement', 'stage', 'forum', 'media', 'other'
    )),
    category_id BIGINT UNSIGNED,
    permissions LONGTEXT CHECK (json_valid(permissions)),
    is_managed BOOLEAN NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    key_kind VARCHAR(16) NOT NULL CHECK (key_kind IN ('category', 'channel')),
    manifest_key VARCHAR(64),
    provenance VARCHAR(16) NOT NULL CHECK (provenance IN ('created', 'adopted', 'pinned')),
    binding_state VARCHAR(16) NOT NULL CHECK (binding_state IN ('active', 'archived')),
    is_protected BOOLEAN NOT NULL,
    name_asked VARCHAR(100),
    name_got VARCHAR(100),
    UNIQUE (server_id, key_kind, manifest_key),
    CHECK (is_managed = (manifest_key IS NOT NULL)),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE roles (
    role_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    name VARCHAR(100),
    color VARCHAR(7),
    permissions LONGTEXT CHECK (json_valid(permissions)),
    position INTEGER,
    is_managed BOOLEAN NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    manifest_key VARCHAR(64),
    provenance VARCHAR(16) NOT NULL CHECK (provenance IN ('created', 'adopted', 'pinned')),
    binding_state VARCHAR(16) NOT NULL CHECK (binding_state IN ('active', 'archived')),
    is_protected BOOLEAN NOT NULL,
    name_asked VARCHAR(100),
    name_got VARCHAR(100),
    UNIQUE (server_id, manifest_key),
    CHECK (is_managed = (manifest_key IS NOT NULL)),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row when something is about to be done and one when its outcome is known; none is ever changed.
-- correlation_id is the reconciliation, operation_id is empty for what costs no request.
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
    ip_address VARCHAR(45),
    user_agent VARCHAR(255),
    logged_at DATETIME(6) NOT NULL,
    sequence BIGINT NOT NULL UNIQUE,
    correlation_id VARCHAR(36),
    operation_id VARCHAR(36),
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    target_id BIGINT UNSIGNED,
    actor TEXT NOT NULL,
    reason VARCHAR(512),
    UNIQUE (operation_id, phase),
    INDEX audit_logs_by_server (server_id, sequence),
    INDEX audit_logs_by_correlation (correlation_id),
    INDEX audit_logs_by_target (target_id, sequence),
    FOREIGN KEY (execution_id) REFERENCES command_history (execution_id),
    FOREIGN KEY (server_id) REFERENCES servers (server_id),
    FOREIGN KEY (user_id) REFERENCES users (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The last place taken in the trail. One row, so that writers take their places one after the other.
CREATE TABLE audit_sequence (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO audit_sequence (id, last) VALUES (1, 0);

-- Whole guilds as they were before and after a reconciliation, each state once.
CREATE TABLE guild_states (
    digest VARCHAR(64) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    state LONGTEXT NOT NULL CHECK (json_valid(state)),
    recorded_at DATETIME(6) NOT NULL,
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE reconciliations (
    reconciliation_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    triggered_by VARCHAR(16) NOT NULL CHECK (triggered_by IN (
        'person', 'revision', 'event', 'schedule', 'start_up', 'retry'
    )),
    actor TEXT NOT NULL,
    revision TEXT,
    rollback_of VARCHAR(36),
    plan_digest VARCHAR(64) NOT NULL,
    plan LONGTEXT NOT NULL CHECK (json_valid(plan)),
    state_before VARCHAR(64) NOT NULL,
    state_after VARCHAR(64),
    started_at DATETIME(6) NOT NULL,
    verdict VARCHAR(16) CHECK (verdict IN ('succeeded', 'partial', 'failed', 'interrupted')),
    remark TEXT,
    finished_at DATETIME(6),
    CHECK ((verdict IS NULL) = (finished_at IS NULL)),
    INDEX reconciliations_by_server (server_id, started_at),
    INDEX reconciliations_by_time (started_at, reconciliation_id),
    INDEX reconciliations_by_plan (server_id, plan_digest),
    FOREIGN KEY (server_id) REFERENCES servers (server_id),
    FOREIGN KEY (rollback_of) REFERENCES reconciliations (reconciliation_id),
    FOREIGN KEY (state_before) REFERENCES guild_states (digest),
    FOREIGN KEY (state_after) REFERENCES guild_states (digest)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- An operation without an outcome was about to be sent: whether Discord did it has to be looked up.
CREATE TABLE operations (
    operation_id VARCHAR(36) NOT NULL PRIMARY KEY,
    reconciliation_id VARCHAR(36) NOT NULL,
    step INTEGER NOT NULL,
    operation LONGTEXT NOT NULL CHECK (json_valid(operation)),
    before_state LONGTEXT CHECK (json_valid(before_state)),
    reason VARCHAR(512),
    intended_at DATETIME(6) NOT NULL,
    phase VARCHAR(16) NOT NULL CHECK (phase IN ('intended', 'done', 'failed', 'withdrawn')),
    outcome LONGTEXT CHECK (json_valid(outcome)),
    settled_at DATETIME(6),
    UNIQUE (reconciliation_id, step),
    CHECK ((phase = 'intended') = (settled_at IS NULL)),
    CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    FOREIGN KEY (reconciliation_id) REFERENCES reconciliations (reconciliation_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Discord gives an uploaded image a hash of its own.
CREATE TABLE image_hashes (
    server_id BIGINT UNSIGNED NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (server_id, sha256),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- An approval is used once.
CREATE TABLE approvals (
    approval_id VARCHAR(36) NOT NULL PRIMARY KEY,
    server_id BIGINT UNSIGNED NOT NULL,
    plan_digest VARCHAR(64) NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at DATETIME(6) NOT NULL,
    used_at DATETIME(6),
    INDEX approvals_by_plan (server_id, plan_digest),
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who may change a guild. The fencing number grows whenever the right changes hands; nobody has it while holder is empty.
CREATE TABLE leases (
    server_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    fence BIGINT NOT NULL,
    holder VARCHAR(128),
    taken_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    FOREIGN KEY (server_id) REFERENCES servers (server_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

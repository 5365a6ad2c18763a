-- Rows as a build with this migration alone could have left them.
INSERT INTO users (user_id, created_at, updated_at)
VALUES (1, '2026-11-22 10:00:00', '2026-11-22 10:00:00');

INSERT INTO users (user_id, username, status, preferences, created_at, updated_at)
VALUES (80351110224678912, 'ada', 'suspended', '{"timezone":"Europe/Berlin"}', '2026-11-22 10:02:00',
        '2026-11-22 10:02:00');

INSERT INTO servers (server_id, name, owner_id, joined_at, updated_at)
VALUES (22, 'Rust Study Group', 1, '2026-11-22 10:00:00.123456', '2026-11-22 10:00:00.123456');

INSERT INTO channels (channel_id, server_id, name, type, is_managed, created_at, updated_at, key_kind, manifest_key,
                      provenance, binding_state, is_protected, name_asked, name_got)
VALUES (300, 22, 'rules', 'text', TRUE, '2026-11-22 10:00:00', '2026-11-22 10:00:00', 'channel', 'rules',
        'created', 'active', TRUE, 'Rules!', 'rules'),
       (200, 22, NULL, NULL, TRUE, '2026-11-22 10:00:00', '2026-11-22 10:00:00', 'category', 'rules',
        'pinned', 'archived', FALSE, NULL, NULL);

INSERT INTO roles (role_id, server_id, name, color, permissions, position, is_managed, created_at, updated_at,
                   manifest_key, provenance, binding_state, is_protected)
VALUES (100, 22, 'Moderator', '#e74c3c', '["kick_members"]', 3, TRUE, '2026-11-22 10:00:00',
        '2026-11-22 10:00:00', 'moderator', 'adopted', 'active', FALSE);

UPDATE audit_sequence SET last = 1;

INSERT INTO audit_logs (log_id, server_id, action_type, action_details, logged_at, sequence, phase, actor)
VALUES ('019ab000-0000-7000-8000-000000000001', 22, 'configuration_changed',
        '{"target_type":"role","target_id":"100","target_name":"moderator","action_parameters":null,"impact_scope":"role","affected_entities":["100"]}',
        '2026-11-22 10:00:00', 1, 'done', 'local:ada');
INSERT INTO guild_states (digest, server_id, state, recorded_at) VALUES ('d1', 22, '{}', '2026-11-22 10:01:00');

INSERT INTO reconciliations (reconciliation_id, server_id, triggered_by, actor, plan_digest, plan, state_before,
                             started_at)
VALUES ('019ab000-0000-7000-8000-0000000000aa', 22, 'person', 'user:80351110224678912', 'abc', '{}', 'd1',
        '2026-11-22 10:01:00');

INSERT INTO operations (operation_id, reconciliation_id, step, operation, intended_at, phase, outcome, settled_at)
VALUES ('019ab000-0000-7000-8000-0000000000b1', '019ab000-0000-7000-8000-0000000000aa', 1,
        '{"operation":"move_roles","moves":[]}', '2026-11-22 10:01:01', 'failed',
        '{"outcome":"failed","error":"Missing Permissions"}', '2026-11-22 10:01:02'),
       ('019ab000-0000-7000-8000-0000000000b2', '019ab000-0000-7000-8000-0000000000aa', 2,
        '{"operation":"move_channels","moves":[]}', '2026-11-22 10:01:03', 'intended', NULL, NULL);

INSERT INTO image_hashes (server_id, sha256, hash) VALUES (22, 'aa', 'a_1');

INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at)
VALUES ('019ab000-0000-7000-8000-0000000000c1', 22, 'abc', 'local:ada', '2026-11-22 10:01:00');

INSERT INTO user_servers (user_id, server_id, role, joined_at, updated_at)
VALUES (80351110224678912, 22, 'admin', '2026-11-22 10:02:00', '2026-11-22 10:02:00');

INSERT INTO server_configurations (server_id, feature_flags, created_at, updated_at)
VALUES (22, '{"audit_logging":true}', '2026-11-22 10:02:00', '2026-11-22 10:02:00');

INSERT INTO templates (template_id, name, category, created_by, version, configuration, created_at, updated_at)
VALUES ('019ab000-0000-7000-8000-0000000000d1', 'study-group', 'education', 80351110224678912, '1.2.0', '{}',
        '2026-11-22 10:02:00', '2026-11-22 10:02:00');

INSERT INTO command_history (execution_id, server_id, user_id, command_type, command_text, status, executed_at)
VALUES ('019ab000-0000-7000-8000-0000000000e1', 22, 80351110224678912, 'bulk_operations', '/setai plan', 'in_progress',
        '2026-11-22 10:02:00');

INSERT INTO template_usage (usage_id, template_id, server_id, user_id, status, applied_at)
VALUES ('019ab000-0000-7000-8000-0000000000f1', '019ab000-0000-7000-8000-0000000000d1', 22, 80351110224678912, 'partial',
        '2026-11-22 10:02:00');

UPDATE audit_sequence SET last = last + 1;

INSERT INTO audit_logs (log_id, execution_id, server_id, user_id, action_type, action_details, logged_at, sequence, phase,
                        actor)
SELECT '019ab000-0000-7000-8000-000000000002', '019ab000-0000-7000-8000-0000000000e1', 22, 80351110224678912,
       'command_executed',
       '{"target_type":"setting","action_parameters":null,"impact_scope":"server","affected_entities":[]}',
       '2026-11-22 10:02:00', last, 'done', 'user:80351110224678912'
FROM audit_sequence;

INSERT INTO leases (server_id, fence, holder, taken_at, expires_at)
VALUES (22, 7, 'process 1', '2026-11-22 10:02:00', '2026-11-22 10:02:30');

-- Rows as a build with this migration alone could have left them.
INSERT INTO servers (server_id, name, owner_id, joined_at, updated_at)
VALUES (22, 'Rust Study Group', 1, '2026-11-22T10:00:00.123456+00:00', '2026-11-22T10:00:00.123456+00:00');

INSERT INTO channels (channel_id, server_id, name, type, is_managed, created_at, updated_at, key_kind, manifest_key,
                      provenance, binding_state, is_protected, name_asked, name_got)
VALUES (300, 22, 'rules', 'text', TRUE, '2026-11-22T10:00:00+00:00', '2026-11-22T10:00:00+00:00', 'channel', 'rules',
        'created', 'active', TRUE, 'Rules!', 'rules'),
       (200, 22, NULL, NULL, TRUE, '2026-11-22T10:00:00+00:00', '2026-11-22T10:00:00+00:00', 'category', 'rules',
        'pinned', 'archived', FALSE, NULL, NULL);

INSERT INTO roles (role_id, server_id, name, color, permissions, position, is_managed, created_at, updated_at,
                   manifest_key, provenance, binding_state, is_protected)
VALUES (100, 22, 'Moderator', '#e74c3c', '["kick_members"]', 3, TRUE, '2026-11-22T10:00:00+00:00',
        '2026-11-22T10:00:00+00:00', 'moderator', 'adopted', 'active', FALSE);

INSERT INTO audit_logs (log_id, server_id, action_type, action_details, logged_at, sequence, phase, actor)
VALUES ('019ab000-0000-7000-8000-000000000001', 22, 'configuration_changed',
        '{"target_type":"role","target_id":"100","target_name":"moderator","action_parameters":null,"impact_scope":"role","affected_entities":["100"]}',
        '2026-11-22T10:00:00+00:00', 1, 'done', 'local:ada');

-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO users (user_id, username, status, preferences, created_at, updated_at)
VALUES (80351110224678912, 'ada', 'suspended', '{"timezone":"Europe/Berlin"}', '2026-11-22T10:02:00+00:00',
        '2026-11-22T10:02:00+00:00');

INSERT INTO user_servers (user_id, server_id, role, joined_at, updated_at)
VALUES (80351110224678912, 22, 'admin', '2026-11-22T10:02:00+00:00', '2026-11-22T10:02:00+00:00');

INSERT INTO server_configurations (server_id, feature_flags, created_at, updated_at)
VALUES (22, '{"audit_logging":true}', '2026-11-22T10:02:00+00:00', '2026-11-22T10:02:00+00:00');

INSERT INTO templates (template_id, name, category, created_by, version, configuration, created_at, updated_at)
VALUES ('019ab000-0000-7000-8000-0000000000d1', 'study-group', 'education', 80351110224678912, '1.2.0', '{}',
        '2026-11-22T10:02:00+00:00', '2026-11-22T10:02:00+00:00');

INSERT INTO command_history (execution_id, server_id, user_id, command_type, command_text, status, executed_at)
VALUES ('019ab000-0000-7000-8000-0000000000e1', 22, 80351110224678912, 'bulk_operations', '/setai plan', 'in_progress',
        '2026-11-22T10:02:00+00:00');

INSERT INTO template_usage (usage_id, template_id, server_id, user_id, status, applied_at)
VALUES ('019ab000-0000-7000-8000-0000000000f1', '019ab000-0000-7000-8000-0000000000d1', 22, 80351110224678912, 'partial',
        '2026-11-22T10:02:00+00:00');

UPDATE audit_sequence SET last = last + 1;

INSERT INTO audit_logs (log_id, execution_id, server_id, user_id, action_type, action_details, logged_at, sequence, phase,
                        actor)
SELECT '019ab000-0000-7000-8000-000000000002', '019ab000-0000-7000-8000-0000000000e1', 22, 80351110224678912,
       'command_executed',
       '{"target_type":"setting","action_parameters":null,"impact_scope":"server","affected_entities":[]}',
       '2026-11-22T10:02:00+00:00', last, 'done', 'user:80351110224678912'
FROM audit_sequence;

INSERT INTO leases (server_id, fence, holder, taken_at, expires_at)
VALUES (22, 7, 'process 1', '2026-11-22T10:02:00+00:00', '2026-11-22T10:02:30+00:00');

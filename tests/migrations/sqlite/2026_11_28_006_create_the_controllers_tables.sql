-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO guild_statuses (server_id, state, reason, message, source, attempted_revision, since, updated_at, failures,
                            observed_at)
VALUES (22, 'awaiting_approval', 'ApprovalRequired', 'A plan waits for somebody to approve it.', 'guilds', '4f2a9c1',
        '2026-11-28T10:00:00+00:00', '2026-11-28T10:01:00+00:00', 0, '2026-11-28T10:01:00+00:00');

INSERT INTO suspensions (server_id, suspended_by, suspended_reason, suspended_at)
VALUES (22, 'user:80351110224678912', 'we are moving', '2026-11-28T10:00:00+00:00');

INSERT INTO held_plans (hold_id, server_id, plan_digest, plan, held_at, waiting_for, closing, closed_at)
VALUES ('019ac900-0000-7000-8000-0000000000a1', 22, 'abc', '{}', '2026-11-28T10:00:00+00:00', NULL, 'superseded',
        '2026-11-28T10:01:00+00:00'),
       ('019ac900-0000-7000-8000-0000000000a2', 22, 'abd', '{}', '2026-11-28T10:01:00+00:00', 22, NULL, NULL);

INSERT INTO drift_records (drift_id, server_id, subject, target_id, manifest_key, summary, operation, fingerprint,
                           first_seen_at, last_seen_at, status)
VALUES ('019ac900-0000-7000-8000-0000000000b1', 22, 'channel', 300, 'rules', 'channel rules is in another place',
        '{"operation":"move_channels","moves":[]}', 'f1', '2026-11-28T10:00:00+00:00', '2026-11-28T10:01:00+00:00', 'open');

INSERT INTO schedules (server_id, next_sweep_at) VALUES (22, '2026-11-28T10:10:00+00:00');

INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at, expires_at)
VALUES ('019ac900-0000-7000-8000-0000000000c1', 22, 'abd', 'local:ada', '2026-11-28T10:02:00+00:00', '2026-11-28T11:02:00+00:00');

UPDATE reconciliations SET approved_by = 'local:ada';

-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO guild_states (digest, server_id, state, recorded_at) VALUES ('d1', 22, '{}', '2026-11-22T10:01:00+00:00');

INSERT INTO reconciliations (reconciliation_id, server_id, triggered_by, actor, plan_digest, plan, state_before,
                             started_at)
VALUES ('019ab000-0000-7000-8000-0000000000aa', 22, 'person', 'user:80351110224678912', 'abc', '{}', 'd1',
        '2026-11-22T10:01:00+00:00');

INSERT INTO operations (operation_id, reconciliation_id, step, operation, intended_at, phase, outcome, settled_at)
VALUES ('019ab000-0000-7000-8000-0000000000b1', '019ab000-0000-7000-8000-0000000000aa', 1,
        '{"operation":"move_roles","moves":[]}', '2026-11-22T10:01:01+00:00', 'failed',
        '{"outcome":"failed","error":"Missing Permissions"}', '2026-11-22T10:01:02+00:00'),
       ('019ab000-0000-7000-8000-0000000000b2', '019ab000-0000-7000-8000-0000000000aa', 2,
        '{"operation":"move_channels","moves":[]}', '2026-11-22T10:01:03+00:00', 'intended', NULL, NULL);

INSERT INTO image_hashes (server_id, sha256, hash) VALUES (22, 'aa', 'a_1');

INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at)
VALUES ('019ab000-0000-7000-8000-0000000000c1', 22, 'abc', 'local:ada', '2026-11-22T10:01:00+00:00');

-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at, used_at)
VALUES ('019ab000-0000-7000-8000-0000000000c4', 22, 'abc', 'local:ada', '2026-11-22T10:04:00+00:00',
        '2026-11-22T10:04:01+00:00');

-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at)
VALUES ('019ab000-0000-7000-8000-0000000000c5', 22, 'abd', 'local:ada', '2026-11-22T10:05:00+00:00');

-- Rows as a build with the migrations up to this one could have left them.
INSERT INTO held_plans (hold_id, server_id, plan_digest, plan, held_at, waiting_for, closing, closed_at)
VALUES ('019ac900-0000-7000-8000-0000000000a3', 22, 'abe', '{}', '2026-11-28T10:03:00+00:00', NULL, 'approved',
        '2026-11-28T10:04:00+00:00');

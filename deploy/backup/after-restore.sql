-- What was granted before counts no more after a restore or a fail-over: whoever has a lease loses it, and approvals that
-- look unused are void, because they may have been used since. Fencing numbers need no care: they go by the clock.
UPDATE leases SET holder = NULL;
UPDATE approvals SET used_at = UTC_TIMESTAMP(6) WHERE used_at IS NULL;

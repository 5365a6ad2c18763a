-- Rows as a process left them that died when it had copied all of them.
INSERT INTO audit_logs (log_id, server_id, action_type, action_details, logged_at, phase, actor, format, number,
                        previous_hash, hash)
SELECT log_id, server_id, action_type, action_details, logged_at, phase, actor, 1, 1,
       '0000000000000000000000000000000000000000000000000000000000000000',
       '4f931b30e7a15fb9bbfdcff1ee784400b3b264947f7ca302bc6557c4735405ac'
FROM unsealed_audit_logs WHERE sequence = 1;

INSERT INTO audit_logs (log_id, execution_id, server_id, user_id, action_type, action_details, logged_at, phase, actor,
                        format, number, previous_hash, hash)
SELECT log_id, execution_id, server_id, user_id, action_type, action_details, logged_at, phase, actor, 1, 2,
       '4f931b30e7a15fb9bbfdcff1ee784400b3b264947f7ca302bc6557c4735405ac',
       '191c27ae12a33dc980da193f5339b561a79fe1c4ea9357ad87a263e14f481fc9'
FROM unsealed_audit_logs WHERE sequence = 2;

INSERT INTO audit_chains (server_id, length, hash, pruned_through, pruned_hash)
VALUES (22, 2, '191c27ae12a33dc980da193f5339b561a79fe1c4ea9357ad87a263e14f481fc9', 0,
        '0000000000000000000000000000000000000000000000000000000000000000');

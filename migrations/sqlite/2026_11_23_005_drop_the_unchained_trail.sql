-- Drop the audit rows that were copied into their chains

DROP TABLE unsealed_audit_logs;
DROP TABLE audit_sequence;

-- What is open in a guild is asked at every visit. Without these, all that ever happened in it was read for that.
CREATE INDEX operations_by_phase ON operations (phase, reconciliation_id);
CREATE INDEX reconciliations_by_end ON reconciliations (server_id, finished_at);

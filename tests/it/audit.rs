//! The audit trail as an auditor meets it: after real runs, with somebody at the database who should not be there.

mod export;
mod ground;
mod meanwhile;
mod oracle;
mod retention;
mod tampering;

//! The integration tests, in one binary because each binary costs a link.

mod architecture;
mod store;

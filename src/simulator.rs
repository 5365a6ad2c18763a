//! A simulated Discord, stricter than the real one.

//! What messages mean, and what guilds are afterwards.

//! Discord's gateway: that it is heard whatever happens to connections, and that guilds are followed by what it tells.

mod following;
mod lines;
mod scripted;
mod simulated;

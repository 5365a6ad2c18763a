//! Everything that goes wrong between us and Discord, and that it comes right once it stops.

mod crashes;
mod footing;
mod kills;
mod limits;
mod outages;
mod processes;
mod replicas;
mod servers;
mod waiting;
mod weather;

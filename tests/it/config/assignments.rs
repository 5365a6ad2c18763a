//! Which repository may manage which guild is the operator's word, never a repository's.

use setai::config::{Assignment, Misassigned};
use setai::model::GuildId;

use super::config;

const SOURCES: &str = "
sources:
- { name: ours, directory: ours, guilds: [\"11\", \"12\"] }
- { name: all, directory: all, guilds: all }
guilds:
  \"12\": { source: ours, path: live, suspended: true }
";

fn guild(id: u64) -> GuildId {
    GuildId::new(id)
}

#[test]
fn a_source_manages_what_it_may() {
    let config = config(SOURCES);
    let suspended = |source, id, path| Assignment::of(&config, source, guild(id), path).expect("allowed").suspended;
    assert!(suspended("ours", 12, "live/guild.yaml"));
    assert!(!suspended("ours", 11, "live/guild.yaml"));
    assert!(!suspended("all", 99, "guild.yaml"));
}

#[test]
fn a_guild_that_belongs_to_somebody_else_is_not_taken() {
    let config = config(SOURCES);
    let refused = |source, id, path| Assignment::of(&config, source, guild(id), path).expect_err("refused");
    assert!(matches!(refused("ours", 99, "guild.yaml"), Misassigned::NotAllowed { .. }));
    assert!(
        matches!(refused("all", 12, "live/guild.yaml"), Misassigned::GivenToAnother { owner, .. } if owner == "ours")
    );
    assert!(matches!(refused("ours", 12, "lively/guild.yaml"), Misassigned::OtherPath { .. }));
    assert!(matches!(refused("nobody", 12, "guild.yaml"), Misassigned::NoSuchSource(_)));
}

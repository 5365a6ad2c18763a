//! Which repository may manage which guild is the operator's word, never a repository's.

use setai::config::{Assignment, Assignments, Claim, Misassigned};
use setai::model::GuildId;

use super::config;

const SOURCES: &str = "
sources:
- { name: ours, directory: ours, guilds: [\"11\", \"12\"] }
- { name: all, directory: all, guilds: all }
guilds:
  \"12\": { source: ours, path: live, drift_interval: 5m, suspended: true }
";

fn guild(id: u64) -> GuildId {
    GuildId::new(id)
}

fn claim(source: &str, id: u64, path: &str) -> Claim {
    Claim { source: source.to_owned(), guild: guild(id), path: path.to_owned() }
}

#[test]
fn a_source_manages_what_it_may() {
    let config = config(SOURCES);
    let assigned = Assignment::of(&config, "ours", guild(12), "live/guild.yaml").expect("allowed");
    assert!(assigned.suspended);
    assert_eq!(setai::config::span(assigned.drift_interval), "5m");
    let assigned = Assignment::of(&config, "all", guild(99), "guild.yaml").expect("allowed");
    assert_eq!(setai::config::span(assigned.drift_interval), "10m");
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

#[test]
fn a_guild_two_manifests_describe_is_managed_by_none() {
    let config = config(SOURCES);
    let claims = [claim("all", 11, "a.yaml"), claim("ours", 11, "b.yaml"), claim("all", 13, "c.yaml")];
    let assignments = Assignments::of(&config, claims.clone());
    assert!(assignments.managed.keys().eq(&[guild(13)]));
    let [Misassigned::Contested { guild: contested, claims: both }] = &assignments.wrong[..] else {
        panic!("{assignments:?}")
    };
    assert_eq!((*contested, both.len()), (guild(11), 2));
    assert!(assignments.wrong[0].to_string().contains("`a.yaml` of `all` and by `b.yaml` of `ours`"));
    let mut reversed = claims.to_vec();
    reversed.reverse();
    assert_eq!(Assignments::of(&config, reversed), assignments, "the order does not matter");
}

#[test]
fn a_claim_without_leave_disturbs_nobody() {
    let config = config(SOURCES);
    let claims = [claim("ours", 12, "live/guild.yaml"), claim("all", 12, "stolen.yaml")];
    let assignments = Assignments::of(&config, claims);
    assert_eq!(assignments.managed.get(&guild(12)).map(|a| a.source.as_str()), Some("ours"));
    assert_eq!(assignments.wrong.len(), 1);
}

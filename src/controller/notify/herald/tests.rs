//! What each change of a guild's standing means to people.

use super::super::tests::at;
use super::*;

fn guild(id: u64) -> GuildId {
    GuildId::new(id)
}

fn standing(state: State, reason: &str) -> Standing {
    Standing {
        state,
        reason: reason.to_owned(),
        message: format!("because of {reason}"),
        attempted: Some("main@2".to_owned()),
        applied: Some("main@1".to_owned()),
        applied_manifest: None,
        since: at(0),
        failures: 0,
    }
}

fn sight(guild: GuildId, standing: &Standing) -> Sight<'_> {
    Sight { guild, name: "Rust Study Group", standing, plan: None, report: None, problems: &[] }
}

/// Guild, occasion and reason of what a visit means.
fn visit(herald: &mut Herald, id: u64, state: State, reason: &str) -> Vec<(u64, Occasion, String)> {
    let events = herald.visited(&sight(guild(id), &standing(state, reason)));
    events.into_iter().map(|event| (event.guild.map_or(0, GuildId::get), event.occasion, event.reason)).collect()
}

fn told(id: u64, occasion: Occasion, reason: &str) -> (u64, Occasion, String) {
    (id, occasion, reason.to_owned())
}

#[test]
fn each_standing_is_its_occasion() {
    let cases = [
        (State::Ready, "InOrder", None),
        (State::Drifted, "ChangedInDiscord", Some(Occasion::Drifted)),
        (State::AwaitingApproval, "ApprovalNeeded", Some(Occasion::AwaitingApproval)),
        (State::Stalled, "MissingPermissions", Some(Occasion::Stalled)),
        (State::Stalled, "ManifestGone", Some(Occasion::Stalled)),
        (State::Reconciling, "StepsFailed", Some(Occasion::Failed)),
        (State::Reconciling, "NotThereYet", Some(Occasion::Failed)),
        (State::Reconciling, "OutsideWindow", None),
        (State::Reconciling, "RateLimited", None),
        (State::Reconciling, "BusyElsewhere", None),
        (State::Reconciling, "Unreachable", None),
        (State::Suspended, "Suspended", None),
    ];
    for (state, reason, occasion) in cases {
        let expected: Vec<_> = occasion.into_iter().map(|occasion| told(7, occasion, reason)).collect();
        assert_eq!(visit(&mut Herald::default(), 7, state, reason), expected, "{state} {reason}");
    }
}

/// A reason that is spelled otherwise than where it is given would mean nothing, in silence.
#[test]
fn the_reasons_are_those_that_are_given() {
    let given = include_str!("../../visit.rs").to_owned() + include_str!("../../decision.rs");
    let outages = ["DatabaseError", "DatabaseUnavailable", "DiscordUnavailable"];
    for reason in REFUSALS.into_iter().chain(FAILURES).chain(outages) {
        assert!(given.contains(&format!("\"{reason}\"")), "nobody gives the reason {reason}");
    }
}

#[test]
fn everything_that_was_wrong_with_a_guild_ends_when_it_is_in_order() {
    let mut herald = Herald::default();
    visit(&mut herald, 7, State::Drifted, "ChangedInDiscord");
    visit(&mut herald, 7, State::Stalled, "Refused");
    visit(&mut herald, 8, State::Stalled, "Refused");
    assert_eq!(visit(&mut herald, 7, State::Reconciling, "OutsideWindow"), [], "it is not yet over");
    assert_eq!(
        visit(&mut herald, 7, State::Ready, "InOrder"),
        [told(7, Occasion::Recovered, "ChangedInDiscord"), told(7, Occasion::Recovered, "Refused")]
    );
    assert_eq!(visit(&mut herald, 7, State::Ready, "InOrder"), []);
}

#[test]
fn an_outage_is_one_affair_of_all_guilds_and_ends_when_none_of_them_notices_any_more() {
    let mut herald = Herald::default();
    for id in 1..=50 {
        let events = visit(&mut herald, id, State::Reconciling, "DatabaseUnavailable");
        assert_eq!(events, [told(0, Occasion::Outage, "database")], "of all guilds alike");
    }
    for id in 1..50 {
        assert_eq!(visit(&mut herald, id, State::Ready, "InOrder"), []);
    }
    assert_eq!(visit(&mut herald, 50, State::Ready, "InOrder"), [told(0, Occasion::Recovered, "database")]);
    assert_eq!(visit(&mut herald, 50, State::Ready, "InOrder"), []);
}

#[test]
fn discord_is_back_when_a_guild_shows_it_and_not_when_a_guild_is_merely_left_alone() {
    let mut herald = Herald::default();
    visit(&mut herald, 7, State::Reconciling, "DiscordUnavailable");
    assert_eq!(visit(&mut herald, 7, State::Suspended, "Suspended"), [], "nobody asked Discord");
    assert_eq!(visit(&mut herald, 8, State::Stalled, "ManifestGone"), [told(8, Occasion::Stalled, "ManifestGone")]);
    assert_eq!(
        visit(&mut herald, 9, State::Stalled, "AccessDenied"),
        [told(0, Occasion::Recovered, "discord"), told(9, Occasion::Stalled, "AccessDenied")],
        "a refusal is an answer"
    );
    visit(&mut herald, 7, State::Reconciling, "DatabaseUnavailable");
    assert_eq!(
        visit(&mut herald, 7, State::Reconciling, "DiscordUnavailable"),
        [told(0, Occasion::Recovered, "database"), told(0, Occasion::Outage, "discord")],
        "one may be back while the other goes"
    );
}

#[test]
fn what_is_the_sources_fault_says_so() {
    let standing = standing(State::Stalled, "BranchNotFound");
    let problems = [standing.message.clone()];
    let events = Herald::default().visited(&Sight { problems: &problems, ..sight(guild(7), &standing) });
    assert_eq!(events[0].part_of, Some(Occasion::SourceFailed));
    assert_eq!(Herald::default().visited(&sight(guild(7), &standing))[0].part_of, None);
}

#[test]
fn a_source_that_cannot_be_used_is_told_with_all_that_is_wrong_and_so_is_its_end() {
    let mut herald = Herald::default();
    assert_eq!(herald.looked_at_source("main", &[]), None, "nothing was wrong");
    let problems = ["`a.yaml` is no manifest".to_owned(), "`b.yaml` neither".to_owned()];
    let event = herald.looked_at_source("main", &problems).expect("something is wrong");
    assert_eq!((event.guild, event.occasion, event.reason.as_str()), (None, Occasion::SourceFailed, "main"));
    assert_eq!(event.text, "`a.yaml` is no manifest (and 1 more)");
    let event = herald.looked_at_source("main", &[]).expect("it is over");
    assert_eq!((event.occasion, event.reason.as_str()), (Occasion::Recovered, "main"));
    assert_eq!(herald.looked_at_source("main", &[]), None);
}

#[test]
fn whoever_is_told_knows_the_command_that_helps() {
    let next = |state, reason| {
        let events = Herald::default().visited(&sight(guild(7), &standing(state, reason)));
        events.into_iter().next().and_then(|event| event.next)
    };
    assert_eq!(next(State::Drifted, "ChangedInDiscord").as_deref(), Some("setai drift"));
    assert_eq!(next(State::AwaitingApproval, "ApprovalNeeded").as_deref(), Some("setai approve"));
    assert_eq!(next(State::Stalled, "Refused").as_deref(), Some("setai status"));
}

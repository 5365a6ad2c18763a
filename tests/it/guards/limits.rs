//! How much one plan may remove or change: exact at one less, at, and one more than what is allowed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use setai::model::{
    Binding, Bindings, Bot, Channel, ChannelAttributes, ChannelKind, ChannelRef, Facet, Guild, Key, Managed,
    Permissions, Provenance, Role, RoleAttributes, RoleRef, Snapshot,
};
use setai::plan::{Consent, Lift, Plan, RefusalCode, judge, propose};
use twilight_model::id::Id;

use crate::support::guilds::GUILD_ID;
use crate::support::layouts::{Layout, guild_of};
use crate::support::stage::manifest;

/// How many roles, categories and channels.
type Counts = [usize; 3];

const SECTIONS: [&str; 3] = ["roles", "categories", "channels"];

fn key(kind: usize, number: usize) -> Key {
    format!("{}-{number}", ["role", "area", "room"][kind]).parse().expect("a key")
}

fn channel(kind: usize, number: usize) -> Channel {
    let what = if kind == 1 { ChannelKind::Category } else { ChannelKind::Text };
    let attributes = ChannelAttributes::named(key(kind, number).to_string(), what);
    Channel { id: ChannelRef::Live(Id::new(id_of(kind, number))), position: number as i64, attributes }
}

fn id_of(kind: usize, number: usize) -> u64 {
    1_000_000_000_000_000_000 * (kind as u64 + 1) + number as u64 + 1
}

/// A guild of exactly so many objects, all bound, in which the bot is administrator.
fn town(counts: Counts) -> (Snapshot, Bindings) {
    let nothing = Layout { roles: 1, categories: 0, channels: 0, overwrites_each: 1, own_overwrites: 0 };
    let mut guild: Guild = guild_of(nothing);
    let role = |number: usize| Role {
        id: RoleRef::Live(Id::new(id_of(0, number))),
        position: (counts[0] - number) as i64,
        managed: Managed::No,
        attributes: RoleAttributes::named(key(0, number).to_string()),
    };
    let permissions = Permissions::ADMINISTRATOR;
    let bot = Role {
        id: RoleRef::Live(Id::new(7)),
        position: 1000,
        managed: Managed::Bot(5),
        attributes: RoleAttributes { permissions, ..RoleAttributes::named("setai") },
    };
    guild.roles.extend((0..counts[0]).map(role).chain([bot]));
    guild.channels.extend([1, 2].into_iter().flat_map(|kind| (0..counts[kind]).map(move |n| channel(kind, n))));
    guild.sort();
    let bound = |kind: usize| (0..counts[kind]).map(move |n| (key(kind, n), id_of(kind, n)));
    let bindings = Bindings {
        roles: bound(0).map(|(key, id)| (key, Binding::new(Id::new(id), Provenance::Created))).collect(),
        categories: bound(1).map(|(key, id)| (key, Binding::new(Id::new(id), Provenance::Created))).collect(),
        channels: bound(2).map(|(key, id)| (key, Binding::new(Id::new(id), Provenance::Created))).collect(),
        images: BTreeMap::new(),
    };
    let bot = Facet::Known(Bot { user: Id::new(5), roles: vec![Id::new(7)], timed_out: false });
    (Snapshot { guild, bot, hidden: Vec::new() }, bindings)
}

/// The plan that removes the last so many of each kind and renames the first so many.
fn plan(of: Counts, removed: Counts, renamed: Counts, policy: &str) -> Plan {
    let (snapshot, bindings) = town(of);
    let mut yaml = format!("policy: {{ approval: never, on_remove: delete, {policy} }}\n");
    for kind in 0..3 {
        let kept = of[kind] - removed[kind];
        if kept > 0 {
            _ = writeln!(yaml, "{}:", SECTIONS[kind]);
        }
        for number in 0..kept {
            let key = key(kind, number);
            let name = if number < renamed[kind] { format!("new-{key}") } else { key.to_string() };
            _ = writeln!(yaml, "  {key}: {{ name: {name} }}");
        }
    }
    propose(&manifest(Id::new(GUILD_ID), &yaml), &snapshot, &bindings, None)
}

fn refused(plan: &Plan, code: RefusalCode) -> Vec<&str> {
    plan.refusals.iter().filter(|r| r.code == code).map(|r| r.text.as_str()).collect()
}

/// What a limit allows of so many objects, as the manifest's documentation says it.
fn allowed(limit: &str, of: usize) -> usize {
    match limit.strip_suffix('%').map(|percent| percent.parse::<usize>().expect("a number")) {
        None => limit.parse().expect("a number"),
        Some(0) => 0,
        Some(percent) => (1..=of).rev().find(|n| n * 100 <= of * percent).unwrap_or(1).min(of),
    }
}

const LIMITS: [&str; 9] = ["0", "1", "2", "5", "0%", "5%", "10%", "34%", "100%"];
const SIZES: [usize; 8] = [1, 2, 5, 9, 10, 11, 20, 30];

#[test]
fn deletions_are_limited_exactly_for_each_kind() {
    let mut judged = [0, 0];
    for (kind, size, limit) in cases() {
        let at = allowed(limit, size);
        for removed in [at.saturating_sub(1), at, at + 1] {
            if removed == 0 || removed > size {
                continue;
            }
            // Enough of the other kinds that the total is not the limit that speaks.
            let mut of = [20; 3];
            of[kind] = size;
            let mut gone = [0; 3];
            gone[kind] = removed;
            let plan = plan(of, gone, [0; 3], &format!("max_deletions: {limit}"));
            let words = refused(&plan, RefusalCode::DeletionLimit);
            let total = removed > allowed(limit, of.iter().sum());
            let expected = usize::from(removed > at) + usize::from(total);
            assert_eq!(words.len(), expected, "{removed} of {size} {}, {limit}: {words:?}", SECTIONS[kind]);
            judged[usize::from(expected > 0)] += 1;
        }
    }
    assert!(judged.iter().all(|n| *n > 100), "both sides are seen: {judged:?}");
    println!("acceptance 10, deletions by kind: {} allowed and {} refused, all exact", judged[0], judged[1]);
}

#[test]
fn updates_are_limited_exactly_for_each_kind() {
    let mut judged = [0, 0];
    for (kind, size, limit) in cases() {
        // @everyone counts among the roles, and so does the bot's: they can be changed.
        let live = if kind == 0 { size + 2 } else { size };
        let at = allowed(limit, live);
        for renamed in [at.saturating_sub(1), at, at + 1] {
            if renamed == 0 || renamed > size {
                continue;
            }
            let mut of = [20; 3];
            of[kind] = size;
            let mut changed = [0; 3];
            changed[kind] = renamed;
            let plan = plan(of, [0; 3], changed, &format!("max_updates: {limit}"));
            assert_eq!(plan.steps.len(), renamed);
            let total = renamed > allowed(limit, of.iter().sum::<usize>() + 2);
            let expected = usize::from(renamed > at) + usize::from(total);
            let words = refused(&plan, RefusalCode::UpdateLimit);
            assert_eq!(words.len(), expected, "{renamed} of {live} {}, {limit}: {words:?}", SECTIONS[kind]);
            judged[usize::from(expected > 0)] += 1;
        }
    }
    assert!(judged.iter().all(|n| *n > 100), "both sides are seen: {judged:?}");
    println!("acceptance 10, updates by kind: {} allowed and {} refused, all exact", judged[0], judged[1]);
}

fn cases() -> impl Iterator<Item = (usize, usize, &'static str)> {
    (0..3).flat_map(|kind| SIZES.into_iter().flat_map(move |size| LIMITS.map(|limit| (kind, size, limit))))
}

#[test]
fn the_total_is_limited_although_no_kind_is() {
    // 10 % of 30 roles, 20 categories and 50 channels are 3, 2 and 5; of all 100 they are 10.
    let of = [30, 20, 50];
    for (removed, refusals) in [([3, 2, 4], 0), ([3, 2, 5], 0), ([3, 2, 6], 2), ([4, 2, 5], 2), ([4, 1, 5], 1)] {
        let plan = plan(of, removed, [0; 3], "max_deletions: 10%");
        assert_eq!(refused(&plan, RefusalCode::DeletionLimit).len(), refusals, "{removed:?}: {:?}", plan.refusals);
    }
    // 19 of each are 1 by percent, and 57 are 5.
    for (removed, refusals) in [([1, 1, 1], 0), ([2, 1, 1], 1), ([2, 2, 1], 2), ([2, 2, 2], 4)] {
        let plan = plan([19; 3], removed, [0; 3], "max_deletions: 10%");
        assert_eq!(refused(&plan, RefusalCode::DeletionLimit).len(), refusals, "{removed:?}: {:?}", plan.refusals);
    }
    // A number counts for each kind and for all together.
    for (removed, refusals) in [([2, 1, 0], 0), ([2, 1, 1], 1), ([1, 2, 1], 1), ([4, 0, 0], 2)] {
        let plan = plan([40; 3], removed, [0; 3], "max_deletions: 3");
        assert_eq!(refused(&plan, RefusalCode::DeletionLimit).len(), refusals, "{removed:?}: {:?}", plan.refusals);
    }
}

#[test]
fn a_guild_of_a_few_objects_may_lose_one_and_never_two() {
    let mut guilds = 0;
    for roles in 0..4 {
        for categories in 0..3 {
            for channels in 1..4 {
                let of = [roles, categories, channels];
                assert!(of.iter().sum::<usize>() < 10);
                for kind in (0..3).filter(|kind| of[*kind] > 0) {
                    let mut one = [0; 3];
                    one[kind] = 1;
                    let single = plan(of, one, [0; 3], "max_deletions: 10%");
                    assert!(refused(&single, RefusalCode::DeletionLimit).is_empty(), "{of:?} {:?}", single.refusals);
                    let more = (0..3).find(|other| of[*other] > one[*other]);
                    if let Some(other) = more {
                        one[other] += 1;
                        let two = plan(of, one, [0; 3], "max_deletions: 10%");
                        assert!(!refused(&two, RefusalCode::DeletionLimit).is_empty(), "{of:?} {one:?}");
                    }
                    guilds += 1;
                }
            }
        }
    }
    println!("acceptance 10, guilds of fewer than 10 objects: {guilds} of {guilds} exact");
}

#[test]
fn nothing_but_an_approval_of_this_very_plan_lifts_a_limit() {
    for policy in ["max_deletions: 1", "max_updates: 1"] {
        let plan = plan([5, 5, 20], [0, 0, 2], [0, 0, 2], policy);
        assert!(plan.refusals.iter().all(|refusal| refusal.lift == Lift::Approval) && !plan.refusals.is_empty());
        let own = plan.digest.to_string();
        let another = plan_of_another_day().digest.to_string();
        let not_enough = [Consent::Nobody, Consent::Seen, Consent::Digest(another), Consent::Digest(own[..11].into())];
        for consent in not_enough {
            assert!(judge(plan.clone(), &consent).is_err(), "{consent:?}");
        }
        let approved = judge(plan, &Consent::Digest(own)).expect("approved");
        assert!(approved.rests_on_approval(), "so the engine uses the approval up");
    }
}

fn plan_of_another_day() -> Plan {
    plan([5, 5, 20], [0, 0, 3], [0; 3], "max_deletions: 1")
}

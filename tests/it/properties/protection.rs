//! What was protected once is never deleted, archived or moved away, whatever the manifest says of it later, or leaves out.

use std::collections::{BTreeMap, BTreeSet};

use setai::manifest::Manifest;
use setai::plan::Consent;
use setai::simulator::world::Snowflake;

use super::expected::Ids;
use super::granted::{bound, granted};
use crate::support::rng::Rng;
use crate::support::seeds::{makes_all, seeds, trials};
use crate::support::stage::{Stage, manifest_with, shown};
use crate::support::wish::{Origin, Wish};

/// How protected objects leave the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Their lines are deleted.
    Removed,
    /// Their keys become others, said to be new.
    Renamed,
    /// The file they stand in is deleted.
    FileDeleted(&'static str),
}

impl Way {
    fn pick(rng: &mut Rng) -> Self {
        let all = [Self::Removed, Self::Renamed, Self::FileDeleted("roles"), Self::FileDeleted("channels")];
        *rng.pick(&[&all[..], &[Self::FileDeleted("categories")]].concat())
    }

    fn take_out(self, wish: &mut Wish, protected: &[String], count: usize) {
        let gone = |section: &str, key: &str| protected.contains(&format!("{section}.{key}"));
        match self {
            Self::Removed => {
                wish.roles.retain(|r| !gone("roles", &r.key));
                wish.categories.retain(|c| !gone("categories", &c.key));
                wish.channels.retain(|c| !gone("channels", &c.key));
            }
            Self::Renamed => {
                let mut fresh = (count + 1..).map(|number| format!("n{number}"));
                let mut rename = |key: &mut String, origin: &mut Origin| {
                    (*key, *origin) = (fresh.next().expect("endless"), Origin::New);
                };
                wish.roles.iter_mut().for_each(|r| rename(&mut r.key, &mut r.origin));
                wish.channels.iter_mut().for_each(|c| rename(&mut c.key, &mut c.origin));
            }
            Self::FileDeleted("roles") => wish.roles.clear(),
            Self::FileDeleted("channels") => wish.channels.retain(|c| c.category.is_some()),
            Self::FileDeleted(_) => {
                wish.channels.retain(|c| c.category.is_none());
                wish.categories.clear();
            }
        }
        wish.settle();
    }

    /// The manifest, for a lost file in parts of which one is not there.
    fn manifest(self, stage: &Stage, wish: &Wish) -> Manifest {
        let Self::FileDeleted(lost) = self else { return stage.manifest(&wish.yaml()) };
        let yaml = wish.yaml();
        let mut root = "include: [parts/*.yaml]\n".to_owned();
        let mut parts = Vec::new();
        for line in yaml.split_inclusive('\n') {
            match line.split_once(": ").expect("a section in each line") {
                ("policy" | "settings", _) => root.push_str(line),
                (section, _) if section == lost => {}
                (section, _) => parts.push((format!("parts/{section}.yaml"), line)),
            }
        }
        let parts: Vec<(&str, &[u8])> = parts.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        manifest_with(stage.guild(), &root, &parts)
    }
}

/// What one trial came to: how many protected objects left the manifest, and how.
struct Left(Way, usize);

/// None when nothing protected left the manifest, or the plan was refused all the same.
async fn trial(seed: u64) -> Option<Left> {
    let mut protected = Vec::new();
    let protect = |wish: &mut Wish, rng: &mut Rng| {
        let roles = wish.roles.iter().map(|r| format!("roles.{}", r.key));
        let categories = wish.categories.iter().map(|c| format!("categories.{}", c.key));
        let channels = wish.channels.iter().map(|c| format!("channels.{}", c.key));
        let all: Vec<String> = roles.chain(categories).chain(channels).collect();
        protected = rng.some(&all, 50);
        wish.protect.clone_from(&protected);
    };
    let (stage, wish, mut rng, count) = granted(3_000_000 + seed, protect).await?;
    let ids = bound(&stage).await;
    let way = Way::pick(&mut rng);
    let mut next = wish.clone();
    next.protect.clear();
    (next.prune, next.on_remove) = (*rng.pick(&["managed", "all"]), *rng.pick(&["delete", "archive"]));
    for role in &mut next.roles {
        role.origin = Origin::Known;
    }
    next.categories.iter_mut().chain(&mut next.channels).for_each(|c| c.origin = Origin::Known);
    way.take_out(&mut next, &protected, count);
    let left: Vec<Snowflake> =
        protected.iter().filter(|name| !says(&next, name)).filter_map(|n| id_of(&ids, n)).collect();
    if left.is_empty() {
        return None;
    }
    let before = places(&stage, &left);
    let manifest = way.manifest(&stage, &next);
    let proposal = stage.propose(&manifest).await;
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    stage.attempt(&manifest, &proposal, &consent, 1).await.ok()?;
    assert_eq!(places(&stage, &left), before, "{way:?}\n{}", shown(&proposal.plan));
    // And the next time it is still remembered.
    let again = stage.propose(&manifest).await.plan;
    assert!(again.is_empty(), "{way:?}\n{}\nafter\n{}", shown(&again), shown(&proposal.plan));
    Some(Left(way, left.len()))
}

fn says(wish: &Wish, name: &str) -> bool {
    let keys = |section: &str| -> BTreeSet<String> {
        match section {
            "roles" => wish.roles.iter().map(|r| r.key.clone()).collect(),
            "categories" => wish.categories.iter().map(|c| c.key.clone()).collect(),
            _ => wish.channels.iter().map(|c| c.key.clone()).collect(),
        }
    };
    name.split_once('.').is_some_and(|(section, key)| keys(section).contains(key))
}

fn id_of(ids: &Ids, name: &str) -> Option<Snowflake> {
    let (section, key) = name.split_once('.')?;
    let bound = match section {
        "roles" => &ids.roles,
        "categories" => &ids.categories,
        _ => &ids.channels,
    };
    bound.get(key).map(|b| b.id)
}

/// Where each of them is: nowhere, outside of everything, or in a category.
fn places(stage: &Stage, ids: &[Snowflake]) -> Vec<Option<Option<Snowflake>>> {
    stage.discord.edit(|guild| {
        let place = |id: &Snowflake| {
            let role = guild.roles.contains_key(id).then_some(None);
            role.or_else(|| guild.channels.get(id).map(|c| c.parent_id))
        };
        ids.iter().map(place).collect()
    })
}

#[test]
fn protection_outlives_the_manifest() {
    let made: Vec<Left> = trials(seeds(100, 1_500), trial).into_iter().flatten().collect();
    let objects: usize = made.iter().map(|Left(_, count)| count).sum();
    let mut ways: BTreeMap<Way, usize> = BTreeMap::new();
    made.iter().for_each(|Left(way, _)| *ways.entry(*way).or_default() += 1);
    println!("protection: {objects} protected objects left the manifest in {} trials, 0 deleted: {ways:?}", made.len());
    assert!(!made.is_empty() && (!makes_all() || made.len() >= 1_000), "{} trials", made.len());
}

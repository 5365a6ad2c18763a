//! What sources want guilds to be: the newest revision that can be used, and why a newer one cannot.
//!
//! Decides which manifest counts for a guild. A source that fails, a file that is no manifest any more and a manifest that
//! is gone are each a reason to change nothing: none of them is ever an empty manifest. A source that may not manage a guild
//! has no say in it at all, whatever is in its files. Knows nothing of how sources are reached, and reads no clock.

mod packed;
mod reading;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::GuildId;

use super::rhythm::Rhythm;
use reading::Read;
pub use reading::{Known, Reading};
use written::Shelf;
pub use written::Wanted;

/// Why the newest state of a source cannot be used for a guild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// A word that never changes, for states and metrics.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// The revision it is about, when one was read.
    pub attempted: Option<String>,
    /// True when it goes by itself, so that the last good revision counts meanwhile.
    pub is_passing: bool,
}

/// What is wanted of a guild.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The last manifest that could be used.
    pub last_good: Option<Arc<Wanted>>,
    /// Why it is not what the source says now; none when it is.
    pub obstacle: Option<Obstacle>,
}

/// Whether a guild may be managed from a file of a source: the rhythm the operator gave it, if any, or why not.
pub type Permission<'a> = &'a dyn Fn(&str, GuildId, &str) -> Result<Option<Rhythm>, String>;

/// The guilds a reading of a source concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Those of which something else may be wanted now.
    pub changed: BTreeSet<GuildId>,
    /// Those of which the same is wanted, at another revision.
    pub same: BTreeSet<GuildId>,
}

/// What all sources want.
#[derive(Debug, Default)]
pub struct Desired {
    sources: BTreeMap<String, View>,
    shelf: Arc<Shelf>,
}

/// What one source wants.
#[derive(Debug, Default)]
struct View {
    good: BTreeMap<GuildId, Arc<Wanted>>,
    /// What is wrong with single guilds in the newest revision.
    obstacles: BTreeMap<GuildId, Obstacle>,
    /// Guilds it describes and may not manage. It has no say in them, but they can be told so when nobody else has.
    refused: BTreeMap<GuildId, Obstacle>,
    /// What is wrong with all of it.
    failure: Option<Obstacle>,
    /// What is wrong with files of which nobody knows whose they are, or that may not count.
    strays: Vec<String>,
    newest: Option<Read>,
}

impl Desired {
    /// What was read of a source so far, with which it can be read on without holding anybody up.
    pub fn known(&self, source: &str) -> Known {
        let view = self.sources.get(source);
        let good = view.map(|view| view.good.clone()).unwrap_or_default();
        Known::new(source, good, view.and_then(|view| view.newest.clone()), Arc::clone(&self.shelf))
    }

    /// Takes in what was read of a source, and names the guilds it concerns.
    pub fn take_in(&mut self, source: &str, reading: Reading) -> Touched {
        let view = self.sources.entry(source.to_owned()).or_default();
        let mut changed: BTreeSet<GuildId> = view.obstacles.keys().chain(view.refused.keys()).copied().collect();
        if view.failure.take().is_some() {
            changed.extend(view.good.keys());
        }
        let Reading::New(new) = reading else { return Touched { changed, same: BTreeSet::new() } };
        let reading::New { good, same, obstacles, refused, strays, read } = *new;
        let same: BTreeSet<GuildId> = same.difference(&changed).copied().collect();
        let others = good.keys().filter(|guild| !same.contains(guild));
        changed.extend(others.chain(obstacles.keys()).chain(refused.keys()));
        view.good.extend(good);
        (view.obstacles, view.refused, view.strays, view.newest) = (obstacles, refused, strays, Some(read));
        Touched { changed, same }
    }

    /// Takes in that a source can be read again, and names its guilds when it could not before.
    pub fn reachable(&mut self, source: &str) -> BTreeSet<GuildId> {
        let Some(view) = self.sources.get_mut(source) else { return BTreeSet::new() };
        if view.failure.take().is_some() { view.guilds().collect() } else { BTreeSet::new() }
    }

    /// Takes in that a source could not be read, and names its guilds when that is not known of it yet.
    pub fn failed(&mut self, source: &str, why: Obstacle) -> BTreeSet<GuildId> {
        let view = self.sources.entry(source.to_owned()).or_default();
        // To look at them each time would cost Discord's patience for as long as a server is down.
        let is_news = view.failure.as_ref() != Some(&why);
        view.failure = Some(why);
        if is_news { view.guilds().collect() } else { BTreeSet::new() }
    }

    /// What is wanted of a guild; none when no source was ever heard to speak of it.
    pub fn of(&self, guild: GuildId) -> Option<Wish> {
        let mut claims = self.sources.iter().filter(|(_, view)| view.manages(guild));
        let Some((first, view)) = claims.next() else {
            let refused = self.sources.values().find_map(|view| view.refused.get(&guild))?;
            return Some(Wish { last_good: None, obstacle: Some(refused.clone()) });
        };
        if let Some((second, _)) = claims.next() {
            let message = format!(
                "the sources `{first}` and `{second}` both have a manifest of this guild. Take it out of one, or name its \
                 source under `guilds` in the configuration"
            );
            let obstacle = Obstacle { reason: "ClaimedTwice", message, attempted: None, is_passing: false };
            return Some(Wish { last_good: None, obstacle: Some(obstacle) });
        }
        let last_good = view.good.get(&guild).cloned();
        let obstacle = view.obstacles.get(&guild).or(view.failure.as_ref()).cloned();
        Some(Wish { last_good, obstacle })
    }

    /// True when a source ever spoke of the guild.
    pub fn knows(&self, guild: GuildId) -> bool {
        self.sources.values().any(|view| view.manages(guild) || view.refused.contains_key(&guild))
    }

    /// All guilds a source ever spoke of.
    pub fn guilds(&self) -> BTreeSet<GuildId> {
        self.sources.values().flat_map(View::guilds).collect()
    }

    /// What is wrong with a source, in words: all of it, and files that cannot count for a guild.
    pub fn problems(&self, source: &str) -> Vec<String> {
        let Some(view) = self.sources.get(source) else { return Vec::new() };
        view.failure.iter().map(|failure| failure.message.clone()).chain(view.strays.iter().cloned()).collect()
    }

    /// The newest revision of a source that was read, whether or not it could be used.
    pub fn revision(&self, source: &str) -> Option<&str> {
        self.sources.get(source)?.newest.as_ref().map(|read| read.revision.as_str())
    }
}

impl View {
    fn manages(&self, guild: GuildId) -> bool {
        self.good.contains_key(&guild) || self.obstacles.contains_key(&guild)
    }

    fn guilds(&self) -> impl Iterator<Item = GuildId> {
        let all: BTreeSet<_> = self.good.keys().chain(self.obstacles.keys()).chain(self.refused.keys()).collect();
        all.into_iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Files;

    const ADA: &str = "version: 1\nguild: \"1146231231231231232\"\nroles: { crew: {} }\n";
    const BOB: &str = "version: 1\nguild: \"1146231231231231233\"\n";

    fn ada() -> GuildId {
        GuildId::new(1_146_231_231_231_231_232)
    }

    fn bob() -> GuildId {
        GuildId::new(1_146_231_231_231_231_233)
    }

    fn files(texts: &[(&str, &str)]) -> Files {
        let mut files = Files::default();
        for (path, text) in texts {
            files.insert(path, text.as_bytes()).expect("a path");
        }
        files
    }

    fn anybody(_: &str, _: GuildId, _: &str) -> Result<Option<Rhythm>, String> {
        Ok(None)
    }

    impl Desired {
        fn read(&mut self, source: &str, revision: &str, files: &Files, may: Permission<'_>) -> Touched {
            let reading = self.known(source).read(revision, files.clone(), may);
            self.take_in(source, reading)
        }
    }

    fn both() -> Desired {
        let mut desired = Desired::default();
        let touched = desired.read("main", "main@1", &files(&[("ada.yaml", ADA), ("bob.yaml", BOB)]), &anybody);
        assert_eq!(touched.changed, BTreeSet::from([ada(), bob()]));
        desired
    }

    fn reason(desired: &Desired, guild: GuildId) -> Option<&'static str> {
        desired.of(guild).expect("it was heard of").obstacle.map(|obstacle| obstacle.reason)
    }

    fn revision(desired: &Desired, guild: GuildId) -> Option<String> {
        desired.of(guild).expect("it was heard of").last_good.map(|wanted| wanted.revision.clone())
    }

    #[test]
    fn the_newest_revision_counts() {
        let mut desired = both();
        desired.read("main", "main@2", &files(&[("ada.yaml", ADA), ("bob.yaml", BOB)]), &anybody);
        assert_eq!((reason(&desired, ada()), revision(&desired, ada()).as_deref()), (None, Some("main@2")));
        assert!(desired.of(GuildId::new(7)).is_none(), "nobody spoke of it");
    }

    #[test]
    fn a_manifest_that_breaks_keeps_the_last_good_one_and_stops_its_guild_alone() {
        let mut desired = both();
        desired.read(
            "main",
            "main@2",
            &files(&[("ada.yaml", "version: 1\nguild: \"1146"), ("bob.yaml", BOB)]),
            &anybody,
        );
        assert_eq!(
            (reason(&desired, ada()), revision(&desired, ada()).as_deref()),
            (Some("InvalidManifest"), Some("main@1"))
        );
        assert_eq!((reason(&desired, bob()), revision(&desired, bob()).as_deref()), (None, Some("main@2")));

        let touched = desired.read("main", "main@3", &files(&[("ada.yaml", ADA), ("bob.yaml", BOB)]), &anybody);
        assert_eq!((touched.changed, touched.same), (BTreeSet::from([ada()]), BTreeSet::from([bob()])));
        assert_eq!((reason(&desired, ada()), revision(&desired, ada()).as_deref()), (None, Some("main@3")));
    }

    #[test]
    fn a_manifest_that_is_gone_is_not_an_empty_one() {
        let mut desired = both();
        for left in [files(&[("bob.yaml", BOB)]), files(&[("readme.yaml", "hello: there\n")]), Files::default()] {
            desired.read("main", "main@2", &left, &anybody);
            assert_eq!(
                (reason(&desired, ada()), revision(&desired, ada()).as_deref()),
                (Some("ManifestGone"), Some("main@1"))
            );
        }
    }

    #[test]
    fn a_guild_that_somebody_describes_twice_is_left_alone() {
        let mut desired = both();
        desired.read("main", "main@2", &files(&[("ada.yaml", ADA), ("a.yaml", ADA), ("bob.yaml", BOB)]), &anybody);
        assert_eq!(reason(&desired, ada()), Some("DescribedTwice"));
        desired.read("other", "o@1", &files(&[("bob.yaml", BOB)]), &anybody);
        assert_eq!(reason(&desired, bob()), Some("ClaimedTwice"));
        assert_eq!(revision(&desired, bob()), None, "neither counts");
    }

    #[test]
    fn a_source_has_no_say_in_a_guild_it_may_not_manage() {
        let mut desired = Desired::default();
        let given = |source: &str, guild: GuildId, path: &str| match (source, path) {
            ("main", "ada.yaml") => Ok(None),
            ("other", _) if guild == bob() => Ok(None),
            _ => Err(format!("`{path}` of `{source}` may not manage this guild")),
        };
        desired.read("main", "main@1", &files(&[("ada.yaml", ADA)]), &given);
        let broken = "version: 1\nguild: \"1146231231231231232\"\nroles: 7\n";
        for theirs in [ADA, broken] {
            desired.read("other", "o@1", &files(&[("mine.yaml", theirs), ("bob.yaml", BOB)]), &given);
            assert_eq!((reason(&desired, ada()), revision(&desired, ada()).as_deref()), (None, Some("main@1")));
            assert_eq!(reason(&desired, bob()), None);
            assert_eq!(desired.problems("other"), ["`mine.yaml` of `other` may not manage this guild"]);
        }
        desired.read("main", "main@2", &files(&[("ada.yaml", ADA), ("again.yaml", ADA)]), &given);
        assert_eq!(reason(&desired, ada()), None, "the operator named one of the two");
        desired.read("main", "main@3", &files(&[("moved.yaml", ADA)]), &given);
        assert_eq!(
            (reason(&desired, ada()), revision(&desired, ada()).as_deref()),
            (Some("NotAssigned"), Some("main@2"))
        );
    }

    #[test]
    fn what_is_written_as_before_is_not_read_again() {
        let mut desired = Desired::default();
        let parts = "version: 1\nguild: \"1146231231231231233\"\ninclude: [parts/*.yaml]\n";
        let first = [("ada.yaml", ADA), ("bob.yaml", parts), ("parts/a.yaml", "roles: { crew: {} }\n")];
        desired.read("main", "main@1", &files(&first), &anybody);
        let manifest = |desired: &Desired, guild| {
            desired.of(guild).and_then(|wish| wish.last_good).expect("a wish").manifest().expect("a manifest")
        };
        let (ada_before, bob_before) = (manifest(&desired, ada()), manifest(&desired, bob()));

        let more = [&first[..], &[("parts/b.yaml", "roles: { mods: {} }\n")]].concat();
        let touched = desired.read("main", "main@2", &files(&more), &anybody);
        assert_eq!((touched.changed, touched.same), (BTreeSet::from([bob()]), BTreeSet::from([ada()])));
        assert!(Arc::ptr_eq(&ada_before, &manifest(&desired, ada())), "nobody wrote anything of hers");
        assert_eq!((bob_before.roles.len(), manifest(&desired, bob()).roles.len()), (1, 2), "a file came that counts");
        assert_eq!(revision(&desired, ada()).as_deref(), Some("main@2"));
    }

    #[test]
    fn with_many_guilds_only_those_that_were_needed_last_are_kept_as_they_are() {
        let mut desired = Desired::default();
        let topic = "x".repeat(600);
        let text = |n: u64| format!("version: 1\nguild: \"{}\"\n# {}\n", 1_000 + n, topic.repeat(200));
        let mut many = Files::default();
        for n in 0..20 {
            many.insert(&format!("{n}.yaml"), text(n).into_bytes()).expect("a path");
        }
        desired.read("main", "main@1", &many, &anybody);
        let wanted = |n: u64| desired.of(GuildId::new(1_000 + n)).and_then(|wish| wish.last_good).expect("a wish");
        let first = wanted(3).manifest().expect("it is read again");
        assert_eq!(first.guild, GuildId::new(1_003));
        assert!(Arc::ptr_eq(&first, &wanted(3).manifest().expect("it is kept now")));
        assert!(desired.shelf.len() < 12, "{} of twenty texts of 120 KB are kept", desired.shelf.len());
    }

    #[test]
    fn a_source_may_only_manage_what_the_operator_gave_it() {
        let mut desired = Desired::default();
        let only_bob =
            |_: &str, guild: GuildId, _: &str| if guild == bob() { Ok(None) } else { Err("not yours".to_owned()) };
        desired.read("main", "main@1", &files(&[("ada.yaml", ADA), ("bob.yaml", BOB)]), &only_bob);
        assert_eq!((reason(&desired, ada()), revision(&desired, ada())), (Some("NotAssigned"), None));
        assert_eq!(reason(&desired, bob()), None);
    }

    #[test]
    fn a_source_that_fails_is_a_reason_for_all_its_guilds_until_it_is_read_again() {
        let mut desired = both();
        let why = Obstacle { reason: "BranchNotFound", message: "gone".to_owned(), attempted: None, is_passing: false };
        assert_eq!(desired.failed("main", why.clone()), BTreeSet::from([ada(), bob()]));
        assert_eq!(desired.failed("main", why), BTreeSet::new(), "nothing is new");
        assert_eq!(
            (reason(&desired, ada()), revision(&desired, ada()).as_deref()),
            (Some("BranchNotFound"), Some("main@1"))
        );

        let same = files(&[("ada.yaml", ADA), ("bob.yaml", BOB)]);
        assert_eq!(desired.read("main", "main@1", &same, &anybody).changed, BTreeSet::from([ada(), bob()]));
        assert_eq!(reason(&desired, ada()), None);
    }

    #[test]
    fn a_broken_file_of_a_guild_never_seen_still_says_whose_it_is() {
        let mut desired = Desired::default();
        let broken = files(&[("ada.yaml", "version: 1\nguild: \"1146231231231231232\"\nroles: 7\n")]);
        desired.read("main", "main@1", &broken, &anybody);
        assert_eq!((reason(&desired, ada()), revision(&desired, ada())), (Some("InvalidManifest"), None));
    }
}

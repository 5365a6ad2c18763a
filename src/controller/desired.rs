//! What sources want guilds to be: the newest revision that can be used, and why a newer one cannot.
//!
//! Decides which manifest counts for a guild. A source that fails, a file that is no manifest any more and a manifest that
//! is gone are each a reason to change nothing: none of them is ever an empty manifest. Knows nothing of how sources are
//! reached, and reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::{Diagnostic, Files, Manifest, Severity, guild_files, parse};
use crate::model::GuildId;

use super::rhythm::Rhythm;

/// A manifest with the place it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the guild should equal.
    pub manifest: Manifest,
    /// The source, by the name the operator gave it.
    pub source: String,
    /// The file.
    pub entry: String,
    /// The revision, as people read it.
    pub revision: String,
    /// When the guild is compared besides, when it has a rhythm of its own.
    pub rhythm: Option<Rhythm>,
}

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
#[derive(Clone, Debug, PartialEq)]
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
}

/// What one source wants.
#[derive(Debug, Default)]
struct View {
    good: BTreeMap<GuildId, Arc<Wanted>>,
    /// What is wrong with single guilds in the newest revision.
    obstacles: BTreeMap<GuildId, Obstacle>,
    /// What is wrong with all of it.
    failure: Option<Obstacle>,
    /// What is wrong with files of which nobody knows whose they are.
    strays: Vec<String>,
    newest: Option<(String, Files)>,
}

impl Desired {
    /// Takes in what a source holds at a revision, and names the guilds it concerns.
    pub fn read(&mut self, source: &str, revision: &str, files: &Files, may: Permission<'_>) -> Touched {
        let view = self.sources.entry(source.to_owned()).or_default();
        let mut changed: BTreeSet<GuildId> = view.obstacles.keys().copied().collect();
        if view.failure.take().is_some() {
            changed.extend(view.good.keys());
        }
        if view.newest.as_ref().is_some_and(|(newest, held)| newest == revision && held == files) {
            return Touched { changed, same: BTreeSet::new() };
        }
        let reading = Reading::of(source, revision, files, view, may);
        let is_same = |guild: &GuildId, wanted: &Wanted| {
            view.good.get(guild).is_some_and(|before| before.manifest.wants_the_same(&wanted.manifest))
        };
        let (same, other): (BTreeSet<_>, BTreeSet<_>) =
            reading.good.keys().partition(|guild| is_same(guild, &reading.good[*guild]) && !changed.contains(*guild));
        changed.extend(other.into_iter().chain(reading.obstacles.keys().copied()));
        let Reading { good, obstacles, strays } = reading;
        view.good.extend(good);
        (view.obstacles, view.strays) = (obstacles, strays);
        view.newest = Some((revision.to_owned(), files.clone()));
        Touched { changed, same }
    }

    /// Takes in that a source can be read again, and names its guilds when it could not before.
    pub fn reachable(&mut self, source: &str) -> BTreeSet<GuildId> {
        let Some(view) = self.sources.get_mut(source) else { return BTreeSet::new() };
        if view.failure.take().is_some() { view.guilds().collect() } else { BTreeSet::new() }
    }

    /// Takes in that a source could not be read, and names its guilds.
    pub fn failed(&mut self, source: &str, why: Obstacle) -> BTreeSet<GuildId> {
        let view = self.sources.entry(source.to_owned()).or_default();
        view.failure = Some(why);
        view.guilds().collect()
    }

    /// What is wanted of a guild; none when no source was ever heard to speak of it.
    pub fn of(&self, guild: GuildId) -> Option<Wish> {
        let mut claims = self.sources.iter().filter(|(_, view)| view.guilds().any(|known| known == guild));
        let (first, view) = claims.next()?;
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

    /// All guilds a source ever spoke of.
    pub fn guilds(&self) -> BTreeSet<GuildId> {
        self.sources.values().flat_map(View::guilds).collect()
    }

    /// What is wrong with a source, in words: all of it, and files of which nobody knows whose they are.
    pub fn problems(&self, source: &str) -> Vec<String> {
        let Some(view) = self.sources.get(source) else { return Vec::new() };
        view.failure.iter().map(|failure| failure.message.clone()).chain(view.strays.iter().cloned()).collect()
    }

    /// The newest revision of a source that was read, whether or not it could be used.
    pub fn revision(&self, source: &str) -> Option<&str> {
        self.sources.get(source)?.newest.as_ref().map(|(revision, _)| revision.as_str())
    }
}

impl View {
    fn guilds(&self) -> impl Iterator<Item = GuildId> {
        let only_wrong = self.obstacles.keys().filter(|guild| !self.good.contains_key(guild));
        self.good.keys().chain(only_wrong).copied()
    }

    /// The guild a file was about when it could be read.
    fn guild_of(&self, entry: &str) -> Option<GuildId> {
        self.good.iter().find(|(_, wanted)| wanted.entry == entry).map(|(guild, _)| *guild)
    }
}

/// What a revision says.
#[derive(Debug, Default)]
struct Reading {
    good: BTreeMap<GuildId, Arc<Wanted>>,
    obstacles: BTreeMap<GuildId, Obstacle>,
    strays: Vec<String>,
}

impl Reading {
    fn of(source: &str, revision: &str, files: &Files, before: &View, may: Permission<'_>) -> Self {
        let (entries, diagnostics) = guild_files(files);
        let mut reading = Self::default();
        let mut readers: BTreeMap<GuildId, String> = BTreeMap::new();
        for entry in entries {
            let parsed = parse(files, &entry);
            let (guild, found) = match parsed.manifest {
                Some(manifest) => {
                    let guild = manifest.guild;
                    let (source, revision) = (source.to_owned(), revision.to_owned());
                    (Some(guild), Ok(Wanted { manifest, source, entry: entry.clone(), revision, rhythm: None }))
                }
                None => (before.guild_of(&entry).or_else(|| written_guild(files, &entry)), Err(parsed.diagnostics)),
            };
            let Some(guild) = guild else {
                reading.strays.push(unreadable(&entry, revision, &found.err().unwrap_or_default()));
                continue;
            };
            if let Some(other) = readers.insert(guild, entry.clone()) {
                let message =
                    format!("`{other}` and `{entry}` both describe this guild at {revision}. Take one of them out");
                reading.stop(guild, "DescribedTwice", message, revision);
                continue;
            }
            match found {
                Ok(wanted) => match may(source, guild, &entry) {
                    Ok(rhythm) => _ = reading.good.insert(guild, Arc::new(Wanted { rhythm, ..wanted })),
                    Err(why) => reading.stop(guild, "NotAssigned", why, revision),
                },
                Err(diagnostics) => {
                    reading.stop(guild, "InvalidManifest", unreadable(&entry, revision, &diagnostics), revision);
                }
            }
        }
        reading.strays.extend(diagnostics.iter().filter(|d| d.severity == Severity::Block).map(|d| d.message.clone()));
        for (guild, wanted) in &before.good {
            if !readers.contains_key(guild) {
                let message = format!(
                    "{revision} has no manifest of this guild any more; `{}` was the last one. Nothing is removed for \
                     that: put the file back, or leave the guild alone with `setai suspend`",
                    wanted.entry
                );
                reading.stop(*guild, "ManifestGone", message, revision);
            }
        }
        reading
    }

    fn stop(&mut self, guild: GuildId, reason: &'static str, message: String, revision: &str) {
        self.good.remove(&guild);
        let obstacle = Obstacle { reason, message, attempted: Some(revision.to_owned()), is_passing: false };
        self.obstacles.insert(guild, obstacle);
    }
}

/// The first problem of a file, and how many there are.
fn unreadable(entry: &str, revision: &str, diagnostics: &[Diagnostic]) -> String {
    let blocking: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Block).collect();
    let first = blocking.first().map_or_else(|| "it cannot be read".to_owned(), |first| first.message.clone());
    let rest = match blocking.len() {
        0 | 1 => String::new(),
        many => format!(" (and {} more)", many - 1),
    };
    format!("`{entry}` at {revision} is no valid manifest: {first}{rest}. `setai validate` shows every problem")
}

/// The guild a text is about although it is no manifest, so that its state can say so.
fn written_guild(files: &Files, entry: &str) -> Option<GuildId> {
    let text = std::str::from_utf8(files.get(entry)?).ok()?;
    let written = text.lines().find_map(|line| line.strip_prefix("guild:"))?;
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok().and_then(GuildId::new_checked)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(desired.of(GuildId::new(7)), None, "nobody spoke of it");
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
        assert_eq!(desired.failed("main", why), BTreeSet::from([ada(), bob()]));
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

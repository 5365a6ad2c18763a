//! From the document to what it means: keys become references, sets become bits, files become images.
//!
//! Decides what every name refers to. Knows nothing of YAML, and leaves it to the checks whether what is said is wise.

mod objects;
mod permissions;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use twilight_model::id::Id;

use crate::model::{ChannelKind, ChannelRef, Key, Permissions, RoleRef};

use super::content::{Content, Expectation};
use super::diagnostic::{Problem, Problems, rule};
use super::document::{ExpectationDoc, GuildDoc, PermissionNames};
use super::read::{Said, Table};
use super::scalar::Snowflake;
use super::source::Files;

pub(super) use objects::{kind_of, model_field};
use permissions::{AccessSets, PermissionSets};

/// What a document means, and which of its named sets it uses.
pub(super) struct Resolved<'d> {
    pub(super) content: Content,
    pub(super) sets: PermissionSets<'d>,
    pub(super) access: AccessSets<'d>,
    /// SHA-256 of each image it names, in hex, in the order of the document.
    pub(super) images: Vec<String>,
    /// The files it names as images, whether or not they are there.
    pub(super) image_files: Vec<String>,
}

/// Finds out what a document means. Whatever means nothing is reported and left out.
pub(super) fn resolve<'d>(doc: &'d GuildDoc, files: &Files, problems: &mut Problems) -> Resolved<'d> {
    // Without an id the manifest is refused, so nobody sees the stand-in.
    let guild = doc.guild.as_ref().and_then(|said| Id::new_checked(said.0)).unwrap_or(Id::new(u64::MAX));
    let things = Things::of(doc, guild.get());
    let mut resolver = Resolver { files, problems, things, images: Vec::new(), image_files: Vec::new() };
    let mut sets = PermissionSets::of(doc.permission_sets.as_ref().map(|said| &said.value));
    sets.settle_all(resolver.problems);
    let mut access = AccessSets::of(doc.access.as_ref().map(|said| &said.value));
    access.settle_all(&mut resolver, &mut sets);
    let content = Content {
        guild,
        name: doc.name.as_ref().map(|said| said.0.clone()),
        policy: resolver.policy(doc),
        settings: resolver.settings(doc),
        roles: resolver.roles(doc, &mut sets),
        categories: resolver.categories(doc, &mut sets, &mut access),
        channels: resolver.channels(doc, &mut sets, &mut access),
        expectations: resolver.expectations(doc),
        origins: BTreeMap::new(),
    };
    Resolved { content, sets, access, images: resolver.images, image_files: resolver.image_files }
}

/// Everything a name can refer to.
struct Things<'d> {
    guild: u64,
    roles: BTreeSet<&'d str>,
    roles_by_id: BTreeMap<u64, &'d str>,
    channels: BTreeMap<&'d str, ChannelKind>,
    categories: BTreeSet<&'d str>,
}

impl<'d> Things<'d> {
    fn of(doc: &'d GuildDoc, guild: u64) -> Self {
        let roles = || table(doc.roles.as_ref());
        let categories = || table(doc.categories.as_ref());
        let inside = categories().flat_map(|(_, category)| table(category.channels.as_ref()));
        let channels = table(doc.channels.as_ref()).chain(inside);
        Self {
            guild,
            roles: roles().map(|(key, _)| key.as_str()).collect(),
            roles_by_id: roles().filter_map(|(key, role)| Some((role.id.as_ref()?.0, key.as_str()))).collect(),
            channels: channels.map(|(key, channel)| (key.as_str(), kind_of(channel))).collect(),
            categories: categories().map(|(key, _)| key.as_str()).collect(),
        }
    }
}

/// The entries of a section that may not have been written.
pub(super) fn table<T>(section: Option<&Said<Table<T>>>) -> impl Iterator<Item = &(Said<String>, T)> {
    section.into_iter().flat_map(|said| said.0.iter())
}

/// The bits of a list that may not have been written.
pub(super) fn bits(names: Option<&Said<PermissionNames>>) -> Permissions {
    names.into_iter().flat_map(|said| said.iter()).map(|name| name.0).collect()
}

struct Resolver<'f, 'd, 'p> {
    files: &'f Files,
    problems: &'p mut Problems,
    things: Things<'d>,
    images: Vec<String>,
    image_files: Vec<String>,
}

impl Resolver<'_, '_, '_> {
    fn report(&mut self, problem: Problem) {
        self.problems.report(problem);
    }

    /// A key of an object.
    fn key(&mut self, written: &Said<String>) -> Option<Key> {
        match written.parse() {
            Ok(key) => Some(key),
            Err(error) => {
                let problem = Problem::new(rule::BAD_KEY, format!("`{}` cannot be a key: {error}", written.value));
                let problem = problem.at(written.spot, "not a key");
                self.report(problem.help("choose a short key and write what Discord is to show as `name`"));
                None
            }
        }
    }

    /// A role that is named by its key.
    fn role_key(&mut self, written: &Said<String>) -> Option<Key> {
        let key = written.parse::<Key>().ok();
        if let Some(key) = key
            && (key.is_everyone() || self.things.roles.contains(key.as_str()))
        {
            return Some(key);
        }
        let problem = Problem::new(rule::UNKNOWN_ROLE, format!("there is no role `{}`", written.value));
        let candidates = self.things.roles.iter().copied().chain(["everyone"]);
        let problem = problem.at(written.spot, "not a key in `roles`");
        let problem = problem.did_you_mean(written.spot, self.problems.guess(written, candidates));
        self.report(problem);
        None
    }

    /// A role that is named by its key, or as `role:ID`.
    fn role(&mut self, written: &Said<String>) -> Option<RoleRef> {
        let Some(digits) = written.strip_prefix("role:") else { return self.role_key(written).map(RoleRef::Planned) };
        let id = self.snowflake(digits, written)?;
        if id == self.things.guild {
            return Some(RoleRef::Planned(Key::everyone()));
        }
        // A role with a key of its own is known by it, so that one role cannot have two overwrites.
        let key = self.things.roles_by_id.get(&id).and_then(|key| key.parse().ok());
        key.map(RoleRef::Planned).or_else(|| Id::new_checked(id).map(RoleRef::Live))
    }

    fn snowflake(&mut self, digits: &str, written: &Said<String>) -> Option<u64> {
        let id = Snowflake::parse(digits).map(|id| id.0);
        if id.is_none() {
            let problem = Problem::new(rule::NOT_A_SNOWFLAKE, format!("`{digits}` is not a Discord id"));
            self.report(problem.at(written.spot, "expected a number"));
        }
        id
    }

    /// A channel that is named by its key, or as `channel:ID`, with its kind when that is known.
    fn channel(&mut self, written: &Said<String>) -> Option<(ChannelRef, Option<ChannelKind>)> {
        if let Some(digits) = written.strip_prefix("channel:") {
            let id = self.snowflake(digits, written)?;
            return Id::new_checked(id).map(|id| (ChannelRef::Live(id), None));
        }
        if let Some(kind) = self.things.channels.get(written.as_str()).copied() {
            return written.parse().ok().map(|key| (ChannelRef::Planned(key), Some(kind)));
        }
        self.unknown_channel(written);
        None
    }

    fn unknown_channel(&mut self, written: &Said<String>) {
        let problem = Problem::new(rule::UNKNOWN_CHANNEL, format!("there is no channel `{}`", written.value));
        let problem = problem.at(written.spot, "not the key of a channel");
        let name = written.trim_start_matches('#');
        let guess = self.problems.guess(name, self.things.channels.keys().copied());
        let problem = problem.did_you_mean(written.spot, guess);
        self.report(problem);
    }

    fn expectations(&mut self, doc: &GuildDoc) -> Vec<Expectation> {
        let written = doc.expectations.iter().flat_map(|said| said.iter());
        written.filter_map(|expectation| self.expectation(expectation)).collect()
    }

    fn expectation(&mut self, doc: &Said<ExpectationDoc>) -> Option<Expectation> {
        let Some(role) = &doc.role else {
            let problem = Problem::new(rule::MISSING_FIELD, "the expectation does not say whom it is about");
            self.report(problem.at(doc.spot, "`role` is missing"));
            return None;
        };
        let (can, cannot) = (bits(doc.can.as_ref()), bits(doc.cannot.as_ref()));
        let role = self.role_key(role);
        let places = doc.r#in.iter().flat_map(|said| said.0.iter());
        let channels = places.filter_map(|place| {
            let known =
                self.things.channels.contains_key(place.as_str()) || self.things.categories.contains(place.as_str());
            if !known {
                self.unknown_channel(place);
            }
            known.then(|| place.parse().ok()).flatten()
        });
        let channels = channels.collect();
        Some(Expectation { role: role?, can, cannot, channels })
    }
}

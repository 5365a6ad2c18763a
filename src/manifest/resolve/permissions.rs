//! Permission sets, entries of `access`, and overwrites.
//!
//! Decides what a set comes to when it builds on others. Knows nothing of channels.

use std::collections::BTreeMap;

use twilight_model::id::Id;

use crate::model::{Overwrite, OverwriteChoice, Overwrites, Permissions, Target};

use crate::manifest::diagnostic::{Problem, Problems, rule};
use crate::manifest::document::{
    ChannelPermissions, Names, OverwriteDoc, OverwritesDoc, PermissionNames, PermissionSetDoc, RolePermissions,
};
use crate::manifest::read::{Said, Table};

use super::{Resolver, bits};

/// Sets build on sets no deeper than this.
const DEEPEST: usize = 32;

/// Things with names that can build on each other, and what they came to.
pub(in crate::manifest) struct Named<'d, D, T> {
    entries: Vec<(&'d Said<String>, &'d D)>,
    by_name: BTreeMap<&'d str, usize>,
    settled: Vec<Option<T>>,
    used: Vec<bool>,
}

/// The permission sets of a manifest.
pub(in crate::manifest) type PermissionSets<'d> = Named<'d, PermissionSetDoc, Overwrite>;
/// The entries of `access` of a manifest.
pub(in crate::manifest) type AccessSets<'d> = Named<'d, OverwritesDoc, Overwrites>;

impl<'d, D, T: Clone + Default> Named<'d, D, T> {
    pub(super) fn of(section: Option<&'d Table<D>>) -> Self {
        let entries: Vec<_> = section.into_iter().flat_map(|t| t.0.iter()).map(|(key, doc)| (key, doc)).collect();
        let by_name = entries.iter().enumerate().map(|(at, (key, _))| (key.as_str(), at)).collect();
        let count = entries.len();
        Self { entries, by_name, settled: vec![None; count], used: vec![false; count] }
    }

    /// The names nothing uses, with their places.
    pub(in crate::manifest) fn unused(&self) -> impl Iterator<Item = &'d Said<String>> {
        self.entries.iter().zip(&self.used).filter(|(_, used)| !**used).map(|((key, _), _)| *key)
    }

    /// Everything by name, with what it came to.
    pub(in crate::manifest) fn all(&self) -> impl Iterator<Item = (&'d str, &T)> {
        let settled = self.entries.iter().zip(&self.settled);
        settled.filter_map(|((key, _), settled)| Some((key.as_str(), settled.as_ref()?)))
    }

    fn use_named(&mut self, name: &str) -> Option<usize> {
        let at = *self.by_name.get(name)?;
        self.used[at] = true;
        Some(at)
    }

    /// Refuses a chain that comes back to where it was, or is absurdly long.
    fn check_chain(&self, at: usize, from: &Said<String>, chain: &[usize], problems: &mut Problems) -> Option<()> {
        let name = self.entries[at].0;
        if chain.contains(&at) {
            let problem = Problem::new(rule::SET_CIRCLE, format!("`{}` builds on itself", name.value));
            problems.report(problem.at(from.spot, "leads back to it").at(name.spot, "begins here"));
            return None;
        }
        if chain.len() >= DEEPEST {
            let problem = Problem::new(rule::TOO_LARGE, format!("more than {DEEPEST} build on each other"));
            problems.report(problem.at(from.spot, "in this chain"));
            return None;
        }
        Some(())
    }
}

impl PermissionSets<'_> {
    pub(super) fn settle_all(&mut self, problems: &mut Problems) {
        for at in 0..self.entries.len() {
            self.settle(at, &mut Vec::new(), problems);
        }
    }

    fn settle(&mut self, at: usize, chain: &mut Vec<usize>, problems: &mut Problems) -> Overwrite {
        if let Some(done) = self.settled[at] {
            return done;
        }
        chain.push(at);
        let doc = self.entries[at].1;
        let mut sum = Overwrite::default();
        for name in doc.extends.iter().flat_map(|said| said.0.iter()) {
            let Some(base) = self.find(name, problems) else { continue };
            if self.check_chain(base, name, chain, problems).is_some() {
                sum = build_on(sum, self.settle(base, chain, problems));
            }
        }
        chain.pop();
        let done = build_on(sum, own(doc.allow.as_ref(), doc.deny.as_ref(), problems));
        self.settled[at] = Some(done);
        done
    }

    fn find(&mut self, name: &Said<String>, problems: &mut Problems) -> Option<usize> {
        let found = self.use_named(name);
        if found.is_none() {
            let problem = Problem::new(rule::UNKNOWN_SET, format!("there is no permission set `{}`", name.value));
            let problem = problem.at(name.spot, "not in `permission_sets`");
            let guess = problems.guess(name, self.by_name.keys().copied());
            problems.report(problem.did_you_mean(name.spot, guess));
        }
        found
    }

    /// What sets and further permissions come to.
    pub(super) fn built(
        &mut self,
        sets: Option<&Said<Names>>,
        allow: Option<&Said<PermissionNames>>,
        deny: Option<&Said<PermissionNames>>,
        problems: &mut Problems,
    ) -> Overwrite {
        let mut sum = Overwrite::default();
        for name in sets.iter().flat_map(|said| said.0.iter()) {
            let settled = self.find(name, problems).and_then(|at| self.settled[at]);
            sum = build_on(sum, settled.unwrap_or_default());
        }
        build_on(sum, own(allow, deny, problems))
    }

    /// What a role may do.
    pub(super) fn of_role(&mut self, doc: &RolePermissions, problems: &mut Problems) -> Permissions {
        match doc {
            RolePermissions::List(names) => names.iter().map(|name| name.0).collect(),
            RolePermissions::Built(built) => {
                self.built(built.r#use.as_ref(), built.allow.as_ref(), None, problems).allow
            }
        }
    }
}

/// The later allow or deny of a permission wins.
fn build_on(base: Overwrite, next: Overwrite) -> Overwrite {
    Overwrite {
        allow: base.allow.without(next.deny).with(next.allow),
        deny: base.deny.without(next.allow).with(next.deny),
    }
}

fn own(
    allow: Option<&Said<PermissionNames>>,
    deny: Option<&Said<PermissionNames>>,
    problems: &mut Problems,
) -> Overwrite {
    let own = Overwrite { allow: bits(allow), deny: bits(deny) };
    let both = own.allow & own.deny;
    if let (false, Some(allow), Some(deny)) = (both.is_empty(), allow, deny) {
        let message = format!("`{}` is both allowed and denied; allow wins", both.names().join("`, `"));
        let place = |list: &Said<PermissionNames>| {
            list.iter().find(|name| both.intersects(name.0)).map_or(list.spot, |name| name.spot)
        };
        let problem = Problem::new(rule::ALLOWED_AND_DENIED, message);
        problems.report(problem.at(place(deny), "denied here").at(place(allow), "allowed here"));
    }
    own
}

impl AccessSets<'_> {
    pub(super) fn settle_all(&mut self, resolver: &mut Resolver<'_, '_, '_>, sets: &mut PermissionSets<'_>) {
        for at in 0..self.entries.len() {
            self.settle(at, &mut Vec::new(), resolver, sets);
        }
    }

    fn settle(
        &mut self,
        at: usize,
        chain: &mut Vec<usize>,
        resolver: &mut Resolver<'_, '_, '_>,
        sets: &mut PermissionSets<'_>,
    ) -> Overwrites {
        if let Some(done) = &self.settled[at] {
            return done.clone();
        }
        chain.push(at);
        let doc = self.entries[at].1;
        let mut sum = Overwrites::default();
        if let Some(name) = &doc.r#use
            && let Some(base) = self.find(name, resolver.problems)
            && self.check_chain(base, name, chain, resolver.problems).is_some()
        {
            sum = self.settle(base, chain, resolver, sets);
        }
        chain.pop();
        resolver.add_overwrites(&mut sum, doc, sets);
        self.settled[at] = Some(sum.clone());
        sum
    }

    fn find(&mut self, name: &Said<String>, problems: &mut Problems) -> Option<usize> {
        let found = self.use_named(name);
        if found.is_none() {
            let problem = Problem::new(rule::UNKNOWN_ACCESS, format!("there is no `access` entry `{}`", name.value));
            let problem = problem.at(name.spot, "not in `access`");
            let names = self.by_name.keys().copied().chain([ChannelPermissions::UNMANAGED]);
            let guess = problems.guess(name, names);
            problems.report(problem.did_you_mean(name.spot, guess));
        }
        found
    }

    /// What a channel says of its overwrites.
    pub(super) fn of_channel(
        &mut self,
        said: &Said<ChannelPermissions>,
        resolver: &mut Resolver<'_, '_, '_>,
        sets: &mut PermissionSets<'_>,
    ) -> OverwriteChoice {
        let named = |name: &String| Said { value: name.clone(), spot: said.spot, key: said.key };
        let overwrites = match &said.value {
            ChannelPermissions::Unmanaged => return OverwriteChoice::Unmanaged,
            ChannelPermissions::Named(name) => self.settled_of(&named(name), resolver.problems),
            ChannelPermissions::Exactly(doc) => {
                let base = doc.r#use.as_ref().map(|name| self.settled_of(name, resolver.problems));
                let mut sum = base.unwrap_or_default();
                resolver.add_overwrites(&mut sum, doc, sets);
                sum
            }
        };
        OverwriteChoice::Exactly(overwrites)
    }

    fn settled_of(&mut self, name: &Said<String>, problems: &mut Problems) -> Overwrites {
        self.find(name, problems).and_then(|at| self.settled[at].clone()).unwrap_or_default()
    }
}

impl Resolver<'_, '_, '_> {
    /// Lays the targets of a map over what was there; a target replaces what it had.
    fn add_overwrites(&mut self, sum: &mut Overwrites, doc: &OverwritesDoc, sets: &mut PermissionSets<'_>) {
        let mut seen: BTreeMap<Target, &Said<String>> = BTreeMap::new();
        for (written, OverwriteDoc { spot: _, r#use, allow, deny }) in &doc.targets {
            let overwrite = sets.built(r#use.as_ref(), allow.as_ref(), deny.as_ref(), self.problems);
            let Some(target) = self.target(written) else { continue };
            if let Some(first) = seen.insert(target.clone(), written) {
                let message = format!("`{}` and `{}` are one target", first.value, written.value);
                let problem = Problem::new(rule::TARGET_TWICE, message);
                self.report(problem.at(written.spot, "again here").at(first.spot, "first here"));
            }
            sum.set(target, overwrite);
        }
    }

    fn target(&mut self, written: &Said<String>) -> Option<Target> {
        match written.split_once(':') {
            None => self.role(written).map(Target::Role),
            Some(("role", _)) => self.role(written).map(Target::Role),
            Some(("user", digits)) => self.snowflake(digits, written).and_then(Id::new_checked).map(Target::Member),
            Some(_) => {
                let problem = Problem::new(rule::BAD_TARGET, format!("`{}` is not a target", written.value));
                self.report(problem.at(written.spot, "expected a role's key, `role:ID` or `user:ID`"));
                None
            }
        }
    }
}

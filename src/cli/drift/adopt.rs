//! `setai drift --adopt`: the manifest is made to say what somebody did in Discord.
//!
//! Decides what is shown and asked before files are written, and proves first that nothing is left to do for what was
//! adopted.

use std::collections::BTreeSet;
use std::path::Path;

use crate::controller::Proposal;
use crate::manifest::edit::{self, Words};
use crate::manifest::{Files, Manifest, parse};
use crate::plan::render::Tone;
use crate::plan::{Adoption, Left, adopt_live, propose};
use serde::Serialize;

use super::super::arguments::Drift;
use super::super::branch::{self, Committed};
use super::super::failure::{Exit, Failure};
use super::super::manifests::Loaded;
use super::super::rewrite::{self, root_of};
use super::super::screen::Screen;
use super::Difference;

/// What was adopted, for scripts.
#[derive(Debug, Default, Serialize)]
struct Adopted {
    objects: BTreeSet<String>,
    left: Vec<Left>,
    /// What referred to something that is gone, and went with it.
    dropped: Vec<String>,
    changed: Vec<String>,
    diff: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<Committed>,
}

/// Edits of all manifests of a folder, before they are written.
pub(super) struct Desk<'d> {
    loaded: &'d Loaded,
    files: Files,
    named: &'d [String],
    /// What of `named` was found.
    found: BTreeSet<String>,
    known: BTreeSet<String>,
    adopted: Adopted,
    remarks: Vec<String>,
    /// Who changed what, for the message of a commit.
    story: Vec<String>,
}

impl<'d> Desk<'d> {
    /// Nothing edited yet; without names everything is to be adopted.
    pub(super) fn new(loaded: &'d Loaded, named: &'d [String]) -> Self {
        Self {
            loaded,
            files: loaded.files.clone(),
            named,
            found: BTreeSet::new(),
            known: BTreeSet::new(),
            adopted: Adopted::default(),
            remarks: Vec::new(),
            story: Vec::new(),
        }
    }

    /// Edits one manifest.
    pub(super) fn adopt(
        &mut self,
        entry: &str,
        manifest: &Manifest,
        proposal: &Proposal,
        differences: &[Difference],
    ) -> Result<(), Failure> {
        let all = self.adoption(entry, manifest, proposal, &|_| true)?;
        let names = all.objects.iter().cloned().chain(all.left.iter().map(|left| left.object.clone()));
        self.known.extend(names);
        let named = self.named;
        let is_wanted = |object: &str| named.is_empty() || named.iter().any(|name| name == object);
        self.found.extend(self.known.iter().filter(|object| named.contains(object)).cloned());
        let adoption = self.adoption(entry, manifest, proposal, &is_wanted)?;
        let edited = edit::apply(&self.files, entry, &adoption.edits).map_err(|error| {
            Failure::new(format!("cannot write what Discord has into `{entry}`: {error}"))
                .help("Nothing was written. Name fewer objects, or edit the manifest by hand.")
        })?;
        self.prove(entry, &edited.files, proposal, &adoption)?;
        self.files = edited.files;
        self.remarks.extend(edited.rewritten.iter().map(|rewritten| format!("{rewritten}.")));
        self.adopted.dropped.extend(edited.dropped);
        self.adopted.changed.extend(edited.changed);
        let told = differences.iter().filter_map(|difference| {
            let by = difference.by.as_ref()?;
            let why = by.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
            Some(format!("{}: {} at {}{why}", difference.object, by.who, by.at.format("%Y-%m-%d %H:%M:%S UTC")))
        });
        self.story.extend(told);
        self.adopted.objects.extend(adoption.objects);
        self.adopted.left.extend(adoption.left);
        Ok(())
    }

    fn adoption(
        &self,
        entry: &str,
        manifest: &Manifest,
        proposal: &Proposal,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Adoption, Failure> {
        let words = Words::of(&self.files, entry);
        let words = words.ok_or_else(|| Failure::new(format!("`{entry}` cannot be read any more")))?;
        let Proposal { plan, snapshot, bindings } = proposal;
        Ok(adopt_live(manifest, words, plan, snapshot, bindings, is_wanted))
    }

    /// What was edited must plan to nothing, as far as all of it was adopted.
    fn prove(&mut self, entry: &str, files: &Files, proposal: &Proposal, adoption: &Adoption) -> Result<(), Failure> {
        let unread = || Failure::new(format!("what would be written into `{entry}` cannot be read"));
        let manifest = parse(files, entry).manifest.ok_or_else(unread)?;
        let after = propose(&manifest, &proposal.snapshot, &proposal.bindings, None);
        let open: BTreeSet<String> = after.steps.iter().map(|step| step.operation.subject()).collect();
        if self.named.is_empty() && adoption.left.is_empty() && !open.is_empty() {
            let open = open.into_iter().collect::<Vec<_>>().join(", ");
            self.remarks
                .push(format!("Something would still be left to do afterwards: {open}. `setai plan` shows it."));
        }
        Ok(())
    }

    /// Shows what would be written, asks, and writes.
    pub(super) fn finish(mut self, command: &Drift, screen: Screen) -> Result<Exit, Failure> {
        if let Some(unknown) = self.named.iter().find(|name| !self.found.contains(*name)) {
            let known = self.known.iter().map(|object| format!("`{object}`")).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "nothing".to_owned() } else { known };
            return Err(Failure::new(format!("`{unknown}` does not differ, so there is nothing to adopt"))
                .help(format!("What differs: {known}.")));
        }
        self.adopted.changed.sort();
        self.adopted.changed.dedup();
        self.adopted.diff =
            self.adopted.changed.iter().map(|name| edit::difference(&self.loaded.files, &self.files, name)).collect();
        if !command.json {
            self.show(screen);
        }
        if self.adopted.changed.is_empty() {
            if command.json {
                screen.say(super::super::json(&self.adopted)?);
            }
            return Ok(Exit::Success);
        }
        if !command.auto_approve {
            ask(screen)?;
        }
        match &command.branch {
            Some(branch) => self.adopted.commit = Some(self.commit(&command.source.path, branch)?),
            None => self.write(&command.source.path)?,
        }
        if command.json {
            screen.say(super::super::json(&self.adopted)?);
        } else {
            self.tell(screen);
        }
        Ok(Exit::Success)
    }

    fn show(&self, screen: Screen) {
        rewrite::show(&self.adopted.diff, screen);
        for place in &self.adopted.dropped {
            screen.remark(format!("`{place}` named something that is gone, and goes with it."));
        }
        for remark in &self.remarks {
            screen.remark(remark);
        }
        for Left { object, why } in &self.adopted.left {
            screen.remark(format!("Not adopted: {object}. {why}"));
        }
        if self.adopted.changed.is_empty() {
            screen.toned(Tone::Create, "There is nothing to adopt.");
        }
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        rewrite::write(path, &self.loaded.files, &self.files, &self.adopted.changed)
    }

    fn commit(&self, path: &Path, branch: &str) -> Result<Committed, Failure> {
        let changed = self.adopted.changed.iter().filter_map(|name| {
            let change = branch::Change { name, before: self.loaded.files.get(name)?, after: self.files.get(name)? };
            Some(change)
        });
        branch::commit(&root_of(path), branch, &changed.collect::<Vec<_>>(), &self.message())
    }

    fn message(&self) -> String {
        let objects: Vec<&str> = self.adopted.objects.iter().map(String::as_str).collect();
        let what = match objects.as_slice() {
            [] => "what was changed".to_owned(),
            [one] => (*one).to_owned(),
            several => format!("{} objects", several.len()),
        };
        let mut message = format!("Adopt {what} from Discord\n\n");
        message.extend(objects.iter().map(|object| format!("* {object}\n")));
        if !self.story.is_empty() {
            message.push_str("\nChanged last by:\n");
            message.extend(self.story.iter().map(|line| format!("* {line}\n")));
        }
        message
    }

    fn tell(&self, screen: Screen) {
        let objects = self.adopted.objects.iter().cloned().collect::<Vec<_>>().join(", ");
        match &self.adopted.commit {
            Some(Committed { branch, commit }) => {
                let short = commit.get(..12).unwrap_or(commit);
                screen.toned(Tone::Create, format!("Adopted {objects} on the branch `{branch}`, as commit {short}."));
                screen.say("Your files are as they were; merge the branch to take it over.");
            }
            None => screen.toned(
                Tone::Create,
                format!("Adopted {objects}. `setai plan` shows what is left, and git what was written."),
            ),
        }
    }
}

fn ask(screen: Screen) -> Result<(), Failure> {
    if !screen.is_interactive() {
        return Err(Failure::new("nobody can be asked here, so nothing was written")
            .help("Look at the difference, then use `--auto-approve`.")
            .exit(Exit::Refused));
    }
    screen.confirm("Write this?", "not adopted; nothing was written")
}

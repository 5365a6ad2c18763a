//! A request in plain words becomes a change of a manifest in front of its team.
//!
//! Decides what a proposal says and where it goes; understanding it is an interpreter's, taking it a forge's. Nothing is written
//! anywhere before somebody has seen what it comes to, and nothing of it ever reaches Discord but by way of the team.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::ai::guard::Breach;
use crate::ai::{self, Command, Intent, Interpretation, Request, Revision, revise, told};
use crate::forge::{self, Author, BranchName, Change, CommitId, Forge, Proposed, RepoPath, Status, Words};
use crate::manifest::edit::{self, Edit, Edited};
use crate::manifest::parse;
use crate::model::{GuildId, ServerSettings, UserId};
use crate::plan::render;
use crate::plan::{Plan, adopt_live};
use crate::store::{self, CommandId, CommandRecord};

use super::console::{Console, Trouble, Written};
use super::engine::{Engine, Proposal};
use super::interpret::{self, Interpreting};

/// The context of the commit status that says what a proposal would do.
pub(super) const CONTEXT: &str = "setai/plan";

/// How many uses of commands are looked through for the proposal of a manifest.
const MOST_COMMANDS: u32 = 100;

/// Most characters of a title.
const LONGEST_TITLE: usize = 72;

/// Where the proposals of a source go.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// The forge, and the repository there.
    pub forge: Arc<dyn Forge>,
    /// The branch they are for; none for the repository's default.
    pub base: Option<BranchName>,
    /// The folder of the repository that the source begins in; empty for all of it.
    pub folder: String,
}

/// Who understands requests, and where proposals go.
pub struct Proposals {
    /// Who understands.
    pub interpreting: Interpreting,
    /// Where the proposals of each source go, by the name of the source. Without one nothing can be proposed there.
    pub outlets: BTreeMap<String, Outlet>,
}

impl fmt::Debug for Proposals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interpreting: _, outlets } = self;
        f.debug_struct("Proposals").field("outlets", outlets).finish_non_exhaustive()
    }
}

/// What a request comes to.
#[derive(Debug)]
pub enum Drafted {
    /// No change.
    Nothing(Interpretation),
    /// A change that cannot be, with everything that is wrong with it.
    Refused(Interpretation, Vec<String>),
    /// A change the manifest says already.
    Same(Interpretation),
    /// A change.
    Change(Box<Draft>),
}

/// A change of a manifest that somebody may propose.
#[derive(Debug)]
pub struct Draft {
    /// How the request was understood.
    pub interpretation: Interpretation,
    /// The manifest it is a change of.
    pub written: Written,
    /// The files that change, with what is in them afterwards.
    pub files: Vec<(String, Option<String>)>,
    /// What referred to something that goes, and goes with it.
    pub dropped: Vec<String>,
    /// The difference, as git shows it.
    pub diff: String,
    /// What the manifest means afterwards, as a number.
    pub fingerprint: String,
    /// What it would do in Discord.
    pub plan: Plan,
}

/// Who proposes.
#[derive(Clone, Debug)]
pub struct Proposer {
    /// Their name.
    pub name: String,
    /// The Discord user, when it is one.
    pub user: Option<UserId>,
}

impl Console {
    /// What a request comes to. Nothing is written.
    ///
    /// # Errors
    /// When nobody could understand it, the source cannot be read, or Discord or the store cannot.
    pub async fn draft(
        &self,
        asker: interpret::Asker,
        text: &str,
        settings: &ServerSettings,
    ) -> Result<Drafted, Trouble> {
        let proposals = self.proposals().ok_or(Trouble::NoProposals)?;
        let written = self.written(asker.guild).await?;
        let language = &settings.response_language;
        let request = Request { language, ..Request::about(text, &written.files, &written.entry) };
        let interpreted = proposals.interpreting.interpret(Some(asker), &settings.rate_limits, &request).await;
        let interpretation = interpreted.map_err(Trouble::Interpreter)?;
        self.engine().draft(written, interpretation).await
    }

    /// The same change once more, of the manifest as it is now.
    ///
    /// # Errors
    /// As [`draft`](Self::draft).
    pub async fn draft_again(&self, guild: GuildId, interpretation: Interpretation) -> Result<Drafted, Trouble> {
        let written = self.written(guild).await?;
        self.engine().draft(written, interpretation).await
    }

    /// The change after which the manifest says what somebody did in Discord, where that is still what the plan with this digest
    /// would undo. None when there is nothing to adopt.
    ///
    /// # Errors
    /// [`Trouble::Changed`], and as [`draft`](Self::draft).
    pub async fn adoption(&self, guild: GuildId, digest: &str) -> Result<Option<Box<Draft>>, Trouble> {
        let written = self.written(guild).await?;
        let unreadable = || Trouble::Unproposable { why: format!("`{}` is no valid manifest", written.entry) };
        let manifest = parse(&written.files, &written.entry).manifest.ok_or_else(unreadable)?;
        let spelled = edit::Words::of(&written.files, &written.entry).ok_or_else(unreadable)?;
        let proposal = self.view_of(&manifest, &written.revision.short()).await?.proposal;
        if !proposal.plan.digest.matches(digest) {
            return Err(Trouble::Changed);
        }
        let Proposal { plan, snapshot, bindings } = &proposal;
        let adoption = adopt_live(&manifest, spelled, plan, snapshot, bindings, |_| true);
        match self.engine().draft(written, interpretation_of(adoption.edits)).await? {
            Drafted::Change(draft) => Ok(Some(draft)),
            Drafted::Refused(_, wrong) => Err(Trouble::Unproposable { why: wrong.join("; ") }),
            Drafted::Nothing(_) | Drafted::Same(_) => Ok(None),
        }
    }

    /// Where a change of this source could be proposed.
    pub fn outlet(&self, source: &str) -> Option<&Outlet> {
        self.proposals()?.outlets.get(source)
    }

    /// Puts a change in front of its team. Asked again for the same request, the same pull request gets the new change.
    ///
    /// # Errors
    /// [`Trouble::NoOutlet`], or when the forge does not take it.
    pub async fn open(&self, draft: &Draft, asker: &Proposer, command: Option<CommandId>) -> Result<Proposed, Trouble> {
        let source = &draft.written.source;
        let outlet = self.outlet(source).ok_or_else(|| Trouble::NoOutlet { source_name: source.clone() })?;
        outlet.open(draft, asker, command).await
    }
}

impl Outlet {
    /// Puts a change in front of the team. Asked again for the same request, the same pull request gets the new change.
    ///
    /// # Errors
    /// When it cannot be written down, or the forge does not take it.
    pub async fn open(&self, draft: &Draft, asker: &Proposer, command: Option<CommandId>) -> Result<Proposed, Trouble> {
        let change = change(draft, self, asker, command).map_err(|why| Trouble::Unproposable { why })?;
        let proposed = self.forge.propose(&change).await.map_err(Trouble::Forge)?;
        if let Some(proposal) = proposed.proposal()
            && let Err(error) = self.forge.status(&proposal.commit, &status(&draft.plan)).await
        {
            tracing::warn!(forge = self.forge.describe(), %error, "the status of a proposal could not be set");
        }
        Ok(proposed)
    }
}

impl Engine {
    /// What an interpretation makes of a manifest. Nothing is written.
    ///
    /// # Errors
    /// When Discord or the store cannot be read.
    pub async fn draft(&self, written: Written, interpretation: Interpretation) -> Result<Drafted, Trouble> {
        if interpretation.edits.is_empty() {
            return Ok(Drafted::Nothing(interpretation));
        }
        let Written { files, entry, .. } = &written;
        // Asked again here, whoever understood the request and whenever that was.
        let revised = revise(files, entry, &interpretation.edits, Breach::is_for_everybody);
        let Revision { edited, manifest } = match revised {
            Ok(revision) => revision,
            Err(wrong) => return Ok(Drafted::Refused(interpretation, wrong)),
        };
        let Edited { files, changed, dropped, rewritten: _ } = edited;
        if changed.is_empty() {
            return Ok(Drafted::Same(interpretation));
        }
        let diff = changed.iter().map(|name| edit::difference(&written.files, &files, name)).collect();
        let text = |name: &String| files.get(name).map(|text| String::from_utf8_lossy(text).into_owned());
        let files = changed.iter().map(|name| (name.clone(), text(name))).collect();
        let plan = self.propose(&manifest, Some(&written.revision.short())).await?.plan;
        let fingerprint = manifest.fingerprint().to_owned();
        Ok(Drafted::Change(Box::new(Draft { interpretation, written, files, dropped, diff, fingerprint, plan })))
    }

    /// Who proposed in Discord the manifest that means this, when somebody did lately. It is for the record: whether a manifest
    /// counts is decided by its source alone.
    pub(super) async fn proposed_by(&self, guild: GuildId, fingerprint: &str) -> Option<store::Author> {
        // That nobody can tell is no reason not to apply it.
        let commands = self.store.commands(guild, MOST_COMMANDS).await.unwrap_or_default();
        let proposed = |command: &&CommandRecord| {
            let details = command.results.as_ref().map(|results| &results[0]["details"]);
            details.is_some_and(|details| details["manifest"] == *fingerprint && details["pull_request"].is_object())
        };
        commands.iter().find(proposed).map(|command| store::Author::User(command.user))
    }
}

/// Edits nobody had to understand: they say what is in Discord.
fn interpretation_of(edits: Vec<Edit>) -> Interpretation {
    Interpretation {
        original_text: "Adopt what was changed in Discord".to_owned(),
        confidence_score: 1.0,
        intent: Intent::of(&edits),
        entities: Vec::new(),
        structured_command: Command::of(&edits),
        alternatives: Vec::new(),
        processing_time: 0.0,
        model_used: "discord".to_owned(),
        cached: false,
        edits,
        not_understood: Vec::new(),
    }
}

/// What is said of a plan beside a commit.
fn status(plan: &Plan) -> Status {
    let state = if plan.refusals.is_empty() { forge::State::Success } else { forge::State::Failure };
    Status { state, context: CONTEXT.to_owned(), description: render::summary(plan), url: None }
}

fn change(draft: &Draft, outlet: &Outlet, asker: &Proposer, command: Option<CommandId>) -> Result<Change, String> {
    let request = draft.interpretation.original_text.trim();
    let guild = draft.plan.guild;
    let branch = BranchName::new(&branch(guild, request)).map_err(|error| error.to_string())?;
    let file = |(name, content): &(String, Option<String>)| {
        let path = [outlet.folder.trim_matches('/'), name].join("/");
        let path = RepoPath::new(path.trim_start_matches('/')).map_err(|error| error.to_string())?;
        Ok(forge::File { path, content: content.clone() })
    };
    let files = draft.files.iter().map(file).collect::<Result<Vec<_>, String>>()?;
    let title = title(request);
    let words = Words { body: body(draft, asker), message: message(&title, request, asker, command), title };
    let mut change = Change::new(branch, files, words).map_err(|error| error.to_string())?;
    if let Some(base) = &outlet.base {
        change = change.onto(base.clone());
    }
    // A folder has no commit; then the files on the base branch count as they are.
    if let Ok(commit) = CommitId::new(&draft.written.revision.id) {
        change = change.read_at(commit);
    }
    let address = asker.user.map_or_else(|| "setai@users.invalid".to_owned(), |user| format!("{user}@discord.invalid"));
    if let Ok(author) = Author::new(&asker.name, &address) {
        change = change.by(author);
    }
    Ok(change)
}

/// The branch of a request: the same for the same words, so that a repeated request changes the pull request that is there.
fn branch(guild: GuildId, request: &str) -> String {
    let words = request.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.len() + word.len() >= 40 {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    let folded: Vec<String> = request.split_whitespace().map(str::to_lowercase).collect();
    let digest = Sha256::digest(format!("{guild} {}", folded.join(" ")));
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    if slug.is_empty() { format!("setai/{digest}") } else { format!("setai/{slug}-{digest}") }
}

/// The request on one line, as the title of what it asks for.
fn title(request: &str) -> String {
    let line = request.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let mut title: String = match line.chars().count() > LONGEST_TITLE {
        true => line.chars().take(LONGEST_TITLE - 1).chain(['…']).collect(),
        false => line.trim_end_matches('.').to_owned(),
    };
    if let Some(first) = title.chars().next() {
        title.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    title
}

/// The commit: what was asked, by whom, and which use of a command it was.
fn message(title: &str, request: &str, asker: &Proposer, command: Option<CommandId>) -> String {
    let by = asker.user.map_or_else(|| asker.name.clone(), |user| format!("{} (Discord user {user})", asker.name));
    let by: String = by.chars().filter(|c| !c.is_control()).collect();
    let request: Vec<String> = request.lines().map(|line| format!("> {}", line.trim())).collect();
    let command = command.map_or_else(String::new, |command| format!("\nSetAI-Request: {command}"));
    format!("{title}\n\n{}\n\nAsked-by: {by}{command}", request.join("\n"))
}

/// The text of the pull request: the request, how it was understood, and what it would do.
fn body(draft: &Draft, asker: &Proposer) -> String {
    let Draft { interpretation, plan, dropped, .. } = draft;
    let Interpretation { original_text, confidence_score, model_used, edits, not_understood, .. } = interpretation;
    let mut body = String::new();
    for line in original_text.trim().lines() {
        body.push_str(&format!("> {}\n", render::escaped(line)));
    }
    let by = asker.user.map_or_else(
        || render::escaped(&asker.name),
        |user| format!("{} (Discord user {user})", render::escaped(&asker.name)),
    );
    let sure = (confidence_score * 100.0).round();
    body.push_str(&format!("\nAsked by {by}, understood by `{model_used}`, {sure} % sure:\n\n"));
    for edit in edits {
        let (sign, words) = told::told(edit);
        body.push_str(&format!("- `{}` {}\n", sign.symbol(), render::escaped(&words)));
    }
    if !not_understood.is_empty() {
        body.push_str("\nNot understood:\n\n");
        for ai::Part { text, why, .. } in not_understood {
            body.push_str(&format!("- “{}”: {}\n", render::escaped(text), render::escaped(why)));
        }
    }
    if !dropped.is_empty() {
        body.push_str("\nNamed something that goes, and goes with it:\n\n");
        dropped.iter().for_each(|place| body.push_str(&format!("- {}\n", render::escaped(place))));
    }
    body.push_str("\nWhat merging this does:\n\n");
    body.push_str(&render::markdown(plan));
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_go_to_the_same_branch() {
        let guild = GuildId::new(1_146_231_231_231_231_232);
        let first = branch(guild, "Add a study area with three voice rooms only members can see, please");
        assert_eq!(first, branch(guild, "add a  study area with three voice rooms only members can see, please\n"));
        assert!(first.starts_with("setai/add-a-study-area-with-three-voice-"), "{first}");
        assert_ne!(
            first,
            branch(GuildId::new(7), "Add a study area with three voice rooms only members can see, please")
        );
        assert!(BranchName::new(&branch(guild, "додай канал")).is_ok());
        assert!(BranchName::new(&branch(guild, "../../.git")).is_ok());
    }

    #[test]
    fn a_title_is_one_line_and_not_too_long() {
        assert_eq!(title("add a channel\nLounge."), "Add a channel Lounge");
        assert_eq!(title(&"x".repeat(100)).chars().count(), LONGEST_TITLE);
        assert_eq!(title("  "), "");
    }
}

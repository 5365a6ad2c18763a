//! From a manifest and a snapshot to an ordered list of operations, and nothing left to decide.
//!
//! Decides what would change, in which order, what is risky and what is refused. Knows nothing of requests, stores or
//! time.
//!
//! ```text
//! adopt      which object each key stands for
//! resolve    what each object should look like
//! remove     what becomes of the others
//! ability    what the bot can do of that
//! sequence   the steps, in a safe order          (arrange: sidebar and hierarchy)
//! risk       what it means for people
//! guard      whether it is refused
//! digest     what an approval is bound to
//! ```
//!
//! Beside the way there: `reconciliation` goes through the steps of an approved plan and `rest` knows what is left of one,
//! `undo` makes the way back, `adopt_live` what would have to be written for the guild to be right as it is, and `render`
//! shows plans to people.

mod ability;
mod adopt;
mod adopt_live;
mod arrange;
mod digest;
mod guard;
mod note;
mod operation;
mod reconciliation;
mod remove;
pub mod render;
mod resolve;
mod rest;
mod risk;
mod sequence;
mod undo;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::{ApprovalMode, Manifest, Policy};
use crate::model::{Bindings, Guild, GuildId, Snapshot};

pub use adopt_live::{Adoption, Left, adopt_live};
pub use digest::Digest;
pub use guard::{Lift, Refusal, RefusalCode};
pub use note::{Note, NoteCode, Weight};
pub use operation::{BindingChange, ChannelSubject, Move, Operation, Phase, RoleSubject, Step, StepId};
pub use reconciliation::{Approved, Consent, Outcome, Reconciliation, Rejected, Verdict, judge, judge_strictly};
pub use risk::{AccessChange, Risk};
pub use undo::{DoneStep, Holders, key_again, undo};

/// The version of the plan's JSON form. It changes when a reader of the old form would misunderstand the new one.
pub const FORMAT: u32 = 1;

/// Everything that would be done, and everything worth knowing before it is. Immutable once proposed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// The version of SetAI that proposed it.
    pub version: String,
    /// Which guild.
    pub guild: GuildId,
    /// What people call it.
    pub name: String,
    /// The commit or other revision the manifest came from.
    pub revision: Option<String>,
    /// What an approval is bound to.
    pub digest: Digest,
    /// Everything that was compared; of nothing when there is nothing to do.
    pub base: Digest,
    /// What people call the roles (`role:...`) and channels (`channel:...`) the steps refer to.
    pub names: BTreeMap<String, String>,
    /// What is done, in order. One step is one request.
    pub steps: Vec<Step>,
    /// What is bound or released without a request.
    pub bindings: Vec<BindingChange>,
    /// What is left alone, and why.
    pub notes: Vec<Note>,
    /// What it means for people.
    pub risks: Vec<Risk>,
    /// Why it may not be applied as it is.
    pub refusals: Vec<Refusal>,
    /// When the policy wants somebody's approval.
    pub approval: ApprovalMode,
}

impl Plan {
    /// True when this is the plan that is proposed now: the same steps for the same world, by the same version of SetAI.
    pub fn is_still(&self, now: &Self) -> bool {
        self.version == now.version && self.base == now.base && self.digest == now.digest
    }

    /// True when there is nothing to send to Discord.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// True when there is nothing to do, nothing in doubt and nothing refused: knowing more would not change it.
    pub fn is_settled(&self) -> bool {
        self.is_empty() && self.refusals.is_empty() && self.notes.iter().all(|note| note.weight == Weight::Info)
    }

    /// Notes that forbid applying anything before somebody decides.
    pub fn blocking(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|note| note.weight == Weight::Blocking)
    }

    /// True when something is removed, archived, or cannot be undone.
    pub fn is_destructive(&self) -> bool {
        let archives = |step: &Step| step.bindings.iter().any(|b| matches!(b, BindingChange::Archive { .. }));
        self.steps.iter().any(|step| step.operation.is_irreversible() || archives(step))
    }

    /// True when the policy wants somebody to look at it first.
    pub fn needs_approval(&self) -> bool {
        match self.approval {
            ApprovalMode::Never => false,
            ApprovalMode::Destructive => {
                self.is_destructive() || self.refusals.iter().any(|r| r.lift == Lift::Approval)
            }
            ApprovalMode::Always => !self.is_empty(),
        }
    }
}

/// What would have to be done for the guild to be as the manifest says.
///
/// Pure: the same four arguments give the same bytes. When the bot's own roles could not be read, a plan with steps says
/// so in a blocking note, because nothing can be promised about it.
pub fn propose(manifest: &Manifest, snapshot: &Snapshot, bindings: &Bindings, revision: Option<&str>) -> Plan {
    propose_under(&manifest.policy, manifest, snapshot, bindings, revision)
}

/// The same under another policy than the manifest's own, such as an operator's.
pub fn propose_under(
    policy: &Policy,
    manifest: &Manifest,
    snapshot: &Snapshot,
    bindings: &Bindings,
    revision: Option<&str>,
) -> Plan {
    let live = snapshot.guild.without_dangling();
    let ids = adopt::adopt(manifest, snapshot, bindings, policy);
    let mut desired = resolve::resolve(manifest, &live, &ids, bindings, policy);
    let mut removals = remove::remove(&live, &ids, &desired, policy);
    let now = ability::Bot::of(snapshot, &live);
    let views = ability::RoleViews::of(now.as_ref(), &live, &desired, &removals);
    // A plan that takes the bot's own means away is refused, and shown as it was meant.
    let is_lockout = guard::takes_means(snapshot, &live, &views.wished);
    let bot = if is_lockout { now } else { ability::Bot::of(snapshot, &views.lowest) };
    if let Some(bot) = &bot {
        ability::limit(bot, &live, snapshot.hidden.len(), &mut desired, &mut removals);
    }
    removals.tell_archived();
    desired.leave_out(&removals.deleted_targets());
    let parts =
        sequence::Parts { snapshot, live: &live, desired: &desired, removals: &removals, policy, bot: bot.as_ref() };
    let sequence::Sequence { steps, after, notes } = sequence::sequence(&parts);
    let blocked =
        [&ids.notes, &desired.notes, &removals.notes].into_iter().flatten().any(|n| n.weight == Weight::Blocking);
    let scene = guard::Scene {
        blocked,
        manifest,
        policy,
        snapshot,
        bindings,
        ids: &ids,
        removals: &removals,
        steps: &steps,
        before: &live,
        wished: &views.wished,
        after: &after,
    };
    let refusals = guard::refusals(&scene);
    let risks = if steps.is_empty() { Vec::new() } else { risk::risks(&live, &after, &removals) };
    let mut notes: Vec<Note> = [&ids.notes[..], &desired.notes, &removals.notes, &notes].concat();
    if bot.is_none() && !steps.is_empty() {
        notes.push(Note::new(Weight::Blocking, NoteCode::BotUnknown, "", "The bot's own roles could not be read."));
    }
    notes.sort_by(|a, b| (b.weight, &a.subject).cmp(&(a.weight, &b.subject)));
    let changes: Vec<BindingChange> = [&ids.changes[..], &removals.changes].concat();
    let base = if steps.is_empty() { Digest::of_nothing() } else { digest::fingerprint(snapshot, bindings) };
    Plan {
        format: FORMAT,
        version: digest::VERSION.to_owned(),
        guild: manifest.guild,
        name: manifest.name.clone().unwrap_or_else(|| live.settings.name.clone()),
        revision: revision.map(str::to_owned),
        digest: digest::digest(&base, revision, &steps, &changes),
        base,
        names: if steps.is_empty() { BTreeMap::new() } else { names(&live, &after) },
        steps,
        bindings: changes,
        notes,
        risks,
        refusals,
        approval: policy.approval,
    }
}

/// Names as they are now; those of new objects as they will be.
fn names(before: &Guild, after: &Guild) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (guild, is_known) in [(before, true), (after, false)] {
        let roles = guild.roles.iter().filter(|r| r.id.id().is_some() == is_known);
        names.extend(roles.map(|r| (format!("role:{}", r.id), r.attributes.name.clone())));
        let channels = guild.channels.iter().filter(|c| c.id.id().is_some() == is_known);
        names.extend(channels.map(|c| {
            let sign = if c.is_category() { "" } else { "#" };
            (format!("channel:{}", c.id), format!("{sign}{}", c.attributes.name))
        }));
    }
    names
}

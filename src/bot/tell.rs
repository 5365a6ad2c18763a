//! What people are shown: plans, states, differences, runs and troubles as answers.
//!
//! Pure. The words are those of the server's language; what comes from plans, manifests and Discord stays as it is.

use chrono::{DateTime, Utc};

use crate::controller::{Culprit, Report, Stand, Trouble, View};
use crate::forge;
use crate::plan::render::{self, Counts};
use crate::plan::{Note, NoteCode, Plan, Rejected, Weight};
use crate::store::{self, HeldSummary, RunRecord, RunSummary, Standing as State, Verdict};

use super::ask::{Misuse, Press};
use super::permit::Refusal;
use super::reply::{Look, Reply, Tone, plain, reason};
use super::words::Words;

/// Most risks and differences that are listed.
const MOST: usize = 12;

/// A moment as everybody sees it in their own time zone and language (Discord's documentation, "Timestamps").
pub(super) fn moment(at: DateTime<Utc>) -> String {
    format!("<t:{}:R>", at.timestamp())
}

fn date(at: DateTime<Utc>) -> String {
    format!("<t:{}:f>", at.timestamp())
}

/// How many requests of each sort.
pub(super) fn counts(words: &Words, plan: &Plan) -> String {
    let Counts { creates, changes, deletes, moves } = Counts::of(plan);
    let values = [
        ("creates", creates.into()),
        ("changes", changes.into()),
        ("deletes", deletes.into()),
        ("moves", moves.into()),
    ];
    words.with("plan-counts", &values)
}

fn version(words: &Words, plan: &Plan) -> String {
    let revision = plain(plan.revision.as_deref().unwrap_or("?"));
    words.with("plan-version", &[("revision", (&revision).into()), ("digest", plan.digest.short().into())])
}

/// A plan with its steps.
pub(super) fn shown(words: &Words, plan: &Plan, reply: Reply) -> Reply {
    let reply = if plan.is_empty() { reply } else { reply.say(counts(words, plan)) };
    warned(words, plan, reply).block(render::diff(plan), words.say("plan-in-file")).say(version(words, plan))
}

/// What is in a plan's way, and what it means for people.
pub(super) fn warned(words: &Words, plan: &Plan, reply: Reply) -> Reply {
    let listed = |title: &str, lines: Vec<String>| {
        let mut text = words.say(title);
        lines.iter().take(MOST).for_each(|line| text.push_str(&format!("\n- {line}")));
        if lines.len() > MOST {
            text.push_str(&format!("\n- … +{}", lines.len() - MOST));
        }
        text
    };
    let mut reply = reply;
    if !plan.refusals.is_empty() {
        let lines = plan.refusals.iter().map(|refusal| format!("{} {}", plain(&refusal.text), plain(&refusal.help)));
        reply = reply.say(listed("plan-refused", lines.collect()));
    }
    if !plan.risks.is_empty() {
        let lines = plan.risks.iter().map(|risk| plain(&render::sentence(risk)));
        reply = reply.say(listed("plan-risks", lines.collect()));
    }
    // Whoever asks to delete something wants to hear that it stays.
    let concerns = |note: &&Note| note.weight != Weight::Info || note.code == NoteCode::Forgotten;
    let noted: Vec<_> = plan.notes.iter().filter(concerns).collect();
    if !noted.is_empty() {
        let line = |note: &&Note| {
            let subject = if note.subject.is_empty() { String::new() } else { format!("`{}`: ", plain(&note.subject)) };
            format!("{subject}{} {}", plain(&note.text), plain(note.help.as_deref().unwrap_or_default()))
        };
        reply = reply.say(listed("plan-remarks", noted.iter().map(line).collect()));
    }
    reply
}

/// How dangerous a plan looks at first sight.
pub(super) fn tone_of(plan: &Plan) -> Tone {
    if !plan.refusals.is_empty() || plan.blocking().next().is_some() {
        Tone::Bad
    } else if plan.is_destructive() || !plan.risks.is_empty() {
        Tone::Careful
    } else {
        Tone::Plain
    }
}

/// True when a plan has nothing to say.
fn is_silent(plan: &Plan) -> bool {
    plan.is_empty() && plan.refusals.is_empty() && plan.blocking().next().is_none()
}

pub(super) fn plan(words: &Words, view: &View) -> Reply {
    let plan = &view.proposal.plan;
    let guild = [("guild", plan.name.as_str().into())];
    if is_silent(plan) {
        return Reply::new(Tone::Good, words.with("plan-nothing", &guild)).say(version(words, plan));
    }
    let reply = shown(words, plan, Reply::new(tone_of(plan), words.with("plan-title", &guild)));
    match view.waits {
        true => reply.say(words.say("plan-waits")).button(
            Press::Approve(plan.digest.to_string()),
            words.say("button-approve"),
            Look::Success,
        ),
        false => reply.say(words.say("plan-from-git")),
    }
}

pub(super) fn status(words: &Words, name: &str, stand: &Stand) -> Reply {
    let Stand { status, drift, waiting } = stand;
    let Some(status) = status else {
        return Reply::new(Tone::Plain, words.with("status-unknown", &[("guild", name.into())]));
    };
    let (tone, state) = match status.state {
        State::Ready => (Tone::Good, "state-ready"),
        State::Reconciling => (Tone::Plain, "state-reconciling"),
        State::Drifted => (Tone::Careful, "state-drifted"),
        State::AwaitingApproval => (Tone::Careful, "state-awaiting-approval"),
        State::Stalled => (Tone::Bad, "state-stalled"),
        State::Suspended => (Tone::Careful, "state-suspended"),
    };
    let title = words.with("status-title", &[("guild", name.into()), ("state", (&words.say(state)).into())]);
    let (since, seen) = (moment(status.since), moment(status.updated_at));
    let none = words.say("status-no-revision");
    let revision = status.applied_revision.as_deref().map_or(none, plain);
    let source = status.source.as_deref().map_or_else(|| "?".to_owned(), plain);
    let mut reply = Reply::new(tone, title)
        .say(plain(&status.message))
        .say(words.with("status-revision", &[("revision", (&revision).into()), ("source", (&source).into())]))
        .say(words.with("status-since", &[("since", (&since).into()), ("seen", (&seen).into())]));
    if !waiting.is_empty() {
        reply = reply.say(words.with("status-waiting", &[("count", waiting.len().into())]));
    }
    if !drift.is_empty() {
        let mut text = words.say("status-drift");
        for record in drift.iter().take(MOST) {
            let by = record.cause.as_ref().and_then(|cause| cause.by_name.as_deref());
            let by = by.map_or_else(String::new, |by| format!(" ({})", plain(by)));
            text.push_str(&format!("\n- {}{by}", plain(&record.summary)));
        }
        reply = reply.say(text);
    }
    reply
}

pub(super) fn drift(words: &Words, plan: &Plan, culprits: &[Culprit]) -> Reply {
    let guild = [("guild", plan.name.as_str().into())];
    if is_silent(plan) {
        return Reply::new(Tone::Good, words.with("drift-none", &guild));
    }
    let mut reply = Reply::new(Tone::Careful, words.with("drift-title", &guild)).say(words.say("drift-how"));
    if !culprits.is_empty() {
        let mut text = words.say("drift-who");
        for Culprit { object, by } in culprits.iter().take(MOST) {
            let (object, who, when) = (plain(object), plain(&by.who), moment(by.at));
            let values = [("object", (&object).into()), ("who", (&who).into()), ("when", (&when).into())];
            text.push_str(&format!("\n- {}", words.with("drift-by", &values)));
        }
        reply = reply.say(text);
    }
    let digest = plan.digest.to_string();
    shown(words, plan, reply)
        .button(Press::Revert(digest.clone()), words.say("button-revert"), Look::Danger)
        .button(Press::Adopt(digest), words.say("button-adopt"), Look::Primary)
        .button(Press::Ignore, words.say("button-ignore"), Look::Secondary)
}

pub(super) fn ignored(words: &Words, count: usize) -> Reply {
    Reply::new(Tone::Good, words.with("drift-ignored", &[("count", count.into())]))
}

fn verdict(words: &Words, verdict: Option<Verdict>) -> (Tone, String) {
    let (tone, id) = match verdict {
        Some(Verdict::Succeeded) => (Tone::Good, "verdict-succeeded"),
        Some(Verdict::Partial) => (Tone::Careful, "verdict-partial"),
        Some(Verdict::Failed) => (Tone::Bad, "verdict-failed"),
        Some(Verdict::Interrupted) => (Tone::Careful, "verdict-interrupted"),
        None => (Tone::Plain, "verdict-open"),
    };
    (tone, words.say(id))
}

/// Whoever is a Discord user is shown as one, and told nothing.
fn author(author: &store::Author) -> String {
    author.user().map_or_else(|| plain(&author.to_string()), |user| format!("<@{user}>"))
}

fn line(words: &Words, run: &RunSummary) -> String {
    let (_, verdict) = verdict(words, run.finished.as_ref().map(|finished| finished.verdict));
    let (id, when, author) = (run.id.short(), moment(run.started_at), author(&run.author));
    let values = [
        ("run", (&id).into()),
        ("when", (&when).into()),
        ("verdict", (&verdict).into()),
        ("done", (run.steps.done as usize).into()),
        ("failed", (run.steps.failed as usize).into()),
        ("author", (&author).into()),
    ];
    let back = run
        .rollback_of
        .map_or_else(String::new, |of| format!(", {}", words.with("history-back", &[("run", (&of.short()).into())])));
    format!("{}{back}", words.with("history-line", &values))
}

pub(super) fn history(words: &Words, name: &str, runs: &[RunSummary]) -> Reply {
    if runs.is_empty() {
        return Reply::new(Tone::Plain, words.with("history-none", &[("guild", name.into())]));
    }
    let lines: Vec<String> = runs.iter().map(|run| line(words, run)).collect();
    Reply::new(Tone::Plain, words.with("history-title", &[("guild", name.into())])).say(lines.join("\n"))
}

pub(super) fn run(words: &Words, record: &RunRecord) -> Reply {
    let (tone, verdict) = verdict(words, record.summary.finished.as_ref().map(|finished| finished.verdict));
    let title =
        words.with("run-title", &[("run", (&record.summary.id.short()).into()), ("verdict", (&verdict).into())]);
    let remark = record.summary.finished.as_ref().and_then(|finished| finished.remark.as_deref());
    let reply = Reply::new(tone, title).say(line(words, &record.summary)).say(remark.map_or_else(String::new, plain));
    match serde_json::from_value::<Plan>(record.plan.clone()) {
        Ok(plan) => reply.block(render::diff(&plan), words.say("plan-in-file")),
        Err(_) => reply,
    }
}

pub(super) fn nothing_waits(words: &Words, name: &str) -> Reply {
    Reply::new(Tone::Good, words.with("approve-none", &[("guild", name.into())]))
}

pub(super) fn approval(words: &Words, held: &HeldSummary, plan: &Plan) -> Reply {
    let title = words.with("approve-title", &[("guild", plan.name.as_str().into())]);
    let digest = held.plan_digest.clone();
    shown(words, plan, Reply::new(tone_of(plan), title))
        .button(Press::Approve(digest), words.say("button-approve"), Look::Success)
        .button(Press::Never, words.say("button-never"), Look::Secondary)
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Asks whether an approval is meant.
pub(super) fn sure_to_approve(words: &Words, digest: &str) -> Reply {
    let named = [("digest", short(digest).into())];
    Reply::new(Tone::Careful, words.say("approve-sure"))
        .say(words.with("approve-sure-text", &named))
        .button(Press::ApproveForSure(digest.to_owned()), words.with("button-approve-sure", &named), Look::Success)
        .button(Press::Never, words.say("button-never"), Look::Secondary)
}

pub(super) fn approved(words: &Words, held: &HeldSummary) -> Reply {
    let named = [("digest", short(&held.plan_digest).into())];
    Reply::new(Tone::Good, words.say("approve-done")).say(words.with("approve-done-text", &named))
}

/// Asks whether it is meant to change back what was changed by hand.
pub(super) fn sure_to_revert(words: &Words, digest: &str) -> Reply {
    Reply::new(Tone::Careful, words.say("revert-sure"))
        .say(words.with("revert-sure-text", &[("digest", short(digest).into())]))
        .button(Press::RevertForSure(digest.to_owned()), words.say("button-revert-sure"), Look::Danger)
        .button(Press::Never, words.say("button-never"), Look::Secondary)
}

pub(super) fn report(words: &Words, report: &Report) -> Reply {
    let (tone, _) = verdict(words, Some(report.verdict));
    let (done, all) = (report.done().count(), report.steps.len());
    let title = words.with("applied-title", &[("done", done.into()), ("all", all.into())]);
    let reply = Reply::new(tone, title).say(words.with("applied-run", &[("run", (&report.run.short()).into())]));
    match (report.verdict, &report.remark) {
        (Verdict::Succeeded, _) | (_, None) => reply,
        (_, Some(remark)) => reply.say(words.with("applied-partly", &[("remark", (&plain(remark)).into())])),
    }
}

pub(super) fn rollback(words: &Words, record: &RunRecord, plan: &Plan) -> Reply {
    let id = record.summary.id.short();
    let named = [("run", (&id).into())];
    if plan.is_empty() {
        return shown(words, plan, Reply::new(Tone::Good, words.with("rollback-nothing", &named)));
    }
    let (run, digest) = (record.summary.id.to_string(), plan.digest.to_string());
    let reply = Reply::new(tone_of(plan), words.with("rollback-title", &named)).say(words.say("rollback-text"));
    shown(words, plan, reply)
        .button(Press::RollBackForSure { run, digest }, words.say("button-rollback"), Look::Danger)
        .button(Press::Never, words.say("button-never"), Look::Secondary)
}

pub(super) fn suspended(words: &Words, name: &str, until: Option<DateTime<Utc>>) -> Reply {
    let until = until.map_or_else(
        || words.say("suspend-open"),
        |until| words.with("suspend-until", &[("until", (&date(until)).into())]),
    );
    Reply::new(Tone::Careful, words.with("suspend-done", &[("guild", name.into())])).say(until)
}

pub(super) fn resumed(words: &Words, name: &str, was_suspended: bool) -> Reply {
    let id = if was_suspended { "resume-done" } else { "resume-was-not" };
    Reply::new(Tone::Good, words.with(id, &[("guild", name.into())]))
}

pub(super) fn nothing_done(words: &Words) -> Reply {
    Reply::new(Tone::Plain, words.say("never-done"))
}

// ---- what cannot be ----

pub(super) fn refused(words: &Words, refusal: Refusal) -> Reply {
    let why = match refusal {
        Refusal::NotTrusted => "refused-look",
        Refusal::NoOperator => "refused-operate",
        Refusal::NoAdministrator => "refused-restricted",
    };
    Reply::new(Tone::Bad, words.say("refused-title")).say(words.say(why))
}

pub(super) fn misused(words: &Words, misuse: Misuse) -> Reply {
    let why = match misuse {
        Misuse::UnknownCommand => "misuse-command",
        Misuse::UnknownButton => "misuse-button",
        Misuse::UnknownText => "misuse-text",
        Misuse::NotYours => "misuse-not-yours",
    };
    Reply::new(Tone::Bad, words.say("misuse-title")).say(words.say(why))
}

/// What can be typed, for whoever typed something else.
pub(super) fn typed_wrong(words: &Words, prefix: &str) -> Reply {
    let commands = [
        "plan",
        "status",
        "drift",
        "propose …",
        "history [run]",
        "approve [plan]",
        "rollback <run>",
        "suspend [2h] [reason]",
        "resume",
        "preferences",
    ];
    let prefix = plain(prefix);
    let lines: Vec<String> = commands.iter().map(|command| format!("- `{prefix} {command}`")).collect();
    misused(words, Misuse::UnknownText).say(lines.join("\n"))
}

pub(super) fn private(words: &Words) -> Reply {
    Reply::new(Tone::Bad, words.say("misuse-title")).say(words.say("misuse-private"))
}

pub(super) fn limited(words: &Words, until: DateTime<Utc>) -> Reply {
    let when = moment(until);
    Reply::new(Tone::Bad, words.say("limited-title")).say(words.with("limited-text", &[("when", (&when).into())]))
}

pub(super) fn trouble(words: &Words, trouble: &Trouble) -> Reply {
    let reply = Reply::new(Tone::Bad, words.say("trouble-title"));
    match trouble {
        Trouble::Unmanaged => reply.say(words.say("trouble-unmanaged")),
        Trouble::NoSuchRun(run) => reply.say(words.with("trouble-run", &[("run", (&plain(run)).into())])),
        Trouble::NoSuchPlan(plan) => reply.say(words.with("trouble-plan", &[("plan", (&plain(plan)).into())])),
        Trouble::Closed(how) => reply.say(words.with("trouble-closed", &[("how", how.word().into())])),
        Trouble::Suspended { reason } => {
            reply.say(words.with("trouble-suspended", &[("reason", (&plain(reason)).into())]))
        }
        Trouble::Changed => reply.say(words.say("trouble-changed")),
        Trouble::Rejected(rejected) => {
            let reply = reply.say(words.say("trouble-rejected"));
            match &**rejected {
                Rejected::Refused(refusals) => refusals.iter().take(MOST).fold(reply, |reply, refusal| {
                    reply.say(format!("{} {}", plain(&refusal.text), plain(&refusal.help)))
                }),
                other => reply.say(plain(&other.to_string())),
            }
        }
        Trouble::Store(store::Error::GuildBusy { .. }) => reply.say(words.say("trouble-busy")),
        Trouble::Engine(crate::controller::Error::Store(store::Error::GuildBusy { .. })) => {
            reply.say(words.say("trouble-busy"))
        }
        Trouble::NoOutlet { source_name } => {
            reply.say(words.with("propose-no-forge", &[("source", (&plain(source_name)).into())]))
        }
        Trouble::Interpreter(unanswered) => reply.say(reason(trouble)).say(reason(unanswered.remedy())),
        Trouble::Source { .. } => reply.say(reason(trouble)).say(words.say("trouble-source")),
        // Only buttons ask something of a forge.
        Trouble::Forge(error) => {
            let next = match (error, error.class()) {
                (forge::Error::Conflict { .. }, _) => "propose-outdated-text",
                (_, forge::Class::Waiting) => "trouble-forge-waiting",
                (_, forge::Class::Stalled) => "trouble-forge-stalled",
            };
            reply.say(reason(error)).say(words.say(next))
        }
        Trouble::Obstacle(_)
        | Trouble::NoProposals
        | Trouble::Unproposable { .. }
        | Trouble::Engine(_)
        | Trouble::Store(_) => reply.say(reason(trouble)),
    }
}

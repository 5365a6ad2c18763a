//! What of the controller's work is traced: the names of spans and what they say.
//!
//! A visit holds a plan and, when there is something to do, a run with its steps; requests to Discord are within all of
//! these, and said where they are sent. Attributes are words from closed lists, ids and numbers, so that no text a person
//! wrote leaves with them. A look at a source is a trace of its own.

use tracing::{Span, debug_span, field::Empty};

use crate::plan::{Plan, Step};
use crate::source::{self, Look};
use crate::store::DriftSubject;

use super::engine::{Error, Proposal};
use super::measure::{action, looked};
use super::run::Report;
use super::send::Sent;
use super::standing::{Standing, State};
use super::visit::{Errand, Visited};

/// A visit to a guild.
pub(super) fn visit(errand: &Errand<'_>) -> Span {
    let revision = errand.wish.last_good.as_ref().map(|wanted| wanted.revision.as_str());
    debug_span!(
        "visit",
        setai.guild = %errand.guild,
        setai.trigger = %errand.trigger,
        setai.revision = revision,
        setai.state = Empty,
        setai.reason = Empty,
        otel.status_code = Empty,
    )
}

/// How it ended.
pub(super) fn visited(span: &Span, visited: &Visited) {
    let Standing { state, reason, .. } = &visited.standing;
    span.record("setai.state", state.to_string());
    span.record("setai.reason", reason);
    if *state == State::Stalled {
        fail(span);
    }
}

/// A look at a guild for what would be done there.
pub(super) fn plan() -> Span {
    debug_span!("plan", setai.steps = Empty, setai.refusals = Empty, otel.status_code = Empty)
}

/// What would be done.
pub(super) fn planned(span: &Span, proposal: &Result<Proposal, Error>) {
    let Ok(Proposal { plan, .. }) = proposal else { return fail(span) };
    span.record("setai.steps", count(plan.steps.len()));
    span.record("setai.refusals", count(plan.refusals.len()));
}

/// A plan that is applied, in one run or several.
pub(super) fn apply(plan: &Plan) -> Span {
    debug_span!(
        "apply",
        setai.steps = count(plan.steps.len()),
        setai.runs = Empty,
        setai.run = Empty,
        setai.done = Empty,
        setai.verdict = Empty,
        otel.status_code = Empty,
    )
}

/// What came of it; of several runs, the last one is named.
pub(super) fn applied(span: &Span, report: &Result<Report, Error>) {
    let Ok(report) = report else { return fail(span) };
    span.record("setai.runs", count(report.runs().count()));
    span.record("setai.run", report.run.to_string());
    span.record("setai.done", count(report.runs().flat_map(Report::done).count()));
    span.record("setai.verdict", report.verdict.to_string());
    if report.verdict != crate::store::Verdict::Succeeded {
        fail(span);
    }
}

/// A step that is sent.
pub(super) fn step(step: &Step) -> Span {
    let (action, kind) = (action(&step.operation), DriftSubject::of(&step.operation));
    debug_span!(
        "step",
        otel.name = format!("{action} {kind}"),
        setai.step = i64::from(step.id.0),
        setai.action = action,
        setai.kind = %kind,
        setai.outcome = Empty,
        otel.status_code = Empty,
    )
}

/// What came of sending it.
pub(super) fn sent(span: &Span, sent: &Sent) {
    let (outcome, has_failed) = match sent {
        Sent::Applied(_) => ("done", false),
        Sent::Needless(_) => ("needless", false),
        Sent::Parked(_, _) => ("parked", false),
        Sent::Unknown(_) => ("unknown", true),
        Sent::Failed { refused: true, .. } => ("refused", true),
        Sent::Failed { refused: false, .. } => ("failed", true),
    };
    span.record("setai.outcome", outcome);
    if has_failed {
        fail(span);
    }
}

/// A look at a source.
pub(super) fn look(source: &str) -> Span {
    debug_span!("look", setai.source = source, setai.result = Empty, otel.status_code = Empty)
}

/// What was seen.
pub(super) fn seen(span: &Span, look: &Result<Look, source::Error>) {
    span.record("setai.result", looked(look));
    if look.is_err() {
        fail(span);
    }
}

fn fail(span: &Span) {
    span.record("otel.status_code", "error");
}

/// A number as collectors take it.
fn count(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

//! What is done about a plan when nobody is asking for it: applied, reported, held for somebody's word, or refused.
//!
//! Pure: the plan and the circumstances go in, and what to do comes out. Whoever carries it out decides nothing.

use crate::manifest::DriftMode;
use crate::plan::{Approved, Consent, Lift, Plan, Refusal, Rejected, judge, judge_strictly, render};

/// What a decision depends on besides the plan.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// The guild was equal to this very manifest before, so that what differs was changed in Discord.
    pub(super) was_equal: bool,
    /// What the manifest's policy says about drift.
    pub(super) drift: DriftMode,
    /// Every change of the guild needs an approval of its own.
    pub(super) strictly: bool,
    /// No change may be made now: the windows of the policy are shut.
    pub(super) is_shut: bool,
}

/// What to do about a plan.
#[derive(Clone, Debug)]
pub(super) enum Decision {
    /// Nothing; the guild is as it should be.
    Rest,
    /// Apply it.
    Apply(Approved),
    /// Hold it until there is an approval of exactly this plan, and then apply it in the next window of the policy. People are
    /// asked at once, because they may need the time.
    ApplyOnApproval(Approved, String),
    /// Tell people what was changed by hand, and leave it.
    Report,
    /// Wait for the next window of the policy.
    Wait,
    /// Do nothing until somebody changes something.
    Stall {
        /// The word.
        reason: &'static str,
        /// The sentence.
        message: String,
    },
}

/// Decides.
pub(super) fn decide(plan: &Plan, circumstances: &Circumstances) -> Decision {
    let Circumstances { was_equal, drift, strictly, is_shut } = circumstances;
    if let Some(note) = plan.blocking().next() {
        let help = note.help.as_deref().map_or_else(String::new, |help| format!(" {help}"));
        return Decision::Stall { reason: "DecisionNeeded", message: format!("{}{help}", note.text) };
    }
    if let Some(refusal) = plan.refusals.iter().find(|refusal| refusal.lift == Lift::Never) {
        return Decision::Stall { reason: "Refused", message: told(refusal) };
    }
    if plan.is_empty() && plan.refusals.is_empty() {
        return Decision::Rest;
    }
    if *was_equal && *drift == DriftMode::Report {
        return Decision::Report;
    }
    let judged = |consent: &Consent| match strictly {
        true => judge_strictly(plan.clone(), consent),
        false => judge(plan.clone(), consent),
    };
    if let Ok(approved) = judged(&Consent::Nobody) {
        return if *is_shut && !plan.is_empty() { Decision::Wait } else { Decision::Apply(approved) };
    }
    match judged(&Consent::Digest(plan.digest.to_string())) {
        Ok(approved) => Decision::ApplyOnApproval(approved, why_held(plan)),
        Err(rejected) => Decision::Stall { reason: "Refused", message: refused(&rejected) },
    }
}

fn told(refusal: &Refusal) -> String {
    format!("{} {}", refusal.text, refusal.help)
}

fn why_held(plan: &Plan) -> String {
    let why = plan.refusals.first().map_or_else(|| render::summary(plan), told);
    let digest = plan.digest.short();
    format!("{why} `setai approve {digest}` shows it and approves it")
}

fn refused(rejected: &Rejected) -> String {
    match rejected {
        Rejected::Refused(refusals) => refusals.first().map_or_else(|| rejected.to_string(), told),
        Rejected::Blocked(_) | Rejected::NeedsApproval(_) | Rejected::OtherPlan(_) => rejected.to_string(),
    }
}

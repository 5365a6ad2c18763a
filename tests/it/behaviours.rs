//! How Discord behaves over REST, met by the real transport and engine: one test each, by the number of the behaviour.
//!
//! The raw behaviours are proved in `simulator_behaviours`; here is what the engine makes of them. Behaviours of the
//! gateway and of interactions (21, 23, 24, 37 to 39) have nothing to meet here; 40 is in `faults::footing`.

mod channels;
mod guilds;
mod roles;

use serde_json::json;
use setai::plan::{Consent, NoteCode, Plan};
use setai::simulator::world::{Bits, Snowflake};
use setai::store::Verdict;

use crate::support::stage::Stage;

/// Applies as somebody who saw the plan; everything must work, and Discord must not have refused anything.
async fn smoothly(stage: &Stage, yaml: &str) -> Plan {
    let manifest = stage.manifest(yaml);
    stage.discord.simulator.forget_requests();
    let proposal = stage.propose(&manifest).await;
    let report = stage.apply_proposal(&manifest, &proposal, &Consent::Digest(proposal.plan.digest.to_string())).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    never_refused(stage);
    proposal.plan
}

/// Nothing is planned; the notes say why.
async fn left_alone(stage: &Stage, yaml: &str, why: NoteCode) {
    let plan = stage.propose(&stage.manifest(yaml)).await.plan;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
    assert!(plan.notes.iter().any(|note| note.code == why), "{:#?}", plan.notes);
}

fn never_refused(stage: &Stage) {
    let refused: Vec<_> = stage
        .discord
        .simulator
        .requests()
        .into_iter()
        .filter(|r| r.status >= 400)
        .map(|r| format!("{} {} {} {:?}", r.method, r.path, r.status, r.answer()))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Bodies of the writes to a path that ends like this.
fn bodies(stage: &Stage, method: &str, end: &str) -> Vec<serde_json::Value> {
    let records = stage.discord.simulator.requests();
    let fits = records.into_iter().filter(|r| r.method == method && r.path.ends_with(end));
    fits.map(|r| r.body.unwrap_or(json!(null))).collect()
}

fn channel(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.channel_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

fn role(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.role_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

/// What a bot needs that is no administrator.
fn worker() -> Bits {
    [
        Bits::MANAGE_ROLES,
        Bits::MANAGE_CHANNELS,
        Bits::VIEW_CHANNEL,
        Bits::VIEW_AUDIT_LOG,
        Bits::SEND_MESSAGES,
        Bits::CONNECT,
    ]
    .into_iter()
    .fold(Bits::NONE, |sum, bit| sum | bit)
}

/// An overwrite as Discord's API has it.
fn overwrite(id: Snowflake, allow: Bits, deny: Bits) -> serde_json::Value {
    json!({"id": id, "type": 0, "allow": allow, "deny": deny})
}

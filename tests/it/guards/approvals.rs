//! An approval is for one plan and counts once, wherever it is given.

use setai::controller::{Error, Proposal, Report, Silent, StopSignal};
use setai::manifest::Manifest;
use setai::plan::{Consent, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::Verdict;

use crate::support::stage::{Stage, ann, request};

const ROOMS: &str = "
policy: { on_remove: delete, max_deletions: 0 }
channels: { a: {}, b: {}, c: {}, d: {}, e: {} }
";

const FEWER: &str = "
policy: { on_remove: delete, max_deletions: 0 }
channels: { a: {}, b: {}, c: {}, d: {} }
";

async fn apply(stage: &Stage, manifest: &Manifest, proposal: &Proposal) -> Result<Report, Error> {
    let approved = judge(proposal.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string())).expect("approved");
    let request = request(approved, proposal, Some(manifest));
    stage.engine.apply(request, &Silent, &StopSignal::default()).await
}

#[tokio::test]
async fn a_digest_that_nobody_granted_approves_nothing() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(ROOMS)).await;
    let fewer = stage.manifest(FEWER);
    let proposal = stage.propose(&fewer).await;
    let error = apply(&stage, &fewer, &proposal).await.expect_err("nobody approved it");
    assert!(matches!(error, Error::NotApproved), "{error}");
    assert!(stage.writes().is_empty());
    assert!(stage.engine.store().history(None, 9).await.expect("history").len() == 1, "nothing was begun");
}

#[tokio::test]
async fn an_approval_is_used_up_by_the_first_apply() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(ROOMS)).await;
    let fewer = stage.manifest(FEWER);
    let proposal = stage.propose(&fewer).await;
    stage.engine.approve(&proposal.plan, &ann()).await.expect("approve");
    // Discord is away for the first try, so the second has the very same plan.
    stage.everything_fails();
    let report = apply(&stage, &fewer, &proposal).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Failed, "{:?}", report.remark);
    stage.quiet();
    let recovered = stage.recover().await;
    assert_eq!((recovered[0].done, recovered[0].not_done), (0, 1), "Discord shows that nothing happened");
    let again = stage.propose(&fewer).await;
    assert_eq!(again.plan.digest, proposal.plan.digest);
    let error = apply(&stage, &fewer, &again).await.expect_err("used up");
    assert!(matches!(error, Error::NotApproved), "{error}");
    assert!(stage.writes().is_empty());
    // It did nothing, so the same plan can be approved anew.
    stage.engine.approve(&again.plan, &ann()).await.expect("approve again");
    let report = apply(&stage, &fewer, &again).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
}

#[tokio::test]
async fn an_approval_that_did_its_work_is_not_given_again() {
    // A change, because what is deleted comes back with another id and so another digest.
    let policy = "policy: { max_updates: 0 }\n";
    let stage = Stage::new().await;
    stage.converge(&stage.manifest("channels: { a: { topic: old } }")).await;
    let manifest = stage.manifest(&format!("{policy}channels: {{ a: {{ topic: new }} }}"));
    let proposal = stage.propose(&manifest).await;
    stage.engine.approve(&proposal.plan, &ann()).await.expect("approve");
    apply(&stage, &manifest, &proposal).await.expect("a report");
    let channel = stage.discord.edit(|guild| guild.channel_named("a").expect("it is there").id);
    stage.discord.by_hand("PATCH", &format!("/channels/{channel}"), serde_json::json!({"topic": "old"}));
    let again = stage.propose(&manifest).await;
    assert_eq!(again.plan.digest, proposal.plan.digest, "the world is as it was");
    let error = stage.engine.approve(&again.plan, &ann()).await.expect_err("spent");
    assert!(matches!(error, Error::ApprovalSpent { .. }), "{error}");
    assert!(matches!(apply(&stage, &manifest, &again).await, Err(Error::NotApproved)));
    // Another revision is another plan.
    let anew = stage.engine.propose(&manifest, Some("a1b2c3d")).await.expect("a plan");
    stage.engine.approve(&anew.plan, &ann()).await.expect("approve");
    apply(&stage, &manifest, &anew).await.expect("a report");
}

#[tokio::test]
async fn an_approval_is_of_one_plan_in_one_world() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(ROOMS)).await;
    let fewer = stage.manifest(FEWER);
    let proposal = stage.propose(&fewer).await;
    stage.engine.approve(&proposal.plan, &ann()).await.expect("approve");
    stage.discord.channel_by_hand(serde_json::json!({"name": "somebody was here"}));
    let other = stage.propose(&fewer).await;
    assert_ne!(other.plan.digest, proposal.plan.digest);
    assert!(judge(other.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string())).is_err());
    assert!(matches!(apply(&stage, &fewer, &other).await, Err(Error::NotApproved)));
    assert!(stage.writes().is_empty());
}

/// The topic of a new forum is a step of its own. When the plan is broken off right before it, the topic is what is left of
/// the plan, though it is a change of a channel by now.
#[tokio::test]
async fn the_topic_that_a_new_forum_still_lacks_is_the_rest_of_the_plan() {
    let stage = Stage::new().await;
    let forum =
        |topic: &str| format!("policy: {{ approval: always }}\nchannels: {{ ask: {{ type: forum, topic: {topic} }} }}");
    let (manifest, other) = (stage.manifest(&forum(&"x".repeat(1100))), stage.manifest(&forum("y")));
    let proposal = stage.propose(&manifest).await;
    let approved = judge(proposal.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string())).expect("approved");
    let down = Rule::new(Fault::ServerError { status: 500, done: false }).on("PATCH", "/channels/*");
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![down] });
    stage.engine.approve(&proposal.plan, &ann()).await.expect("approve");
    let report = apply(&stage, &manifest, &proposal).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Partial, "{:?}", report.steps);
    stage.quiet();
    for (manifest, is_rest) in [(&manifest, true), (&other, false)] {
        let Proposal { plan, snapshot, bindings } = stage.propose(manifest).await;
        assert_eq!(approved.for_rest(&plan, &snapshot, &bindings).is_some(), is_rest, "{:?}", plan.steps);
    }
}

//! Two processes at one guild, and creates of which nobody knows whether they happened.

use std::time::Duration;

use serde_json::json;
use setai::controller::{Error, Silent, StopSignal};
use setai::plan::{Consent, Outcome, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::Bits;
use setai::store::{self, Verdict};

use crate::support::stage::{InProcess, Stage, engine, request};

const ROOMS: &str = "channels: { a: { previously: [] }, b: { previously: [] }, c: { previously: [] } }";

#[tokio::test]
async fn while_one_process_changes_a_guild_another_does_not() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(ROOMS);
    let proposal = stage.propose(&manifest).await;
    let lease = stage.engine.store().lease(stage.guild(), "another", Duration::from_secs(60)).await.expect("free");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let again = approved.clone();
    let error =
        stage.engine.apply(request(approved, &proposal, Some(&manifest)), &Silent, &StopSignal::default()).await;
    let error = error.expect_err("somebody else is at work");
    assert!(matches!(error, Error::Store(store::Error::GuildBusy { .. })), "{error}");
    assert!(error.to_string().contains("another, since "), "{error}");
    assert!(stage.writes().is_empty());
    stage.engine.store().release(lease).await.expect("given back");
    let report = stage.engine.apply(request(again, &proposal, Some(&manifest)), &Silent, &StopSignal::default()).await;
    assert_eq!(report.expect("a report").verdict, Verdict::Succeeded);
}

#[tokio::test]
async fn a_plan_from_before_another_process_was_at_work_is_stale() {
    let stage = Stage::new().await;
    let other = engine(
        &stage.discord,
        InProcess(stage.discord.simulator.router()),
        std::sync::Arc::clone(stage.engine.store()),
    );
    let manifest = stage.manifest(ROOMS);
    let early = other.propose(&manifest, None).await.expect("a plan");
    stage.converge(&manifest).await;
    stage.discord.simulator.forget_requests();
    let approved = judge(early.plan.clone(), &Consent::Seen).expect("approved");
    let late = other.apply(request(approved, &early, Some(&manifest)), &Silent, &StopSignal::default()).await;
    assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    assert!(stage.writes().is_empty(), "nothing was made twice");
}

#[tokio::test]
async fn a_live_run_is_not_taken_for_a_crashed_one() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(ROOMS);
    let proposal = stage.propose(&manifest).await;
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let (progress, stop) = (Silent, StopSignal::default());
    let apply = stage.engine.apply(request(approved, &proposal, Some(&manifest)), &progress, &stop);
    let other = engine(
        &stage.discord,
        InProcess(stage.discord.simulator.router()),
        std::sync::Arc::clone(stage.engine.store()),
    );
    let meddle = async {
        // As soon as the run is there to be found.
        while other.store().unfinished(stage.guild()).await.expect("unfinished").is_empty() {
            tokio::task::yield_now().await;
        }
        other.recover(stage.guild(), &Silent, &StopSignal::default()).await
    };
    let (report, meddled) = tokio::join!(apply, meddle);
    let meddled = meddled.expect_err("the run is alive");
    assert!(matches!(meddled, Error::Store(store::Error::GuildBusy { .. })), "{meddled}");
    assert_eq!(report.expect("a report").verdict, Verdict::Succeeded);
}

#[tokio::test]
async fn an_old_list_of_roles_or_channels_makes_nothing_twice() {
    let stage = Stage::new().await;
    let manifest = stage.manifest("roles: { crew: {} }\nchannels: { a: {}, b: {} }");
    // What is seen first is an empty guild, and then once more although it is not empty any more.
    stage.apply(&manifest).await;
    stage.discord.simulator.set_faults(Faults::default());
    let old = stage.discord.in_guild("");
    let first = |path: String| Rule { first: Some(1), ..Rule::new(Fault::Stale).on("GET", &path) };
    // The reads after the apply were fresh, so they are made old by hand: deleted, read, and made again by undoing.
    let world = stage.discord.simulator.world();
    stage.discord.edit(|guild| {
        guild.roles.retain(|_, role| role.name != "crew");
        guild.channels.retain(|_, channel| channel.name != "a" && channel.name != "b");
    });
    _ = stage.propose(&manifest).await;
    stage.discord.simulator.with_world(|now| *now = world);
    let rules = vec![first(old), first(stage.discord.in_guild("/channels"))];
    stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    stage.discord.simulator.with_world(|_| ());
    let report = stage.apply(&manifest).await;
    assert_eq!(report.steps.len(), 3, "everything seemed to be gone");
    let failed = report.steps.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }));
    assert_eq!(failed.count(), 3, "{:#?}", report.steps);
    let posts = stage.writes().iter().filter(|w| w.starts_with("POST")).count();
    assert_eq!(posts, 3, "only those of the first time");
    assert!(stage.propose(&manifest).await.plan.is_empty());
}

#[tokio::test]
async fn a_create_nobody_can_tell_of_is_looked_for_until_somebody_can() {
    let stage = Stage::new().await;
    // The answer is lost although it happened, and nothing can be read afterwards.
    let lost = Rule::new(Fault::ConnectionLost { done: true }).on("POST", "*").nth(1);
    let down = Rule::new(Fault::ServerError { status: 503, done: false }).on("GET", "*/audit-logs");
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![lost, down] });
    let manifest = stage.manifest("roles: { crew: { hoist: true } }");
    let report = stage.apply(&manifest).await;
    assert!(matches!(report.steps[0].1, Outcome::Failed { .. }), "{:#?}", report.steps);
    let open = stage.engine.store().unfinished(stage.guild()).await.expect("unfinished");
    assert_eq!(open[0].open.len(), 1, "its outcome is not known, and not said to be");
    stage.quiet();
    let recovered = stage.recover().await;
    assert_eq!((recovered[0].done, recovered[0].unknown), (1, 0));
    assert!(stage.propose(&manifest).await.plan.is_empty());
    assert!(stage.engine.store().unfinished(stage.guild()).await.expect("unfinished").is_empty());
}

#[tokio::test]
async fn what_may_exist_already_is_not_made_again_before_somebody_has_looked() {
    let stage = Stage::new().await;
    let lost = Rule::new(Fault::ConnectionLost { done: true }).on("POST", "*").nth(1);
    let down = Rule::new(Fault::ServerError { status: 503, done: false }).on("GET", "*/audit-logs");
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![lost, down] });
    let manifest = stage.manifest("channels: { den: {} }");
    stage.apply(&manifest).await;
    // Meanwhile the channel is hidden, the log closed, and the key looks as if it had nothing.
    let (guild, den) = stage.discord.edit(|g| (g.id, g.channel_named("den").expect("it was made").id));
    stage.discord.by_hand(
        "PATCH",
        &format!("/channels/{den}"),
        json!({"permission_overwrites": [{"id": guild, "type": 0, "deny": Bits::VIEW_CHANNEL, "allow": "0"}]}),
    );
    stage.discord.limit_bot(Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL | Bits::MANAGE_ROLES);
    stage.quiet();
    let recovered = stage.recover().await;
    println!("{recovered:?}");
    let insistent = stage.manifest("channels: { den: { previously: [] } }");
    let proposal = stage.propose(&insistent).await;
    assert_eq!(proposal.plan.steps.len(), 1, "the author insists that it is new");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let error =
        stage.engine.apply(request(approved, &proposal, Some(&insistent)), &Silent, &StopSignal::default()).await;
    assert!(matches!(error, Err(Error::Unsettled { .. })), "{error:?}");
    assert!(stage.writes().is_empty());
    // As soon as the bot may look again, it is found.
    stage.discord.limit_bot(Bits::ADMINISTRATOR);
    let recovered = stage.recover().await;
    assert_eq!((recovered[0].done, recovered[0].unknown), (1, 0));
    let dens = stage.discord.edit(|g| g.channels.values().filter(|c| c.name == "den").count());
    assert_eq!(dens, 1);
}

#[tokio::test]
async fn a_reorder_that_happened_is_recognised_although_the_guild_is_read_too_old() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest("roles: { crew: {}, lead: {} }")).await;
    stage.discord.simulator.forget_requests();
    // The roles are moved, nobody hears of it, and the next looks at the guild show it as it was before.
    let lost = Rule::new(Fault::ServerError { status: 500, done: true }).on("PATCH", "*/roles");
    let old = Rule::new(Fault::Stale).on("GET", &stage.discord.in_guild(""));
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![lost, old] });
    let report = stage.apply(&stage.manifest("roles: { lead: {}, crew: {} }")).await;
    assert!(matches!(report.steps[0].1, Outcome::Failed { .. }), "{:#?}", report.steps);
    let recovered = stage.recover().await;
    assert_eq!((recovered[0].done, recovered[0].not_done, recovered[0].unknown), (1, 0, 0));
}

#[tokio::test]
async fn an_uploaded_image_is_recognised_after_a_crash() {
    use crate::support::mortal::{Fate, Moment, MortalExchange};
    let stage = Stage::new().await;
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, pixel).expect("base64");
    let manifest =
        crate::support::stage::manifest_with(stage.guild(), "settings: { icon: icon.png }", &[("icon.png", &bytes)]);
    let fate = Fate::new(Moment::AfterSend, 1);
    let exchange =
        MortalExchange { inner: InProcess(stage.discord.simulator.router()), fate: std::sync::Arc::clone(&fate) };
    let mortal = engine(&stage.discord, exchange, std::sync::Arc::clone(stage.engine.store()));
    let proposal = mortal.propose(&manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let (progress, stop) = (Silent, StopSignal::default());
    tokio::select! {
        biased;
        () = fate.sealed() => {}
        report = mortal.apply(request(approved, &proposal, Some(&manifest)), &progress, &stop) => panic!("{report:?}"),
    }
    let recovered = stage.recover().await;
    assert_eq!((recovered[0].done, recovered[0].not_done), (1, 0));
    stage.discord.simulator.forget_requests();
    assert!(stage.propose(&manifest).await.plan.is_empty(), "the image is not sent twice");
}

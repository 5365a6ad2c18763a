//! A guild that is looked after with nobody asking: what is done, what is left for people, and what bad sources never do.

use std::time::Duration;

use serde_json::json;
use setai::controller::{Desired, Errand, Error, Fights, Obstacle, Silent, Standing, State, StopSignal, Visited};
use setai::manifest::Files;
use setai::model::GuildId;
use setai::plan::{Consent, Operation, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::Snowflake;
use setai::store::{Approval, Author, Outcome, StepRecord, Suspension, Trigger, Verdict};

use crate::support::stage::{Stage, ann, request};

const LAYOUT: &str = "
roles: { crew: { permissions: [send_messages] } }
categories: { hall: { channels: { news: { topic: What is new }, chat: {} } } }
";

/// Somebody who visits the guild, and remembers how it stood.
pub(crate) struct Warden {
    pub(crate) stage: Stage,
    desired: Desired,
    revisions: u32,
    standing: Option<Standing>,
    fights: Fights,
    trigger: Trigger,
    is_away: bool,
}

impl Warden {
    pub(crate) async fn new() -> Self {
        let (stage, desired, fights) = (Stage::new().await, Desired::default(), Fights::default());
        Self { stage, desired, revisions: 0, standing: None, fights, trigger: Trigger::Schedule, is_away: false }
    }

    pub(crate) fn guild(&self) -> GuildId {
        self.stage.guild()
    }

    /// A revision in which the guild's manifest says this.
    pub(crate) fn reads(&mut self, yaml: &str) {
        let text = format!("version: 1\nguild: \"{}\"\n{yaml}", self.guild());
        self.finds(&[("guild.yaml", &text)]);
    }

    /// A revision with these files.
    fn finds(&mut self, files: &[(&str, &str)]) {
        let mut found = Files::default();
        files.iter().for_each(|(path, text)| found.insert(path, text.as_bytes()).expect("a path"));
        self.revisions += 1;
        let reading = self.desired.known("main").read(&format!("main@{}", self.revisions), found, &|_, _, _| Ok(None));
        self.desired.take_in("main", reading);
    }

    pub(crate) async fn visits(&mut self) -> Visited {
        let wish = self.desired.of(self.guild()).expect("a source speaks of it");
        let (before, trigger, author) = (self.standing.as_ref(), self.trigger, Author::Controller);
        let fights = self.fights.clone();
        let errand = Errand {
            guild: self.guild(),
            wish,
            before,
            fights,
            trigger,
            author,
            is_away: self.is_away,
            remembered: None,
        };
        let visited = self.stage.engine.visit(&errand, &Silent, &StopSignal::default()).await;
        self.fights = visited.fights.clone();
        self.standing = Some(visited.standing.clone());
        visited
    }

    /// Visits, and says how the guild stands then, why, and how many writes were sent.
    async fn finds_it(&mut self) -> (State, String, usize) {
        self.stage.discord.simulator.forget_requests();
        let visited = self.visits().await;
        (visited.standing.state, visited.standing.reason, self.stage.writes().len())
    }

    pub(crate) fn channel(&self, name: &str) -> Option<Snowflake> {
        self.stage.discord.edit(|guild| guild.channel_named(name).map(|channel| channel.id))
    }

    fn somebody_hoists(&self, role: &str) {
        let found = self.stage.discord.edit(|guild| guild.roles.values().find(|r| r.name == role).map(|r| r.id));
        let path = self.stage.discord.in_guild(&format!("/roles/{}", found.expect("the role is there")));
        self.stage.discord.by_hand("PATCH", &path, json!({ "hoist": true }));
    }

    pub(crate) fn somebody_says(&self, channel: &str, topic: &str) {
        let id = self.channel(channel).expect("the channel is there");
        self.stage.discord.by_hand("PATCH", &format!("/channels/{id}"), json!({ "topic": topic }));
    }
}

#[tokio::test]
async fn who_is_asked_to_stop_before_anything_was_sent_uses_no_approval_up() {
    let stage = Stage::new().await;
    let manifest = stage.manifest("policy: { approval: always }\nroles: { crew: {} }\n");
    let proposal = stage.propose(&manifest).await;
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    let approved = judge(proposal.plan.clone(), &consent).expect("approved");
    stage.engine.approve(&proposal.plan, &ann()).await.expect("an approval");
    let asked = || request(approved.clone(), &proposal, Some(&manifest));

    let stop = StopSignal::default();
    stop.raise();
    let error = stage.engine.apply(asked(), &Silent, &stop).await.expect_err("nothing was begun");
    assert!(matches!(error, Error::NotBegun), "{error:?}");
    assert_eq!(stage.engine.store().history(None, 10).await.expect("a database"), []);
    let report = stage.engine.apply(asked(), &Silent, &StopSignal::default()).await.expect("the approval is left");
    assert_eq!(report.done().count(), 1);
}

#[tokio::test]
async fn what_was_gone_already_is_not_told_as_our_doing() {
    let stage = Stage::new().await;
    let policy = "policy: { on_remove: delete, max_deletions: 100% }\n";
    stage.converge(&stage.manifest(&format!("{policy}channels: {{ hall: {{}}, attic: {{}} }}\n"))).await;
    let manifest = stage.manifest(&format!("{policy}channels: {{ hall: {{}} }}\n"));
    let proposal = stage.propose(&manifest).await;
    let attic =
        stage.discord.edit(|guild| guild.channel_named("attic").map(|channel| channel.id)).expect("it is there");
    stage.discord.by_hand("DELETE", &format!("/channels/{attic}"), json!({}));

    let report = stage.apply_proposal(&manifest, &proposal, &Consent::Seen).await;
    assert_eq!((report.verdict, report.done().count()), (Verdict::Succeeded, proposal.plan.steps.len()));
    let run = stage.engine.store().run(report.run).await.expect("a database").expect("a run");
    let deleted = |step: &&StepRecord| matches!(step.operation, Operation::DeleteChannel { .. });
    let step = run.steps.iter().find(deleted).expect("the step");
    let outcome = step.settled.as_ref().map(|settled| settled.outcome.clone());
    assert_eq!(outcome, Some(Outcome::Withdrawn { why: "it was gone already".to_owned() }));
    assert!(stage.propose(&manifest).await.plan.is_empty(), "and nobody asks for it again");
}

#[tokio::test]
async fn a_new_revision_is_applied_and_then_there_is_nothing_to_do() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 4));
    assert_eq!(warden.finds_it().await, (State::Ready, "InOrder".to_owned(), 0));
    warden.reads(&LAYOUT.replace("What is new", "News"));
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 1));
    let standing = warden.standing.expect("it was visited");
    assert_eq!((standing.applied.as_deref(), standing.failures), (Some("main@2"), 0));
}

#[tokio::test]
async fn what_somebody_changes_by_hand_is_reported_and_left() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.visits().await;
    warden.somebody_says("news", "by hand");
    assert_eq!(warden.finds_it().await, (State::Drifted, "ChangedInDiscord".to_owned(), 0));
    let visited = warden.visits().await;
    assert_eq!(visited.plan.map(|plan| plan.steps.len()), Some(1), "what would undo it is shown");
    // A new revision is somebody's word, and counts for everything in it.
    warden.reads(&LAYOUT.replace("crew", "staff"));
    warden.visits().await;
    assert_ne!(warden.standing.as_ref().expect("it was visited").state, State::Drifted);
}

#[tokio::test]
async fn where_the_policy_says_so_it_is_undone() {
    let mut warden = Warden::new().await;
    warden.reads(&format!("policy: {{ drift: heal }}{LAYOUT}"));
    warden.visits().await;
    warden.somebody_says("news", "by hand");
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 1));
}

#[tokio::test]
async fn a_commit_that_wants_nothing_else_of_the_guild_undoes_nothing() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.visits().await;
    warden.somebody_says("news", "by hand");
    warden.trigger = Trigger::Revision;
    for written in [format!("# a remark\n{LAYOUT}"), format!("policy: {{ drift: report }}{LAYOUT}")] {
        warden.reads(&written);
        assert_eq!(warden.finds_it().await, (State::Drifted, "ChangedInDiscord".to_owned(), 0));
    }
    let standing = warden.standing.clone().expect("it was visited");
    assert_eq!((standing.attempted.as_deref(), standing.applied.as_deref()), (Some("main@3"), Some("main@1")));
    warden.reads(&LAYOUT.replace("What is new", "News"));
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 1));
}

#[tokio::test]
async fn a_manifest_that_is_taken_back_halfway_is_no_drift() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.visits().await;
    // Of two changes one is made.
    let refused = Fault::Refused { status: 400, code: 50_035, message: "Invalid Form Body".to_owned() };
    let rules = vec![Rule::new(refused).on("PATCH", "/channels/*").nth(2)];
    warden.stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    warden.reads(&LAYOUT.replace("What is new", "News").replace("chat: {}", "chat: { topic: Anything }"));
    assert_eq!(warden.finds_it().await, (State::Reconciling, "StepsFailed".to_owned(), 2));
    warden.stage.discord.simulator.set_faults(Faults::default());
    warden.reads(LAYOUT);
    let (state, reason, writes) = warden.finds_it().await;
    assert_eq!((state, reason.as_str(), writes), (State::Ready, "Applied", 1), "what differs is what we made");
}

/// Somebody who undoes every correction of a role, and how often it was corrected then.
async fn fights(warden: &mut Warden, pause: Duration, times: usize) -> Vec<(State, String, usize)> {
    let mut seen = Vec::new();
    for _ in 0..times {
        warden.stage.discord.clock.advance(pause);
        warden.somebody_hoists("crew");
        warden.trigger = Trigger::Event;
        seen.push(warden.finds_it().await);
    }
    seen
}

const HEALING: &str = "
policy: { drift: heal }
roles: { crew: { hoist: false }, staff: { hoist: false } }
";

/// Acceptance 23.
#[tokio::test]
async fn who_keeps_undoing_us_is_named_and_left_after_five_corrections() {
    let mut warden = Warden::new().await;
    warden.reads(HEALING);
    warden.visits().await;
    let seen = fights(&mut warden, Duration::from_secs(30), 12).await;
    let applied = (State::Ready, "Applied".to_owned(), 1);
    let fought = (State::Drifted, "FoughtOver".to_owned(), 0);
    assert_eq!(seen[..5], vec![applied.clone(); 5]);
    assert_eq!(seen[5..], vec![fought.clone(); 7]);
    let message = warden.standing.as_ref().expect("it was visited").message.clone();
    assert!(message.contains("`crew` (last by "), "{message}");

    // Whatever else somebody changes is undone all the same.
    warden.somebody_hoists("staff");
    assert_eq!(warden.finds_it().await, (State::Drifted, "FoughtOver".to_owned(), 1));

    // A process that starts anew forgives nothing.
    let fights = std::mem::take(&mut warden.fights);
    assert_eq!(warden.finds_it().await, fought);
    warden.fights = fights;

    // Once it was left in peace for long enough, it is tried again.
    warden.trigger = Trigger::Retry;
    warden.stage.discord.clock.advance(Duration::from_secs(601));
    assert_eq!(warden.finds_it().await, applied);
}

#[tokio::test]
async fn a_new_manifest_ends_a_fight() {
    let mut warden = Warden::new().await;
    warden.reads(HEALING);
    warden.visits().await;
    fights(&mut warden, Duration::from_secs(5), 6).await;
    warden.trigger = Trigger::Revision;
    warden.reads(&HEALING.replace("staff: { hoist: false }", "staff: { hoist: true }"));
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 2), "the role we gave up, and the other");
    let seen = fights(&mut warden, Duration::from_secs(5), 6).await;
    assert_eq!(seen.iter().filter(|(state, ..)| *state == State::Ready).count(), 5);
}

/// Acceptance 23: many objects once each are no fight.
#[tokio::test]
async fn a_first_build_of_hundreds_of_steps_trips_nothing() {
    let mut warden = Warden::new().await;
    let roles: String = (0..240).map(|n| format!("  r{n}: {{ hoist: false }}\n")).collect();
    let channels: String = (0..490).map(|n| format!("  c{n}: {{}}\n")).collect();
    warden.reads(&format!("policy: {{ drift: heal }}\nroles:\n{roles}channels:\n{channels}"));
    let visited = warden.visits().await;
    let steps = visited.report.expect("it was applied").done().count();
    assert_eq!((visited.standing.state, steps), (State::Ready, 730));
    println!("first build: {steps} steps, no breaker opened");
    // All of them changed by hand at once are one correction each.
    warden.trigger = Trigger::Event;
    for n in 0..100 {
        warden.somebody_hoists(&format!("r{n}"));
    }
    let (state, _, writes) = warden.finds_it().await;
    assert_eq!((state, writes), (State::Ready, 100));
}

#[tokio::test]
async fn what_destroys_something_waits_for_somebodys_word_which_counts_once() {
    let mut warden = Warden::new().await;
    let without_chat =
        format!("policy: {{ on_remove: delete, max_deletions: 100% }}{}", LAYOUT.replace(", chat: {}", ""));
    warden.reads(LAYOUT);
    warden.visits().await;
    warden.reads(&without_chat);
    assert_eq!(warden.finds_it().await, (State::AwaitingApproval, "ApprovalNeeded".to_owned(), 0));
    let plan = warden.visits().await.plan.expect("the plan that waits");
    let now = warden.stage.discord.clock.now();
    let approval = Approval {
        guild: warden.guild(),
        plan_digest: plan.digest.to_string(),
        granted_by: ann(),
        granted_at: now,
        expires_at: None,
    };
    warden.stage.engine.store().approve(&approval).await.expect("approved");
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 1));
    assert_eq!(warden.channel("chat"), None);
}

#[tokio::test]
async fn a_guild_that_is_to_be_left_alone_is() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    let (guild, at) = (warden.guild(), warden.stage.discord.clock.now());
    let suspension = Suspension { guild, by: ann(), reason: "spring cleaning".to_owned(), at, until: None };
    warden.stage.engine.store().suspend(&suspension).await.expect("said");
    assert_eq!(warden.finds_it().await, (State::Suspended, "Suspended".to_owned(), 0));
    assert!(warden.standing.as_ref().is_some_and(|standing| standing.message.contains("spring cleaning")));
    warden.stage.engine.store().resume(guild, &ann(), at).await.expect("said");
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 4));
}

#[tokio::test]
async fn during_an_outage_of_the_guild_nobody_goes_there() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.is_away = true;
    assert_eq!(warden.finds_it().await, (State::Reconciling, "GuildUnavailable".to_owned(), 0));
    assert!(warden.stage.discord.simulator.requests().is_empty(), "not even to look");
    warden.is_away = false;
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 4));
}

#[tokio::test]
async fn outside_of_its_windows_a_guild_waits() {
    let mut warden = Warden::new().await;
    // The stage begins on a Wednesday at noon.
    let in_the_night = format!("policy: {{ windows: [\"Mon-Fri 22:00-23:00 UTC\"] }}{LAYOUT}");
    warden.reads(&in_the_night);
    let now = warden.stage.discord.clock.now();
    assert_eq!(warden.finds_it().await, (State::Reconciling, "OutsideWindow".to_owned(), 0), "{now}");
    let setai::controller::Again::After(wait) = warden.visits().await.again else { panic!("it comes again") };
    warden.stage.discord.clock.advance(wait);
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 4));
}

#[tokio::test]
async fn whose_word_is_needed_is_asked_at_once_and_the_window_is_kept_all_the_same() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.visits().await;
    let without_chat = LAYOUT.replace(", chat: {}", "");
    let policy = "policy: { on_remove: delete, max_deletions: 100%, windows: [\"Mon-Fri 22:00-23:00 UTC\"] }";
    warden.reads(&format!("{policy}{without_chat}"));
    assert_eq!(warden.finds_it().await, (State::AwaitingApproval, "ApprovalNeeded".to_owned(), 0));
    let plan = warden.visits().await.plan.expect("the plan that waits");
    let approval = Approval {
        guild: warden.guild(),
        plan_digest: plan.digest.to_string(),
        granted_by: ann(),
        granted_at: warden.stage.discord.clock.now(),
        expires_at: None,
    };
    warden.stage.engine.store().approve(&approval).await.expect("approved");
    assert_eq!(warden.finds_it().await, (State::Reconciling, "OutsideWindow".to_owned(), 0));
    let setai::controller::Again::After(wait) = warden.visits().await.again else { panic!("it comes again") };
    warden.stage.discord.clock.advance(wait);
    assert_eq!(warden.finds_it().await, (State::Ready, "Applied".to_owned(), 1));
}

/// What a source holds, in words; its files; and the reason that is said.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

/// Acceptance 9, the controller's part: whatever a source holds or does not, nothing is written and the last good revision
/// is kept.
#[tokio::test]
async fn bad_sources_write_nothing_and_say_why() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.visits().await;
    let guild = warden.guild();
    let header = format!("version: 1\nguild: \"{guild}\"\n");
    let twice = format!("{header}roles: {{}}\nroles: {{}}\n");
    let bomb = format!(
        "{header}a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]\nroles: *f\n"
    );
    let empty = format!("{header}roles: {{}}\n");
    let other = "version: 1\nguild: \"1146231231231231299\"\n".to_owned();
    let cases: [Case<'_>; 9] = [
        ("an empty repository", vec![], "ManifestGone"),
        ("its folder is gone", vec![("readme.yaml", "hello: there")], "ManifestGone"),
        ("a truncated file", vec![("guild.yaml", &header[..header.len() - 8])], "InvalidManifest"),
        ("a key twice", vec![("guild.yaml", &twice)], "InvalidManifest"),
        ("an alias bomb", vec![("guild.yaml", &bomb)], "InvalidManifest"),
        ("another guild's id", vec![("guild.yaml", &other)], "ManifestGone"),
        ("two files for one guild", vec![("guild.yaml", &empty), ("copy.yaml", &empty)], "DescribedTwice"),
        ("an empty manifest", vec![("guild.yaml", &empty)], "Refused"),
        ("no text", vec![("guild.yaml", "\u{0}\u{1}guild:")], "ManifestGone"),
    ];
    for (what, files, reason) in cases {
        warden.finds(&files);
        let (state, said, writes) = warden.finds_it().await;
        assert_eq!(writes, 0, "{what}");
        assert_eq!((state, said.as_str()), (State::Stalled, reason), "{what}: {:?}", warden.standing);
        let standing = warden.standing.as_ref().expect("it was visited");
        assert_eq!(standing.applied.as_deref(), Some("main@1"), "{what}: the last good revision is named");
        assert!(standing.message.len() > 30, "{what}: {}", standing.message);
    }
    for (reason, is_passing, state) in [
        ("BranchNotFound", false, State::Stalled),
        ("Unreachable", true, State::Ready),
        ("Unsigned", false, State::Stalled),
    ] {
        warden.reads(LAYOUT);
        let why = Obstacle { reason, message: "as the source says".to_owned(), attempted: None, is_passing };
        warden.desired.failed("main", why);
        let (found, _, writes) = warden.finds_it().await;
        assert_eq!((found, writes), (state, 0), "{reason}");
    }
    warden.reads(LAYOUT);
    assert_eq!(warden.finds_it().await, (State::Ready, "InOrder".to_owned(), 0), "and then all is well");
}

#[tokio::test]
async fn a_database_or_a_discord_that_is_away_is_told_from_a_refusal() {
    let mut warden = Warden::new().await;
    warden.reads(LAYOUT);
    warden.stage.everything_fails();
    let visited = warden.visits().await;
    assert_eq!((visited.standing.state, visited.standing.failures), (State::Reconciling, 1), "{:?}", visited.standing);
    warden.stage.quiet();
    assert_eq!(warden.finds_it().await.0, State::Ready);

    warden.stage.discord.limit_bot(setai::simulator::world::Bits::NONE);
    warden.reads(&LAYOUT.replace("What is new", "News"));
    let (state, _, writes) = warden.finds_it().await;
    assert_ne!(state, State::Drifted);
    assert_eq!(writes, 0, "what the bot may not do is not tried");
}

//! A guild that is looked after with nobody asking: what is done, what is left for people, and what bad sources never do.

use serde_json::json;
use setai::controller::{Desired, Errand, Obstacle, Silent, Standing, State, StopSignal, Visited};
use setai::manifest::Files;
use setai::model::GuildId;
use setai::simulator::world::Snowflake;
use setai::store::{Approval, Author, Suspension, Trigger};

use crate::support::stage::{Stage, ann};

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
}

impl Warden {
    pub(crate) async fn new() -> Self {
        Self { stage: Stage::new().await, desired: Desired::default(), revisions: 0, standing: None }
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
        self.desired.read("main", &format!("main@{}", self.revisions), &found, &|_, _, _| Ok(()));
    }

    pub(crate) async fn visits(&mut self) -> Visited {
        let wish = self.desired.of(self.guild()).expect("a source speaks of it");
        let (before, trigger, author) = (self.standing.as_ref(), Trigger::Schedule, Author::Controller);
        let errand = Errand { guild: self.guild(), wish, before, trigger, author, remembered: None };
        let visited = self.stage.engine.visit(&errand, &Silent, &StopSignal::default()).await;
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

    pub(crate) fn somebody_says(&self, channel: &str, topic: &str) {
        let id = self.channel(channel).expect("the channel is there");
        self.stage.discord.by_hand("PATCH", &format!("/channels/{id}"), json!({ "topic": topic }));
    }
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

//! What teams see at their forge: proposals from Discord, and what pull requests of people would do. Each forge is played over HTTP
//! and held against what it publishes; the repository behind it is handed out by git's own web server.

use serde_json::json;
use setai::store::Author;

use super::office::{HALL, Office};
use crate::forge::fake::{Play, TOKEN};
use crate::forge::stage::Stage;
use crate::forge::world::{FORK, HOME, OTHER, Pull, Standing};
use crate::support::git::{Repository, WebServer};
use crate::support::terminal::Terminal;

const WISH: &str = "add a text channel lounge to hall";

/// A guild whose repository is at a forge.
pub(super) struct Team {
    pub(super) office: Office,
    pub(super) forge: Stage,
}

impl Team {
    pub(super) async fn at(play: Play) -> Self {
        let repository = Repository::empty();
        let forge = Stage::in_front_of(play, &repository.bare()).await;
        Self::of(play, forge, repository).await
    }

    /// A guild whose manifest is read from this repository and proposed to that forge.
    pub(super) async fn of(play: Play, forge: Stage, repository: Repository) -> Self {
        let terminal = Terminal::new().await;
        let git = WebServer::start(&repository).await;
        std::fs::write(terminal.path("forge-token"), TOKEN).expect("a file");
        let kind = match play {
            Play::GitHub => "github",
            Play::GitLab => "gitlab",
            Play::Gitea | Play::Forgejo => "gitea",
        };
        let source = format!(
            "git: \"{}\", branch: main, forge: {{ kind: {kind}, api: \"{}\", repository: team/guilds, token_file: forge-token }}",
            git.url(),
            forge.api
        );
        let office = Office::of(terminal, repository, &source, HALL, "").await;
        Self { office, forge }
    }

    /// The manifest with something else in it.
    pub(super) fn manifest(&self, change: impl Fn(&str) -> String) -> String {
        format!("version: 1\nguild: \"{}\"\n{}", self.office.terminal.guild, change(HALL))
    }

    /// Somebody opens a pull request with this manifest, from here or from a fork, and the forge says so.
    async fn opens(&self, from: u64, branch: &str, manifest: &str) -> u64 {
        let (number, head) = self.forge.world(|world| {
            let files = [("guild.yaml", Some(manifest))];
            let head = match from {
                HOME => {
                    let tip = world.tip("main").expect("a branch");
                    world.set_branch(branch, tip);
                    world.commit(branch, &files)
                }
                _ => world.make(world.tip("main"), &files, "Mine\n", Some((OTHER.1, "m@evil"))).expect("a commit"),
            };
            let pull = Pull {
                number: 0,
                title: "Mine".to_owned(),
                body: String::new(),
                branch: branch.to_owned(),
                base: "main".to_owned(),
                standing: Standing::Open,
                author: OTHER.1,
                from: Some(from),
                head,
            };
            let number = world.open(pull);
            // As every forge hands them out.
            let name = format!("refs/pull/{number}/head");
            world.git().reference(&name, head, true, "test").expect("a reference");
            (number, head)
        });
        self.office.keeper.hears_of_a_pull_request("main", number, &head.to_string()).await;
        number
    }

    /// Waits for the one comment on a pull request to say this.
    async fn reads(&self, number: u64, words: &str) -> String {
        let says = || matches!(&self.forge.comments(number)[..], [only] if only.contains(words));
        self.office.keeper.until(&format!("`{words}` on pull request {number}"), says).await;
        self.forge.comments(number).remove(0)
    }

    /// Waits for the last status to say this; it is set after the comment is written.
    async fn stands(&self, state: &str, words: &str) {
        let stands = || {
            self.forge.world(|world| {
                world.statuses.last().is_some_and(|status| status.state == state && status.description == words)
            })
        };
        self.office.keeper.until(&format!("the status `{state}: {words}`"), stands).await;
    }
}

async fn from_a_sentence_to_the_guild(play: Play) {
    let Team { office, forge } = &Team::at(play).await;
    let shown = office.asks(office.moderator, "propose", &[("request", json!(WISH))]).await;
    let opened = office.presses(office.moderator, &shown, "Open a pull request").await;
    assert!(opened.text.contains("[The pull request](http"), "{opened:#?}");
    let (title, body) = forge.says(1);
    assert_eq!(title, "Add a text channel lounge to hall");
    for words in ["Asked by mo", "channels.lounge", "What merging this does:", "1 to create"] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let branch = forge.world(|world| {
        let pull = world.pull_mut(1).expect("the pull request");
        pull.standing = Standing::Merged;
        pull.branch.clone()
    });
    forge.world(|world| world.merge(&branch, "main"));
    office.keeper.hears_of_a_push_to("main").await;
    office.keeper.until("the lounge", || office.channel_named("lounge").is_some()).await;
    office.comes_to("ready").await;
    let guild = office.terminal.guild.to_string().parse().expect("a snowflake");
    let run = office.store().await.history(Some(guild), 1).await.expect("runs").remove(0);
    assert_eq!(run.author, Author::User(office.moderator.to_string().parse().expect("a snowflake")));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_sentence_to_the_guild_by_github() {
    from_a_sentence_to_the_guild(Play::GitHub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_sentence_to_the_guild_by_gitlab() {
    from_a_sentence_to_the_guild(Play::GitLab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_sentence_to_the_guild_by_gitea() {
    from_a_sentence_to_the_guild(Play::Gitea).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_sentence_to_the_guild_by_forgejo() {
    from_a_sentence_to_the_guild(Play::Forgejo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_a_pull_request_reads_what_it_would_do() {
    let team = Team::at(Play::GitHub).await;
    let writes = team.office.terminal.writes().len();
    let theirs = team.manifest(|hall| hall.replace("What is new", "Theirs"));
    let number = team.opens(HOME, "theirs", &theirs).await;
    let said = team.reads(number, "Theirs").await;
    assert!(said.contains("1 to change"), "{said}");
    team.stands("success", "Plan: 1 to change; 1 request, about 1 s.").await;

    // Other commits change the comment, and are another thing to look at.
    let broken = team.manifest(|hall| hall.replace("topic", "topick"));
    let head = team.forge.world(|world| world.commit("theirs", &[("guild.yaml", Some(&broken))]));
    team.office.keeper.hears_of_a_pull_request("main", number, &head.to_string()).await;
    let said = team.reads(number, "Not valid").await;
    assert!(said.contains("topick") && !said.contains("Theirs"), "{said}");
    team.stands("failure", "a manifest is not valid").await;
    assert_eq!(team.office.terminal.writes().len(), writes, "nothing of it reaches Discord");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_from_a_fork_is_shown_no_plan() {
    let team = Team::at(Play::GitHub).await;
    let theirs = team.manifest(|hall| hall.replace("What is new", "Theirs"));
    let number = team.opens(FORK, "theirs", &theirs).await;
    let said = team.reads(number, "The plan is not shown").await;
    assert!(said.contains("another repository") && !said.contains("1 to change"), "{said}");
    let broken = team.manifest(|hall| hall.replace("topic", "topick"));
    let number = team.opens(FORK, "broken", &broken).await;
    team.reads(number, "topick").await;
    let same = team.manifest(str::to_owned);
    let number = team.opens(FORK, "same", &same).await;
    team.reads(number, "changes no guild").await;
}

//! The figures of talking to the bot: how soon somebody sees that an answer will come, and how soon plain words are a branch. Both
//! are measured at the program as people run it, beside a simulated Discord and a repository of this machine as forge.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use setai::clock::Clock;
use setai::simulator::Use;
use setai::simulator::world::{Answers, FreshGuild, Interaction, Snowflake, World};

use super::controller::{Park, report};
use super::git::Repository;

/// How often somebody proposes something and opens it.
const ROUNDS: usize = 120;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small guild with the bot in it, and its owner.
struct Room {
    park: Park,
    guild: Snowflake,
    owner: Snowflake,
    channel: Snowflake,
    repository: Repository,
}

impl Room {
    async fn new() -> Self {
        let clock = Clock::system();
        let mut world = World::new(1);
        let FreshGuild { guild, owner, .. } = world.fresh_guild("Talk", None, clock.now());
        let text = world.guilds[&guild].channels.values().find(|channel| channel.kind == 0);
        let channel = text.expect("a fresh guild has a text channel").id;
        let repository = Repository::empty();
        let hall = "categories: { hall: { channels: { news: { topic: What is new }, chat: {} } } }\n";
        repository.write("guild.yaml", format!("version: 1\nguild: \"{guild}\"\n{hall}"));
        repository.push("Begin");
        let park = Park::around(world, clock, vec![guild], owner).await;
        Self { park, guild, owner, channel, repository }
    }

    /// The bot, once it offers its command.
    async fn bot(&self) -> Snowflake {
        let start = Instant::now();
        loop {
            let found = self.park.simulator.with_world(|world| {
                let mut bots = world.users.values().filter_map(|user| user.application.as_ref());
                bots.find(|bot| bot.commands.iter().any(|command| command.name == "setai")).map(|bot| bot.id)
            });
            if let Some(bot) = found {
                return bot;
            }
            assert!(start.elapsed() < PATIENCE, "it offers no command: {}", self.park.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The owner does something and waits for the whole answer. Also says how long the first answer took, by Discord's record.
    async fn does(&self, wish: &Use) -> (Answers, Duration) {
        let begun: Interaction = self.park.simulator.interact(wish).expect("the client offers it");
        let answers = self.park.simulator.settled(begun.id, PATIENCE).await.expect("it was begun");
        assert!(!answers.is_promised() && answers.failure.is_none(), "{answers:#?}\n{}", self.park.log());
        let first = answers.history.first().expect("an answer").at;
        (answers, (first - begun.id.time()).to_std().unwrap_or_default())
    }

    /// Where git keeps the branches of proposals.
    fn branches(&self) -> PathBuf {
        self.repository.bare().join("refs/heads/setai")
    }

    /// Returns once there are so many of them.
    async fn until_branches(&self, count: usize) {
        let (start, branches) = (Instant::now(), self.branches());
        while entries(&branches) < count {
            assert!(start.elapsed() < PATIENCE, "there is no branch: {}", self.park.log());
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

/// How many branches are there. A branch that is being written has its lock beside it.
fn entries(folder: &Path) -> usize {
    let is_lock = |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|end| end == "lock");
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    found.filter(|entry| !is_lock(&entry.file_name())).count()
}

/// The id of the button that opens a pull request.
fn button(answers: &Answers) -> (Snowflake, Value) {
    let message = answers.messages().last().expect("a message");
    let mut buttons = message.components.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
    let open = buttons.find(|button| button["label"] == "Open a pull request");
    (message.id, open.unwrap_or_else(|| panic!("nothing to open: {answers:#?}"))["custom_id"].clone())
}

/// From an interaction to its first answer, and from plain words to a branch.
pub(super) fn talk() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let room = Room::new().await;
        let repository = room.repository.bare();
        let source =
            format!("sources: [{{ name: main, git: \"{}\", interval: 1h, guilds: all }}]\n", repository.display());
        let (_running, _) = room.park.run(&source).await;
        room.park.until_said("\"state\":\"ready\"", 1).await;
        // Nobody asks as often as this does.
        room.park.command(&["server", "set", &room.guild.to_string(), "rate_limits.commands_per_user_per_minute=1000"]);
        let bot = room.bot().await;
        let wish = |kind, data, message_id| Use {
            application_id: bot,
            user_id: room.owner,
            channel_id: room.channel,
            kind,
            data,
            message_id,
        };
        let (mut promises, mut branches) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            room.park.simulator.forget_requests();
            let request = format!("add a text channel lounge-{round} with the topic \"Sit down\" to hall");
            let options = json!([{ "name": "request", "value": request }]);
            let data = json!({ "name": "setai", "options": [{ "name": "propose", "options": options }] });
            let start = Instant::now();
            let (shown, first) = room.does(&wish(2, data, None)).await;
            let (message, open) = button(&shown);
            let press = wish(3, json!({ "custom_id": open }), Some(message));
            let pressed = room.does(&press);
            let opened = async {
                room.until_branches(round + 1).await;
                start.elapsed()
            };
            let ((_, second), branch) = tokio::join!(pressed, opened);
            promises.extend([first, second]);
            branches.push(branch);
        }
        assert!(promises.len() >= 2 * ROUNDS && branches.len() == ROUNDS);
        report("from a command or a press to the promise of an answer", &mut promises, "p95 ≤ 200 ms");
        report(
            "from `/setai propose` and the press after it to the branch, in a local repository",
            &mut branches,
            "p95 ≤ 1.5 s",
        );
    });
}

//! `setai demo`: the whole story on a simulated Discord, in under a minute. It leaves a folder to go on playing in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::plan::render::Tone;
use crate::simulator::limits::Limits;
use crate::simulator::world::{Snowflake, World};
use crate::simulator::{Act, Options, Simulator};

use super::arguments::{Apply, Connection, Demo, Drift, Import, PlanCommand, Source};
use super::failure::{Exit, Failure};
use super::screen::Screen;
use super::{apply, drift, import, plan};

/// The guild everything happens to, with everything that grows over the years.
const MESSY: &str = include_str!("demo/messy-guild.yaml");
/// The layout it gets.
const LAYOUT: &str = include_str!("demo/layout.yaml");
const GUILD: u64 = 1_146_231_231_231_231_232;

pub(super) async fn run(command: &Demo, screen: Screen) -> Result<Exit, Failure> {
    let folder = &command.folder;
    if folder.exists() {
        return Err(Failure::new(format!("`{}` is there already", folder.display()))
            .help("Name another folder, or remove this one: `setai demo DIR`."));
    }
    let story = Story::begin(folder, command.quick, screen).await?;
    story.messy_guild().await?;
    story.import().await?;
    story.layout().await?;
    story.drift().await?;
    story.heal().await?;
    story.end()?;
    Ok(Exit::Success)
}

/// The stage and how far the story is.
struct Story {
    folder: PathBuf,
    simulator: Simulator,
    connection: Connection,
    quick: bool,
    screen: Screen,
}

impl Story {
    async fn begin(folder: &Path, quick: bool, screen: Screen) -> Result<Self, Failure> {
        let clock = Clock::system();
        let world = World::from_yaml(MESSY, clock.now()).map_err(Failure::new)?;
        let simulator = Simulator::new(world, Options { clock, limits: Limits::none(), ..Options::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::new)?;
        let address = listener.local_addr().map_err(Failure::new)?;
        let serving = simulator.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make `{}`: {error}", folder.display())))?;
        let connection = Connection {
            config: None,
            token: Some("demo-token".to_owned().into()),
            token_file: None,
            discord_url: Some(format!("http://{address}")),
            database_url: Some(format!("sqlite:{}", folder.join("setai.db").display())),
            redis_url: None,
            lock_timeout: 0,
            database_timeout: 0,
        };
        Ok(Self { folder: folder.to_owned(), simulator, connection, quick, screen })
    }

    /// A heading, and time to read what came before.
    async fn act(&self, title: &str, text: &str) {
        if !self.quick {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        self.screen.say("");
        self.screen.toned(Tone::Strong, format!("━━ {title}"));
        self.screen.toned(Tone::Faint, text);
        self.screen.say("");
    }

    fn typed(&self, command: &str) {
        self.screen.toned(Tone::Move, format!("$ setai {command}"));
    }

    fn source(&self, path: PathBuf) -> Source {
        Source { path, revision: Some("demo".to_owned()) }
    }

    async fn messy_guild(&self) -> Result<(), Failure> {
        self.act(
            "A Discord server, grown over years",
            "It is simulated: no account, no token, nothing leaves this machine.",
        )
        .await;
        self.sidebar()
    }

    /// The guild as its members see it.
    fn sidebar(&self) -> Result<(), Failure> {
        self.simulator.with_world(|world| {
            let guild =
                world.guilds.get(&Snowflake(GUILD)).ok_or_else(|| Failure::new("the demo's guild is missing"))?;
            let mut channels: Vec<_> = guild.channels.iter().collect();
            channels.sort_by_key(|(id, c)| (c.position, **id));
            let children =
                |parent: Option<Snowflake>| channels.iter().filter(move |(_, c)| c.kind != 4 && c.parent_id == parent);
            let name = |kind: u8, name: &str| {
                if kind == 2 || kind == 13 { format!("🔊 {name}") } else { format!("# {name}") }
            };
            for (_, channel) in children(None) {
                self.screen.say(format!("  {}", name(channel.kind, &channel.name)));
            }
            for (id, category) in channels.iter().filter(|(_, c)| c.kind == 4) {
                self.screen.toned(Tone::Strong, format!("  {}", category.name.to_uppercase()));
                for (_, channel) in children(Some(**id)) {
                    self.screen.say(format!("    {}", name(channel.kind, &channel.name)));
                }
            }
            Ok(())
        })
    }

    async fn import(&self) -> Result<(), Failure> {
        self.act(
            "First: write down what is there",
            "One command turns the whole server into YAML; planning it finds nothing to do.",
        )
        .await;
        let output = self.folder.join("as-it-was");
        self.typed(&format!("import --guild {GUILD} --output {}", output.display()));
        let command = Import { guild: GUILD.to_string(), output: output.clone(), pin: false, force: false };
        import::run(&command, &self.connection, self.screen).await?;
        self.typed(&format!("plan {}", output.display()));
        self.plan(output).await
    }

    async fn plan(&self, path: PathBuf) -> Result<(), Failure> {
        let command = PlanCommand {
            source: self.source(path),
            json: false,
            markdown: false,
            detailed_exitcode: false,
            output: None,
        };
        plan::run(&command, &self.connection, self.screen).await.map(drop)
    }

    async fn layout(&self) -> Result<(), Failure> {
        let text = "The team wrote a layout. Its objects are found again by name and place; what it leaves out goes to an archive.";
        self.act("Then: say what it should be, and apply it", text).await;
        let file = self.folder.join("guild.yaml");
        super::write_whole(&file, LAYOUT.as_bytes())?;
        super::write_whole(
            &self.folder.join("schemas/guild.v1.json"),
            crate::manifest::schema::schema_text().as_bytes(),
        )?;
        self.typed(&format!("apply {}", file.display()));
        self.apply(file).await?;
        self.screen.say("");
        self.sidebar()
    }

    async fn apply(&self, path: PathBuf) -> Result<(), Failure> {
        let command = Apply {
            source: self.source(path),
            auto_approve: true,
            approve: None,
            rollback_on_error: false,
            patience: 60,
            json: false,
        };
        apply::run(&command, &self.connection, self.screen).await.map(drop)
    }

    async fn drift(&self) -> Result<(), Failure> {
        self.act(
            "Somebody changes things by hand",
            "Kim, a moderator, opens the staff room to everyone and renames a channel.",
        )
        .await;
        self.by_hand()?;
        let file = self.folder.join("guild.yaml");
        self.typed(&format!("drift {}", file.display()));
        let command = Drift {
            source: self.source(file),
            max_age: None,
            adopt: None,
            branch: None,
            auto_approve: false,
            json: false,
            detailed_exitcode: false,
        };
        drift::run(&command, &self.connection, self.screen).await.map(drop)
    }

    fn by_hand(&self) -> Result<(), Failure> {
        let (kim, staff, lounge) = self.simulator.with_world(|world| {
            let kim = world.users.iter().find(|(_, user)| user.username == "kim").map(|(id, _)| *id);
            let guild = world.guilds.get(&Snowflake(GUILD));
            let channel =
                |name: &str| guild.and_then(|g| g.channels.iter().find(|(_, c)| c.name == name)).map(|(id, _)| *id);
            (kim, channel("staff-room"), channel("lounge"))
        });
        let missing = || Failure::new("the demo's people and channels are missing");
        let (kim, staff, lounge) = (kim.ok_or_else(missing)?, staff.ok_or_else(missing)?, lounge.ok_or_else(missing)?);
        let acts = [
            Act::new(kim, "PATCH", &format!("/channels/{staff}"), json!({ "permission_overwrites": [] })),
            Act::new(
                kim,
                "PATCH",
                &format!("/channels/{lounge}"),
                json!({ "name": "chaos", "topic": "anything goes" }),
            ),
        ];
        for act in &acts {
            self.simulator.act(act).map_err(|error| Failure::new(format!("Kim could not do it: {error:?}")))?;
        }
        Ok(())
    }

    async fn heal(&self) -> Result<(), Failure> {
        self.act("And back", "Applying the same file again changes exactly what differs.").await;
        let file = self.folder.join("guild.yaml");
        self.typed(&format!("apply {}", file.display()));
        self.apply(file).await
    }

    fn end(&self) -> Result<(), Failure> {
        let folder = self.folder.display();
        let world = self.simulator.world().to_yaml().map_err(Failure::new)?;
        super::write_whole(&self.folder.join("world.yaml"), world.as_bytes())?;
        self.screen.say("");
        self.screen.toned(Tone::Strong, "━━ Your turn");
        self.screen.say(format!("{folder}/ holds the manifest, the database and the world. In one terminal:"));
        // As it was called this time, so that the lines can be copied.
        let setai = std::env::args().next().unwrap_or_else(|| "setai".to_owned());
        self.screen.say(format!("  {setai} simulate --world {folder}/world.yaml"));
        self.screen.say("In another, with the two `export` lines it prints:");
        self.screen.say(format!("  export SETAI_DATABASE_URL=sqlite:{folder}/setai.db"));
        self.screen.say(format!("  $EDITOR {folder}/guild.yaml && {setai} plan {folder}/guild.yaml"));
        Ok(())
    }
}

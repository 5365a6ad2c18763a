//! `setai simulate`: a Discord of one's own.

use std::path::Path;

use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::simulator::faults::Faults;
use crate::simulator::limits::Limits;
use crate::simulator::world::{Snowflake, World};
use crate::simulator::{Options, Simulator};

use super::arguments::{LimitChoice, Simulate};
use super::context::guild_id;
use super::failure::{Exit, Failure, chain};
use super::interrupt::asked_to_stop;
use super::screen::Screen;

pub(super) async fn run(command: &Simulate, screen: Screen) -> Result<Exit, Failure> {
    let clock = Clock::system();
    let mut world = match &command.world {
        Some(path) => read_world(path, &clock)?,
        None => World::new(command.seed),
    };
    for (number, guild) in command.guild.iter().enumerate() {
        let id: Snowflake = parsed(guild_id(guild)?.to_string())?;
        if world.guilds.contains_key(&id) {
            screen.remark(format!("The guild {id} is in the world already, and stays as it is."));
            continue;
        }
        world.fresh_guild(&format!("Guild {}", number + 1), Some(id), clock.now());
    }
    if world.guilds.is_empty() {
        world.fresh_guild("Playground", None, clock.now());
    }
    let limits = match command.limits {
        LimitChoice::Discord => Limits::default(),
        LimitChoice::None => Limits::none(),
    };
    let faults = command.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default();
    let options = Options { seed: command.seed, clock, limits, faults, ..Options::default() };
    let simulator = Simulator::new(world, options);
    let listener = listen(command.listen).await?;
    let address = listener.local_addr().map_err(Failure::new)?;
    let stopped = asked_to_stop();
    greet(&simulator, address, screen);
    let served = simulator.serve(listener, stopped).await;
    if let Some(path) = &command.save {
        let text = simulator.world().to_yaml().map_err(Failure::new)?;
        super::write_whole(path, text.as_bytes())?;
        screen.remark(format!("Saved the world to {}.", path.display()));
    }
    served.map(|()| Exit::Success).map_err(|error| Failure::new(format!("the simulator stopped: {error}")))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}"))
            .help("Choose another address with `--listen`; port 0 takes a free one.")
    })
}

fn read_world(path: &Path, clock: &Clock) -> Result<World, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::new(format!("cannot use the world `{}`: {}", path.display(), chain(error)))
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    World::from_yaml(&text, clock.now()).map_err(|error| unusable(&error))
}

fn read_faults(path: &Path) -> Result<Faults, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::new(format!("cannot use the faults `{}`: {}", path.display(), chain(error)))
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    serde_saphyr::from_str(&text).map_err(|error| unusable(&error))
}

fn parsed(id: String) -> Result<Snowflake, Failure> {
    id.parse().map_err(|_| Failure::new(format!("`{id}` is not a snowflake")))
}

/// The settings to use, ready to be copied.
fn greet(simulator: &Simulator, address: std::net::SocketAddr, screen: Screen) {
    screen.say(format!("A simulated Discord listens on http://{address}."));
    screen.say("");
    screen.say(format!("export SETAI_DISCORD_URL=http://{address}"));
    screen.say(format!("export DISCORD_TOKEN={}", token(simulator)));
    screen.say("");
    simulator.with_world(|world| {
        for (id, guild) in &world.guilds {
            screen.say(format!("guild {id}  {}", guild.name));
        }
    });
    screen.remark(
        "Ctrl-C or SIGTERM stops it. What was asked of it: GET /_sim/requests. The world: GET /_sim/world. Use a bot by hand: POST /_sim/use.",
    );
}

/// The bot's token as the world names it. Where it names none, every token is taken for the bot's, such as one shaped like
/// Discord's, which begin with the bot's id.
fn token(simulator: &Simulator) -> String {
    use base64::Engine as _;
    simulator.with_world(|world| {
        let bots = || world.users.values().filter(|user| user.bot);
        let made_up = || {
            let id = bots().next().map_or_else(String::new, |bot| bot.id.to_string());
            format!("{}.simulated.token", base64::engine::general_purpose::STANDARD_NO_PAD.encode(id))
        };
        bots().find_map(|bot| bot.tokens.first().cloned()).unwrap_or_else(made_up)
    })
}

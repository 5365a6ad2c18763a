//! Whether some moment of an apply was more open than before and after, by the simulator's own reading of permissions.

use chrono::{DateTime, Utc};
use setai::simulator::limits::Limits;
use setai::simulator::world::{Bits, Channel, Guild, Snowflake};

use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::stage::{Film, Stage};
use crate::support::worlds::furnish;

/// A guild with random furniture that is filmed from now on.
pub(super) struct Filmed {
    pub(super) stage: Stage,
    pub(super) film: Film,
    pub(super) users: Vec<Snowflake>,
    pub(super) features: Vec<String>,
}

impl Filmed {
    pub(super) async fn new(seed: u64, rng: &mut Rng) -> Self {
        let discord = Harness::with(|options| {
            options.seed = seed;
            options.limits = Limits::none();
        });
        let users = furnish(&discord, rng);
        let features = discord.edit(|guild| guild.features.clone());
        let (stage, film) = Stage::filmed(discord).await;
        Self { stage, film, users, features }
    }
}

/// Looks at every picture, every member and every channel; says who could do too much, where and when. The bot itself is
/// left out: while it works it keeps its way into what it hides.
pub(super) fn too_open(before: &Guild, film: &[Guild], bot: Snowflake, now: DateTime<Utc>) -> Vec<String> {
    let Some(after) = film.last() else { return Vec::new() };
    let mut problems = Vec::new();
    for (at, moment) in film.iter().enumerate() {
        for user in moment.members.keys().filter(|user| **user != bot) {
            let allowed = before.permissions_of(*user, now) | after.permissions_of(*user, now);
            let surplus = moment.permissions_of(*user, now) & !allowed;
            if surplus != Bits::NONE {
                problems.push(format!("after request {}: {user} holds {surplus:?} in the guild", at + 1));
            }
            for channel in moment.channels.values().filter(|c| matters(c, after)) {
                let allowed = held(before, *user, channel.id, now) | held(after, *user, channel.id, now);
                let surplus = moment.permissions_in(*user, channel, now) & !allowed;
                if surplus != Bits::NONE {
                    let name = &channel.name;
                    problems.push(format!(
                        "after request {}: {user} can {surplus:?} in {name} ({})",
                        at + 1,
                        channel.id
                    ));
                }
            }
        }
    }
    problems
}

/// A category holds nothing to see or do. One that is about to be deleted is not worth a request of its own.
fn matters(channel: &Channel, after: &Guild) -> bool {
    !channel.is_category() || after.channels.contains_key(&channel.id)
}

fn held(guild: &Guild, user: Snowflake, channel: Snowflake, now: DateTime<Utc>) -> Bits {
    guild.channels.get(&channel).map_or(Bits::NONE, |channel| guild.permissions_in(user, channel, now))
}

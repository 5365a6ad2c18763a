//! A random guild and a wish about it that came true: where promises begin.

use setai::plan::Consent;
use setai::simulator::limits::Limits;

use super::expected::Ids;
use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::stage::Stage;
use crate::support::wish::{Wish, Wisher};
use crate::support::worlds::furnish;

/// A random guild, a wish about it that is granted, and what is needed to go on.
pub(super) async fn granted(seed: u64, change: impl FnOnce(&mut Wish, &mut Rng)) -> Option<(Stage, Wish, Rng, usize)> {
    let mut rng = Rng::seeded(seed);
    let discord = Harness::with(|options| {
        options.seed = seed;
        options.limits = Limits::none();
    });
    let users = furnish(&discord, &mut rng);
    let stage = Stage::on(discord).await;
    let live = stage.discord.edit(|guild| guild.clone());
    let mut wisher = Wisher { rng: &mut rng, count: 0, users, features: live.features.clone() };
    let mut wish = wisher.about(&live);
    let count = wisher.count;
    change(&mut wish, &mut rng);
    grant(&stage, &wish).await.then_some((stage, wish, rng, count))
}

/// Applies a wish with somebody's consent; false when it is refused all the same.
pub(super) async fn grant(stage: &Stage, wish: &Wish) -> bool {
    let manifest = stage.manifest(&wish.yaml());
    let proposal = stage.propose(&manifest).await;
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    stage.attempt(&manifest, &proposal, &consent, 1).await.is_ok()
}

pub(super) async fn bound(stage: &Stage) -> Ids {
    Ids::of(&stage.engine.store().bindings(stage.guild()).await.expect("bindings"))
}

//! How a scenario is written down and played.

use setai::manifest::{Files, parse, render_diagnostics};
use setai::plan::Outcome;
use setai::simulator::Record;
use setai::simulator::world::{Bits, Guild};

use crate::support::harness::Harness;
use crate::support::stage::Stage;

/// Wishes one after the other, and the requests each takes.
#[derive(Clone)]
pub(super) struct Group {
    name: String,
    live: fn(&Harness),
    steps: Vec<Step>,
}

/// One wish.
#[derive(Clone)]
struct Step {
    yaml: String,
    /// None for a beginning nobody looks at.
    sends: Option<Vec<String>>,
    by_hand: fn(&Harness),
}

/// Something for images to be: the beginning of every PNG file.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n0000IHDR";

impl Group {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), live: bare, steps: Vec::new() }
    }

    /// What is there before; by default only the bot and @everyone.
    pub(super) fn live(mut self, prepare: fn(&Harness)) -> Self {
        self.live = prepare;
        self
    }

    /// A wish to begin with.
    pub(super) fn given(mut self, yaml: impl Into<String>) -> Self {
        self.steps.push(Step { yaml: yaml.into(), sends: None, by_hand: |_| {} });
        self
    }

    /// A wish, and everything it takes, in order: `METHOD path body`, with names in the place of ids.
    pub(super) fn then(self, yaml: impl Into<String>, sends: &[&str]) -> Self {
        self.after(|_| {}, yaml, sends)
    }

    /// The same, after somebody did something by hand.
    pub(super) fn after(mut self, by_hand: fn(&Harness), yaml: impl Into<String>, sends: &[&str]) -> Self {
        let sends = Some(sends.iter().map(|s| (*s).to_owned()).collect());
        self.steps.push(Step { yaml: yaml.into(), sends, by_hand });
        self
    }

    /// Plays it; says what went wrong.
    pub(super) async fn play(&self) -> Option<String> {
        let discord = Harness::new();
        bare(&discord);
        (self.live)(&discord);
        let stage = Stage::on(discord).await;
        for (at, step) in self.steps.iter().enumerate() {
            if let Err(problem) = play(&stage, step).await {
                return Some(format!("{}, wish {}: {problem}\n{}", self.name, at + 1, step.yaml));
            }
        }
        None
    }
}

async fn play(stage: &Stage, step: &Step) -> Result<(), String> {
    (step.by_hand)(&stage.discord);
    let manifest = read(stage, &step.yaml)?;
    let before = stage.discord.edit(|guild| guild.clone());
    let proposal = stage.propose(&manifest).await;
    let consent = setai::plan::Consent::Digest(proposal.plan.digest.to_string());
    stage.discord.simulator.forget_requests();
    let report = stage.attempt(&manifest, &proposal, &consent, 1).await.map_err(|why| format!("{why:?}"))?;
    let undone: Vec<_> = report.steps.iter().filter(|(_, outcome)| *outcome != Outcome::Done).collect();
    if !undone.is_empty() {
        return Err(format!("{undone:#?}"));
    }
    let after = stage.discord.edit(|guild| guild.clone());
    let log = stage.discord.simulator.requests();
    let sent: Vec<String> = log.iter().filter(|r| r.is_write()).map(|r| named(r, &[&before, &after])).collect();
    if let Some(expected) = step.sends.as_ref().filter(|expected| **expected != sent) {
        return Err(format!("expected\n  {}\nsent\n  {}", expected.join("\n  "), sent.join("\n  ")));
    }
    stage.discord.simulator.forget_requests();
    let again = stage.propose(&manifest).await.plan;
    match (again.is_empty(), again.bindings.is_empty(), stage.writes().is_empty()) {
        (true, true, true) => Ok(()),
        _ => Err(format!("the same wish again:\n{}\n{:?}", crate::support::stage::shown(&again), again.bindings)),
    }
}

fn read(stage: &Stage, yaml: &str) -> Result<setai::manifest::Manifest, String> {
    let mut files = Files::default();
    let header = format!("version: 1\nguild: \"{}\"\n", stage.discord.guild);
    // `--- name` begins another file.
    let mut parts = yaml.split("--- ");
    files.insert("guild.yaml", header + parts.next().unwrap_or_default()).expect("a path");
    for part in parts {
        let (name, text) = part.split_once('\n').expect("a name, then a text");
        files.insert(name.trim(), text).expect("a path");
    }
    files.insert("one.png", PICTURE).expect("a path");
    files.insert("two.png", [PICTURE, b"2"].concat()).expect("a path");
    let parsed = parse(&files, "guild.yaml");
    parsed.manifest.ok_or_else(|| render_diagnostics(&parsed.diagnostics, &files, false))
}

/// A request with names in the place of ids: `<rules>`, `<@admin>`, `<guild>`, `<tag help>`.
fn named(record: &Record, guilds: &[&Guild]) -> String {
    let body = record.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
    let mut text = format!("{} {}{body}", record.method, record.route());
    for guild in guilds {
        text = text.replace(&guild.id.to_string(), "<guild>");
        for role in guild.roles.values() {
            text = text.replace(&role.id.to_string(), &format!("<@{}>", role.name));
        }
        for channel in guild.channels.values() {
            text = text.replace(&channel.id.to_string(), &format!("<{}>", channel.name));
            for tag in &channel.available_tags {
                text = text.replace(&tag.id.to_string(), &format!("<tag {}>", tag.name));
            }
        }
    }
    text = text.replace("data:image/png;base64,iVBORw0KGgowMDAwSUhEUg==", "<one.png>");
    text.replace("data:image/png;base64,iVBORw0KGgowMDAwSUhEUjI=", "<two.png>")
}

/// Nothing but the bot and @everyone.
pub(super) fn bare(discord: &Harness) {
    discord.edit(|guild| {
        guild.channels.clear();
        guild.system_channel_id = None;
        guild.roles.get_mut(&guild.id).expect("@everyone").permissions = Bits::VIEW_CHANNEL;
    });
}

/// A Community guild that was boosted for everything, with the two channels such a guild must have.
pub(super) fn community(discord: &Harness) {
    let made = ["the-rules", "the-updates"].map(|name| discord.channel_by_hand(serde_json::json!({"name": name})));
    discord.edit(|guild| {
        let features =
            ["COMMUNITY", "NEWS", "ROLE_ICONS", "ENHANCED_ROLE_COLORS", "INVITE_SPLASH", "BANNER", "DISCOVERABLE"];
        guild.features = features.map(str::to_owned).to_vec();
        (guild.rules_channel_id, guild.public_updates_channel_id) = (Some(made[0]), Some(made[1]));
        (guild.verification_level, guild.explicit_content_filter, guild.premium_tier) = (1, 2, 3);
    });
}

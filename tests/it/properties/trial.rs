//! One random guild, two random wishes one after the other with people disturbing in between, and everything that must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;

use serde_json::{Value, json};
use setai::controller::Report;
use setai::manifest::Manifest;
use setai::plan::{Consent, NoteCode, Operation, Outcome, Plan};
use setai::simulator::Record;
use setai::simulator::limits::Limits;
use setai::simulator::world::{
    Bits, Channel, CreatedPosition, Guild, ParentMovePosition, Role, SlugRule, Snowflake, Switches,
};
use setai::store::AuditFilter;

use super::expected::{Ids, differences, disorder, expected, said};
use super::openness::too_open;
use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::stage::{Film, Stage, shown};
use crate::support::wish::{Wish, Wisher, is_text_like, some_name};
use crate::support::worlds::{disturb, furnish};

/// What the trials of a test came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) pairs: usize,
    pub(super) applied: usize,
    pub(super) rejected: BTreeMap<String, usize>,
    pub(super) requests: usize,
    pub(super) moments: usize,
    pub(super) cascades: usize,
    pub(super) hidden: usize,
    /// Foreign twins there were when a plan was applied.
    pub(super) twins: usize,
    /// Plans that were applied among them.
    pub(super) among_twins: usize,
}

impl Tally {
    /// Enough of the plans did something.
    #[track_caller]
    pub(super) fn has_applied(&self, least_percent: usize) {
        let applied = self.applied * 100 / self.pairs.max(1);
        let enough = applied >= least_percent || self.pairs <= 2;
        assert!(enough, "only {applied}% were applied: {:?}", self.rejected);
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        let mut sum = Self::default();
        for Self { pairs, applied, rejected, requests, moments, cascades, hidden, twins, among_twins } in tallies {
            sum.pairs += pairs;
            sum.applied += applied;
            sum.requests += requests;
            sum.moments += moments;
            sum.cascades += cascades;
            sum.hidden += hidden;
            sum.twins += twins;
            sum.among_twins += among_twins;
            for (why, count) in rejected {
                *sum.rejected.entry(why).or_default() += count;
            }
        }
        sum
    }
}

/// Discord's open questions, answered by chance.
fn switches(rng: &mut Rng) -> Switches {
    Switches {
        empty_overwrites_inherit: rng.percent(50),
        unchanged_higher_roles_tolerated: rng.percent(50),
        removing_unheld_bits_allowed: rng.percent(50),
        repeating_unheld_bits_allowed: rng.percent(50),
        unchanged_overwrites_unchecked: rng.percent(50),
        position_on_create_obeyed: rng.percent(50),
        created_channel_position: *rng.pick(&[CreatedPosition::LastInGuild, CreatedPosition::LastInParent]),
        new_role_renumbers: rng.percent(50),
        parent_move_position: *rng.pick(&[ParentMovePosition::First, ParentMovePosition::Last]),
        cleared_topic_is_empty: rng.percent(50),
        ..Switches::default()
    }
}

/// Less likely answers, in a part of the trials. Their dice are their own, so that the rest of a seed stays as it was.
fn less_likely(switches: Switches, seed: u64) -> Switches {
    let mut rng = Rng::seeded(!seed);
    let created = if rng.percent(20) { CreatedPosition::Zero } else { switches.created_channel_position };
    let slugs = [SlugRule::KeepPunctuation, SlugRule::KeepDashes, SlugRule::ForumsKeepNames];
    let slug = if rng.percent(40) { *rng.pick(&slugs) } else { switches.slug };
    Switches { created_channel_position: created, slug, overwrites_sorted: rng.percent(20), ..switches }
}

/// Where Discord reads the rule otherwise, some channels have names it made of what people typed.
fn name_by_hand(discord: &Harness, slug: SlugRule, seed: u64) {
    if slug == SlugRule::Likely {
        return;
    }
    let mut rng = Rng::seeded(!seed - 1);
    let channels: Vec<_> = discord.edit(|guild| guild.channels.values().map(|c| (c.id, c.kind)).collect());
    for (id, kind) in channels {
        if is_text_like(kind) && rng.percent(50) {
            let typed = json!({"name": some_name(&mut rng, kind).0});
            discord.by_hand("PATCH", &format!("/channels/{id}"), typed);
        }
    }
}

/// The guild with the names of text-like channels as all readings of the rule have them: without case and punctuation.
fn loosely_named(guild: &Guild) -> Guild {
    let mut guild = guild.clone();
    for channel in guild.channels.values_mut().filter(|c| is_text_like(c.kind)) {
        channel.name.retain(|c| !c.is_ascii_punctuation() && c != ' ');
        channel.name = channel.name.to_lowercase();
    }
    guild
}

/// The bot in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BotKind {
    /// It may do everything below its role, which is the highest.
    Administrator,
    /// It has some permissions and a role somewhere.
    Limited,
    /// It may do everything, and each of its objects has a twin that is not its own.
    AmongTwins,
}

/// Runs the trial of a seed; fails with everything that was not right.
pub(super) async fn trial(seed: u64, bot: BotKind) -> Tally {
    let mut rng = Rng::seeded(seed);
    let switches = less_likely(switches(&mut rng), seed);
    let slug = switches.slug;
    let unforeseen = switches.created_channel_position == CreatedPosition::Zero;
    let discord = Harness::with(|options| {
        options.seed = seed;
        options.limits = Limits::none();
        options.switches = switches;
    });
    let members = furnish(&discord, &mut rng);
    name_by_hand(&discord, slug, seed);
    if bot == BotKind::Limited {
        limit(&discord, &mut rng);
    }
    let features = discord.edit(|guild| guild.features.clone());
    let (stage, film) = Stage::filmed(discord).await;
    let concurrency = if rng.percent(50) { 1 } else { 4 };
    let mut trial =
        Trial { seed, bot, stage, film, concurrency, unforeseen, slug, tally: Tally::default(), failures: Vec::new() };
    let live = trial.stage.discord.edit(|guild| guild.clone());
    let mut wisher = Wisher { rng: &mut rng, count: 0, users: members.clone(), features };
    let first = wisher.about(&live);
    let second = wisher.next(&first);
    trial.round("first", &first).await;
    let mut second = second;
    if bot == BotKind::AmongTwins {
        let (twins, applied) = (twins(&trial.stage.discord, &trial.bound().await), trial.tally.applied);
        second.prune = "managed";
        trial.round("second", &second).await;
        if trial.tally.applied > applied && twins > 0 {
            trial.tally.twins += twins;
            trial.tally.among_twins += 1;
        }
    } else {
        disturb(&trial.stage.discord, &mut rng, &members);
        trial.round("second", &second).await;
    }
    let Trial { tally, failures, .. } = trial;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    tally
}

/// A bot that may do some things.
pub(super) fn limit(discord: &Harness, rng: &mut Rng) {
    let base = [
        Bits::MANAGE_ROLES,
        Bits::MANAGE_CHANNELS,
        Bits::VIEW_CHANNEL,
        Bits::MANAGE_GUILD,
        Bits::SEND_MESSAGES,
        Bits::CONNECT,
        Bits::ADD_REACTIONS,
    ];
    let mut held = rng.some(&base, 90).into_iter().fold(Bits::NONE, |sum, bit| sum | bit);
    held |= crate::support::wish::some_bits(rng);
    let (role, position) = (discord.bot_role, rng.between(1, 12) as i64);
    discord.edit(|guild| {
        let role = guild.roles.get_mut(&role).expect("the bot's role");
        (role.permissions, role.position) = (held, position);
    });
}

/// Gives every bound object a twin of the same kind, place, name and overwrites.
fn twins(discord: &Harness, ids: &Ids) -> usize {
    let mut count = 0;
    let now = discord.clock.now();
    for id in ids.all() {
        let twin = discord.simulator.with_world(|world| world.mint(now));
        discord.edit(|guild| {
            if let Some(role) = guild.roles.get(&id).cloned() {
                guild.roles.insert(twin, Role { id: twin, ..role });
            } else if let Some(channel) = guild.channels.get(&id).cloned() {
                guild.channels.insert(twin, Channel { id: twin, ..channel });
            }
        });
        count += 1;
    }
    count
}

struct Trial {
    seed: u64,
    bot: BotKind,
    stage: Stage,
    film: Film,
    concurrency: usize,
    /// New channels begin where no plan expects them.
    unforeseen: bool,
    slug: SlugRule,
    tally: Tally,
    failures: Vec<String>,
}

impl Trial {
    fn fail(&mut self, round: &str, what: &str, plan: &Plan, problems: &[String]) {
        let list = problems.iter().take(6).cloned().collect::<Vec<_>>().join("\n");
        let text = format!("seed {} ({:?}), {round} wish: {what}\n{list}\n{}", self.seed, self.bot, shown(plan));
        self.failures.push(text);
    }

    async fn bound(&self) -> Ids {
        Ids::of(&self.stage.engine.store().bindings(self.stage.guild()).await.expect("bindings"))
    }

    fn guild(&self) -> Guild {
        self.stage.discord.edit(|guild| Guild { audit_log: Vec::new(), ..guild.clone() })
    }

    async fn round(&mut self, round: &str, wish: &Wish) {
        self.tally.pairs += 1;
        let manifest = self.stage.manifest(&wish.yaml());
        let (before, old) = (self.guild(), self.bound().await);
        let proposal = self.stage.propose(&manifest).await;
        let plan = proposal.plan.clone();
        self.stage.discord.simulator.forget_requests();
        self.film.lock().expect("nobody panics").clear();
        let consent = Consent::Digest(plan.digest.to_string());
        let report = match self.stage.attempt(&manifest, &proposal, &consent, self.concurrency).await {
            Ok(report) => report,
            Err(rejected) => return self.was_rejected(round, &plan, &rejected, &before),
        };
        self.tally.applied += 1;
        let log: Vec<Record> = self.stage.discord.simulator.requests().into_iter().filter(Record::is_write).collect();
        let film = self.film.lock().expect("nobody panics").clone();
        self.tally.requests += log.len();
        self.tally.moments += film.len();
        let new = self.bound().await;

        let undone = report.steps.iter().filter(|(_, outcome)| *outcome != Outcome::Done);
        let undone: Vec<String> = undone.map(|(step, outcome)| format!("step {}: {outcome:?}", step.id.0)).collect();
        if !undone.is_empty() {
            return self.fail(round, "not everything was done", &plan, &undone);
        }
        self.preview(round, &plan, &log, &before, &film, &new);
        self.audit(round, &plan, &report, &log).await;
        let open = too_open(&before, &film, self.stage.discord.bot, self.stage.discord.clock.now());
        if !open.is_empty() {
            self.fail(round, "a moment was more open than before and after", &plan, &open);
        }
        if self.unforeseen && self.bot != BotKind::Limited {
            self.put_in_order(round, &manifest, &plan).await;
        }
        let after = self.guild();
        if self.bot != BotKind::Limited {
            let wanted = expected(&before, wish, &old, &new);
            let found = match self.slug {
                SlugRule::Likely => differences(&wanted, &after),
                _ => differences(&loosely_named(&wanted), &loosely_named(&after)),
            };
            if !found.is_empty() {
                self.fail(round, "the guild is not as it should be", &plan, &found);
            }
            let found = disorder(&before, &after, wish, &new);
            if !found.is_empty() {
                self.fail(round, "the order is not as it should be", &plan, &found);
            }
        } else {
            self.foreign(round, &plan, &before, &after, &old, &new, &log);
        }
        let mut again = self.stage.propose(&manifest).await;
        let mut runs = 0;
        while self.bot == BotKind::Limited && !again.plan.is_empty() && runs < 3 {
            // What a plan itself changed can make possible what it said was not; a few more runs must then settle it.
            let consent = Consent::Digest(again.plan.digest.to_string());
            let Ok(report) = self.stage.attempt(&manifest, &again, &consent, 1).await else { break };
            if report.steps.iter().any(|(_, outcome)| *outcome != Outcome::Done) {
                self.fail(round, "what became possible was not", &again.plan, &[format!("{:#?}", report.steps)]);
            }
            again = self.stage.propose(&manifest).await;
            runs += 1;
        }
        let again = again.plan;
        if !again.is_empty() {
            self.fail(round, "the second plan is not empty", &again, &[format!("the first was\n{}", shown(&plan))]);
        }
    }

    /// Where new channels did not begin where the plan expected them, a second run has to order them, and to do no more.
    async fn put_in_order(&mut self, round: &str, manifest: &Manifest, first: &Plan) {
        let left = self.stage.propose(manifest).await;
        let orders = |step: &setai::plan::Step| matches!(step.operation, Operation::MoveChannels { .. });
        if !left.plan.steps.iter().all(orders) {
            let first = format!("the first was\n{}", shown(first));
            return self.fail(round, "more than an order is left", &left.plan, &[first]);
        }
        let consent = Consent::Digest(left.plan.digest.to_string());
        if !left.plan.is_empty() && self.stage.attempt(manifest, &left, &consent, 1).await.is_err() {
            self.fail(round, "the order that is left is refused", &left.plan, &[]);
        }
    }

    /// Nothing may have happened.
    fn was_rejected(&mut self, round: &str, plan: &Plan, rejected: &setai::plan::Rejected, before: &Guild) {
        let why = match rejected {
            setai::plan::Rejected::Blocked(notes) => format!("{:?}", notes[0].code),
            setai::plan::Rejected::Refused(refusals) => format!("{:?}", refusals[0].code),
            setai::plan::Rejected::NeedsApproval(_) => "NeedsApproval".to_owned(),
            setai::plan::Rejected::OtherPlan(_) => "OtherPlan".to_owned(),
        };
        *self.tally.rejected.entry(why).or_default() += 1;
        if !self.stage.writes().is_empty() || self.guild() != *before {
            self.fail(round, "a rejected plan wrote something", plan, &[]);
        }
    }

    /// Every step is one request, in the order shown; every channel whose overwrites change without a request of their own
    /// is told of.
    fn preview(&mut self, round: &str, plan: &Plan, log: &[Record], before: &Guild, film: &[Guild], new: &Ids) {
        let steps: Vec<String> =
            plan.steps.iter().map(|s| in_words(&s.operation, self.stage.discord.guild, new)).collect();
        let sent: Vec<String> = log.iter().map(|r| format!("{} {} {}", r.method, r.route(), subject(r))).collect();
        let (mut shown_steps, mut sent_steps) = (steps.clone(), sent.clone());
        if self.concurrency > 1 {
            shown_steps.sort();
            sent_steps.sort();
        }
        if shown_steps != sent_steps {
            self.fail(
                round,
                "the requests are not those of the plan",
                plan,
                &[format!("{steps:#?}"), format!("{sent:#?}")],
            );
        }
        let told = |name: &str| {
            plan.notes.iter().any(|n| n.code == NoteCode::Cascade && n.text.contains(&format!("#{name} ")))
        };
        let spoken = new.all();
        let mut problems = Vec::new();
        let mut last = before;
        for (record, moment) in log.iter().zip(film) {
            for channel in moment.channels.values().filter(|c| !record.route().ends_with(&c.id.to_string())) {
                let Some(was) = last.channels.get(&channel.id) else { continue };
                let deleted = record.method == "DELETE";
                let same = said(&was.permission_overwrites, moment) == said(&channel.permission_overwrites, moment);
                if !same && !deleted {
                    self.tally.cascades += 1;
                    if !spoken.contains(&channel.id) && !told(&channel.name) {
                        problems.push(format!("#{} ({}) changed along, and nobody said so", channel.name, channel.id));
                    }
                }
            }
            last = moment;
        }
        if !problems.is_empty() {
            self.fail(round, "an undeclared cascade", plan, &problems);
        }
    }

    /// One row about the intent and one about the outcome of each mutation, and none without.
    async fn audit(&mut self, round: &str, plan: &Plan, report: &Report, log: &[Record]) {
        let filter = AuditFilter { run: Some(report.run), limit: u32::MAX, ..AuditFilter::default() };
        let rows = self.stage.engine.store().audit(&filter).await.expect("the trail");
        let of = |phase| rows.iter().filter(|r| r.phase == phase && r.operation_id.is_some()).count();
        let (intended, done) = (of(setai::store::Phase::Intended), of(setai::store::Phase::Done));
        let ids: BTreeSet<_> = rows.iter().filter_map(|r| r.operation_id).map(|id| id.to_string()).collect();
        let mut problems = Vec::new();
        if (intended, done, ids.len()) != (log.len(), log.len(), log.len()) {
            problems.push(format!("{} requests, {intended} intents, {done} outcomes, {} ids", log.len(), ids.len()));
        }
        for record in log.iter().filter(|r| !(r.method == "PATCH" && r.route().ends_with("/channels"))) {
            let reason = record.reason.clone().unwrap_or_default();
            if !ids.iter().any(|id| reason.contains(id)) {
                problems.push(format!("{} {}: `{reason}` names no operation", record.method, record.path));
            }
        }
        if !problems.is_empty() {
            self.fail(round, "the audit trail is not the request log", plan, &problems);
        }
    }

    /// With a bot that may do little: nothing was tried in vain, and what is not ours is as it was.
    #[expect(clippy::too_many_arguments, reason = "before and after, of two kinds")]
    fn foreign(
        &mut self,
        round: &str,
        plan: &Plan,
        before: &Guild,
        after: &Guild,
        old: &Ids,
        new: &Ids,
        log: &[Record],
    ) {
        let mut problems: Vec<String> = log
            .iter()
            .filter(|r| r.status >= 400)
            .map(|r| format!("{} {} {} {:?} -> {:?}", r.status, r.method, r.path, r.body, r.answer()))
            .collect();
        // What the bot could not see, nothing was sent about.
        let (bot, now) = (self.stage.discord.bot, self.stage.discord.clock.now());
        let hidden: Vec<&Channel> = before.channels.values().filter(|c| !before.can_view(bot, c, now)).collect();
        self.tally.hidden += hidden.len();
        for channel in hidden {
            let id = channel.id.to_string();
            let mentions = |r: &&Record| {
                r.route().contains(&id) || r.body.as_ref().is_some_and(|body| body.to_string().contains(&id))
            };
            problems.extend(
                log.iter().find(mentions).map(|r| format!("{} {} is about a hidden channel", r.method, r.path)),
            );
        }
        let ours: BTreeSet<Snowflake> = old.all().union(&new.all()).copied().collect();
        let pruned = |id: &Snowflake| {
            plan.steps.iter().any(|s| match &s.operation {
                Operation::DeleteChannel { channel, .. } | Operation::UpdateChannel { channel, .. } => {
                    channel.id.get() == id.0
                }
                Operation::DeleteRole { role, .. } | Operation::UpdateRole { role, .. } => role.id.get() == id.0,
                _ => false,
            })
        };
        let prunes = self.prunes_all(plan);
        for (id, channel) in &before.channels {
            if ours.contains(id) || (prunes && pruned(id)) {
                continue;
            }
            let Some(is) = after.channels.get(id) else {
                problems.push(format!("#{} ({id}) is gone", channel.name));
                continue;
            };
            let (mut was, mut is) = (channel.clone(), is.clone());
            (was.position, was.parent_id) = (is.position, is.parent_id);
            let told =
                plan.notes.iter().any(|n| n.code == NoteCode::Cascade && n.text.contains(&format!("#{} ", is.name)));
            if told {
                was.permission_overwrites.clear();
                is.permission_overwrites.clear();
            }
            was.permission_overwrites = said(&was.permission_overwrites, after);
            is.permission_overwrites = said(&is.permission_overwrites, after);
            if was != is {
                problems.push(format!("#{} ({id}) was touched: {was:?} {is:?}", channel.name));
            }
        }
        for (id, role) in before.roles.iter().filter(|(id, _)| **id != before.id && !ours.contains(id)) {
            match after.roles.get(id) {
                None if !(prunes && pruned(id)) => problems.push(format!("the role {} ({id}) is gone", role.name)),
                None => {}
                Some(is) => {
                    let mut is = is.clone();
                    is.position = role.position;
                    if is != *role {
                        problems.push(format!("the role {} ({id}) was touched", role.name));
                    }
                }
            }
        }
        if !problems.is_empty() {
            self.fail(round, "a refusal, or something foreign was touched", plan, &problems);
        }
    }

    fn prunes_all(&self, plan: &Plan) -> bool {
        plan.steps.iter().any(|s| matches!(&s.operation, Operation::DeleteChannel { channel, .. } | Operation::UpdateChannel { channel, .. } if channel.key.is_none()))
            || plan.steps.iter().any(|s| matches!(&s.operation, Operation::DeleteRole { role, .. } if role.key.is_none()))
    }
}

/// An operation as the request it must be: method, path, and what the body is about.
fn in_words(operation: &Operation, guild: Snowflake, new: &Ids) -> String {
    let sorted = |mut fields: Vec<&str>| {
        fields.sort_unstable();
        fields.join(",")
    };
    match operation {
        Operation::UpdateGuild { changes } => {
            let wire = |field: &'static str| match field {
                "afk_channel" => "afk_channel_id",
                "system_channel" => "system_channel_id",
                "rules_channel" => "rules_channel_id",
                "public_updates_channel" => "public_updates_channel_id",
                "safety_alerts_channel" => "safety_alerts_channel_id",
                field => field,
            };
            format!("PATCH /guilds/{guild} {}", sorted(changes.changes().iter().map(|c| wire(c.field)).collect()))
        }
        Operation::CreateRole { role, .. } => format!("POST /guilds/{guild}/roles {}", role.name),
        Operation::UpdateRole { role, changes } => {
            let fields = changes.changes().iter().map(|c| c.field).collect();
            format!("PATCH /guilds/{guild}/roles/{} {}", role.id, sorted(fields))
        }
        Operation::DeleteRole { role, .. } => format!("DELETE /guilds/{guild}/roles/{} ", role.id),
        Operation::GiveRole { user, role, .. } => format!("PUT /guilds/{guild}/members/{user}/roles/{role} "),
        Operation::MoveRoles { moves } => format!("PATCH /guilds/{guild}/roles {}", moves.len()),
        Operation::CreateChannel { channel, .. } => format!("POST /guilds/{guild}/channels {}", channel.name),
        Operation::UpdateChannel { channel, changes } => {
            let wire = |field: &'static str| match field {
                "kind" => "type",
                "parent" => "parent_id",
                "overwrites" => "permission_overwrites",
                field => field,
            };
            let fields = changes.changes().iter().map(|c| wire(c.field)).collect();
            format!("PATCH /channels/{} {}", channel.id, sorted(fields))
        }
        Operation::SetTopic { key, .. } => {
            let channel = new.channels.get(key.as_str()).map(|bound| bound.id.to_string());
            format!("PATCH /channels/{} topic", channel.unwrap_or_default())
        }
        Operation::DeleteChannel { channel, .. } => format!("DELETE /channels/{} ", channel.id),
        Operation::MoveChannels { moves } => format!("PATCH /guilds/{guild}/channels {}", moves.len()),
    }
}

/// What a request is about, in the same words.
fn subject(record: &Record) -> String {
    match &record.body {
        Some(Value::Array(entries)) => entries.len().to_string(),
        Some(body) if record.method == "POST" => body["name"].as_str().unwrap_or_default().to_owned(),
        Some(Value::Object(fields)) => {
            let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
            names.sort_unstable();
            names.join(",")
        }
        _ => String::new(),
    }
}

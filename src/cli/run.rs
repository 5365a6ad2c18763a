//! `setai run`: keeps guilds equal to their manifests, for as long as it runs.

mod notify;
pub(super) mod proposals;
pub(super) mod sources;
mod talk;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::clock::Clock;
use crate::config::{self, Assignment, Config, DEFAULT_WORKERS, Drift, ForgeKind};
use crate::controller::{
    Assign, Controller, GuildView, Handle, Interpreting, News, Proposals, Rhythm, Settings, Standing, State, Times,
    Visited,
};
use crate::discord::gateway::GatewaySettings;
use crate::plan::render::{self, Line, Tone};
use crate::plan::{Plan, Step};
use crate::source::webhook::Kind;
use crate::telemetry::Recorder;
use crate::web::{self, Answers, Bounds, Hook, Web};

use super::arguments::{Connection, Run};
use super::context;
use super::failure::{Exit, Failure};
use super::interrupt::asked_to_stop;
use super::screen::Screen;
use talk::{Counter, answer};

/// How sure an interpretation must be, in percent, when nobody says how sure.
const SURE: u8 = 75;

/// How many pull requests may wait for a look.
const REVIEWS: usize = 64;

/// How many messages may wait to be read. Hardly any is a command.
const MESSAGES: usize = 1024;

/// How many uses of commands may wait for an answer.
const INTERACTIONS: usize = 256;

/// How often each guild is compared when nobody says how often.
const SWEEP: Duration = Duration::from_secs(600);

/// How long a plan waits for an approval when nobody says how long.
const APPROVAL_ENDS: Duration = Duration::from_hours(24);

/// How long a visit under way has to come to its end. A request that is under way is waited for, a plan is not.
const GRACE: Duration = Duration::from_secs(30);

pub(super) async fn run(command: &Run, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let config = decided(command, connection)?;
    let recorder = Recorder::install().map_err(Failure::new)?;
    let settings = settings(command, connection, config.as_ref(), &recorder)?;
    let names: Vec<String> = settings.sources.iter().map(|watched| watched.name.clone()).collect();
    let engine = context::engine(connection).await?;
    let store = Arc::clone(engine.store());
    let (asked, interactions) = mpsc::channel(INTERACTIONS);
    let answers = settings.gateway.is_some() && config.as_ref().is_none_or(|config| config.discord.commands);
    let outlets = proposals::outlets(config.as_ref().map_or(&[], |config| &config.sources))?;
    let (review, reviews) = mpsc::channel(REVIEWS);
    let reviewing = (!outlets.is_empty()).then_some(review);
    let (wrote, messages) = mpsc::channel(MESSAGES);
    let reads_along = answers && settings.gateway.as_ref().is_some_and(|gateway| gateway.messages);
    let settings = Settings {
        interactions: answers.then_some(asked),
        messages: reads_along.then_some(wrote),
        reviews: reviewing,
        ..settings
    };
    let controller = Controller::new(engine.clone(), settings);
    let (handle, stop) = (controller.handle(), CancellationToken::new());
    let telling = notify::begin(&engine, config.as_ref(), &handle).await?;
    let approvers = config.as_ref().map(|config| config.approvals.approvers.clone()).unwrap_or_default();
    let ai = config.as_ref().map(|config| &config.ai);
    let interpreter = proposals::interpreter(ai, engine.cache().clone())?;
    let interpreting = Interpreting::new(interpreter, engine.cache().clone(), Clock::system());
    let console = controller.console().with_proposals(Proposals { interpreting, outlets });
    let sure = f64::from(ai.map_or(SURE, |ai| ai.confidence_threshold)) / 100.0;
    let bot = answers.then(|| Bot::new(console.clone(), approvers, sure, Clock::system()));
    let web = web(config.as_ref(), &handle, recorder, bot.clone(), &stop).await?;
    let news = handle.news();
    let reading = bot.clone().filter(|_| reads_along);
    let reading = reading.map(|bot| tokio::spawn(bot.read_along(messages, stop.clone())));
    let bot = bot.map(|bot| tokio::spawn(answer(bot, interactions, stop.clone())));
    let reviewer = tokio::spawn(console.review_all(reviews, stop.clone()));
    let running = tokio::spawn(controller.run(stop.clone()));
    let teller = Teller { screen, json: command.json };
    if !command.json {
        screen.remark("Ctrl-C ends it, after the requests that are under way.");
    }
    let exit = match command.once {
        true => teller.until_all_were_seen(news, &handle, &names).await,
        false => teller.until_told_to_stop(news).await,
    };
    stop.cancel();
    let ran = running.await;
    telling.end().await;
    for answering in [bot, reading].into_iter().flatten() {
        drop(answering.await);
    }
    drop(reviewer.await);
    ran.map_err(|error| Failure::new(format!("the controller broke down: {error}")))?;
    if let Some(web) = web {
        drop(web.await);
    }
    store.close().await;
    Ok(exit)
}

/// What the operator decided. Folders that are named stand for its sources, and so does this one where it has none.
fn decided(command: &Run, connection: &Connection) -> Result<Option<Config>, Failure> {
    let Some(config) = super::config::in_force(connection)? else { return Ok(None) };
    if command.folders.is_empty() && !config.sources.is_empty() {
        return Ok(Some(config));
    }
    sources::with_folders(config, &command.folders).map(Some)
}

fn settings(
    command: &Run,
    connection: &Connection,
    config: Option<&Config>,
    recorder: &Recorder,
) -> Result<Settings, Failure> {
    let is_deaf = command.no_gateway || command.once;
    let gateway = (!is_deaf).then(|| context::token(connection).map(GatewaySettings::new)).transpose()?;
    let messages = config.is_some_and(|config| config.discord.messages);
    let gateway = gateway.map(|gateway| GatewaySettings { messages, ..gateway });
    let every = command.every.map(Duration::from_secs).or(config.map(|config| config.drift.interval));
    let jitter = config.map(|config| jitter(config.drift));
    let sweep = Rhythm::every(every.unwrap_or(SWEEP));
    let sweep = Rhythm { jitter: jitter.unwrap_or(sweep.jitter), ..sweep };
    let decided = config.map_or(DEFAULT_WORKERS, |config| config.workers);
    let (sources, assign): (_, Assign) = match config {
        Some(config) => (sources::watched(&config.sources)?, assigned_by(config.clone(), sweep.clone())),
        None => (sources::watched(&sources::folders(&command.folders)?)?, Arc::new(|_, _, _| Ok(None))),
    };
    Ok(Settings {
        sources,
        assign,
        sweep,
        workers: command.workers.map_or(decided as usize, usize::from),
        grace: GRACE,
        // Nobody else is told of what is looked at once.
        shares: !command.once && context::is_served(connection)?,
        gateway,
        interactions: None,
        messages: None,
        reviews: None,
        recorder: Some(recorder.clone()),
        approval_ends: config.map_or(APPROVAL_ENDS, |config| config.approvals.expire_after),
        audit: config.and_then(|config| config.retention.audit),
    })
}

fn assigned_by(config: Config, sweep: Rhythm) -> Assign {
    Arc::new(move |source, guild, path| {
        let assignment = Assignment::of(&config, source, guild, path).map_err(|error| error.to_string())?;
        match assignment.suspended {
            true => Err("the operator's file says to leave this guild alone (`suspended`)".to_owned()),
            false => config.guilds.get(&guild).map_or(Ok(None), |decided| rhythm(decided, &sweep)),
        }
    })
}

/// The rhythm of a guild that has one of its own.
fn rhythm(decided: &config::Guild, sweep: &Rhythm) -> Result<Option<Rhythm>, String> {
    let config::Guild { drift_interval, schedule, .. } = decided;
    if drift_interval.is_none() && schedule.is_none() {
        return Ok(None);
    }
    let times = schedule.as_ref().map(|schedule| Times::of(&schedule.cron, schedule.timezone)).transpose()?;
    Ok(Some(Rhythm { interval: drift_interval.unwrap_or(sweep.interval), times, ..sweep.clone() }))
}

fn jitter(drift: Drift) -> f64 {
    f64::from(drift.jitter) / 100.0
}

/// Serves health, metrics and webhooks, where the operator's file says so.
async fn web(
    config: Option<&Config>,
    handle: &Handle,
    recorder: Recorder,
    bot: Option<Bot>,
    stop: &CancellationToken,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let Some((config, address)) = config.and_then(|config| Some((config, config.http.listen?))) else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}"))
            .help("`http.listen` in the operator's file says where.")
    })?;
    let hooks = config.sources.iter().filter(|_| config.http.webhooks);
    let hooks = hooks.filter_map(|source| Some((source.name.clone(), hook(source.webhook.as_ref()?))));
    let answers = bot.map(|bot| Arc::new(Counter::new(bot)) as Arc<dyn Answers>);
    let web = Web::new(Arc::new(handle.clone()), recorder.clone(), hooks.collect(), answers);
    let (stop, upkeep) = (stop.clone(), stop.clone());
    tokio::spawn(async move {
        let mut rhythm = tokio::time::interval(Duration::from_secs(5));
        while !upkeep.is_cancelled() {
            rhythm.tick().await;
            recorder.keep_up();
        }
    });
    Ok(Some(tokio::spawn(async move { web::serve(listener, &web, Bounds::default(), stop.cancelled()).await })))
}

fn hook(webhook: &config::Webhook) -> Hook {
    let kind = match webhook.kind {
        ForgeKind::Github => Kind::GitHub,
        ForgeKind::Gitlab => Kind::GitLab,
        ForgeKind::Gitea => Kind::Gitea,
        ForgeKind::Generic => Kind::Generic,
    };
    Hook { kind, secret: webhook.secret.get().clone() }
}

/// Says what happens.
struct Teller {
    screen: Screen,
    json: bool,
}

impl Teller {
    async fn until_told_to_stop(&self, mut news: broadcast::Receiver<News>) -> Exit {
        let mut stopped = std::pin::pin!(asked_to_stop());
        loop {
            tokio::select! {
                () = &mut stopped => return Exit::Success,
                told = news.recv() => match told {
                    Ok(told) => self.tell(&told),
                    Err(RecvError::Lagged(missed)) => self.screen.remark(format!("({missed} lines were left out)")),
                    Err(RecvError::Closed) => return Exit::Failure,
                },
            }
        }
    }

    /// Until every source was read or is in trouble, and every guild was visited and came to rest.
    async fn until_all_were_seen(
        &self,
        mut news: broadcast::Receiver<News>,
        handle: &Handle,
        sources: &[String],
    ) -> Exit {
        let mut heard: BTreeSet<String> = BTreeSet::new();
        let mut stopped = std::pin::pin!(asked_to_stop());
        loop {
            let told = tokio::select! {
                () = &mut stopped => return Exit::Interrupted,
                told = news.recv() => told,
            };
            match told {
                Ok(told) => {
                    if let News::Revision { source, .. } | News::Trouble { source, .. } = &told {
                        heard.insert(source.clone());
                    }
                    self.tell(&told);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Exit::Failure,
            }
            // Asked first: whatever is part of this state was told before.
            let guilds = handle.guilds();
            if !news.is_empty() {
                continue;
            }
            if heard.len() == sources.len() && guilds.iter().all(is_at_rest) {
                let in_trouble = sources.iter().any(|source| !handle.problems(source).is_empty());
                let in_order = |guild: &GuildView| guild.standing.as_ref().is_some_and(|s| s.state == State::Ready);
                return if !in_trouble && guilds.iter().all(in_order) { Exit::Success } else { Exit::Partial };
            }
        }
    }

    fn tell(&self, news: &News) {
        if self.json {
            return self.screen.say(as_json(news).to_string());
        }
        match news {
            News::Revision { source, revision, problems } => {
                self.at_time(Tone::Faint, &format!("{source}  is at {revision}"));
                problems.iter().for_each(|problem| self.at_time(Tone::Warn, problem));
            }
            News::Trouble { source: _, problem: Some(problem) } => self.at_time(Tone::Warn, problem),
            News::Trouble { source, problem: None } => {
                self.at_time(Tone::Create, &format!("{source}  can be read again"));
            }
            News::Guild { view, visited } => self.tell_of_guild(view, visited),
        }
    }

    fn tell_of_guild(&self, view: &GuildView, visited: &Visited) {
        let Standing { state, message, .. } = &visited.standing;
        self.at_time(tone(*state), &format!("{}  {}: {message}", view.name, in_words(*state)));
        let Some(plan) = &visited.plan else { return };
        for step in worth_showing(plan, visited) {
            render::step_lines(plan, step).iter().for_each(|line| self.screen.line(line));
        }
    }

    fn at_time(&self, tone: Tone, text: &str) {
        let time = Clock::system().now().format("%H:%M:%S").to_string();
        self.screen.line(&Line(vec![(Tone::Faint, format!("{time}  ")), (tone, text.to_owned())]));
    }
}

/// What was done of a plan, or all of one that waits.
fn worth_showing<'p>(plan: &'p Plan, visited: &'p Visited) -> Vec<&'p Step> {
    match &visited.report {
        Some(report) => report.done().collect(),
        None => plan.steps.iter().collect(),
    }
}

/// True when nothing more is going to happen by itself soon.
fn is_at_rest(guild: &GuildView) -> bool {
    guild.standing.as_ref().is_some_and(|standing| standing.state != State::Reconciling)
}

pub(super) fn tone(state: State) -> Tone {
    match state {
        State::Ready => Tone::Create,
        State::Reconciling => Tone::Move,
        State::Drifted | State::AwaitingApproval => Tone::Warn,
        State::Stalled => Tone::Refuse,
        State::Suspended => Tone::Faint,
    }
}

/// A state as people read it.
pub(super) fn in_words(state: State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::Reconciling => "reconciling",
        State::Drifted => "drifted",
        State::AwaitingApproval => "waiting for approval",
        State::Stalled => "stalled",
        State::Suspended => "suspended",
    }
}

fn as_json(news: &News) -> serde_json::Value {
    match news {
        News::Revision { source, revision, problems } => {
            json!({ "event": "revision", "source": source, "revision": revision, "problems": problems })
        }
        News::Trouble { source, problem } => json!({ "event": "source", "source": source, "problem": problem }),
        News::Guild { view, visited } => json!({
            "event": "guild",
            "guild": view,
            "plan": visited.plan,
            "run": visited.report.as_ref().map(|report| report.run),
        }),
    }
}

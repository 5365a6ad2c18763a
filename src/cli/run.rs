//! `setai run`: keeps guilds equal to their manifests, for as long as it runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::controller::{Controller, GuildView, Handle, News, Settings, Standing, State, Visited, Watched};
use crate::plan::render::{self, Line, Tone};
use crate::plan::{Plan, Step};
use crate::source::{Directory, Source};

use super::arguments::{Connection, Run};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

/// How often a folder is looked at besides when it says that it changed.
const FOLDER_INTERVAL: Duration = Duration::from_secs(60);

/// How long a visit under way has to come to its end. A request that is under way is waited for, a plan is not.
const GRACE: Duration = Duration::from_secs(30);

pub(super) async fn run(command: &Run, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let sources = folders(command)?;
    let names: Vec<String> = sources.iter().map(|watched| watched.name.clone()).collect();
    let engine = context::engine(connection).await?;
    let store = Arc::clone(engine.store());
    let settings = Settings {
        sources,
        // Whoever names folders on the command line means all that is in them.
        assign: Arc::new(|_, _, _| Ok(())),
        sweep: Duration::from_secs(command.every),
        workers: usize::from(command.workers),
        grace: GRACE,
    };
    let controller = Controller::new(engine, settings);
    let (handle, stop) = (controller.handle(), CancellationToken::new());
    let news = handle.news();
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
    running.await.map_err(|error| Failure::new(format!("the controller broke down: {error}")))?;
    store.close().await;
    Ok(exit)
}

/// A source for each folder.
fn folders(command: &Run) -> Result<Vec<Watched>, Failure> {
    let mut names = BTreeSet::new();
    let mut sources = Vec::new();
    for folder in &command.folders {
        let name = folder.display().to_string();
        if !names.insert(name.clone()) {
            return Err(Failure::new(format!("`{name}` is named twice")));
        }
        let source = Directory::new(folder, Clock::system()).map_err(|error| {
            Failure::new(error.to_string()).help("Name a folder with manifests: `setai run FOLDER`.")
        })?;
        sources.push(Watched { name, source: Arc::new(source) as Arc<dyn Source>, interval: FOLDER_INTERVAL });
    }
    Ok(sources)
}

/// Resolves when somebody asks the process to stop.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
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
            let guilds = handle.guilds();
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
            News::Revision { source, revision } => self.at_time(Tone::Faint, &format!("{source}  is at {revision}")),
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
        News::Revision { source, revision } => json!({ "event": "revision", "source": source, "revision": revision }),
        News::Trouble { source, problem } => json!({ "event": "source", "source": source, "problem": problem }),
        News::Guild { view, visited } => json!({
            "event": "guild",
            "guild": view,
            "plan": visited.plan,
            "run": visited.report.as_ref().map(|report| report.run),
        }),
    }
}

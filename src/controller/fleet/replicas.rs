//! Several processes that share the guilds of one bot: who looks at what, and how each hears of what another knows.
//!
//! Leases in the database decide who writes; nothing in here is needed for that. It only keeps three replicas from doing the
//! same work three times, and brings what one of them left to another within seconds. Looks go through streams in Redis, and
//! without those each replica goes by what it hears itself: slower, with more reads, and as right.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cache::{self, Call, Ear, Entry, Lane, Look, Streams, Taken};
use crate::model::GuildId;
use crate::store::{Trigger, Turn, Turns};
use crate::telemetry::metrics;

use super::ledger::{Asked, Ledger};
use super::{Again, Came, Engine, News, Shared, Standing, Visited, Work};

/// How often the database is asked what others left or finished.
const RHYTHM: Duration = Duration::from_secs(1);

/// How long the turn to look at a guild lasts, for whoever dies with it.
const TURN: Duration = Duration::from_secs(30);

/// After so long what a replica took and left untouched is another's: as long as a lease.
const UNTOUCHED: Duration = Duration::from_secs(30);

/// How often a replica says that it still has what it took.
const HEARTBEAT: Duration = Duration::from_secs(8);

/// How often the list of members is tidied.
const TIDYING: Duration = Duration::from_secs(600);

/// How long Redis is waited for before something is done without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The pause after Redis has failed.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a look at a source is waited for.
const LOOK: Duration = Duration::from_secs(20);

/// When a source cannot be read that may have something newer.
const SOON: Duration = Duration::from_secs(30);

/// The looks that may be taken at once for those who wait.
const PEOPLE: usize = 16;

/// What this replica knows of the others.
#[derive(Debug)]
pub(super) struct Replicas {
    streams: Option<Streams>,
    says: mpsc::UnboundedSender<Say>,
    said: Mutex<Option<mpsc::UnboundedReceiver<Say>>>,
    /// The streams work: what is asked for goes through them.
    is_heard: AtomicBool,
    /// Something was done, and there is room for more.
    freed: Notify,
    workers: usize,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    ledger: Ledger,
    asked: Asked,
    /// Guilds others are changing, and why they are to be looked at afterwards.
    busy: BTreeMap<GuildId, Trigger>,
    /// Guilds that were abandoned and looked at because of that, and when they were.
    followed: BTreeMap<GuildId, DateTime<Utc>>,
    /// Guilds whose latest visit was stopped in the middle.
    interrupted: BTreeSet<GuildId>,
    /// Why the streams failed, and when.
    failed: Option<(String, Duration)>,
    /// When others were last told that this replica lives.
    told_at: Duration,
    tidied_at: Duration,
}

/// What is said to others, in order.
#[derive(Debug)]
enum Say {
    Looks(Lane, Vec<Look>),
    Done(Vec<Entry>),
    Call(Call),
    /// Everything before this was said.
    End(oneshot::Sender<()>),
}

impl Replicas {
    pub(super) fn new(engine: &Engine, workers: usize) -> Self {
        let streams = engine.cache.streams(&engine.client.limited_as(), &engine.holder);
        let (says, said) = mpsc::unbounded_channel();
        Self {
            streams,
            says,
            said: Mutex::new(Some(said)),
            is_heard: AtomicBool::new(false),
            freed: Notify::new(),
            workers,
            books: Mutex::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing in here is the truth about anything: at worst a guild is looked at once more.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::SeqCst)
    }

    fn say(&self, say: Say) {
        // Nobody listens any more only when the process ends.
        drop(self.says.send(say));
    }

    /// A visit begins.
    pub(super) fn begin(&self, guild: GuildId) {
        let mut books = self.books();
        books.busy.remove(&guild);
        books.ledger.begin(guild);
    }

    /// A visit is over, and what was asked for is done.
    pub(super) fn end(&self, guild: GuildId) {
        let done = self.books().ledger.end(guild);
        if !done.is_empty() {
            self.say(Say::Done(done));
            self.freed.notify_waiters();
        }
    }

    /// A visit found somebody else at work: the guild is looked at when they are done.
    pub(super) fn wait_for_others(&self, guild: GuildId, trigger: Trigger) {
        let mut books = self.books();
        books.ledger.put_back(guild);
        books.busy.insert(guild, trigger);
    }

    /// A visit did not take place.
    fn put_back(&self, guild: GuildId) {
        self.books().ledger.put_back(guild);
    }

    /// Notes whether a visit was stopped in the middle.
    pub(super) fn note(&self, guild: GuildId, is_interrupted: bool) {
        let interrupted = &mut self.books().interrupted;
        if is_interrupted { _ = interrupted.insert(guild) } else { _ = interrupted.remove(&guild) }
    }

    /// What the looks of a lane may be at most, now.
    fn room(&self, lane: Lane) -> usize {
        match lane {
            Lane::People => PEOPLE,
            Lane::Rest => (2 * self.workers).saturating_sub(self.books().ledger.len()),
        }
    }
}

/// True when somebody else is at work in the guild, and tells how it went.
pub(super) fn is_elsewhere(visited: &Visited) -> bool {
    match visited.standing.reason.as_str() {
        "BusyElsewhere" => true,
        // Another has the right by now; a run that found something else to do goes on at once.
        "Overtaken" => visited.again != Again::After(Duration::ZERO),
        _ => false,
    }
}

/// True for what every replica finds out by itself in time, so that one of them is enough.
fn needs_turn(work: &Work) -> bool {
    work.triggers.iter().copied().all(is_found_by_all)
}

fn is_found_by_all(trigger: Trigger) -> bool {
    match trigger {
        Trigger::Schedule | Trigger::Retry => true,
        Trigger::Person | Trigger::Revision | Trigger::Event | Trigger::StartUp => false,
    }
}

fn lane_of(trigger: Trigger) -> Lane {
    match trigger {
        Trigger::Person => Lane::People,
        Trigger::Revision | Trigger::Event | Trigger::Schedule | Trigger::StartUp | Trigger::Retry => Lane::Rest,
    }
}

/// The reason for a look, and the revision that whoever asks has read.
fn reason(why: &str) -> Option<(Trigger, Option<&str>)> {
    let (word, revision) = why.split_once(' ').map_or((why, None), |(word, revision)| (word, Some(revision)));
    Some((word.parse().ok()?, revision))
}

impl Shared {
    /// Asks one of all replicas for looks. False when only this one can be asked.
    pub(super) fn ask_replicas(&self, guilds: &BTreeSet<GuildId>, trigger: Trigger) -> bool {
        let Some(replicas) = self.replicas.as_ref().filter(|replicas| replicas.is_heard()) else { return false };
        // A look that is asked for stands for all that are asked for before it begins, and one that has to wait for its turn
        // would keep away those that must not.
        if is_found_by_all(trigger) {
            return false;
        }
        let revision = |guild: GuildId| {
            let wanted = self.inner().desired.of(guild)?.last_good?;
            (trigger == Trigger::Revision).then(|| wanted.revision.clone())
        };
        let look = |guild: &GuildId| {
            let why = revision(*guild).map_or_else(|| trigger.to_string(), |revision| format!("{trigger} {revision}"));
            Look { guild: *guild, why }
        };
        let looks = guilds.iter().map(look).collect();
        replicas.books().asked.note(self.engine.clock.elapsed(), guilds.iter().copied(), trigger);
        replicas.say(Say::Looks(lane_of(trigger), looks));
        true
    }

    /// Tells all replicas that a source may have something new.
    pub(super) fn call_replicas(&self, source: &str, revision: Option<&str>) {
        if let Some(replicas) = self.replicas.as_ref().filter(|replicas| replicas.is_heard()) {
            let call = Call { source: source.to_owned(), revision: revision.map(str::to_owned) };
            replicas.say(Say::Call(call));
        }
    }

    /// Begins everything that has to do with other replicas. What ends with the process goes to `watchers`; what ends soon
    /// after it is asked to stop is returned.
    pub(super) fn share(self: &Arc<Self>, watchers: &mut JoinSet<()>, stop: &CancellationToken) -> JoinSet<()> {
        let mut listeners = JoinSet::new();
        let Some(replicas) = &self.replicas else { return listeners };
        listeners.spawn(Arc::clone(self).keep_time(stop.clone()));
        let said = replicas.said.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(streams), Some(said)) = (&replicas.streams, said) {
            watchers.spawn(Arc::clone(self).speak(streams.clone(), said));
            for lane in Lane::ALL {
                listeners.spawn(Arc::clone(self).take_looks(streams.clone(), lane, stop.clone()));
            }
            listeners.spawn(Arc::clone(self).hear_calls(streams.clone(), stop.clone()));
        }
        listeners
    }

    /// Gives to others what this replica has not begun, and what it was stopped at.
    pub(super) async fn hand_over(&self) {
        let Some(replicas) = self.replicas.as_ref().filter(|replicas| replicas.is_heard()) else { return };
        let Some(streams) = &replicas.streams else { return };
        let (given_up, interrupted) = {
            let mut books = replicas.books();
            (books.ledger.give_up(), std::mem::take(&mut books.interrupted))
        };
        let guilds: Vec<GuildId> = given_up.iter().map(|(guild, _, _)| *guild).chain(interrupted.clone()).collect();
        // Otherwise they would count as asked for.
        drop(in_time(streams.begin(&guilds)).await);
        let interrupted = interrupted.into_iter().map(|guild| (guild, Trigger::StartUp));
        for (guild, trigger) in given_up.iter().map(|(guild, trigger, _)| (*guild, *trigger)).chain(interrupted) {
            self.ask_replicas(&BTreeSet::from([guild]), trigger);
        }
        replicas.say(Say::Done(given_up.into_iter().map(|(_, _, entry)| entry).collect()));
        let (end, ended) = oneshot::channel();
        replicas.say(Say::End(end));
        drop(timeout(PATIENCE, ended).await);
    }

    /// Leaves the other replicas, once nothing is left to be handed over.
    pub(super) async fn leave(&self, mut listeners: JoinSet<()>) {
        let Some(replicas) = &self.replicas else { return };
        // Each of them ends within a second, and may have taken something meanwhile.
        drop(timeout(2 * PATIENCE, async { while listeners.join_next().await.is_some() {} }).await);
        self.hand_over().await;
        let is_free = replicas.books().ledger.len() == 0;
        if let Some(streams) = replicas.streams.as_ref().filter(|_| is_free && replicas.is_heard()) {
            drop(in_time(streams.leave()).await);
        }
    }

    /// Says one thing after the other.
    async fn speak(self: Arc<Self>, streams: Streams, mut said: mpsc::UnboundedReceiver<Say>) {
        while let Some(say) = said.recv().await {
            let told = match say {
                Say::Looks(lane, looks) => in_time(streams.tell(lane, &looks)).await,
                Say::Done(entries) => in_time(streams.done(&entries)).await,
                Say::Call(call) => in_time(streams.call(&call)).await,
                Say::End(end) => {
                    _ = end.send(());
                    Ok(())
                }
            };
            if let Err(why) = told {
                self.go_alone(&why);
            }
        }
    }

    /// Takes looks for as long as there is room for them.
    async fn take_looks(self: Arc<Self>, streams: Streams, lane: Lane, stop: CancellationToken) {
        let Some(replicas) = &self.replicas else { return };
        let mut ear = None;
        while !stop.is_cancelled() {
            let freed = replicas.freed.notified();
            let room = replicas.room(lane);
            // Who has read no source yet knows no guild.
            if room == 0 || !self.has_looked() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = freed => {}
                    () = self.engine.clock.sleep(PATIENCE) => {}
                }
                continue;
            }
            match taken(&streams, &mut ear, lane, room).await {
                Ok(looks) => {
                    self.come_back();
                    self.take_in_looks(looks).await;
                }
                Err(error) => {
                    ear = None;
                    self.go_alone(&in_words(&error));
                    rest(&self.engine, &stop).await;
                }
            }
        }
    }

    async fn hear_calls(self: Arc<Self>, streams: Streams, stop: CancellationToken) {
        let mut ear: Option<Ear> = None;
        while !stop.is_cancelled() {
            match heard(&streams, &mut ear).await {
                Ok(calls) => calls.iter().for_each(|call| self.take_in_call(call)),
                // Those who take looks say what is wrong.
                Err(_) => {
                    ear = None;
                    rest(&self.engine, &stop).await;
                }
            }
        }
    }

    fn take_in_call(&self, Call { source, revision }: &Call) {
        let is_known = revision.is_some() && revision.as_deref() == self.inner().desired.revision(source);
        if let Some(poke) = self.pokes.get(source).filter(|_| !is_known) {
            poke.notify_one();
        }
    }

    fn has_looked(&self) -> bool {
        self.inner().looked_at.len() == self.pokes.len()
    }

    async fn take_in_looks(self: &Arc<Self>, looks: Vec<Taken>) {
        let Some(replicas) = &self.replicas else { return };
        let mut nobodys = Vec::new();
        for Taken { entry, look } in looks {
            let wanted = look.and_then(|Look { guild, why }| {
                let (trigger, revision) = reason(&why)?;
                Some((guild, trigger, self.inner().desired.of(guild)?, revision.map(str::to_owned)))
            });
            // What nobody can read, and a guild no source speaks of here: when one does, it is asked for again.
            let Some((guild, trigger, wish, revision)) = wanted else {
                nobodys.push(entry);
                continue;
            };
            replicas.books().ledger.take(guild, entry, trigger);
            let behind = wish.last_good.filter(|wanted| revision.is_some_and(|revision| revision != wanted.revision));
            match behind {
                None => self.push([guild], trigger),
                // Somebody has read something else there, which is what the look is about.
                Some(wanted) => {
                    let shared = Arc::clone(self);
                    tokio::spawn(async move {
                        shared.look_now(&wanted.source).await;
                        shared.push([guild], trigger);
                    });
                }
            }
        }
        if !nobodys.is_empty() {
            replicas.say(Say::Done(nobodys));
        }
    }

    /// Looks at a source, and returns when a look that began from now on is over.
    async fn look_now(&self, source: &str) {
        let (Some(poke), Some(looks)) = (self.pokes.get(source), self.looks.get(source)) else { return };
        let mut looks = looks.subscribe();
        let begun = looks.borrow().begun;
        poke.notify_one();
        drop(timeout(LOOK, looks.wait_for(|looks| looks.ended > begun)).await);
    }

    /// Whose turn a visit is, when any replica could make it as well; and not before this replica has read everything others
    /// have acted on.
    pub(super) async fn may_visit(&self, work: &Work, before: Option<&Standing>) -> Turn {
        let Some(replicas) = &self.replicas else { return Turn::Ours };
        if needs_turn(work) {
            match self.engine.store.take_turn(work.guild, TURN).await {
                Ok(Turn::Ours) => {}
                Ok(later @ Turn::Later(_)) => return later,
                // Whoever visits finds out what is wrong with the database.
                Err(error) => tracing::debug!(guild = %work.guild, %error, "the turn cannot be taken"),
            }
        }
        if !self.has_caught_up(work.guild, before).await {
            return Turn::Later(SOON);
        }
        if let Some(streams) = replicas.streams.as_ref().filter(|_| replicas.is_heard() && !needs_turn(work))
            && let Err(why) = in_time(streams.begin(&[work.guild])).await
        {
            self.go_alone(&why);
        }
        Turn::Ours
    }

    /// Says to the other replicas that a guild was visited, and when it is to be again.
    pub(super) async fn plan_turn(&self, guild: GuildId, rest: Duration) {
        if self.replicas.is_some()
            && let Err(error) = self.engine.store.plan_turn(guild, rest).await
        {
            tracing::debug!(%guild, %error, "others cannot be told when the guild is looked at next");
        }
    }

    /// What other replicas have to know when a visit is over. True when one of them is at work in the guild.
    pub(super) fn settle_with_replicas(&self, work: &Work, came: &Came) -> bool {
        let Some(replicas) = &self.replicas else { return false };
        let is_busy = matches!(came, Came::Visited(visited) if is_elsewhere(visited));
        if is_busy {
            replicas.wait_for_others(work.guild, work.trigger);
            return true;
        }
        let goes_on = |visited: &Visited| visited.again == Again::After(Duration::ZERO);
        replicas.note(work.guild, matches!(came, Came::Visited(visited) if goes_on(visited)));
        match came {
            // What was asked for is not done yet.
            Came::Later(_) if !needs_turn(work) => replicas.put_back(work.guild),
            Came::Later(_) | Came::Visited(_) | Came::Blind(_) | Came::Unwanted | Came::Broken => {
                replicas.end(work.guild);
            }
        }
        false
    }

    /// False when another replica has acted on a revision that this one does not know, and its source cannot be read: an old
    /// manifest must not take back what a newer one says.
    async fn has_caught_up(&self, guild: GuildId, before: Option<&Standing>) -> bool {
        let Some(attempted) = before.and_then(|before| before.attempted.clone()) else { return true };
        let wanted = || self.inner().desired.of(guild).and_then(|wish| wish.last_good);
        let Some(known) = wanted() else { return true };
        if self.inner().knows(&known.source, &attempted) {
            return true;
        }
        self.look_now(&known.source).await;
        let mut inner = self.inner();
        let Some(wish) = inner.desired.of(guild) else { return true };
        if wish.obstacle.is_some_and(|obstacle| obstacle.is_passing) {
            tracing::warn!(%guild, attempted, "another replica knows a revision this one cannot read");
            return false;
        }
        // The source was read after that revision was acted on: what it says now is not older.
        inner.older.entry(known.source.clone()).or_default().insert(attempted);
        true
    }

    /// Asks the database now and then what others left or finished, and Redis what they took and do not come back for.
    async fn keep_time(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.engine.store.turns().await {
                Ok(turns) => self.heed(&turns),
                Err(error) => tracing::debug!(%error, "what others do cannot be read; trying again"),
            }
            if let Err(why) = self.keep_looks().await {
                self.go_alone(&why);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.clock.sleep(RHYTHM) => {}
            }
        }
    }

    /// Looks at guilds whose holder is gone, whose time has come, or where others have come to an end.
    fn heed(&self, Turns { held, abandoned, due }: &Turns) {
        let Some(replicas) = &self.replicas else { return };
        let ours: BTreeSet<GuildId> = {
            let inner = self.inner();
            let known = inner.desired.guilds();
            known.into_iter().filter(|guild| !inner.running.contains_key(guild)).collect()
        };
        let (left, free) = {
            let mut books = replicas.books();
            books.followed.retain(|guild, _| abandoned.contains_key(guild));
            let mut left = Vec::new();
            for (guild, since) in abandoned.iter().filter(|(guild, _)| ours.contains(guild)) {
                if books.followed.insert(*guild, *since) != Some(*since) {
                    left.push(*guild);
                }
            }
            let free: Vec<_> = books.busy.iter().filter(|(guild, _)| !held.contains(guild)).collect();
            let free: Vec<(GuildId, Trigger)> = free.into_iter().map(|(guild, trigger)| (*guild, *trigger)).collect();
            free.iter().for_each(|(guild, _)| _ = books.busy.remove(guild));
            (left, free)
        };
        self.push(left, Trigger::StartUp);
        self.push(due.intersection(&ours).copied(), Trigger::Schedule);
        free.into_iter().for_each(|(guild, trigger)| self.push([guild], trigger));
    }

    /// Says that what was taken is not forgotten, and takes over what others have forgotten.
    async fn keep_looks(self: &Arc<Self>) -> Result<(), String> {
        let Some(replicas) = self.replicas.as_ref().filter(|replicas| replicas.is_heard()) else { return Ok(()) };
        let Some(streams) = &replicas.streams else { return Ok(()) };
        let now = self.engine.clock.elapsed();
        let (entries, is_late, is_untidy) = {
            let mut books = replicas.books();
            let since = now.saturating_sub(books.told_at);
            let is_untidy = now.saturating_sub(books.tidied_at) >= TIDYING;
            if is_untidy {
                books.tidied_at = now;
            }
            if since < HEARTBEAT {
                (Vec::new(), false, is_untidy)
            } else {
                books.told_at = now;
                // Who was frozen for so long has lost to others what it took.
                let is_late = since >= UNTOUCHED;
                if is_late {
                    books.ledger.clear();
                }
                (books.ledger.entries(), is_late, is_untidy)
            }
        };
        if !entries.is_empty() {
            in_time(streams.keep(&entries)).await?;
        }
        if is_untidy {
            in_time(streams.tidy()).await?;
        }
        for lane in Lane::ALL.into_iter().filter(|_| !is_late && self.has_looked()) {
            let left = in_time(streams.take_over(lane, UNTOUCHED)).await?;
            self.take_in_looks(left).await;
        }
        Ok(())
    }

    /// The streams cannot be used: whatever was asked of others lately is done here.
    fn go_alone(&self, why: &str) {
        let Some(replicas) = &self.replicas else { return };
        let now = self.engine.clock.elapsed();
        let was_heard = replicas.is_heard.swap(false, Ordering::SeqCst);
        let (recalled, is_news) = {
            let mut books = replicas.books();
            let before = books.failed.replace((why.to_owned(), now));
            (books.asked.recall(now), was_heard || before.is_none_or(|(before, _)| before != why))
        };
        recalled.into_iter().for_each(|(guild, trigger)| self.push([guild], trigger));
        metrics::REPLICAS_HEARD.set(0.0, &[]);
        if is_news {
            let problem = format!("{why}; until then this replica goes by what it hears itself ({})", cache::SETTING);
            tracing::warn!(why, "work cannot be shared with other replicas through Redis; going on alone");
            drop(self.news.send(News::Trouble { source: "redis".to_owned(), problem: Some(problem) }));
        }
    }

    /// The streams can be used.
    fn come_back(&self) {
        let Some(replicas) = self.replicas.as_ref().filter(|replicas| !replicas.is_heard()) else { return };
        let was_away = {
            let mut books = replicas.books();
            let now = self.engine.clock.elapsed();
            if books.failed.as_ref().is_some_and(|(_, at)| now < *at + PAUSE) {
                return;
            }
            books.told_at = now;
            let was_away = books.failed.take().is_some();
            if was_away {
                // What was taken before others may have by now.
                books.ledger.clear();
            }
            was_away
        };
        replicas.is_heard.store(true, Ordering::SeqCst);
        metrics::REPLICAS_HEARD.set(1.0, &[]);
        if was_away {
            tracing::info!("work is shared with other replicas through Redis again");
            drop(self.news.send(News::Trouble { source: "redis".to_owned(), problem: None }));
        }
    }
}

impl super::Inner {
    /// Notes that a source has another revision: the one before is older from now on.
    pub(super) fn outdate(&mut self, source: &str, newest: &str) {
        let before = self.desired.revision(source).filter(|before| *before != newest).map(str::to_owned);
        let older = self.older.entry(source.to_owned()).or_default();
        // A revision that comes again is not older than those that came between.
        if older.contains(newest) {
            older.clear();
        }
        older.extend(before);
    }

    /// True for a revision of a source that is not newer than what was read here.
    fn knows(&self, source: &str, revision: &str) -> bool {
        self.desired.revision(source) == Some(revision)
            || self.older.get(source).is_some_and(|older| older.contains(revision))
    }
}

/// Looks from an ear, which is made when there is none.
async fn taken(streams: &Streams, ear: &mut Option<Ear>, lane: Lane, most: usize) -> Result<Vec<Taken>, cache::Error> {
    if ear.is_none() {
        streams.make_ready().await?;
    }
    listening(streams, ear).await?.take(lane, most).await
}

async fn heard(streams: &Streams, ear: &mut Option<Ear>) -> Result<Vec<Call>, cache::Error> {
    listening(streams, ear).await?.hear().await
}

async fn listening<'e>(streams: &Streams, ear: &'e mut Option<Ear>) -> Result<&'e mut Ear, cache::Error> {
    let found = match ear.take() {
        Some(ear) => ear,
        None => streams.listen().await?,
    };
    Ok(ear.insert(found))
}

async fn rest(engine: &Engine, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = engine.clock.sleep(PAUSE) => {}
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, cache::Error>>) -> Result<T, String> {
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| in_words(&error)),
        Err(_) => Err("Redis does not answer in time".to_owned()),
    }
}

fn in_words(error: &cache::Error) -> String {
    error.remedy().unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_word_and_maybe_a_revision() {
        assert_eq!(reason("event"), Some((Trigger::Event, None)));
        assert_eq!(reason("revision main@1a2b"), Some((Trigger::Revision, Some("main@1a2b"))));
        assert_eq!(reason("gossip"), None);
    }

    #[test]
    fn people_do_not_stand_behind_guilds_that_wait_for_nobody() {
        assert_eq!(lane_of(Trigger::Person), Lane::People);
        assert!(Trigger::ALL.iter().filter(|trigger| **trigger != Trigger::Person).all(|t| lane_of(*t) == Lane::Rest));
    }
}

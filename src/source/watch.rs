//! Tells when something happens in a folder.
//!
//! Decides what counts as a change and when it is over: editors write, rename and delete in bursts. A watch hangs on the
//! folder itself and not on its path, so the folder above is watched too, and when another folder takes the place, so does
//! the watch. Where the system cannot tell, time does.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::{is_foreign, is_hidden};
use crate::clock::Clock;

/// How long nothing has to happen for a change to be over.
const QUIET: Duration = Duration::from_millis(300);

/// How long a change may last before it is looked at all the same.
const LONGEST: Duration = Duration::from_secs(5);

/// How often to look where the system does not tell.
const POLL: Duration = Duration::from_secs(10);

/// A watch on the folder at a path, whichever folder that is.
#[derive(Debug)]
pub(super) struct Watch {
    root: PathBuf,
    /// None when the system is not to be asked.
    hung: Option<Mutex<Hung>>,
    happened: Arc<Notify>,
    /// True when another folder may have taken the place. It can look the same: numbers of folders are given out again.
    is_loose: Arc<AtomicBool>,
}

/// What a watch hangs on.
#[derive(Debug, Default)]
struct Hung {
    watcher: Option<RecommendedWatcher>,
    on: Option<Identity>,
}

/// Which folder it is, however it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().filter(Metadata::is_dir).map(|metadata| Self::from(&metadata))
    }

    #[cfg(unix)]
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(metadata.dev(), metadata.ino())
    }

    #[cfg(not(unix))]
    fn from(metadata: &Metadata) -> Self {
        let since = metadata.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        Self(since.map_or(0, |since| since.as_secs()), since.map_or(0, |since| u64::from(since.subsec_nanos())))
    }
}

impl Watch {
    /// Watches a path from now on.
    pub(super) fn new(root: &Path) -> Self {
        let watch = Self { root: root.to_owned(), hung: Some(Mutex::default()), ..Self::none() };
        watch.renew();
        watch
    }

    /// Watches nothing.
    pub(super) fn none() -> Self {
        Self { root: PathBuf::new(), hung: None, happened: Arc::default(), is_loose: Arc::default() }
    }

    /// Sees to it that the watch hangs on the folder that is there now.
    pub(super) fn renew(&self) -> Renewed {
        let Some(hung) = &self.hung else { return Renewed::Impossible };
        // A watch is hung up or it is not; nothing half-done can be seen.
        let mut hung = hung.lock().unwrap_or_else(PoisonError::into_inner);
        let is_loose = self.is_loose.swap(false, Ordering::SeqCst);
        let on = Identity::of(&self.root);
        if !is_loose && hung.watcher.is_some() && hung.on == on {
            return Renewed::Same;
        }
        match self.hang(on.is_some()) {
            Ok(watcher) => {
                *hung = Hung { watcher: Some(watcher), on };
                Renewed::Another
            }
            Err(error) => {
                tracing::debug!(%error, folder = %self.root.display(), "the system does not tell of changes; looking now and then");
                *hung = Hung::default();
                Renewed::Impossible
            }
        }
    }

    fn hang(&self, is_there: bool) -> notify::Result<RecommendedWatcher> {
        let (root, happened, is_loose) = (self.root.clone(), self.happened.clone(), self.is_loose.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, |event| loosens(&root, event)) {
                is_loose.store(true, Ordering::SeqCst);
            }
            // Who could not be told of something had better look.
            if event.map_or(true, |event| concerns(&root, &event)) {
                happened.notify_one();
            }
        })?;
        if let Some(above) = self.root.parent() {
            watcher.watch(above, RecursiveMode::NonRecursive)?;
        }
        if is_there {
            watcher.watch(&self.root, RecursiveMode::Recursive)?;
        }
        Ok(watcher)
    }

    /// Resolves when something happened and is over, or when time has passed where nobody tells.
    pub(super) async fn changed(&self, clock: &Clock) {
        match self.renew() {
            Renewed::Another => return,
            Renewed::Impossible => return clock.sleep(POLL).await,
            Renewed::Same => {}
        }
        self.happened.notified().await;
        // Whoever stops waiting now has not heard of it.
        let mut unheard = Unheard { happened: &self.happened, is_heard: false };
        let began = clock.elapsed();
        while clock.elapsed() - began < LONGEST {
            tokio::select! {
                () = self.happened.notified() => {}
                () = clock.sleep(QUIET) => break,
            }
        }
        unheard.is_heard = true;
    }
}

/// What came of looking after a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// It hangs where it did.
    Same,
    /// It hangs on another folder, or there is none now: worth a look.
    Another,
    /// Nobody tells.
    Impossible,
}

struct Unheard<'w> {
    happened: &'w Notify,
    is_heard: bool,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if !self.is_heard {
            self.happened.notify_one();
        }
    }
}

/// True when what happened may have put another folder in the place of the one that is watched.
fn loosens(root: &Path, event: &Event) -> bool {
    let moves = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Any
    );
    event.need_rescan() || (moves && event.paths.iter().any(|path| path == root))
}

/// True when what happened may change what is read. Reading is no change, or every look would cause the next.
fn concerns(root: &Path, event: &Event) -> bool {
    let is_change = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    };
    event.need_rescan() || (is_change && event.paths.iter().any(|path| is_read(root, path)))
}

fn is_read(root: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(root) else { return false };
    let mut names = inside.iter().map(|name| name.to_string_lossy());
    names.all(|name| !is_hidden(&name) && !is_foreign(&name))
}

#[cfg(test)]
mod tests {
    use notify::event::CreateKind;

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(PathBuf::from(path))
    }

    #[test]
    fn what_is_read_by_nobody_concerns_nobody() {
        let root = Path::new("/srv/guilds");
        let created = EventKind::Create(CreateKind::File);
        for path in ["/srv/guilds", "/srv/guilds/guild.yaml", "/srv/guilds/a/b.yaml"] {
            assert!(concerns(root, &event(created, path)), "{path}");
        }
        for path in ["/srv", "/srv/other/guild.yaml", "/srv/guilds/.git/index", "/srv/guilds/target/x"] {
            assert!(!concerns(root, &event(created, path)), "{path}");
        }
    }

    #[test]
    fn reading_is_no_change() {
        let root = Path::new("/srv/guilds");
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(!concerns(root, &event(read, "/srv/guilds/guild.yaml")));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(concerns(root, &event(written, "/srv/guilds/guild.yaml")));
        assert!(concerns(root, &event(EventKind::Modify(ModifyKind::Any), "/srv/guilds/guild.yaml")));
    }
}

//! A git repository as a source.
//!
//! Decides what a look costs: a question for the references when nothing changed, and otherwise one fetch of one revision,
//! which is read straight from the database of objects. Nothing is checked out, and nothing in a repository is run.
//!
//! The library that speaks git is written in C, waits without end, and cannot be told to stop. So it never talks to a
//! server itself: [`way::Way`] does, and can be cut.

mod cache;
mod explain;
mod remote;
mod tree;
mod way;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::signature::Signatures;
use super::{Content, Error, Limits, Look, Revision, Source};
use crate::manifest::InvalidPath;
use explain::explain;
use remote::{Job, Outcome};
use way::Way;

/// Digits of a commit's id.
const DIGITS: usize = 40;

/// What of a repository is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Wherever the branch is that the repository calls its default.
    Default,
    /// Wherever the branch is.
    Branch(String),
    /// Wherever the tag is.
    Tag(String),
    /// One commit, by its id in full.
    Commit(String),
}

impl Reference {
    /// The branch, tag or commit.
    pub fn name(&self) -> &str {
        match self {
            Self::Default => "HEAD",
            Self::Branch(name) | Self::Tag(name) | Self::Commit(name) => name,
        }
    }
}

/// Who we are at a git server.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Nobody.
    #[default]
    None,
    /// With HTTPS: whoever has this token.
    Token {
        /// The user it goes with, where one matters; if none, the one in the address, or any.
        user: Option<String>,
        /// The token.
        token: SecretString,
    },
    /// With HTTPS: a user with a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// With SSH: whoever the agent of this machine speaks for.
    SshAgent {
        /// The user at the server, mostly `git`.
        user: String,
    },
    /// With SSH: whoever has this key.
    SshKey {
        /// The user at the server, mostly `git`.
        user: String,
        /// The file of the private key.
        private_key: PathBuf,
        /// What it is locked with.
        passphrase: Option<SecretString>,
    },
}

/// Which repository, and how to get at it.
#[derive(Clone)]
pub struct GitSettings {
    /// The address: `https://`, `ssh://`, `USER@HOST:PATH`, or a path on this machine.
    pub url: String,
    /// What is followed.
    pub reference: Reference,
    /// The folder of the repository in which manifests are; the whole of it if none.
    pub path: Option<String>,
    /// Who we are.
    pub credentials: Credentials,
    /// With SSH, the keys servers are known by. If none, `.ssh/known_hosts` where the user is at home.
    pub known_hosts: Option<PathBuf>,
    /// Who may sign; none when signatures are not required.
    pub signatures: Option<Signatures>,
    /// Longest time a look may take.
    pub timeout: Duration,
    /// A folder of its own, in which what was fetched is kept: it makes the next fetch smaller, and may be deleted at
    /// any time.
    pub cache: PathBuf,
}

impl fmt::Debug for GitSettings {
    /// Without the address, which may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, reference, path, credentials, known_hosts, signatures, timeout, cache } = self;
        let mut shown = f.debug_struct("GitSettings");
        shown.field("reference", reference).field("path", path).field("credentials", credentials);
        shown.field("known_hosts", known_hosts).field("signatures", signatures);
        shown.field("timeout", timeout).field("cache", cache).finish_non_exhaustive()
    }
}

/// A branch, tag or commit of a repository.
#[derive(Debug)]
pub struct Git {
    address: Address,
    /// The folders that lead to the manifests.
    folder: Vec<String>,
    settings: GitSettings,
    limits: Limits,
    /// Held by whoever works in the cache, also when nobody waits for it any more.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The same for the cache of what is proposed.
    proposed: Arc<tokio::sync::Mutex<()>>,
}

impl Git {
    /// A repository. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the settings cannot be right.
    pub fn new(settings: GitSettings) -> Result<Self, Error> {
        let address = Address::parse(&settings.url)?;
        fits(&address, &settings.credentials)?;
        if let Reference::Commit(commit) = &settings.reference
            && !(commit.len() == DIGITS && commit.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            return Err(Error::BadCommit { commit: commit.clone() });
        }
        let folder = folders(settings.path.as_deref().unwrap_or_default())?;
        let is_open = matches!(&address, Address::Web { base, .. } if base.scheme() == "http");
        if is_open && !matches!(settings.credentials, Credentials::None) {
            tracing::warn!(repository = %address, "credentials are sent over http, where everybody on the way can read them");
        }
        Ok(Self {
            address,
            folder,
            settings,
            limits: Limits::default(),
            turn: Arc::default(),
            proposed: Arc::default(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn known_hosts(&self) -> PathBuf {
        let home = || std::env::home_dir().unwrap_or_default().join(".ssh").join("known_hosts");
        self.settings.known_hosts.clone().unwrap_or_else(home)
    }

    fn key(&self) -> Option<&Path> {
        match &self.settings.credentials {
            Credentials::SshKey { private_key, .. } => Some(private_key),
            Credentials::None
            | Credentials::Token { .. }
            | Credentials::Basic { .. }
            | Credentials::SshAgent { .. } => None,
        }
    }

    async fn attempt(&self, known: Option<&Revision>) -> Result<Look, Error> {
        let held = self.turn.clone().lock_owned().await;
        // Whoever stops waiting stops the work: this is dropped then.
        let stop = CancellationToken::new();
        let _stopping = stop.clone().drop_guard();
        let way = Way::open(&self.address, &self.settings.credentials, stop.clone()).await?;
        let name = self.settings.reference.name();
        let job = Job {
            url: way.url().to_owned(),
            address: self.address.clone(),
            reference: self.settings.reference.clone(),
            folder: self.folder.clone(),
            known: known.filter(|known| known.name == name).map(|known| known.id.clone()),
            credentials: self.settings.credentials.clone(),
            known_hosts: self.known_hosts(),
            signatures: self.settings.signatures.clone(),
            cache: self.settings.cache.clone(),
            limits: self.limits,
            stop,
            runtime: tokio::runtime::Handle::current(),
        };
        let work = tokio::task::spawn_blocking(move || {
            let _held = held;
            remote::look(&job)
        });
        let answer = work.await.map_err(|error| self.failed(error.to_string()))?;
        let explained = |failed| explain(failed, way.trouble(), &self.address, self.key(), &self.settings.cache);
        match answer.map_err(explained)? {
            Outcome::Unchanged => Ok(Look::Unchanged),
            Outcome::Found(found) => {
                let remote::Found { revision, files, follows } = *found;
                self.tell(known, &revision, follows);
                Ok(Look::New(Box::new(Content { revision, files })))
            }
        }
    }

    fn failed(&self, why: String) -> Error {
        Error::Git { place: self.address.to_string(), why }
    }

    fn tell(&self, known: Option<&Revision>, revision: &Revision, follows: bool) {
        let (repository, id) = (&self.address, &revision.id);
        match known {
            Some(known) if !follows => tracing::info!(
                %repository, %revision, id, before = known.id,
                "a new revision, which does not name the one before as its parent: several commits at once, or a forced push"
            ),
            _ => tracing::info!(%repository, %revision, id, "a new revision"),
        }
    }
}

/// Whether credentials mean anything where a repository is.
fn fits(address: &Address, credentials: &Credentials) -> Result<(), Error> {
    let given = match credentials {
        Credentials::None => "nothing",
        Credentials::Token { .. } => "a token",
        Credentials::Basic { .. } => "a user with a password",
        Credentials::SshAgent { .. } => "an SSH agent",
        Credentials::SshKey { .. } => "an SSH key",
    };
    let (by, fits, instead) = match address {
        Address::Web { .. } => (
            "HTTP",
            matches!(credentials, Credentials::None | Credentials::Token { .. } | Credentials::Basic { .. }),
            "name a token, a user with a password, or nothing",
        ),
        Address::Ssh { .. } => (
            "SSH",
            matches!(credentials, Credentials::SshAgent { .. } | Credentials::SshKey { .. }),
            "name the file of a private key, or an SSH agent",
        ),
        Address::Local(_) => ("its path", matches!(credentials, Credentials::None), "name nothing"),
    };
    if fits { Ok(()) } else { Err(Error::CredentialsDoNotFit { address: address.to_string(), by, given, instead }) }
}

/// The folders that lead to a folder of the repository.
fn folders(path: &str) -> Result<Vec<String>, Error> {
    let bad = |source| Err(Error::BadFolder { source });
    if path.starts_with(['/', '\\']) {
        return bad(InvalidPath::Absolute(path.to_owned()));
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    if parts.clone().any(|part| part == "..") {
        return bad(InvalidPath::Outside(path.to_owned()));
    }
    Ok(parts.map(str::to_owned).collect())
}

#[async_trait]
impl Source for Git {
    fn describe(&self) -> String {
        let kind = match &self.settings.reference {
            Reference::Default | Reference::Branch(_) => "branch",
            Reference::Tag(_) => "tag",
            Reference::Commit(_) => "commit",
        };
        let folder =
            if self.folder.is_empty() { String::new() } else { format!("folder {} of ", self.folder.join("/")) };
        format!("{folder}{}, {kind} {}", self.address, self.settings.reference.name())
    }

    async fn look(&self, known: Option<&Revision>) -> Result<Look, Error> {
        let late = |_| Error::TimedOut { place: self.address.to_string(), seconds: self.settings.timeout.as_secs() };
        tokio::time::timeout(self.settings.timeout, self.attempt(known)).await.map_err(late)?
    }

    async fn at(&self, commit: &str) -> Result<Option<Content>, Error> {
        let mut beside = self.settings.cache.file_name().unwrap_or_default().to_owned();
        beside.push(".proposed");
        let settings = GitSettings {
            reference: Reference::Commit(commit.to_owned()),
            signatures: None,
            // What is proposed must not be in the way of what counts, nor be kept with it.
            cache: self.settings.cache.with_file_name(beside),
            ..self.settings.clone()
        };
        let proposed = Self { turn: Arc::clone(&self.proposed), ..Self::new(settings)?.with_limits(self.limits) };
        match proposed.look(None).await? {
            Look::New(content) => Ok(Some(*content)),
            Look::Unchanged => Ok(None),
        }
    }

    /// Never: a server does not tell. It is looked at now and then, and when a webhook says so.
    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, credentials: Credentials) -> GitSettings {
        GitSettings {
            url: url.to_owned(),
            reference: Reference::Branch("main".to_owned()),
            path: None,
            credentials,
            known_hosts: None,
            signatures: None,
            timeout: Duration::from_secs(30),
            cache: PathBuf::from("cache"),
        }
    }

    fn token() -> Credentials {
        Credentials::Token { user: None, token: secret() }
    }

    fn secret() -> SecretString {
        SecretString::from("hunter2".to_owned())
    }

    #[test]
    fn credentials_have_to_fit_the_address() {
        let key = || Credentials::SshAgent { user: "git".into() };
        for (url, fitting, unfitting) in [
            ("https://git.example/g", token(), key()),
            ("git@git.example:g", key(), Credentials::None),
            ("/srv/g.git", Credentials::None, token()),
        ] {
            assert!(Git::new(settings(url, fitting)).is_ok(), "{url}");
            let refused = Git::new(settings(url, unfitting));
            assert!(matches!(refused, Err(Error::CredentialsDoNotFit { .. })), "{url}");
        }
    }

    #[test]
    fn a_source_shows_no_secret() {
        let credentials = Credentials::Basic { user: "setai".into(), password: secret() };
        let git = Git::new(settings("https://hunter2@git.example/team/guilds", credentials)).expect("settings");
        assert_eq!(git.describe(), "https://git.example/team/guilds, branch main");
        assert!(!format!("{git:?}").contains("hunter2"), "{git:?}");
    }

    #[test]
    fn a_folder_is_inside_the_repository() {
        let git = |path: &str| {
            let path = Some(path.to_owned());
            Git::new(GitSettings { path, ..settings("https://git.example/g", Credentials::None) })
        };
        assert_eq!(git("./guilds//live/").expect("a folder").folder, ["guilds", "live"]);
        assert!(git("").expect("everything").folder.is_empty());
        for bad in ["/etc", "../x", "a/../../x"] {
            assert!(matches!(git(bad), Err(Error::BadFolder { .. })), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_written_out() {
        for bad in ["3f9c2e1", "main", &"g".repeat(40)] {
            let reference = Reference::Commit(bad.to_owned());
            let settings = GitSettings { reference, ..settings("https://git.example/g", Credentials::None) };
            assert!(matches!(Git::new(settings), Err(Error::BadCommit { .. })), "{bad}");
        }
    }
}

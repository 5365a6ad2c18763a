//! What `setai run` watches: the sources of the operator's file, or the folders that are named instead of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::cli::context;
use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::config::{self, Config, Origin, Scope};
use crate::controller::Watched;
use crate::source::{
    Content, Credentials, Directory, Error, Git, GitSettings, Look, Reference, Revision, Signatures, Source,
};

/// How often a folder is looked at besides when it says that it changed.
const FOLDER_INTERVAL: Duration = Duration::from_secs(60);

/// How long a look at a folder may take.
const FOLDER_TIMEOUT: Duration = Duration::from_secs(60);

/// Who one is at a git server over SSH when nobody says who.
const GIT_USER: &str = "git";

/// The same decisions about other sources: folders. What is decided about guilds stays, but for the source they are given
/// to, which is none of these.
pub(super) fn with_folders(config: Config, folders: &[PathBuf]) -> Result<Config, Failure> {
    let mut config = Config { sources: self::folders(folders)?, ..config };
    config.guilds.values_mut().for_each(|guild| guild.source = None);
    Ok(config)
}

/// Folders as sources, each of which may manage whichever guild it describes; the one we are in when none is named.
pub(super) fn folders(named: &[PathBuf]) -> Result<Vec<config::Source>, Failure> {
    let here = [PathBuf::from(".")];
    let mut names = BTreeSet::new();
    let mut sources = Vec::new();
    for folder in if named.is_empty() { &here[..] } else { named } {
        let name = folder.display().to_string();
        if !names.insert(name.clone()) {
            return Err(Failure::new(format!("`{name}` is named twice")));
        }
        sources.push(config::Source {
            name,
            origin: Origin::Directory(folder.clone()),
            path: String::new(),
            interval: FOLDER_INTERVAL,
            timeout: FOLDER_TIMEOUT,
            webhook: None,
            scope: Scope::All,
        });
    }
    Ok(sources)
}

/// What is to be watched. A source that cannot be right is among it: it tells so, and the others are watched nevertheless.
pub(in crate::cli) fn watched(sources: &[config::Source]) -> Result<Vec<Watched>, Failure> {
    let caches = caches()?;
    let watched = sources.iter().map(|source| {
        let made = made(source, &caches);
        let made = made.unwrap_or_else(|_| Arc::new(Unusable { source: source.clone(), caches: caches.clone() }));
        Watched { name: source.name.clone(), source: made, interval: source.interval }
    });
    Ok(watched.collect())
}

/// What is wrong with the sources that cannot be right, each with its name.
pub(in crate::cli) fn unusable(sources: &[config::Source]) -> Result<Vec<(String, Error)>, Failure> {
    let caches = caches()?;
    let unusable = sources.iter().filter_map(|source| Some((source.name.clone(), made(source, &caches).err()?)));
    Ok(unusable.collect())
}

/// Where what was fetched of repositories is kept.
fn caches() -> Result<PathBuf, Failure> {
    Ok(context::state_folder()?.join("git"))
}

fn made(source: &config::Source, caches: &Path) -> Result<Arc<dyn Source>, Error> {
    Ok(match &source.origin {
        Origin::Git(git) => Arc::new(Git::new(git_settings(source, git, caches))?),
        Origin::Directory(path) if source.path.is_empty() => Arc::new(Directory::new(path, Clock::system())?),
        Origin::Directory(path) => Arc::new(Directory::new(&path.join(&source.path), Clock::system())?),
    })
}

/// A source whose settings cannot be right. Whoever looks is told why; nothing is asked of anybody.
#[derive(Debug)]
struct Unusable {
    source: config::Source,
    caches: PathBuf,
}

#[async_trait]
impl Source for Unusable {
    fn describe(&self) -> String {
        "as the operator's file describes it".to_owned()
    }

    async fn look(&self, known: Option<&Revision>) -> Result<Look, Error> {
        made(&self.source, &self.caches)?.look(known).await
    }

    async fn at(&self, commit: &str) -> Result<Option<Content>, Error> {
        made(&self.source, &self.caches)?.at(commit).await
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

fn git_settings(source: &config::Source, git: &config::Git, caches: &Path) -> GitSettings {
    let reference = match git.reference.clone() {
        config::Reference::Default => Reference::Default,
        config::Reference::Branch(name) => Reference::Branch(name),
        config::Reference::Tag(name) => Reference::Tag(name),
        config::Reference::Commit(id) => Reference::Commit(id),
    };
    let credentials = match git.credentials.clone() {
        None => Credentials::None,
        Some(config::Credentials::Token { user, token }) => Credentials::Token { user, token: token.get().clone() },
        Some(config::Credentials::Password { user, password }) => {
            Credentials::Basic { user, password: password.get().clone() }
        }
        Some(config::Credentials::SshKey { user, file, passphrase }) => Credentials::SshKey {
            user: user.unwrap_or_else(|| GIT_USER.to_owned()),
            private_key: file,
            passphrase: passphrase.map(|passphrase| passphrase.get().clone()),
        },
        Some(config::Credentials::SshAgent { user }) => {
            Credentials::SshAgent { user: user.unwrap_or_else(|| GIT_USER.to_owned()) }
        }
    };
    let signatures = git
        .signatures
        .clone()
        .map(|config::Signatures { allowed_signers, openpgp_keyring }| Signatures { allowed_signers, openpgp_keyring });
    GitSettings {
        url: git.url.clone(),
        reference,
        path: (!source.path.is_empty()).then(|| source.path.clone()),
        credentials,
        known_hosts: git.known_hosts.clone(),
        signatures,
        timeout: source.timeout,
        cache: caches.join(&source.name),
    }
}

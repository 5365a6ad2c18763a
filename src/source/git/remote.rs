//! One look at a repository, from the first question to the last byte. It waits, so it has a thread of its own.
//!
//! Decides which commit is meant, and how little has to be fetched for it.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use git2::{
    AutotagOption, CertificateCheckStatus, Commit, Cred, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, Remote,
    RemoteCallbacks, Repository,
};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

use super::{Credentials, Reference, cache, tree};
use crate::manifest::Files;
use crate::source::address::Address;
use crate::source::known_hosts::{self, Verdict};
use crate::source::signature::{self, Signatures, Signed};
use crate::source::{Error, Limits, Revision};

/// What keeps what was fetched last.
const LAST: &str = "refs/setai/last";

/// How many branches or tags are named to somebody who looks for another.
const MOST_OFFERED: usize = 8;

/// What to look for.
pub(super) struct Job {
    /// Where to ask for it.
    pub(super) url: String,
    pub(super) address: Address,
    pub(super) reference: Reference,
    pub(super) folder: Vec<String>,
    /// The commit that was read last under the same name.
    pub(super) known: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) known_hosts: PathBuf,
    /// Who may sign; none when signatures are not required.
    pub(super) signatures: Option<Signatures>,
    pub(super) cache: PathBuf,
    pub(super) limits: Limits,
    /// Cancelled when nobody waits any more.
    pub(super) stop: CancellationToken,
    /// Where what does not wait runs.
    pub(super) runtime: tokio::runtime::Handle,
}

/// What was found.
pub(super) enum Outcome {
    /// The commit that was known.
    Unchanged,
    /// Another.
    Found(Box<Found>),
}

/// What is there. Whoever has to sign did.
pub(super) struct Found {
    pub(super) revision: Revision,
    pub(super) files: Files,
    /// True when the commit names the known one as a parent.
    pub(super) follows: bool,
}

/// Where a look got stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before anything was answered.
    Connecting,
    /// While objects came.
    Fetching,
    /// When everything was there.
    Reading,
}

/// Why a look came to nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// We know why.
    Said(Error),
    /// The library does.
    Library(Phase, git2::Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

/// Looks. What was kept may be damaged; then it is thrown away, and everything is asked for once more.
pub(super) fn look(job: &Job) -> Result<Outcome, Failed> {
    match look_once(job) {
        Err(Failed::Library(phase, error)) if is_damage(phase, &error) && !job.stop.is_cancelled() => {
            tracing::warn!(folder = %job.cache.display(), %error, "what was kept of a repository is damaged; fetching it anew");
            drop(cache::renew(&job.cache, &job.stop)?);
            look_once(job)
        }
        answer => answer,
    }
}

/// True when something is missing here, and not there.
fn is_damage(phase: Phase, error: &git2::Error) -> bool {
    phase == Phase::Reading || (error.class() == ErrorClass::Odb && error.code() == ErrorCode::NotFound)
}

fn look_once(job: &Job) -> Result<Outcome, Failed> {
    let said = RefCell::new(None);
    let answer = Look { job, said: &said, tries: Cell::new(0) }.run();
    // What a callback had to say is why the library gave up.
    match (said.into_inner(), answer) {
        (Some(error), Err(_)) => Err(Failed::Said(error)),
        (_, answer) => answer,
    }
}

struct Look<'l> {
    job: &'l Job,
    said: &'l RefCell<Option<Error>>,
    tries: Cell<u32>,
}

/// What of the server's references is meant.
struct Target {
    /// The commit, or the tag that names it.
    id: Oid,
    /// How to ask for it.
    spec: String,
}

impl Look<'_> {
    fn run(&self) -> Result<Outcome, Failed> {
        let reading = |error| Failed::Library(Phase::Reading, error);
        if let Reference::Commit(commit) = &self.job.reference
            && self.job.known.as_ref() == Some(commit)
        {
            return Ok(Outcome::Unchanged);
        }
        let mut cache = cache::open(&self.job.cache, &self.job.stop)?;
        let Some(target) = self.fetch(&cache.repository)? else { return Ok(Outcome::Unchanged) };
        if !has(&cache.repository, target.id) && matches!(self.job.reference, Reference::Commit(_)) {
            // Not every server hands out single commits. Then everything is asked for, and nothing may be in the way.
            drop(cache);
            cache = cache::renew(&self.job.cache, &self.job.stop)?;
            self.fetch_all(&cache.repository)?;
        }
        let repository = &cache.repository;
        let commit = self.commit(repository, target.id)?;
        repository.reference(LAST, commit.id(), true, "").map_err(reading)?;
        if self.job.known.as_deref() == Some(commit.id().to_string().as_str()) {
            return Ok(Outcome::Unchanged);
        }
        self.read(repository, &commit).map(|found| Outcome::Found(Box::new(found)))
    }

    /// Fetches what is meant. None when that is what was known already.
    fn fetch(&self, repository: &Repository) -> Result<Option<Target>, Failed> {
        let connecting = |error| Failed::Library(Phase::Connecting, error);
        let mut remote = repository.remote_anonymous(&self.job.url).map_err(connecting)?;
        let mut connection = remote.connect_auth(Direction::Fetch, Some(self.callbacks()), None).map_err(connecting)?;
        let heads = connection.list().map_err(connecting)?;
        let heads: Vec<(String, Oid)> = heads.iter().map(|head| (head.name().to_owned(), head.oid())).collect();
        let target = self.resolve(&heads)?;
        let commit = peeled(&heads, &target);
        if self.job.known.as_deref() == Some(commit.to_string().as_str()) {
            return Ok(None);
        }
        if !has(repository, target.id) {
            let asked = self.download(connection.remote(), &[target.spec.as_str()]);
            let is_optional = matches!(self.job.reference, Reference::Commit(_)) && !self.job.stop.is_cancelled();
            match asked {
                Err(Failed::Library(..)) if is_optional && self.said.borrow().is_none() => {}
                asked => asked?,
            }
        }
        Ok(Some(target))
    }

    fn fetch_all(&self, repository: &Repository) -> Result<(), Failed> {
        let connecting = |error| Failed::Library(Phase::Connecting, error);
        self.tries.set(0);
        let mut remote = repository.remote_anonymous(&self.job.url).map_err(connecting)?;
        let mut connection = remote.connect_auth(Direction::Fetch, Some(self.callbacks()), None).map_err(connecting)?;
        let everything = ["+refs/heads/*:refs/setai/heads/*", "+refs/tags/*:refs/setai/tags/*"];
        self.download_deep(connection.remote(), &everything, 0)
    }

    /// Fetches as little as the server can give.
    fn download(&self, remote: &mut Remote<'_>, specs: &[&str]) -> Result<(), Failed> {
        if matches!(self.job.address, Address::Local(_)) {
            return self.download_deep(remote, specs, 0);
        }
        match self.download_deep(remote, specs, 1) {
            Err(Failed::Library(_, error)) if error.message().contains("shallow") => {
                self.download_deep(remote, specs, 0)
            }
            answer => answer,
        }
    }

    fn download_deep(&self, remote: &mut Remote<'_>, specs: &[&str], depth: i32) -> Result<(), Failed> {
        let mut options = FetchOptions::new();
        options.depth(depth).download_tags(AutotagOption::None).remote_callbacks(self.callbacks());
        remote.download(specs, Some(&mut options)).map_err(|error| Failed::Library(Phase::Fetching, error))
    }

    fn resolve(&self, heads: &[(String, Oid)]) -> Result<Target, Error> {
        let place = || self.job.address.to_string();
        if heads.is_empty() {
            return Err(Error::EmptyRepository { place: place() });
        }
        let find = |name: String| {
            let id = heads.iter().find(|(there, _)| *there == name).map(|(_, id)| *id);
            id.map(|id| Target { id, spec: format!("+{name}:{LAST}") })
        };
        let there = |prefix: &str| {
            let names = heads.iter().filter_map(|(name, _)| name.strip_prefix(prefix));
            names.filter(|name| !name.ends_with("^{}")).take(MOST_OFFERED).map(str::to_owned).collect()
        };
        match &self.job.reference {
            Reference::Default => find("HEAD".to_owned()).ok_or_else(|| Error::BranchNotFound {
                place: place(),
                branch: "HEAD".to_owned(),
                there: there("refs/heads/"),
            }),
            Reference::Branch(branch) => find(format!("refs/heads/{branch}")).ok_or_else(|| Error::BranchNotFound {
                place: place(),
                branch: branch.clone(),
                there: there("refs/heads/"),
            }),
            Reference::Tag(tag) => find(format!("refs/tags/{tag}")).ok_or_else(|| Error::TagNotFound {
                place: place(),
                tag: tag.clone(),
                there: there("refs/tags/"),
            }),
            Reference::Commit(commit) => {
                let id = commit.parse().map_err(|_| Error::BadCommit { commit: commit.clone() })?;
                let tip = heads.iter().find(|(name, there)| *there == id && name.starts_with("refs/"));
                let source = tip.map_or(commit.as_str(), |(name, _)| name.trim_end_matches("^{}"));
                Ok(Target { id, spec: format!("+{source}:{LAST}") })
            }
        }
    }

    fn commit<'r>(&self, repository: &'r Repository, id: Oid) -> Result<Commit<'r>, Failed> {
        match repository.find_object(id, None) {
            Ok(object) => object.peel_to_commit().map_err(|_| {
                let (place, name) = (self.job.address.to_string(), self.job.reference.name().to_owned());
                Failed::Said(match self.job.reference {
                    Reference::Commit(_) => Error::CommitNotFound { place, commit: name },
                    Reference::Default | Reference::Branch(_) | Reference::Tag(_) => {
                        Error::NotACommit { place, tag: name }
                    }
                })
            }),
            Err(error) => Err(match &self.job.reference {
                Reference::Commit(commit) => {
                    Failed::Said(Error::CommitNotFound { place: self.job.address.to_string(), commit: commit.clone() })
                }
                Reference::Default | Reference::Branch(_) | Reference::Tag(_) => {
                    Failed::Library(Phase::Fetching, error)
                }
            }),
        }
    }

    fn read(&self, repository: &Repository, commit: &Commit<'_>) -> Result<Found, Failed> {
        let mut revision = revision(self.job.reference.name(), commit);
        // Before anything else is read: what nobody signed may be made to do harm to whoever reads it.
        revision.signed_by = self.job.signatures.as_ref().map(|by| self.verify(repository, commit, by)).transpose()?;
        let Job { folder, limits, stop, .. } = self.job;
        let files = tree::files(repository, commit, folder, &revision.short(), *limits, stop);
        let files = files.map_err(|failed| match failed {
            tree::Failed::Said(error) => Failed::Said(error),
            tree::Failed::Library(error) => Failed::Library(Phase::Reading, error),
        })?;
        let mut parents = commit.parent_ids().map(|parent| parent.to_string());
        let follows = parents.any(|parent| Some(&parent) == self.job.known.as_ref());
        Ok(Found { revision, files, follows })
    }

    /// Who signed a commit.
    fn verify(&self, repository: &Repository, commit: &Commit<'_>, by: &Signatures) -> Result<String, Failed> {
        let signed = signed(repository, commit)?;
        let place = || self.job.address.to_string();
        let verified = self.job.runtime.block_on(async {
            tokio::select! {
                () = self.job.stop.cancelled() => Err(Error::Interrupted { place: place(), why: "it was stopped".into() }),
                verified = signature::verify(&signed, by) => verified,
            }
        });
        Ok(verified?)
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|_, _, _| self.credentials());
        callbacks.certificate_check(|certificate, _| match certificate.as_hostkey() {
            Some(key) => self.check_host_key(key.hostkey().unwrap_or_default()),
            None => Ok(CertificateCheckStatus::CertificatePassthrough),
        });
        callbacks.sideband_progress(|_| !self.job.stop.is_cancelled());
        callbacks.transfer_progress(|progress| {
            let most = self.job.limits.fetched;
            if progress.received_bytes() as u64 > most {
                self.say(Error::FetchTooLarge { place: self.job.address.to_string(), most });
                return false;
            }
            !self.job.stop.is_cancelled()
        });
        callbacks
    }

    fn say(&self, error: Error) {
        self.said.borrow_mut().get_or_insert(error);
    }

    /// Called again when what it gave was refused.
    fn credentials(&self) -> Result<Cred, git2::Error> {
        let refused = || git2::Error::new(ErrorCode::Auth, ErrorClass::Ssh, "refused");
        if self.tries.replace(self.tries.get() + 1) > 0 {
            let (host, place) = (self.host(), self.job.address.to_string());
            self.say(Error::AuthenticationFailed { host, place });
            return Err(refused());
        }
        match &self.job.credentials {
            Credentials::SshAgent { user } => Cred::ssh_key_from_agent(user),
            Credentials::SshKey { user, private_key, passphrase } => {
                if let Err(source) = std::fs::File::open(private_key) {
                    let path = private_key.clone();
                    self.say(Error::UnreadableSetting { what: "the private key", path, source });
                    return Err(refused());
                }
                let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose_secret());
                Cred::ssh_key(user, None, private_key, passphrase)
            }
            // Over HTTP the way sends them itself.
            Credentials::None | Credentials::Token { .. } | Credentials::Basic { .. } => Err(refused()),
        }
    }

    fn host(&self) -> String {
        self.job.address.host().unwrap_or_default().to_owned()
    }

    fn check_host_key(&self, key: &[u8]) -> Result<CertificateCheckStatus, git2::Error> {
        let Address::Ssh { host, port, .. } = &self.job.address else {
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let path = &self.job.known_hosts;
        let (host, port) = (host.as_str(), *port);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => {
                self.say(Error::UnreadableSetting { what: "the known hosts", path: path.clone(), source });
                return Err(git2::Error::new(ErrorCode::Certificate, ErrorClass::Ssh, "not checked"));
            }
        };
        let (key_shown, known_hosts) = (known_hosts::describe(key), path.clone());
        let (name, scan) = (known_hosts::name(host, port), format!("-p {port} {host}"));
        self.say(match known_hosts::judge(&text, host, port, key) {
            Verdict::Known => return Ok(CertificateCheckStatus::CertificateOk),
            Verdict::Unknown => Error::HostKeyUnknown { host: name, key: key_shown, known_hosts, scan },
            Verdict::Changed { line } => Error::HostKeyChanged { host: name, key: key_shown, known_hosts, line },
            Verdict::Revoked { line } => Error::HostKeyRevoked { host: name, key: key_shown, known_hosts, line },
        });
        Err(git2::Error::new(ErrorCode::Certificate, ErrorClass::Ssh, "refused"))
    }
}

fn has(repository: &Repository, id: Oid) -> bool {
    repository.odb().is_ok_and(|odb| odb.exists(id))
}

/// The commit a tag names, where the server tells.
fn peeled(heads: &[(String, Oid)], target: &Target) -> Oid {
    let source = target.spec.trim_start_matches('+').split(':').next().unwrap_or_default();
    let name = format!("{source}^{{}}");
    heads.iter().find(|(there, _)| *there == name).map_or(target.id, |(_, id)| *id)
}

fn revision(name: &str, commit: &Commit<'_>) -> Revision {
    let author = commit.author();
    let said = |text: &[u8]| Some(String::from_utf8_lossy(text).into_owned()).filter(|text| !text.is_empty());
    Revision {
        name: name.to_owned(),
        id: commit.id().to_string(),
        subject: commit.summary_bytes().and_then(said),
        author: said(author.name_bytes()),
        at: DateTime::from_timestamp(commit.time().seconds(), 0),
        signed_by: None,
    }
}

fn signed(repository: &Repository, commit: &Commit<'_>) -> Result<Signed, Failed> {
    let signature = match repository.extract_signature(&commit.id(), None) {
        Ok((signature, data)) => Some((signature.to_vec(), data.to_vec())),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => return Err(Failed::Library(Phase::Reading, error)),
    };
    let at = DateTime::from_timestamp(commit.time().seconds(), 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
    Ok(Signed { commit: commit.id().to_string(), at, signature })
}

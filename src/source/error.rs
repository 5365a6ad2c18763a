//! Why a source cannot be used, and what has to be done about it.
//!
//! Decides what passes by itself. Nothing here holds a password, a token or the user's part of an address.

use std::io;
use std::path::PathBuf;

use crate::manifest::InvalidPath;

/// Whether waiting helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It will pass by itself: try again after a while, and longer each time.
    Waiting,
    /// Somebody must act. Trying again is no use before something changed.
    Stalled,
}

/// Why it cannot be told what is in a source, or why that may not be used. Whatever was read last stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // ---- settings ----
    /// The address is none. It is not repeated: a password may be in it.
    #[error(
        "the address of the repository is none; write `https://HOST/PATH`, `ssh://USER@HOST/PATH`, `USER@HOST:PATH` or an \
         absolute path"
    )]
    BadAddress,
    /// A password is where everybody would see it.
    #[error("the address of the repository on {host} holds a password; name it as a credential instead")]
    PasswordInAddress {
        /// The server.
        host: String,
    },
    /// There is no way to use such addresses, or no safe one.
    #[error("`{scheme}://` cannot be used for a repository: it must be `https`, `ssh` or `file`")]
    UnsupportedScheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// The credentials do not fit the address.
    #[error("{address} is reached by {by}, where {given} means nothing; {instead}")]
    CredentialsDoNotFit {
        /// The repository.
        address: String,
        /// HTTPS, SSH, the disk.
        by: &'static str,
        /// What was given.
        given: &'static str,
        /// What can be given.
        instead: &'static str,
    },
    /// The folder that is asked for is no path inside the repository.
    #[error("the folder of the repository is no path inside it; write it like `guilds/production`")]
    BadFolder {
        /// What is wrong.
        source: InvalidPath,
    },
    /// A commit has to be written out.
    #[error("`{commit}` is no commit: write all 40 digits of its id")]
    BadCommit {
        /// What was written.
        commit: String,
    },
    /// A file the settings name cannot be read.
    #[error("cannot read {what} `{}`", path.display())]
    UnreadableSetting {
        /// What is in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file the settings name is something else.
    #[error("`{}` cannot be used as {what}: {why}", path.display())]
    UnusableSetting {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    // ---- the way to the server ----
    /// There is no connection.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// The server.
        host: String,
        /// What the network says.
        why: String,
    },
    /// It took too long.
    #[error("{place} did not give everything within {seconds} seconds")]
    TimedOut {
        /// The repository.
        place: String,
        /// How long it had.
        seconds: u64,
    },
    /// The connection ended too early.
    #[error("{place} broke off midway: {why}; nothing of it is used")]
    Interrupted {
        /// The repository.
        place: String,
        /// What is known.
        why: String,
    },
    /// Nobody vouches for the server.
    #[error(
        "the certificate of {host} cannot be trusted: {why}; a server with an authority of its own needs that authority among \
         this machine's"
    )]
    BadCertificate {
        /// The server.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server is in trouble.
    #[error("{host} answers with the status {status}")]
    ServerFailed {
        /// The server.
        host: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The server sends us somewhere else. Credentials are not sent after it.
    #[error("{place} has moved to {to}; if that is right, name the new address")]
    Moved {
        /// The repository.
        place: String,
        /// Where it says it is.
        to: String,
    },
    /// What answers is no git server.
    #[error("{place} does not answer as a git server does: {why}; is the address right?")]
    NotGit {
        /// The repository.
        place: String,
        /// What is wrong.
        why: String,
    },

    // ---- who we are, and who they are ----
    /// The server wants to know who asks.
    #[error(
        "{host} lets nobody read {place} without credentials; name some, and check the address: many servers say the same of \
         a repository that does not exist"
    )]
    AuthenticationRequired {
        /// The server.
        host: String,
        /// The repository.
        place: String,
    },
    /// The credentials are wrong, or were taken back.
    #[error(
        "{host} refuses the credentials for {place}; check whether they are right, have not expired or been revoked, and may \
         read the repository"
    )]
    AuthenticationFailed {
        /// The server.
        host: String,
        /// The repository.
        place: String,
    },
    /// The key cannot be used.
    #[error("the private key `{}` cannot be used: {why}; is its passphrase right?", path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Nobody said what key the server has.
    #[error(
        "the host key of {host} is not known: it shows {key}; compare that with what its operator publishes, and then add it \
         to `{}`: `ssh-keyscan {scan}` prints the lines", known_hosts.display()
    )]
    HostKeyUnknown {
        /// The server.
        host: String,
        /// The kind of its key, and the fingerprint as `ssh-keygen -l` writes it.
        key: String,
        /// Where known keys are.
        known_hosts: PathBuf,
        /// What `ssh-keyscan` has to be given.
        scan: String,
    },
    /// The server has another key than it should.
    #[error(
        "the host key of {host} has changed: it shows {key}, and `{}` says otherwise in line {line}; somebody may be \
         listening in. Ask its operator, and only if the new key is theirs, replace that line", known_hosts.display()
    )]
    HostKeyChanged {
        /// The server.
        host: String,
        /// The kind of its key, and the fingerprint as `ssh-keygen -l` writes it.
        key: String,
        /// Where known keys are.
        known_hosts: PathBuf,
        /// The line there, from 1.
        line: usize,
    },
    /// The server has a key nobody may use any more.
    #[error(
        "{host} shows {key}, which `{}` revokes in line {line}; do not connect to it, and ask its operator",
        known_hosts.display()
    )]
    HostKeyRevoked {
        /// The server.
        host: String,
        /// The kind of its key, and the fingerprint as `ssh-keygen -l` writes it.
        key: String,
        /// Where known keys are.
        known_hosts: PathBuf,
        /// The line there, from 1.
        line: usize,
    },

    // ---- what is there ----
    /// There is no such repository, or not for us.
    #[error("there is no repository {place}, or these credentials may not see it; check the address")]
    RepositoryNotFound {
        /// The repository.
        place: String,
    },
    /// Nothing was ever pushed.
    #[error("the repository {place} is empty; push a branch with a manifest")]
    EmptyRepository {
        /// The repository.
        place: String,
    },
    /// The branch is not there, or no longer.
    #[error("the repository {place} has no branch `{branch}`{}", alternatives(there))]
    BranchNotFound {
        /// The repository.
        place: String,
        /// The branch.
        branch: String,
        /// Some that are there.
        there: Vec<String>,
    },
    /// The tag is not there, or no longer.
    #[error("the repository {place} has no tag `{tag}`{}", alternatives(there))]
    TagNotFound {
        /// The repository.
        place: String,
        /// The tag.
        tag: String,
        /// Some that are there.
        there: Vec<String>,
    },
    /// The tag does not lead to a commit.
    #[error("the tag `{tag}` of {place} names no commit")]
    NotACommit {
        /// The repository.
        place: String,
        /// The tag.
        tag: String,
    },
    /// The commit is not there.
    #[error("the repository {place} has no commit {commit} on any branch or tag")]
    CommitNotFound {
        /// The repository.
        place: String,
        /// The commit.
        commit: String,
    },
    /// The folder is not in the repository, or no longer.
    #[error("there is no folder `{folder}` at {revision}; it was moved or deleted, or the setting has to follow it")]
    FolderNotFound {
        /// The folder.
        folder: String,
        /// Where it was looked for.
        revision: String,
    },
    /// The folder is not on the disk, or no longer.
    #[error("there is no folder `{}`", path.display())]
    FolderMissing {
        /// The folder.
        path: PathBuf,
    },
    /// A file or a folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody keeps writing.
    #[error("`{}` keeps changing while it is read; what is there is used when it has come to rest", path.display())]
    Unsettled {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error(
        "there is no manifest (`*.yaml`, `*.yml`) in {place}; nothing is changed, and no guild becomes empty by this"
    )]
    NoManifest {
        /// The folder and where it is.
        place: String,
    },
    /// A link may lead anywhere.
    #[error("`{path}` is a symbolic link, and those are not followed; put the file or folder itself there")]
    SymbolicLink {
        /// Its path.
        path: String,
    },
    /// Another repository is not this one.
    #[error(
        "`{path}` is a submodule, and those are not fetched; put the files themselves there, or keep manifests in a folder \
         without submodules and name that folder"
    )]
    Submodule {
        /// Its path.
        path: String,
    },
    /// Not every sequence of bytes is a name.
    #[error("a name in {place} is not text in UTF-8: `{name}`; rename it")]
    NotText {
        /// The folder and where it is.
        place: String,
        /// As much of it as can be shown.
        name: String,
    },
    /// Not every name can be that of a file of manifests.
    #[error("a file cannot be named by manifests; rename it")]
    UnusableName {
        /// Why.
        source: InvalidPath,
    },
    /// One file is too large.
    #[error(
        "`{path}` has {bytes} bytes; manifests and images have at most {most}: make it smaller, or keep it outside of the folder"
    )]
    FileTooLarge {
        /// Its path.
        path: String,
        /// Its size.
        bytes: u64,
        /// Most that are read.
        most: u64,
    },
    /// All files together are too large.
    #[error(
        "the manifests and images in {place} have more than {most} bytes together; keep what SetAI need not read elsewhere, \
         and name the folder of the manifests"
    )]
    TooLarge {
        /// The folder and where it is.
        place: String,
        /// Most that are read.
        most: u64,
    },
    /// There are too many files.
    #[error(
        "there are more than {most} manifests and images in {place}; keep what SetAI need not read elsewhere, and name the \
         folder of the manifests"
    )]
    TooManyFiles {
        /// The folder and where it is.
        place: String,
        /// Most that are read.
        most: usize,
    },
    /// There is too much to go through, read or not.
    #[error(
        "there are more than {most} files and folders in {place}; keep what SetAI need not read elsewhere, and name the folder \
         of the manifests"
    )]
    TooManyEntries {
        /// The folder and where it is.
        place: String,
        /// Most that are gone through.
        most: usize,
    },
    /// The repository is too large to be fetched.
    #[error("one revision of {place} takes more than {most} bytes; keep manifests in a repository of their own")]
    FetchTooLarge {
        /// The repository.
        place: String,
        /// Most that are fetched.
        most: u64,
    },

    // ---- who signed it ----
    /// Nobody signed.
    #[error(
        "the commit {commit} is not signed, and only signed ones may be used; sign it, or undo it with a signed one"
    )]
    Unsigned {
        /// The commit.
        commit: String,
    },
    /// Somebody signed who is on no list.
    #[error("the commit {commit} is signed with {key}, which {why}")]
    UnknownSigner {
        /// The commit.
        commit: String,
        /// The key, by its fingerprint.
        key: String,
        /// Why it does not count.
        why: String,
    },
    /// The signature does not belong to what is there.
    #[error(
        "the signature of the commit {commit} is bad: {why}; somebody may have changed it. Do not use it, and ask who made it"
    )]
    BadSignature {
        /// The commit.
        commit: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody here can read such signatures.
    #[error("the commit {commit} has a signature of a kind that cannot be checked: {kind}; sign with SSH or OpenPGP")]
    UnsupportedSignature {
        /// The commit.
        commit: String,
        /// What kind.
        kind: String,
    },
    /// OpenPGP needs a program.
    #[error("signatures of OpenPGP are checked by the program `gpg`, which cannot be started; install GnuPG")]
    NoGpg {
        /// Why.
        source: io::Error,
    },

    // ---- this machine ----
    /// What was fetched cannot be kept.
    #[error("the folder `{}`, where what is fetched is kept, cannot be used: {why}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The folder is somebody else's.
    #[error("`{}` is not empty and was not made for this; name a folder of its own for what is fetched", path.display())]
    NotACache {
        /// The folder.
        path: PathBuf,
    },
    /// Something nobody thought of.
    #[error("{place} could not be read: {why}")]
    Git {
        /// The repository.
        place: String,
        /// What the library says.
        why: String,
    },
}

/// What to do, with what else there is, to be shown after what there is not.
fn alternatives(there: &[String]) -> String {
    match there {
        [] => "; push it, or name another".to_owned(),
        there => format!("; push it, or name one that is there: `{}`", there.join("`, `")),
    }
}

impl Error {
    /// Whether waiting helps.
    pub fn class(&self) -> Class {
        self.kind().1
    }

    /// A word for it that stays the same, for statuses and metrics.
    pub fn reason(&self) -> &'static str {
        self.kind().0
    }

    fn kind(&self) -> (&'static str, Class) {
        use Class::{Stalled, Waiting};
        match self {
            Self::BadAddress | Self::PasswordInAddress { .. } | Self::UnsupportedScheme { .. } => {
                ("BadAddress", Stalled)
            }
            Self::CredentialsDoNotFit { .. } => ("CredentialsDoNotFit", Stalled),
            Self::BadFolder { .. } => ("BadFolder", Stalled),
            Self::BadCommit { .. } => ("BadCommit", Stalled),
            Self::UnreadableSetting { .. } => ("UnreadableSetting", Stalled),
            Self::UnusableSetting { .. } => ("UnusableSetting", Stalled),
            Self::Unreachable { .. } => ("Unreachable", Waiting),
            Self::TimedOut { .. } => ("TimedOut", Waiting),
            Self::Interrupted { .. } => ("Interrupted", Waiting),
            Self::BadCertificate { .. } => ("BadCertificate", Stalled),
            Self::ServerFailed { .. } => ("ServerFailed", Waiting),
            Self::Moved { .. } => ("Moved", Stalled),
            Self::NotGit { .. } => ("NotGit", Stalled),
            Self::AuthenticationRequired { .. } => ("AuthenticationRequired", Stalled),
            Self::AuthenticationFailed { .. } => ("AuthenticationFailed", Stalled),
            Self::UnusableKey { .. } => ("UnusableKey", Stalled),
            Self::HostKeyUnknown { .. } => ("HostKeyUnknown", Stalled),
            Self::HostKeyChanged { .. } => ("HostKeyChanged", Stalled),
            Self::HostKeyRevoked { .. } => ("HostKeyRevoked", Stalled),
            Self::RepositoryNotFound { .. } => ("RepositoryNotFound", Stalled),
            Self::EmptyRepository { .. } => ("EmptyRepository", Stalled),
            Self::BranchNotFound { .. } => ("BranchNotFound", Stalled),
            Self::TagNotFound { .. } => ("TagNotFound", Stalled),
            Self::NotACommit { .. } => ("NotACommit", Stalled),
            Self::CommitNotFound { .. } => ("CommitNotFound", Stalled),
            Self::FolderNotFound { .. } | Self::FolderMissing { .. } => ("FolderNotFound", Stalled),
            Self::Unreadable { .. } => ("Unreadable", Stalled),
            Self::Unsettled { .. } => ("Unsettled", Waiting),
            Self::NoManifest { .. } => ("NoManifest", Stalled),
            Self::SymbolicLink { .. } => ("SymbolicLink", Stalled),
            Self::Submodule { .. } => ("Submodule", Stalled),
            Self::NotText { .. } | Self::UnusableName { .. } => ("UnusableName", Stalled),
            Self::FileTooLarge { .. } => ("FileTooLarge", Stalled),
            Self::TooLarge { .. } => ("TooLarge", Stalled),
            Self::TooManyFiles { .. } => ("TooManyFiles", Stalled),
            Self::TooManyEntries { .. } => ("TooManyEntries", Stalled),
            Self::FetchTooLarge { .. } => ("FetchTooLarge", Stalled),
            Self::Unsigned { .. } => ("Unsigned", Stalled),
            Self::UnknownSigner { .. } => ("UnknownSigner", Stalled),
            Self::BadSignature { .. } => ("BadSignature", Stalled),
            Self::UnsupportedSignature { .. } => ("UnsupportedSignature", Stalled),
            Self::NoGpg { .. } => ("NoGpg", Stalled),
            Self::Cache { .. } => ("CacheUnusable", Waiting),
            Self::NotACache { .. } => ("NotACache", Stalled),
            Self::Git { .. } => ("GitFailed", Waiting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        let unreachable = Error::Unreachable { host: "git.example".into(), why: "no route".into() };
        assert_eq!((unreachable.class(), unreachable.reason()), (Class::Waiting, "Unreachable"));
        let unsigned = Error::Unsigned { commit: "3f9c".into() };
        assert_eq!((unsigned.class(), unsigned.reason()), (Class::Stalled, "Unsigned"));
    }

    #[test]
    fn every_reason_is_in_the_documentation() {
        let documentation = include_str!("../../docs/sources.md");
        let source = include_str!("error.rs");
        let arms = source.lines().filter_map(|line| line.split_once("=> (\"")?.1.split_once("\", "));
        let reasons: Vec<_> = arms.map(|(reason, _)| reason).collect();
        assert!(reasons.len() > 30, "{reasons:?}");
        let missing: Vec<_> = reasons.iter().filter(|reason| !documentation.contains(&format!("`{reason}`"))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_is_there_is_offered() {
        let gone = |there: &[&str]| Error::BranchNotFound {
            place: "git.example:g".into(),
            branch: "mian".into(),
            there: there.iter().map(|&name| name.to_owned()).collect(),
        };
        let message = gone(&["dev", "main"]).to_string();
        assert_eq!(
            message,
            "the repository git.example:g has no branch `mian`; push it, or name one that is there: `dev`, `main`"
        );
        assert_eq!(
            gone(&[]).to_string(),
            "the repository git.example:g has no branch `mian`; push it, or name another"
        );
    }
}

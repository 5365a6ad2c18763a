//! Repositories in which only signed commits count.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use setai::source::{Class, Git, GitSettings, Reference, Signatures};

use super::{content, git, told, trouble};
use crate::support::git::Repository;
use crate::support::sshd::make_key;

fn signed_by_ssh(repository: &Repository, key: &Path, subject: &str) -> String {
    let key = format!("user.signingkey={}", key.display());
    repository.push_with(&["-c", "gpg.format=ssh", "-c", &key, "-c", "commit.gpgsign=true"], subject)
}

fn requiring(repository: &Repository, signatures: Signatures) -> Git {
    let settings = repository.settings(repository.bare().display().to_string());
    git(GitSettings { signatures: Some(signatures), ..settings })
}

/// A list on which the owner of a key is called Anna.
fn allowing(repository: &Repository, options: &str, key: &Path) -> Signatures {
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let file = repository.root().join("allowed_signers");
    std::fs::write(&file, format!("anna@example.com {options}{public}")).expect("a file");
    Signatures { allowed_signers: Some(file), openpgp_keyring: None }
}

/// Puts a commit that says something else, with the signature of the last one, in its place.
fn tamper(repository: &Repository) {
    let commit = repository.git(&["cat-file", "commit", "HEAD"]);
    let forged = commit.replace("As it should be", "As it should not be");
    assert_ne!(forged, commit);
    let file = repository.root().join("forged");
    std::fs::write(&file, forged + "\n").expect("a file");
    let id = repository.git(&["hash-object", "-t", "commit", "-w", &file.display().to_string()]);
    repository.git(&["push", "-q", "--force", "origin", &format!("{id}:refs/heads/main")]);
}

fn key(repository: &Repository, name: &str) -> PathBuf {
    let path = repository.root().join(name);
    make_key(&path, "");
    path
}

#[tokio::test]
async fn a_signature_of_ssh_counts_when_its_signer_may_sign() {
    let repository = Repository::new();
    let (anna, stranger) = (key(&repository, "anna"), key(&repository, "stranger"));
    let source = requiring(&repository, allowing(&repository, "", &anna));
    let error = trouble(&source).await;
    assert_eq!(told(&error), ("Unsigned", Class::Stalled));
    let commit = signed_by_ssh(&repository, &anna, "As it should be");
    let revision = content(&source).await.revision;
    assert_eq!((revision.id.as_str(), revision.signed_by.as_deref()), (commit.as_str(), Some("anna@example.com")));
    tamper(&repository);
    assert_eq!(told(&trouble(&source).await), ("BadSignature", Class::Stalled));
    signed_by_ssh(&repository, &stranger, "By a stranger");
    let error = trouble(&source).await;
    assert_eq!(told(&error), ("UnknownSigner", Class::Stalled));
    assert!(error.to_string().contains("SHA256:"), "{error}");
}

#[tokio::test]
async fn a_signer_may_sign_for_git_and_in_their_time_only() {
    let repository = Repository::new();
    let anna = key(&repository, "anna");
    signed_by_ssh(&repository, &anna, "As it should be");
    for (options, counts) in [
        ("namespaces=\"git\",valid-after=\"20200101Z\" ", true),
        ("namespaces=\"file\" ", false),
        ("valid-before=\"20200101Z\" ", false),
        ("valid-after=\"29990101Z\" ", false),
    ] {
        let source = requiring(&repository, allowing(&repository, options, &anna));
        match counts {
            true => assert!(content(&source).await.revision.signed_by.is_some(), "{options}"),
            false => assert_eq!(trouble(&source).await.reason(), "UnknownSigner", "{options}"),
        }
    }
    let nobody = requiring(&repository, Signatures::default());
    assert_eq!(trouble(&nobody).await.reason(), "UnknownSigner");
    let missing = Signatures { allowed_signers: Some(repository.root().join("none")), openpgp_keyring: None };
    assert_eq!(trouble(&requiring(&repository, missing)).await.reason(), "UnreadableSetting");
    std::fs::write(repository.root().join("allowed_signers"), "anna@example.com sesame").expect("a file");
    let rubbish = allowing(&repository, "until=tomorrow ", &anna);
    assert_eq!(trouble(&requiring(&repository, rubbish)).await.reason(), "UnusableSetting");
}

/// Somebody with a keyring.
struct Somebody(tempfile::TempDir);

impl Somebody {
    fn new(name: &str) -> Self {
        let somebody = Self(tempfile::tempdir().expect("a folder"));
        let who = format!("{name} <{name}@example.com>");
        let made = ["--passphrase", "", "--quick-generate-key", &who, "ed25519", "sign", "never"];
        assert!(somebody.gpg(&made).status.success(), "gpg is installed: `./dev test` sees to it");
        somebody
    }

    fn gpg(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-tty", "--homedir"]).arg(self.0.path()).args(arguments);
        command.stdin(Stdio::null()).stderr(Stdio::null()).output().expect("gpg runs")
    }

    /// Their public key in a file, armoured or not.
    fn public(&self, file: &Path, form: &[&str]) -> Signatures {
        std::fs::write(file, self.gpg(&[form, &["--export"]].concat()).stdout).expect("a file");
        Signatures { allowed_signers: None, openpgp_keyring: Some(file.to_owned()) }
    }

    fn sign(&self, repository: &Repository, subject: &str) {
        let script = repository.root().join("gpg-of-somebody");
        let text = format!("#!/bin/sh\nexec gpg --homedir '{}' \"$@\"\n", self.0.path().display());
        std::fs::write(&script, text).expect("a file");
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(&script, mode).expect("a program");
        let program = format!("gpg.program={}", script.display());
        // It is their only key, whoever the commit says made it.
        let key = ["-c", "user.signingkey=example.com"];
        repository.push_with(&[&["-c", &program, "-c", "commit.gpgsign=true"], &key[..]].concat(), subject);
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        // The agent of this keyring, and of no other.
        let mut command = Command::new("gpgconf");
        let command = command.arg("--homedir").arg(self.0.path()).args(["--kill", "gpg-agent"]);
        assert!(command.status().is_ok_and(|status| status.success()));
    }
}

#[tokio::test]
async fn a_signature_of_openpgp_counts_when_its_key_is_in_the_keyring() {
    let repository = Repository::new();
    let (anna, stranger) = (Somebody::new("anna"), Somebody::new("stranger"));
    anna.sign(&repository, "As it should be");
    for form in [&["--armor"][..], &[]] {
        let source = requiring(&repository, anna.public(&repository.root().join("keyring"), form));
        let signed_by = content(&source).await.revision.signed_by.expect("a signature");
        assert!(signed_by.starts_with("anna <anna@example.com> ("), "{signed_by}");
    }
    let source = requiring(&repository, anna.public(&repository.root().join("keyring"), &[]));
    tamper(&repository);
    assert_eq!(told(&trouble(&source).await), ("BadSignature", Class::Stalled));
    stranger.sign(&repository, "By a stranger");
    assert_eq!(told(&trouble(&source).await), ("UnknownSigner", Class::Stalled));
    repository.push("Unsigned");
    assert_eq!(told(&trouble(&source).await), ("Unsigned", Class::Stalled));
    std::fs::write(repository.root().join("keyring"), "rubbish").expect("a file");
    stranger.sign(&repository, "With rubbish for a keyring");
    assert_eq!(told(&trouble(&source).await), ("UnusableSetting", Class::Stalled));
}

#[tokio::test]
async fn a_tag_is_as_good_as_the_commit_it_names() {
    let repository = Repository::new();
    let anna = key(&repository, "anna");
    let signatures = allowing(&repository, "", &anna);
    repository.git(&["tag", "v1"]);
    signed_by_ssh(&repository, &anna, "As it should be");
    repository.git(&["tag", "v2"]);
    repository.git(&["push", "-q", "--tags", "origin"]);
    let at = |tag: &str| {
        let settings = repository.settings(repository.bare().display().to_string());
        let reference = Reference::Tag(tag.to_owned());
        git(GitSettings { reference, signatures: Some(signatures.clone()), ..settings })
    };
    assert_eq!(trouble(&at("v1")).await.reason(), "Unsigned");
    assert_eq!(content(&at("v2")).await.revision.signed_by.as_deref(), Some("anna@example.com"));
}

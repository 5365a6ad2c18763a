//! Repositories behind an SSH server.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use setai::source::{Class, Credentials, Git, GitSettings, Source};

use super::{content, git, is_unchanged, names, told, trouble};
use crate::support::git::Repository;
use crate::support::sshd::{SshServer, this_user};

fn key(server: &SshServer, name: &str, passphrase: Option<&str>) -> Credentials {
    Credentials::SshKey {
        user: this_user(),
        private_key: server.at(name),
        passphrase: passphrase.map(|passphrase| SecretString::from(passphrase.to_owned())),
    }
}

fn source(server: &SshServer, repository: &Repository, credentials: Credentials, known_hosts: PathBuf) -> Git {
    let settings = repository.settings(server.url(&repository.bare()));
    git(GitSettings { credentials, known_hosts: Some(known_hosts), ..settings })
}

#[tokio::test]
async fn a_repository_is_read_with_a_key() {
    let (server, repository) = (SshServer::start(), Repository::new());
    let known_hosts = server.known_hosts("host");
    let git = source(&server, &repository, key(&server, "user", None), known_hosts.clone());
    let known = content(&git).await.revision;
    assert!(is_unchanged(&git, &known).await);
    repository.write("more.yaml", "x: 1");
    repository.push("More");
    assert_eq!(names(&git).await, ["guild.yaml", "more.yaml"]);
    let locked = source(&server, &repository, key(&server, "locked", Some("a passphrase")), known_hosts);
    assert_eq!(names(&locked).await, ["guild.yaml", "more.yaml"]);
}

#[tokio::test]
async fn a_key_that_is_not_right_is_told() {
    let (server, repository) = (SshServer::start(), Repository::new());
    let known_hosts = server.known_hosts("host");
    let with = |credentials| source(&server, &repository, credentials, known_hosts.clone());
    assert_eq!(told(&trouble(&with(key(&server, "stranger", None))).await), ("AuthenticationFailed", Class::Stalled));
    let error = trouble(&with(key(&server, "locked", Some("another passphrase")))).await;
    assert_eq!(told(&error), ("UnusableKey", Class::Stalled), "{error}");
    assert!(!format!("{error} {error:?}").contains("another passphrase"));
    assert_eq!(told(&trouble(&with(key(&server, "none", None))).await), ("UnreadableSetting", Class::Stalled));
    let git = with(key(&server, "user", None));
    let known = content(&git).await.revision;
    server.revoke();
    let error = git.look(Some(&known)).await.expect_err("it was revoked");
    assert_eq!(told(&error), ("AuthenticationFailed", Class::Stalled));
}

#[tokio::test]
async fn a_host_is_known_or_refused() {
    let (server, repository) = (SshServer::start(), Repository::new());
    let with = |known_hosts| source(&server, &repository, key(&server, "user", None), known_hosts);
    let error = trouble(&with(server.at("no such file"))).await;
    assert_eq!(told(&error), ("HostKeyUnknown", Class::Stalled));
    let message = error.to_string();
    assert!(message.contains("ssh-ed25519 SHA256:"), "{message}");
    assert!(message.contains(&format!("ssh-keyscan -p {} 127.0.0.1", server.port)), "{message}");
    let error = trouble(&with(server.known_hosts("stranger"))).await;
    assert_eq!(told(&error), ("HostKeyChanged", Class::Stalled));
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!(names(&with(server.known_hosts("host"))).await, ["guild.yaml"]);
    let file = server.known_hosts("host");
    let revoked = std::fs::read_to_string(&file).expect("a file").replace("[127", "@revoked [127");
    std::fs::write(&file, revoked).expect("a file");
    assert_eq!(told(&trouble(&with(file)).await), ("HostKeyRevoked", Class::Stalled));
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told() {
    let (server, repository) = (SshServer::start(), Repository::new());
    let (credentials, known_hosts) = (key(&server, "user", None), server.known_hosts("host"));
    let settings = repository.settings(server.url(&repository.root().join("gone.git")));
    let gone = git(GitSettings { credentials, known_hosts: Some(known_hosts), ..settings });
    let error = trouble(&gone).await;
    assert_eq!(told(&error), ("RepositoryNotFound", Class::Stalled), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_holds_nobody_up() {
    let (server, repository) = (SshServer::start(), Repository::new());
    // It takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let credentials = key(&server, "user", None);
    let settings = repository.settings(format!("ssh://127.0.0.1:{port}/guilds.git"));
    let settings = GitSettings { credentials, timeout: Duration::from_millis(300), ..settings };
    let hanging = git(settings.clone());
    assert_eq!(told(&trouble(&hanging).await), ("TimedOut", Class::Waiting));
    drop(silent);
    let error = trouble(&git(GitSettings { timeout: Duration::from_secs(60), ..settings })).await;
    assert_eq!(told(&error), ("Unreachable", Class::Waiting), "{error}");
}

//! Repositories behind a web server.

use std::time::Duration;

use secrecy::SecretString;
use setai::source::{Class, Credentials, GitSettings, Limits, Look, Reference, Source};

use super::{content, git, is_unchanged, names, told, trouble};
use crate::support::git::{Mood, Repository, WebServer};

fn basic(password: &str) -> Credentials {
    Credentials::Basic { user: "setai".to_owned(), password: SecretString::from(password.to_owned()) }
}

#[tokio::test]
async fn a_branch_is_read_with_where_it_was() {
    let repository = Repository::new();
    repository.write("roles/staff.yaml", "roles: {}");
    repository.write("README.md", "# Ours");
    let commit = repository.push("Add the staff\n\nAnd more.");
    let server = WebServer::start(&repository).await;
    let source = git(repository.settings(server.url()));
    let content = content(&source).await;
    let paths: Vec<_> = content.files.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["guild.yaml", "roles/staff.yaml"]);
    assert_eq!(content.files.get("roles/staff.yaml"), Some(b"roles: {}".as_slice()));
    let revision = content.revision;
    assert_eq!((revision.name.as_str(), revision.id.as_str()), ("main", commit.as_str()));
    assert_eq!((revision.subject.as_deref(), revision.author.as_deref()), (Some("Add the staff"), Some("Anna")));
    assert!(revision.at.is_some() && revision.signed_by.is_none());
    assert_eq!(revision.short(), format!("main@{}", &commit[..12]));
    assert_eq!(source.describe(), format!("{}, branch main", server.url()));
}

#[tokio::test]
async fn an_unchanged_repository_costs_one_question() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let source = git(repository.settings(server.url()));
    let known = content(&source).await.revision;
    assert!(server.requests().iter().any(|request| request.starts_with("POST")), "it was fetched");
    assert!(is_unchanged(&source, &known).await);
    assert_eq!(server.requests(), ["GET /guilds.git/info/refs?service=git-upload-pack"]);
    // Whoever starts again knows nothing, and still need not fetch what is kept.
    let again = content(&git(repository.settings(server.url()))).await;
    assert_eq!(again.revision, known);
    assert_eq!(server.requests(), ["GET /guilds.git/info/refs?service=git-upload-pack"]);
}

#[tokio::test]
async fn every_push_is_a_new_revision_by_force_or_not() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let source = git(repository.settings(server.url()));
    let first = content(&source).await.revision;
    repository.write("more.yaml", "x: 1");
    let second = repository.push("More");
    let Ok(Look::New(found)) = source.look(Some(&first)).await else { panic!("something new") };
    assert_eq!((found.revision.id.as_str(), found.files.iter().count()), (second.as_str(), 2));
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repository.write("other.yaml", "x: 2");
    let forced = repository.push("Something else instead");
    let Ok(Look::New(content)) = source.look(Some(&found.revision)).await else { panic!("something new") };
    assert_eq!(content.revision.id, forced);
    assert_eq!(content.files.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["guild.yaml", "other.yaml"]);
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repository.git(&["push", "-q", "--force", "origin", "HEAD"]);
    let Ok(Look::New(content)) = source.look(Some(&content.revision)).await else { panic!("back again") };
    assert_eq!(content.revision, first);
}

#[tokio::test]
async fn only_the_last_commit_is_fetched() {
    let repository = Repository::new();
    let old = repository.git(&["rev-parse", "HEAD:guild.yaml"]);
    repository.write("guild.yaml", "version: 1\nguild: \"2\"\n");
    repository.push("Another");
    let server = WebServer::start(&repository).await;
    let settings = repository.settings(server.url());
    let source = git(settings.clone());
    assert_eq!(names(&source).await, ["guild.yaml"]);
    let cache = git2::Repository::open_bare(&settings.cache).expect("a repository");
    assert!(cache.find_blob(old.parse().expect("an id")).is_err(), "history stays where it is");
}

#[tokio::test]
async fn tags_and_commits_are_read() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "-a", "v1", "-m", "The first"]);
    repository.git(&["tag", "light"]);
    repository.git(&["push", "-q", "--tags", "origin"]);
    repository.write("second.yaml", "x: 1");
    let second = repository.push("A second");
    repository.push("A third");
    let server = WebServer::start(&repository).await;
    let at = |reference| git(GitSettings { reference, ..repository.settings(server.url()) });
    for tag in ["v1", "light"] {
        let source = at(Reference::Tag(tag.to_owned()));
        let revision = content(&source).await.revision;
        assert_eq!((revision.name.as_str(), revision.id.as_str()), (tag, first.as_str()));
        assert!(is_unchanged(&source, &revision).await, "{tag}");
    }
    // One that a tag names, and one between, which the server does not hand out by itself.
    for commit in [&first, &second] {
        let source = at(Reference::Commit(commit.clone()));
        let revision = content(&source).await.revision;
        assert_eq!(revision.id, *commit);
        drop(server.requests());
        assert!(is_unchanged(&source, &revision).await);
        assert!(server.requests().is_empty(), "a commit never changes");
    }
    repository.git_bare(&["config", "uploadpack.allowReachableSHA1InWant", "true"]);
    let settings = repository.settings(server.url());
    let (reference, cache) = (Reference::Commit(second.clone()), repository.root().join("another"));
    let source = git(GitSettings { reference, cache, ..settings });
    assert_eq!(content(&source).await.revision.id, second);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let repository = Repository::new();
    repository.git(&["tag", "v1"]);
    repository.git(&["push", "-q", "--tags", "origin"]);
    let server = WebServer::start(&repository).await;
    let at = |reference| git(GitSettings { reference, ..repository.settings(server.url()) });
    let error = trouble(&at(Reference::Branch("mian".to_owned()))).await;
    assert_eq!(told(&error), ("BranchNotFound", Class::Stalled));
    assert!(error.to_string().ends_with("has no branch `mian`; push it, or name one that is there: `main`"), "{error}");
    let error = trouble(&at(Reference::Tag("v2".to_owned()))).await;
    assert_eq!(told(&error), ("TagNotFound", Class::Stalled));
    assert!(error.to_string().ends_with("one that is there: `v1`"), "{error}");
    let error = trouble(&at(Reference::Commit("0123456789".repeat(4)))).await;
    assert_eq!(told(&error), ("CommitNotFound", Class::Stalled));
    // A branch that was there yesterday.
    let source = git(repository.settings(server.url()));
    let known = content(&source).await.revision;
    repository.git_bare(&["branch", "-m", "main", "trunk"]);
    let error = source.look(Some(&known)).await.expect_err("it is gone");
    assert_eq!(error.reason(), "BranchNotFound");
    let missing = git(repository.settings(server.url().replace("guilds", "guild")));
    assert_eq!(told(&trouble(&missing).await), ("RepositoryNotFound", Class::Stalled));
}

#[tokio::test]
async fn an_empty_repository_is_an_error() {
    let repository = Repository::empty();
    let server = WebServer::start(&repository).await;
    let error = trouble(&git(repository.settings(server.url()))).await;
    assert_eq!(told(&error), ("EmptyRepository", Class::Stalled));
}

#[tokio::test]
async fn credentials_are_asked_for_used_and_may_be_revoked() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    server.require("setai", "hunter2");
    let with = |credentials| git(GitSettings { credentials, ..repository.settings(server.url()) });
    assert_eq!(told(&trouble(&with(Credentials::None)).await), ("AuthenticationRequired", Class::Stalled));
    let error = trouble(&with(basic("hunter3"))).await;
    assert_eq!(told(&error), ("AuthenticationFailed", Class::Stalled));
    assert!(!format!("{error} {error:?}").contains("hunter3"));
    let source = with(basic("hunter2"));
    let known = content(&source).await.revision;
    assert!(is_unchanged(&source, &known).await);
    server.require("setai", "another");
    let error = source.look(Some(&known)).await.expect_err("it was revoked");
    assert_eq!(told(&error), ("AuthenticationFailed", Class::Stalled));
}

#[tokio::test]
async fn a_token_goes_with_any_user() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let token = |user: Option<&str>| Credentials::Token {
        user: user.map(str::to_owned),
        token: SecretString::from("a token".to_owned()),
    };
    let there = async |credentials, url| {
        let source = git(GitSettings { credentials, ..repository.settings(url) });
        source.look(None).await.is_ok()
    };
    server.require("x-access-token", "a token");
    assert!(there(token(None), server.url()).await);
    server.require("x-token-auth", "a token");
    assert!(!there(token(None), server.url()).await);
    assert!(there(token(Some("x-token-auth")), server.url()).await);
    let named = |user: &str| server.url().replace("://", &format!("://{user}@"));
    assert!(there(token(None), named("x-token-auth")).await);
    assert!(there(token(Some("x-token-auth")), named("somebody")).await, "what is a setting counts more");
}

#[tokio::test]
async fn a_host_that_fails_midway_leaves_what_was_read_before() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let source = git(repository.settings(server.url()));
    let known = content(&source).await.revision;
    repository.write("more.yaml", "x: 1");
    let second = repository.push("More");
    server.be(Mood::Failing);
    let error = source.look(Some(&known)).await.expect_err("half of it");
    assert_eq!(told(&error), ("Interrupted", Class::Waiting));
    server.be(Mood::Good);
    assert_eq!(content(&source).await.revision.id, second, "and it goes on as if nothing had been");
}

#[tokio::test]
async fn a_host_that_hangs_holds_nobody_up() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let source = |timeout| git(GitSettings { timeout, ..repository.settings(server.url()) });
    for mood in [Mood::Silent, Mood::Stuck] {
        server.be(mood);
        let error = trouble(&source(Duration::from_millis(300))).await;
        assert_eq!(told(&error), ("TimedOut", Class::Waiting), "{mood:?}");
    }
    // Nobody is left who holds on to the cache.
    server.be(Mood::Stuck);
    let patient = source(Duration::from_secs(60));
    assert!(tokio::time::timeout(Duration::from_millis(300), patient.look(None)).await.is_err(), "it was stopped");
    server.be(Mood::Good);
    assert_eq!(names(&patient).await, ["guild.yaml"]);
}

#[tokio::test]
async fn what_a_server_answers_instead_is_told() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let source = git(repository.settings(server.url()));
    for (mood, reason, class) in [
        (Mood::Status(503), "ServerFailed", Class::Waiting),
        (Mood::Status(429), "ServerFailed", Class::Waiting),
        (Mood::Status(403), "AuthenticationRequired", Class::Stalled),
        (Mood::Status(404), "RepositoryNotFound", Class::Stalled),
        (Mood::WebSite, "NotGit", Class::Stalled),
        (
            Mood::Moved("https://u:hunter2@elsewhere.example/g/info/refs?service=git-upload-pack"),
            "Moved",
            Class::Stalled,
        ),
    ] {
        server.be(mood);
        let error = trouble(&source).await;
        assert_eq!(told(&error), (reason, class), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let nobody = git(repository.settings("http://127.0.0.1:9/guilds.git"));
    assert_eq!(told(&trouble(&nobody).await), ("Unreachable", Class::Waiting));
}

#[tokio::test]
async fn a_repository_that_is_too_large_is_not_fetched() {
    let repository = Repository::new();
    // Nothing that can be made smaller on the way.
    let noise: Vec<u8> = (0..300_000_u64).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()).collect();
    repository.write("film.mkv", noise);
    repository.push("A film");
    let server = WebServer::start(&repository).await;
    let limits = Limits { fetched: 100_000, ..Limits::default() };
    let error = trouble(&git(repository.settings(server.url())).with_limits(limits)).await;
    assert_eq!(told(&error), ("FetchTooLarge", Class::Stalled));
    assert_eq!(names(&git(repository.settings(server.url()))).await, ["guild.yaml"]);
}

#[tokio::test]
async fn a_damaged_cache_is_made_anew() {
    let repository = Repository::new();
    let server = WebServer::start(&repository).await;
    let settings = repository.settings(server.url());
    let source = git(settings.clone());
    let known = content(&source).await.revision;
    for file in std::fs::read_dir(settings.cache.join("objects/pack")).expect("a folder") {
        std::fs::remove_file(file.expect("a file").path()).expect("it is gone");
    }
    assert_eq!(content(&git(settings)).await.revision, known);
}

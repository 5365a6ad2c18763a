//! What is in a commit, and what must not be.

use std::process::Command;
use std::time::Duration;

use setai::source::{Class, Git, GitSettings, Limits, Signatures};

use super::{content, git, names, told, trouble};
use crate::support::git::Repository;

/// A source that reads the repository from this machine's disk.
fn local(repository: &Repository) -> Git {
    git(repository.settings(repository.bare().display().to_string()))
}

fn below(repository: &Repository, folder: &str) -> Git {
    let settings = repository.settings(format!("file://{}", repository.bare().display()));
    git(GitSettings { path: Some(folder.to_owned()), ..settings })
}

#[tokio::test]
async fn only_what_is_below_the_folder_is_read() {
    let repository = Repository::new();
    for path in ["live/guild.yaml", "live/roles/staff.yml", "live/icon.png", "live/.hidden.yaml", "live/notes.txt"] {
        repository.write(path, "x: 1");
    }
    repository.write("live/node_modules/x.yaml", "x: 1");
    repository.push("Live");
    assert_eq!(names(&below(&repository, "live/")).await, ["guild.yaml", "icon.png", "roles/staff.yml"]);
    assert_eq!(names(&below(&repository, "live/roles")).await, ["staff.yml"]);
    assert_eq!(names(&local(&repository)).await.len(), 4);
}

#[tokio::test]
async fn a_folder_that_is_gone_or_has_no_manifest_is_told() {
    let repository = Repository::new();
    repository.write("docs/README.md", "# Ours");
    repository.push("Docs");
    for folder in ["lives", "guild.yaml", "docs/deeper"] {
        let error = trouble(&below(&repository, folder)).await;
        assert_eq!(told(&error), ("FolderNotFound", Class::Stalled));
        assert!(error.to_string().contains(&format!("`{folder}` at main@")), "{error}");
    }
    let error = trouble(&below(&repository, "docs")).await;
    assert_eq!(told(&error), ("NoManifest", Class::Stalled));
    assert!(error.to_string().contains("`docs` at main@"), "{error}");
}

#[tokio::test]
async fn links_and_submodules_are_refused() {
    for (link, to) in [("more.yaml", "/etc/passwd"), ("more.yaml", "guild.yaml"), ("deep/more", "../..")] {
        let repository = Repository::new();
        let path = repository.work().join(link);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::os::unix::fs::symlink(to, path).expect("a link");
        repository.push("A link");
        let error = trouble(&local(&repository)).await;
        assert_eq!(told(&error), ("SymbolicLink", Class::Stalled));
        assert!(error.to_string().starts_with(&format!("`{link}`")), "{error}");
        assert_eq!(trouble(&below(&repository, link)).await.reason(), "SymbolicLink", "not even by name");
    }
    let repository = Repository::new();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{commit},vendor/theme");
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repository.git(&["commit", "-q", "-m", "A submodule"]);
    repository.git(&["push", "-q", "origin", "HEAD"]);
    let error = trouble(&local(&repository)).await;
    assert_eq!(told(&error), ("Submodule", Class::Stalled));
    assert!(error.to_string().starts_with("`vendor/theme`"), "{error}");
}

#[tokio::test]
async fn limits_hold_for_what_is_read() {
    let repository = Repository::new();
    repository.write("a.yaml", vec![b'a'; 1000]);
    repository.write("b.yaml", vec![b'b'; 1000]);
    repository.push("More");
    let with = |limits| local(&repository).with_limits(limits);
    let limits = Limits { file: 1000, total: 2100, files: 3, ..Limits::default() };
    assert_eq!(names(&with(limits)).await.len(), 3);
    for (limits, reason) in [
        (Limits { file: 999, ..limits }, "FileTooLarge"),
        (Limits { total: 2000, ..limits }, "TooLarge"),
        (Limits { files: 2, ..limits }, "TooManyFiles"),
    ] {
        assert_eq!(told(&trouble(&with(limits)).await), (reason, Class::Stalled));
    }
}

#[tokio::test]
async fn a_tree_without_end_is_told_and_holds_nobody_up() {
    let repository = Repository::new();
    repository.push_endless_tree(&[]);
    let source = local(&repository);
    let error = trouble(&source).await;
    assert_eq!(told(&error), ("TooManyEntries", Class::Stalled));
    assert!(error.to_string().contains("more than 200000 files and folders in main@"), "{error}");
    repository.push("As it should be");
    assert_eq!(names(&source).await, ["guild.yaml"]);
}

#[tokio::test]
async fn whoever_waits_no_more_ends_the_reading() {
    let repository = Repository::new();
    repository.push_endless_tree(&[]);
    let settings = repository.settings(repository.bare().display().to_string());
    let endless = Limits { entries: usize::MAX, ..Limits::default() };
    let source = git(GitSettings { timeout: Duration::from_secs(5), ..settings }).with_limits(endless);
    assert_eq!(told(&trouble(&source).await), ("TimedOut", Class::Waiting));
    repository.push("As it should be");
    assert_eq!(names(&source).await, ["guild.yaml"], "what was read before it gave its turn back");
}

#[tokio::test]
async fn nothing_is_read_of_what_nobody_signed() {
    let repository = Repository::new();
    repository.push_endless_tree(&[]);
    let settings = repository.settings(repository.bare().display().to_string());
    let source = git(GitSettings { signatures: Some(Signatures::default()), ..settings });
    assert_eq!(told(&trouble(&source).await), ("Unsigned", Class::Stalled));
}

#[tokio::test]
async fn a_name_that_is_no_text_is_told() {
    let repository = Repository::new();
    let name = b"caf\xe9.yaml";
    let path = repository.work().join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
    std::fs::write(path, "x: 1").expect("a file");
    repository.push("In another encoding");
    assert_eq!(told(&trouble(&local(&repository)).await), ("UnusableName", Class::Stalled));
}

#[tokio::test]
async fn a_repository_on_the_disk_may_be_missing() {
    let repository = Repository::new();
    let gone = repository.root().join("gone.git");
    let error = trouble(&git(repository.settings(gone.display().to_string()))).await;
    assert_eq!(told(&error), ("RepositoryNotFound", Class::Stalled));
    assert_eq!(content(&local(&repository)).await.revision.name, "main");
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_not_taken_for_a_cache() {
    let repository = Repository::new();
    let settings = repository.settings(repository.bare().display().to_string());
    let error = trouble(&git(GitSettings { cache: repository.work(), ..settings })).await;
    assert_eq!(told(&error), ("NotACache", Class::Stalled));
    let status = Command::new("git").arg("status").current_dir(repository.work()).output().expect("git");
    assert!(status.status.success(), "it is as it was");
}

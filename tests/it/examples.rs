//! The example guilds are what they say: each parses without a word, is built in one go, and then needs nothing more.

use std::fs;
use std::path::{Path, PathBuf};

use setai::manifest::{Files, Manifest, guild_files, parse, render_diagnostics};
use setai::plan::{Consent, Outcome};

use crate::support::stage::{Stage, shown};

fn folder(name: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/examples").join(name);
    let mut files = Files::default();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("inside").to_str().expect("text").to_owned();
                files.insert(&name, fs::read(&path).expect("readable")).expect("a path");
            }
        }
    }
    files
}

/// The example, meant for the guild of the stage.
fn example(stage: &Stage, name: &str, file: &str) -> Manifest {
    let mut files = folder(name);
    let (guilds, problems) = guild_files(&files);
    assert!(problems.is_empty() && guilds.iter().any(|guild| guild == file), "{guilds:?} {problems:?}");
    let text = String::from_utf8(files.get(file).expect("the file").to_vec()).expect("text");
    let line = text.lines().find(|line| line.starts_with("guild:")).expect("a guild");
    let text = text.replace(line, &format!("guild: \"{}\"", stage.guild()));
    files.insert(file, text).expect("a path");
    let parsed = parse(&files, file);
    assert!(parsed.diagnostics.is_empty(), "{}", render_diagnostics(&parsed.diagnostics, &files, false));
    parsed.manifest.expect("a manifest")
}

async fn is_built_in_one_go(name: &str, file: &str) {
    let stage = Stage::new().await;
    let manifest = example(&stage, name, file);
    let proposal = stage.propose(&manifest).await;
    println!("{}", shown(&proposal.plan));
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    let report = stage.apply_proposal(&manifest, &proposal, &consent).await;
    let missing: Vec<_> = report.steps.iter().filter(|(_, outcome)| *outcome != Outcome::Done).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let again = stage.propose(&manifest).await;
    assert!(again.plan.is_empty(), "{}", shown(&again.plan));
}

#[tokio::test]
async fn the_book_club() {
    is_built_in_one_go("minimal", "guild.yaml").await;
}

#[tokio::test]
async fn the_course() {
    is_built_in_one_go("course", "guild.yaml").await;
}

#[tokio::test]
async fn the_players() {
    is_built_in_one_go("gaming", "guild.yaml").await;
}

#[tokio::test]
async fn the_open_source_project() {
    is_built_in_one_go("open-source", "guild.yaml").await;
}

#[tokio::test]
async fn the_open_source_project_in_rehearsal() {
    is_built_in_one_go("open-source", "staging.yaml").await;
}

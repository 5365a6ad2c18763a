//! The files in `deploy/` that cannot be run here: they name settings, files and addresses that exist.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use setai::config::{Surroundings, VARIABLES, read};

/// Everything that is run with SetAI in it.
const FILES: [&str; 6] = [
    "deploy/Dockerfile",
    "deploy/compose.yaml",
    "deploy/setai.yaml",
    "deploy/kubernetes/setai.yaml",
    "deploy/kubernetes/servicemonitor.yaml",
    "deploy/systemd/setai.service",
];

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of a text that look like settings.
fn settings(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("SETAI_") || word.starts_with("DISCORD_")).collect()
}

#[test]
fn only_settings_that_exist_are_named() {
    let known: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let mut named = BTreeSet::new();
    let texts: Vec<String> = FILES.iter().map(|path| text(path)).collect();
    for (path, text) in FILES.iter().zip(&texts) {
        let strange: Vec<_> = settings(text).into_iter().filter(|name| !known.contains(name)).collect();
        assert!(strange.is_empty(), "{path}: {strange:?}");
        named.extend(settings(text));
    }
    assert!(named.contains("SETAI_CONFIG"), "they name some");
}

/// The secrets of compose, as files below `/run/secrets/`.
fn secrets() -> BTreeSet<String> {
    let compose: Value = serde_saphyr::from_str(&text("deploy/compose.yaml")).expect("YAML");
    let defined: BTreeSet<String> = compose["secrets"].as_object().expect("secrets").keys().cloned().collect();
    for (name, service) in compose["services"].as_object().expect("services") {
        for used in service["secrets"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(defined.contains(used), "{name} uses {used}");
        }
    }
    let given = compose["services"]["setai"]["secrets"].as_array().expect("secrets of SetAI").clone();
    given.iter().filter_map(|name| Some(format!("/run/secrets/{}", name.as_str()?))).collect()
}

#[test]
fn the_configuration_can_be_used_with_the_secrets_that_are_given() {
    let secrets = secrets();
    let variable = |_: &str| None;
    let file = |path: &Path| {
        let given = path.to_str().is_some_and(|path| secrets.contains(path));
        if given { Ok(b"mysql://setai:secret@mariadb/setai".to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    let surroundings = Surroundings { folder: PathBuf::from("/etc/setai"), variable: &variable, read: &file };
    let loaded = read("setai.yaml", text("deploy/setai.yaml").as_bytes(), &surroundings);
    let config = loaded.unwrap_or_else(|findings| panic!("{}", findings.render(false))).config;
    let port = config.http.listen.expect("it listens").port();
    assert!(text("deploy/compose.yaml").contains(&format!(":{port}\"")), "compose publishes the port");
    assert!(text("deploy/kubernetes/setai.yaml").contains(&format!("containerPort: {port}")));
    assert!(text("deploy/Dockerfile").contains(&format!("EXPOSE {port}")));
}

#[test]
fn every_file_is_in_the_documentation() {
    let documentation = text("docs/deployment.md");
    for path in FILES {
        assert!(documentation.contains(path), "{path}");
    }
}

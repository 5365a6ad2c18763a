//! The files in `deploy/` that cannot be run here: they name settings, files and addresses that exist.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use setai::config::{Config, Surroundings, VARIABLES, read};
use setai::store::{DatabaseUrl, default_url};

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

/// The value of a setting of the unit, each time it is there.
fn unit(setting: &str) -> Vec<String> {
    let unit = text("deploy/systemd/setai.service");
    unit.lines().filter_map(|line| Some(line.strip_prefix(setting)?.strip_prefix('=')?.to_owned())).collect()
}

/// The configuration, where these secrets are given and nothing else.
fn config(secrets: &BTreeSet<String>, credentials: Option<&str>) -> Config {
    let variable = |name: &str| credentials.filter(|_| name == "CREDENTIALS_DIRECTORY").map(str::to_owned);
    let file = |path: &Path| {
        let given = path.to_str().is_some_and(|path| secrets.contains(path));
        if given { Ok(b"mysql://setai:secret@mariadb/setai".to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    let surroundings = Surroundings { folder: PathBuf::from("/etc/setai"), variable: &variable, read: &file };
    let loaded = read("setai.yaml", text("deploy/setai.yaml").as_bytes(), &surroundings);
    loaded.unwrap_or_else(|findings| panic!("{}", findings.render(false))).config
}

#[test]
fn the_service_is_handed_every_secret() {
    let folder = "/run/credentials/setai.service";
    let loaded = unit("LoadCredential");
    let names = loaded.iter().map(|line| line.split_once(':').expect("NAME:FILE").0);
    config(&names.map(|name| format!("{folder}/{name}")).collect(), Some(folder));
}

/// The state folder of a process with these variables.
fn state_folder(variables: &[(&str, &str)]) -> PathBuf {
    let variable = |name: &str| variables.iter().find(|(there, _)| *there == name).map(|(_, value)| value.into());
    match default_url(variable) {
        Ok(DatabaseUrl::File(path)) => path.parent().expect("a folder").to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The state folder in the image.
fn state_folder_of_the_image() -> PathBuf {
    let image = text("deploy/Dockerfile");
    let variables = image.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    let folder = state_folder(&variables.collect::<Vec<_>>());
    assert!(image.contains(&format!("--create-home --home-dir {} setai", folder.display())), "it is the user's own");
    folder
}

#[track_caller]
fn assert_writable(state: &Path, writable: &[String]) {
    for path in [state, Path::new("/tmp")] {
        assert!(writable.iter().any(|folder| path.starts_with(folder)), "{} is not in {writable:?}", path.display());
    }
}

#[test]
fn whatever_is_written_to_can_be_written_to() {
    let strings = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let compose: Value = serde_saphyr::from_str(&text("deploy/compose.yaml")).expect("YAML");
    let service = &compose["services"]["setai"];
    let volumes = strings(&service["volumes"]);
    let parts = volumes.iter().map(|volume| volume.split(':').collect::<Vec<_>>());
    let writable = parts.filter_map(|parts| match parts[..] {
        // A folder of the machine belongs to somebody else.
        [name, path] if compose["volumes"].get(name).is_some() => Some(path.to_owned()),
        _ => None,
    });
    let writable: Vec<_> = writable.chain(strings(&service["tmpfs"])).collect();
    assert_writable(&state_folder_of_the_image(), &writable);

    let kubernetes = text("deploy/kubernetes/setai.yaml");
    let deployment: Value = serde_saphyr::from_str(kubernetes.split("\n---\n").next().expect("one")).expect("YAML");
    let pod = &deployment["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
    let mounts = mounts.iter().filter(|mount| mount["readOnly"] != true);
    let writable: Vec<_> = mounts.filter_map(|mount| Some(mount["mountPath"].as_str()?.to_owned())).collect();
    assert_eq!(pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsUser"], "new volumes are the user's");
    assert_writable(&state_folder_of_the_image(), &writable);

    let variables = unit("Environment");
    let variables: Vec<_> = variables.iter().filter_map(|line| line.split_once('=')).collect();
    let mut writable: Vec<_> = unit("StateDirectory").iter().map(|name| format!("/var/lib/{name}")).collect();
    writable.extend(unit("PrivateTmp").iter().filter(|is_so| *is_so == "yes").map(|_| "/tmp".to_owned()));
    assert_writable(&state_folder(&variables), &writable);
}

#[test]
fn the_image_has_what_checks_signatures() {
    assert!(text("deploy/Dockerfile").split_whitespace().any(|word| word == "gpg"));
}

#[test]
fn the_configuration_can_be_used_with_the_secrets_that_are_given() {
    let config = config(&secrets(), None);
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

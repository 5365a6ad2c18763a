//! The JSON Schema says what the parser says.

use std::fs;
use std::path::Path;

use serde_json::Value;
use setai::manifest::render::{Style, render};
use setai::manifest::schema::{schema, schema_text};
use setai::manifest::{RULES, Rule, Severity};
use setai::model::Managed;

use crate::manifest::{assert_golden, fixtures};
use crate::support::guilds::{Size, guild_of_seed};

/// Defects that only show when a manifest is understood as a whole: names that refer to nothing, limits over several
/// objects, what fits which kind of channel, keys YAML readers merge, and texts that are no YAML to begin with.
const SEMANTIC: &[&str] = &[
    "channel-in-two-categories",
    "community-kinds",
    "contradictory-expectations",
    "control-character",
    "everyone-with-a-name",
    "extends-itself",
    "habits",
    "id-twice",
    "include-circle",
    "include-twice",
    "missing-guild",
    "missing-icon",
    "missing-include",
    "missing-version",
    "name-of-punctuation",
    "not-an-emoji",
    "overlay-removes-nothing",
    "previously-taken",
    "references-to-nothing",
    "reserved-keys",
    "spoiler-and-nsfw",
    "tags",
    "target-twice",
    "too-many-channels",
    "too-many-children",
    "too-many-overwrites",
    "too-many-roles",
    "unquoted-color",
    "wrong-channel-kinds",
];

#[test]
fn the_file_is_what_the_types_say() {
    assert_golden(Path::new("schemas/guild.v1.json"), &schema_text()).expect("run the tests with UPDATE=1");
}

/// The YAML of a fixture as another reader sees it.
fn as_json(bytes: &[u8]) -> Option<Value> {
    serde_saphyr::from_slice(bytes).ok()
}

#[test]
fn valid_manifests_satisfy_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for (name, files, _) in fixtures("valid") {
        for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
            let json = as_json(bytes).unwrap_or_else(|| panic!("{name}/{path} is YAML"));
            let errors: Vec<String> =
                validator.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}/{path}");
        }
    }
}

#[test]
fn one_fixture_shows_every_field() {
    let (_, files, _) = fixtures("valid").into_iter().find(|(name, ..)| name == "everything").expect("the fixture");
    let text: String = files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
    let schema = schema();
    let defs = schema["$defs"].as_object().expect("definitions").values();
    let objects = defs.chain([&schema]).filter_map(|def| def["properties"].as_object());
    let fields: Vec<&String> = objects.flat_map(|fields| fields.keys()).collect();
    assert!(fields.len() > 80, "{} fields", fields.len());
    let missing: Vec<_> = fields.into_iter().filter(|field| !text.contains(&format!("{field}:"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn rendered_guilds_satisfy_the_schema_and_another_reader() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for seed in 0..100 {
        let guild = guild_of_seed(seed, Size::SMALL);
        let text = render(&guild, &Style::default()).text;
        let json = as_json(text.as_bytes()).unwrap_or_else(|| panic!("another reader reads\n{text}"));
        let errors: Vec<String> = validator.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{text}");
        assert_eq!(json["settings"]["name"], guild.settings.name, "{text}");
        let names = json["roles"].as_object().expect("roles").iter().filter(|(_, role)| role["id"].is_null());
        let names: Vec<&str> = names.map(|(key, role)| role["name"].as_str().unwrap_or(key)).collect();
        let wanted = guild.roles.iter().filter(|role| role.managed == Managed::No).map(|role| &role.attributes.name);
        let wanted: Vec<&str> = wanted.map(|name| name.trim_start_matches('@')).collect();
        assert_eq!(names.iter().map(|name| name.trim_start_matches('@')).collect::<Vec<_>>(), wanted, "{text}");
    }
}

#[test]
fn every_defect_fails_the_schema_or_is_semantic() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let mut passing = Vec::new();
    for (name, files, _) in fixtures("invalid") {
        let all_pass = files.iter().all(|(_, bytes)| as_json(bytes).is_some_and(|json| validator.is_valid(&json)));
        if all_pass {
            passing.push(name);
        }
    }
    assert_eq!(passing, SEMANTIC);
}

#[test]
fn the_table_of_codes_is_complete() {
    let mut text = "# Diagnostics\n\nEvery problem `setai` finds in a manifest has a code that keeps its meaning. \
        `block` refuses the manifest, `warn` is probably not what was meant, `log` is worth knowing.\n\n\
        | code | severity | meaning |\n|---|---|---|\n"
        .to_owned();
    for Rule { code, severity, meaning } in RULES {
        let severity = match severity {
            Severity::Block => "block",
            Severity::Warn => "warn",
            Severity::Log => "log",
        };
        text += &format!("| {code} | {severity} | {meaning} |\n");
    }
    assert_golden(Path::new("docs/diagnostics.md"), &text).expect("run the tests with UPDATE=1");
}

#[test]
fn every_code_has_a_fixture() {
    let folder = fs::read_dir("tests/manifests/invalid").expect("the folder is there");
    let texts =
        folder.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "txt"));
    let shown: String = texts.map(|path| fs::read_to_string(path).expect("readable")).collect();
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.code).filter(|code| !shown.contains(code)).collect();
    // A flood, files and guilds are the subject of tests of their own.
    assert_eq!(missing, ["SA0005", "SA0006", "SA0009", "SA0010", "SA0307"]);
}

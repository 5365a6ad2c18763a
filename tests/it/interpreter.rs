//! The embedded interpreter against requests people make, each with what it comes to, and against noise.

mod harmless;
mod noise;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use setai::ai::Interpretation;
use setai::ai::rules::interpret;
use setai::manifest::Files;
use setai::manifest::edit;

/// A request and what it comes to.
#[derive(Debug, Deserialize)]
struct Case {
    says: String,
    base: String,
    edits: Vec<Value>,
    #[serde(default)]
    not_understood: Vec<String>,
    /// All objects a name could mean.
    #[serde(default)]
    ambiguous: Vec<String>,
    /// False when the edit engine refuses the edits in its own words.
    #[serde(default = "yes")]
    applies: bool,
}

fn yes() -> bool {
    true
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interpreter"))
}

/// The manifests requests are about, by name.
fn bases() -> BTreeMap<String, Files> {
    let bases = ["community", "gaming", "school"].map(|name| {
        let bytes = std::fs::read(folder().join(format!("bases/{name}.yaml"))).expect("a base");
        (name.to_owned(), Files::single("guild.yaml", bytes).expect("a path"))
    });
    bases.into()
}

/// The object in `the voice channel tea in hobbies`.
fn object_of(meaning: &str) -> String {
    let words: Vec<&str> = meaning.split(' ').collect();
    let after = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1));
    let sections = [("channel", "channels"), ("category", "categories"), ("role", "roles")];
    let object = sections.iter().find_map(|(word, section)| Some(format!("{section}.{}", after(word)?)));
    object.unwrap_or_else(|| panic!("`{meaning}` names no object"))
}

/// What differs, as lines; none when all is as expected.
fn differences(case: &Case, files: &Files, came: &Interpretation) -> Option<String> {
    let edits: Vec<Value> = came.edits.iter().map(|edit| serde_json::to_value(edit).expect("JSON")).collect();
    let texts: Vec<&String> = came.not_understood.iter().map(|part| &part.text).collect();
    let ambiguous: Vec<String> = came.alternatives.iter().map(|other| object_of(&other.meaning)).collect();
    let applied = edit::apply(files, "guild.yaml", &came.edits);
    let mut told = String::new();
    if edits != case.edits {
        case.edits.iter().for_each(|edit| _ = writeln!(told, "  - {edit}"));
        edits.iter().for_each(|edit| _ = writeln!(told, "  + {edit}"));
    }
    if texts != case.not_understood.iter().collect::<Vec<_>>() {
        writeln!(told, "  not understood: {:?}, and not {texts:?}", case.not_understood).expect("a text");
    }
    if ambiguous != case.ambiguous {
        writeln!(told, "  ambiguous: {:?}, and not {ambiguous:?}", case.ambiguous).expect("a text");
    }
    if applied.is_ok() != case.applies {
        writeln!(told, "  applies: {}, and not {:?}", case.applies, applied.err()).expect("a text");
    }
    (!told.is_empty()).then_some(told)
}

/// The cases of a file.
fn cases(file: &str) -> Vec<Case> {
    let cases = std::fs::read_to_string(folder().join(file)).expect("the corpus");
    serde_saphyr::from_str(&cases).expect("cases")
}

/// Every case of a file, held against what comes of it.
fn held_against(file: &str) {
    let cases = cases(file);
    let bases = bases();
    let mut misses = Vec::new();
    for case in &cases {
        let files = &bases[&case.base];
        let came = interpret(&case.says, files, "guild.yaml");
        misses.extend(differences(case, files, &came).map(|told| format!("{} ({})\n{told}", case.says, case.base)));
    }
    println!("interpreter: {} of {} exact", cases.len() - misses.len(), cases.len());
    assert!(misses.is_empty(), "\n{}", misses.join("\n"));
}

/// Nobody who wrote rules saw these before: how many of them come out exactly tells how well rules do with what people type.
#[test]
fn nearly_all_requests_that_no_rule_was_written_for_come_out_exactly() {
    let (cases, bases) = (cases("aside.yaml"), bases());
    let is_missed = |case: &&Case| {
        let files = &bases[&case.base];
        differences(case, files, &interpret(&case.says, files, "guild.yaml")).is_some()
    };
    let missed: Vec<&str> = cases.iter().filter(is_missed).map(|case| case.says.as_str()).collect();
    let exact = cases.len() - missed.len();
    println!("interpreter: {exact} of {} requests held aside exact", cases.len());
    assert!(cases.len() >= 260 && exact * 100 >= cases.len() * 95, "{exact} of {}: {missed:#?}", cases.len());
}

#[test]
fn everyday_requests_come_to_exactly_what_they_ask_for() {
    held_against("dev.yaml");
}

#[test]
fn the_same_requests_are_understood_in_other_words() {
    held_against("more.yaml");
}

#[test]
fn requests_as_moderators_type_them_are_understood() {
    held_against("everyday.yaml");
}

#[test]
fn an_interpretation_has_the_form_of_the_data_model() {
    let files = &bases()["community"];
    let came = interpret("create a voice channel Tea in Hobbies and let artists talk there", files, "guild.yaml");
    let json = serde_json::to_value(&came).expect("JSON");
    for field in [
        "original_text",
        "confidence_score",
        "intent",
        "entities",
        "structured_command",
        "alternatives",
        "processing_time",
        "model_used",
        "cached",
        "edits",
        "not_understood",
    ] {
        assert!(json.get(field).is_some(), "{field}: {json:#}");
    }
    assert_eq!(json["intent"], "create");
    let entities = json["entities"].as_array().expect("a list");
    let named = |entity: &Value| (entity["type"].clone(), entity["value"].clone(), entity["position"]["start"].clone());
    let expected = [
        ("channel_name", "Tea", 23),
        ("category", "Hobbies", 30),
        ("role_name", "artists", 46),
        ("permission", "talk", 54),
    ];
    let expected = expected.map(|(kind, value, start)| (kind.into(), value.into(), start.into()));
    assert_eq!(entities.iter().map(named).collect::<Vec<_>>(), expected, "{json:#}");
    assert_eq!(json["structured_command"]["targets"][0]["object"], "channels.tea");
}

#[test]
fn confidence_falls_with_every_doubt() {
    let files = &bases()["community"];
    let sure = |says: &str| interpret(says, files, "guild.yaml").confidence_score;
    let clear = sure("delete #off-topic");
    assert!(clear > 0.9, "{clear}");
    assert!(sure("delete the of-topic channel") < clear, "a name was mended");
    assert!(sure("delete #off-topic tomorrow") < clear, "something was left over");
    assert_eq!(sure("make the server faster"), 0.0, "nothing was understood");
}

#[test]
fn what_is_refused_says_why() {
    let files = &bases()["community"];
    let why = |says: &str| interpret(says, files, "guild.yaml").not_understood[0].why.clone();
    assert_eq!(why("give moderators administrator"), "administrator is never granted");
    assert_eq!(why("delete #rules"), "the policy protects it");
    assert_eq!(
        why("turn off the approval and delete #old-news"),
        "policy, protection and expectations are changed by hand only"
    );
    assert_eq!(why(&"a".repeat(4001)), "it is longer than 4,000 characters");
    assert_eq!(why("create 60 voice channels"), "more than 50 objects in one request");
}

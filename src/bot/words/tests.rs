//! Every language says everything.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The messages of a language, with the names of what belongs into each.
fn messages(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((id, _)) = line.split_once(" = ").filter(|_| !line.starts_with([' ', '}'])) {
            current = id.to_owned();
            messages.entry(current.clone()).or_default();
        }
        let named =
            line.split('$').skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default());
        messages.entry(current.clone()).or_default().extend(named.map(str::to_owned));
    }
    messages
}

#[test]
fn every_language_has_every_message_with_what_belongs_into_it() {
    let english = messages(LANGUAGES[0].1);
    assert!(english.len() > 90, "{}", english.len());
    for (code, text) in LANGUAGES {
        FluentResource::try_new(text.to_owned()).unwrap_or_else(|(_, errors)| panic!("{code}: {errors:?}"));
        assert_eq!(messages(text), english, "{code}");
    }
}

/// What the bot is made of.
fn sources() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bot");
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let sources = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    sources.map(|path| std::fs::read_to_string(path).expect("a text")).collect()
}

#[test]
fn every_message_that_is_said_is_there_and_every_one_that_is_there_is_said() {
    let english = messages(LANGUAGES[0].1);
    let mut said = BTreeSet::new();
    for source in sources() {
        let quoted = source.split('"').skip(1).step_by(2);
        said.extend(quoted.filter(|text| english.contains_key(*text)).map(str::to_owned));
        let calls = ["say(\"", "with(\""].into_iter().flat_map(|call| source.split(call).skip(1));
        for call in calls {
            let id = call.split('"').next().unwrap_or_default();
            let looks_like_one = id.contains('-') && id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            assert!(!looks_like_one || english.contains_key(id), "`{id}` is no message");
        }
    }
    let never: Vec<&String> = english.keys().filter(|id| !said.contains(*id)).collect();
    assert!(never.is_empty(), "nobody says {never:?}");
}

#[test]
fn numbers_take_the_form_their_language_wants() {
    let say = |language: &str, count: usize| Words::of(language).with("status-waiting", &[("count", count.into())]);
    assert!(say("en-GB", 1).starts_with("A plan waits"));
    assert!(say("en", 2).starts_with("2 plans wait"));
    assert!(say("uk", 3).starts_with("3 плани чекають"));
    assert!(say("uk", 5).starts_with("5 планів чекають"));
    assert!(say("de", 1).starts_with("Ein Plan wartet"));
    assert_eq!(Words::of("tlh").say("button-never"), "No", "English where a language is not spoken");
}

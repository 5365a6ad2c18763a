//! What a file is about, and which files it names: those it includes or extends, and images.
//!
//! Decides nothing about what they mean. For whoever reads only what is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::compose::Loader;
use super::diagnostic::Problems;
use super::source::{Files, resolve};
use super::tree::{Node, Value};

/// Keys whose values are paths.
const NAMING: [&str; 6] = ["include", "extends", "icon", "splash", "discovery_splash", "banner"];

/// Keys at the head of a file: what it is about, and of which files it is made.
const HEAD: [&str; 5] = ["version", "guild", "name", "extends", "include"];

/// What stands under each key at the head of a file, as it is written. A file that cannot be read has no head.
pub fn head_of(files: &Files, path: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut ignored = Problems::default();
    let Some(root) = Loader::new(&mut ignored).load(files, path, None) else { return BTreeMap::new() };
    let said = |key: &'static str| Some((key, texts(&root.get(key)?.node)));
    HEAD.into_iter().filter_map(said).collect()
}

/// The scalars of a node, in order.
fn texts(node: &Node<'_>) -> Vec<String> {
    match &node.value {
        Value::Map(entries) => entries.iter().flat_map(|entry| texts(&entry.node)).collect(),
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Scalar { text, .. } => vec![text.to_string()],
    }
}

/// The paths and patterns a file names, relative to the folder of manifests. A file that cannot be read names none, and
/// what leads out of the folder is not among them: whoever parses the manifest is told so.
pub fn named_in(files: &Files, path: &str) -> BTreeSet<String> {
    let mut ignored = Problems::default();
    let mut written = Vec::new();
    if let Some(root) = Loader::new(&mut ignored).load(files, path, None) {
        gather(&root, "", &mut written);
    }
    written.iter().filter_map(|text| resolve(path, text).ok()).collect()
}

/// Adds what a node that stands under a key names.
fn gather(node: &Node<'_>, key: &str, written: &mut Vec<String>) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| gather(&entry.node, &entry.key, written)),
        Value::List(items) => items.iter().for_each(|item| gather(item, key, written)),
        Value::Scalar { text, .. } if NAMING.contains(&key) => written.push(text.to_string()),
        Value::Scalar { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_what_it_includes_extends_and_shows() {
        let text = "extends: ../base.yaml\ninclude: [roles.yaml, \"channels/*.yaml\", ../../etc/passwd]\nroles: { crew: { icon: \
                    crew.png, name: other.png } }\nsettings: { banner: banner.gif }\n";
        let files = Files::single("teams/guild.yaml", text).expect("a path");
        let named: Vec<String> = named_in(&files, "teams/guild.yaml").into_iter().collect();
        let expected = ["base.yaml", "teams/banner.gif", "teams/channels/*.yaml", "teams/crew.png", "teams/roles.yaml"];
        assert_eq!(named, expected);
        let broken = Files::single("a.yaml", "include: [").expect("a path");
        assert!(named_in(&broken, "a.yaml").is_empty() && named_in(&broken, "b.yaml").is_empty());
    }
}

//! What a manifest wants of its guild, as one number: tells a new wish from an old one that was written differently.
//!
//! Decides which parts of a text change what is wanted. Comments, quotes and the way files are cut do not; neither does what
//! only says how carefully it is done, or changing a policy would undo what was done by hand.

use sha2::{Digest, Sha256};

use super::tree::{Node, Value};

/// The sections that say how a guild is to be, and not how it is brought there.
const SECTIONS: [&str; 6] = ["settings", "permission_sets", "access", "roles", "categories", "channels"];

/// The fingerprint of a composed tree whose images have these hashes.
pub(super) fn fingerprint(root: &Node<'_>, images: &[String]) -> String {
    let mut hash = Sha256::new();
    for section in SECTIONS {
        if let Some(entry) = root.get(section) {
            text(&mut hash, b'#', section);
            add(&mut hash, &entry.node);
        }
    }
    images.iter().for_each(|image| text(&mut hash, b'i', image));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add(hash: &mut Sha256, node: &Node<'_>) {
    match &node.value {
        Value::Scalar { text: scalar, plain } => text(hash, if *plain { b'p' } else { b'q' }, scalar),
        Value::List(items) => {
            size(hash, b'l', items.len());
            items.iter().for_each(|item| add(hash, item));
        }
        Value::Map(entries) => {
            size(hash, b'm', entries.len());
            for entry in entries {
                text(hash, b'k', &entry.key);
                add(hash, &entry.node);
            }
        }
    }
}

/// With kind and length, so that no two trees write the same bytes.
fn text(hash: &mut Sha256, kind: u8, text: &str) {
    size(hash, kind, text.len());
    hash.update(text);
}

fn size(hash: &mut Sha256, kind: u8, size: usize) {
    hash.update([kind]);
    hash.update((size as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Files, parse};

    const GUILD: &str = "version: 1\nguild: \"1146231231231231232\"\n";

    fn of(files: &[(&str, &str)]) -> String {
        let mut all = Files::default();
        for (path, text) in files {
            all.insert(path, text.as_bytes()).expect("a path");
        }
        let parsed = parse(&all, files[0].0);
        parsed.manifest.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics)).fingerprint().to_owned()
    }

    fn alone(body: &str) -> String {
        of(&[("guild.yaml", &format!("{GUILD}{body}"))])
    }

    #[test]
    fn comments_files_and_policy_say_nothing_of_what_is_wanted() {
        let plain = alone("roles: { crew: { hoist: true } }\n");
        assert_eq!(alone("# hello\nroles:\n  crew:  # them\n    hoist: true\n"), plain);
        assert_eq!(alone("policy: { drift: report }\nname: Rust\nroles: { crew: { hoist: true } }\n"), plain);
        let included = format!("{GUILD}include: [roles.yaml]\n");
        assert_eq!(of(&[("guild.yaml", &included), ("roles.yaml", "roles: { crew: { hoist: true } }\n")]), plain);
    }

    #[test]
    fn whatever_is_wanted_says_something() {
        let bodies = [
            "roles: { crew: { hoist: true } }\n",
            "roles: { crew: { hoist: false } }\n",
            "roles: { crew: {} }\n",
            "roles: { crew: {}, staff: {} }\n",
            "roles: { staff: {}, crew: {} }\n",
            "channels: { crew: {} }\n",
            "settings: { name: crew }\n",
            "settings: { name: \"crew \" }\n",
            "",
        ];
        let all: std::collections::BTreeSet<String> = bodies.iter().map(|body| alone(body)).collect();
        assert_eq!(all.len(), bodies.len());
    }

    #[test]
    fn an_image_that_was_painted_over_is_another_wish() {
        let of = |pixel: u8| {
            let mut files = Files::default();
            files.insert("guild.yaml", format!("{GUILD}settings: {{ icon: icon.png }}\n")).expect("a path");
            files.insert("icon.png", [b"\x89PNG\r\n\x1a\n".as_slice(), &[pixel]].concat()).expect("a path");
            parse(&files, "guild.yaml").manifest.expect("a manifest").fingerprint().to_owned()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}

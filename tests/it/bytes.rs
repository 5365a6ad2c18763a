//! Bytes that are no manifest, and manifests in unusual bytes: an answer, never a panic.

use proptest::prelude::*;
use setai::manifest::{Diagnostic, Files, Parsed, Severity, diagnostics_to_json, parse, render_diagnostics};

const HEAD: &str = "version: 1\nguild: \"1146231231231231232\"\n";

fn read(bytes: impl Into<Vec<u8>>) -> (Parsed, Files) {
    let files = Files::single("guild.yaml", bytes).expect("a path");
    (parse(&files, "guild.yaml"), files)
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|d| d.code).collect()
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let (parsed, _) = read(format!("\u{feff}{HEAD}roles:\n  admin: {{ hoist: true }}\n").replace('\n', "\r\n"));
    assert_eq!(codes(&parsed.diagnostics), Vec::<&str>::new());
    let manifest = parsed.manifest.expect("a manifest");
    assert_eq!(manifest.origins["roles.admin"].line, 4);
    assert_eq!(manifest.roles.len(), 1);
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text = format!(
        "{HEAD}roles:\n  base: &base {{ hoist: true, permissions: &p [view_channel] }}\n  \
         next: {{ <<: *base, mentionable: true }}\n  last: {{ permissions: *p }}\n"
    );
    let manifest = read(text).0.manifest.expect("a manifest");
    let next = &manifest.roles[1].attributes;
    assert_eq!((next.hoist, next.mentionable), (Some(true), Some(true)));
    assert_eq!(next.permissions, manifest.roles[2].attributes.permissions);
}

#[test]
fn a_file_of_ten_mebibytes_is_refused_at_once() {
    let (parsed, _) = read(format!("{HEAD}name: {}\n", "x".repeat(10 << 20)));
    assert_eq!(codes(&parsed.diagnostics), ["SA0004"]);
}

#[test]
fn a_hundred_thousand_brackets_do_not_overflow() {
    for text in ["[".repeat(100_000), "a: ".repeat(50_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        let (parsed, files) = read(text);
        assert!(parsed.manifest.is_none());
        assert!(!render_diagnostics(&parsed.diagnostics, &files, false).is_empty());
    }
}

#[test]
fn a_long_chain_of_sets_is_refused() {
    let sets: String = (0..4_000).map(|i| format!("  s{i}: {{ extends: [s{}] }}\n", i + 1)).collect();
    let (parsed, _) = read(format!("{HEAD}permission_sets:\n{sets}  s4000: {{}}\n"));
    assert!(codes(&parsed.diagnostics).contains(&"SA0004"));
}

#[test]
fn more_objects_than_discord_could_hold_are_refused_before_they_are_compared() {
    let roles: String = (0..50_000).map(|i| format!("  r{i}: {{}}\n")).collect();
    let (parsed, _) = read(format!("{HEAD}roles:\n{roles}"));
    assert_eq!(codes(&parsed.diagnostics), ["SA0004"]);
}

#[test]
fn color_is_a_choice() {
    let (parsed, files) = read(format!("{HEAD}nope: 1\n"));
    let escapes = [false, true].map(|color| render_diagnostics(&parsed.diagnostics, &files, color).contains('\u{1b}'));
    assert_eq!(escapes, [false, true]);
}

#[test]
fn json_has_lines_and_columns_in_characters() {
    let (parsed, files) = read(format!("{HEAD}roles: {{ 규칙: {{ colour: 1 }} }}\n"));
    let json = diagnostics_to_json(&parsed.diagnostics, &files);
    let found = &json[0];
    assert_eq!((&found["code"], &found["line"], &found["column"]), (&"SA0103".into(), &3.into(), &16.into()));
    assert_eq!((&found["end_column"], &found["suggestion"]["replacement"]), (&22.into(), &"color".into()));
}

fn fragments() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "roles",
        "channels",
        "categories",
        "permissions",
        "everyone",
        ": ",
        ":\n",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "- ",
        "&a ",
        "*a",
        "<<",
        "!!str",
        "\"",
        "'",
        "|",
        ">",
        "#",
        "null",
        "~",
        "1",
        "true",
        "\u{feff}",
        "\0",
        "é",
        "extends",
        "include",
        "guild.yaml",
        "policy",
        "protect",
        "access",
        "use",
        "type",
        "forum",
        "tags",
        "%",
        "---",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in fragments(), with_head: bool) {
        let (parsed, files) = read(if with_head { format!("{HEAD}{text}") } else { text });
        let blocks = parsed.diagnostics.iter().any(|d| d.severity == Severity::Block);
        prop_assert_eq!(parsed.manifest.is_none(), blocks);
        render_diagnostics(&parsed.diagnostics, &files, true);
        diagnostics_to_json(&parsed.diagnostics, &files);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let (parsed, files) = read(bytes);
        prop_assert!(parsed.manifest.is_none());
        render_diagnostics(&parsed.diagnostics, &files, false);
    }
}

/// A text with a few of its bytes changed, doubled or lost.
fn mutate(text: &str, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (index, kind, byte) in changes {
        let at = index.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        match kind % 3 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, b" :-{}[]\"'#&*\n"[usize::from(*byte) % 13]),
            _ => drop(bytes.drain(at..(at + usize::from(*byte) % 40).min(bytes.len()))),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_to_a_manifest_makes_the_parser_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6),
    ) {
        let text = include_str!("../manifests/valid/design.yaml");
        let (parsed, files) = read(mutate(text, &changes));
        let blocks = parsed.diagnostics.iter().any(|d| d.severity == Severity::Block);
        prop_assert_eq!(parsed.manifest.is_none(), blocks);
        render_diagnostics(&parsed.diagnostics, &files, false);
    }
}

//! The manifest language, by example.

use setai::manifest::{Files, parse, render_diagnostics};

#[test]
fn the_manifest_of_the_manual_means_what_it_says() {
    let text = std::fs::read("tests/manifests/valid/design.yaml").expect("the fixture is there");
    let files = Files::single("guild.yaml", text).expect("a path");
    let parsed = parse(&files, "guild.yaml");
    assert_eq!(render_diagnostics(&parsed.diagnostics, &files, false), "");
    let manifest = parsed.manifest.expect("nothing blocks");
    assert_eq!((manifest.roles.len(), manifest.categories.len(), manifest.channels.len()), (4, 2, 7));
}

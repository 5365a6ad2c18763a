//! The manifest language, by example: every file of `tests/manifests/`.

use std::fs;
use std::path::{Path, PathBuf};

use setai::manifest::{Diagnostic, Files, Severity, Suggestion, parse, render_diagnostics};

/// Every fixture of a kind: the name, its files, and the file to begin with.
pub(crate) fn fixtures(kind: &str) -> Vec<(String, Files, String)> {
    let root = Path::new("tests/manifests").join(kind);
    let mut found: Vec<PathBuf> = list(&root);
    found.retain(|path| path.is_dir() || path.extension().is_some_and(|e| e == "yaml"));
    assert!(!found.is_empty(), "there are fixtures in {root:?}");
    found.into_iter().map(|path| fixture(&path)).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// A file is read under the name `guild.yaml`; a folder with everything in it.
fn fixture(path: &Path) -> (String, Files, String) {
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
    let mut files = Files::default();
    if path.is_dir() {
        add_folder(path, path, &mut files);
    } else {
        files.insert("guild.yaml", fs::read(path).expect("readable")).expect("a path");
    }
    (name, files, "guild.yaml".to_owned())
}

fn add_folder(root: &Path, folder: &Path, files: &mut Files) {
    for path in list(folder) {
        if path.is_dir() {
            add_folder(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_str().expect("a name").to_owned();
            files.insert(&name, fs::read(&path).expect("readable")).expect("a path");
        }
    }
}

/// Compares with the text beside the fixture; `UPDATE=1` writes it.
pub(crate) fn assert_golden(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, actual).expect("writable");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual { Ok(()) } else { Err(format!("{} differs; it is now:\n{actual}", path.display())) }
}

#[test]
fn every_valid_manifest_is_understood_without_a_complaint() {
    for (name, files, entry) in fixtures("valid") {
        let parsed = parse(&files, &entry);
        let complaints: Vec<_> = parsed.diagnostics.into_iter().filter(|d| d.severity < Severity::Log).collect();
        assert_eq!(render_diagnostics(&complaints, &files, false), "", "{name}");
        assert!(parsed.manifest.is_some(), "{name}");
    }
}

#[test]
fn every_defect_gets_its_diagnostics() {
    let fixtures = fixtures("invalid");
    assert!(fixtures.len() >= 40, "only {} fixtures", fixtures.len());
    let mut failures = Vec::new();
    for (name, files, entry) in fixtures {
        let parsed = parse(&files, &entry);
        let text = render_diagnostics(&parsed.diagnostics, &files, false);
        let blocks = parsed.diagnostics.iter().any(|d| d.severity == Severity::Block);
        assert_eq!(parsed.manifest.is_none(), blocks, "{name}: a manifest is refused exactly when something blocks");
        assert!(!text.is_empty(), "{name} has no defect");
        parsed.diagnostics.iter().for_each(|diagnostic| assert_points_somewhere(diagnostic, &files));
        let path = Path::new("tests/manifests/invalid").join(name + ".txt");
        failures.extend(assert_golden(&path, &text).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// One primary label, the first, and none outside its file.
fn assert_points_somewhere(diagnostic: &Diagnostic, files: &Files) {
    assert!(diagnostic.labels.first().is_some_and(|label| label.primary), "{diagnostic:?}");
    assert!(diagnostic.labels.iter().skip(1).all(|label| !label.primary), "{diagnostic:?}");
    for label in &diagnostic.labels {
        let length = files.get(&label.file).expect("the file is there").len();
        assert!(label.range.start <= label.range.end && label.range.end <= length, "{diagnostic:?}");
    }
}

#[test]
fn every_suggestion_mends_what_it_is_offered_for() {
    let mut mended = 0;
    for (name, files, entry) in fixtures("invalid") {
        let before = parse(&files, &entry).diagnostics;
        for diagnostic in &before {
            let Some(Suggestion { file, range, replacement }) = &diagnostic.suggestion else { continue };
            let mut text = files.get(file).expect("the file is there").to_vec();
            text.splice(range.clone(), replacement.bytes());
            let mut changed = files.clone();
            changed.insert(file, text).expect("a path");
            let after = parse(&changed, &entry).diagnostics;
            let same = |d: &&Diagnostic| d.code == diagnostic.code && d.message == diagnostic.message;
            let count = |list: &[Diagnostic]| list.iter().filter(same).count();
            assert!(count(&after) < count(&before), "{name}: {} with {replacement}", diagnostic.message);
            mended += 1;
        }
    }
    assert!(mended > 15, "only {mended} suggestions");
}

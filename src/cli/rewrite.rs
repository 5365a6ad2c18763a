//! Manifests that get another text: the difference is shown, and written when nobody else wrote meanwhile.

use std::path::{Path, PathBuf};

use crate::manifest::Files;
use crate::plan::render::Tone;

use super::failure::Failure;
use super::screen::Screen;
use super::write_whole;

/// Shows a difference in colour.
pub(super) fn show(diff: &str, screen: Screen) {
    for line in diff.lines() {
        let tone = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Tone::Strong,
            [b'+', ..] => Tone::Create,
            [b'-', ..] => Tone::Delete,
            [b'@', ..] => Tone::Move,
            _ => Tone::Plain,
        };
        screen.toned(tone, line);
    }
}

/// Writes the files that changed, all or none when somebody else changed one of them.
pub(super) fn write(path: &Path, before: &Files, after: &Files, changed: &[String]) -> Result<(), Failure> {
    let root = root_of(path);
    for name in changed {
        let file = root.join(name);
        let now = std::fs::read(&file).ok();
        if now.as_deref() != before.get(name) {
            return Err(Failure::new(format!("`{}` was changed meanwhile", file.display()))
                .help("Run the same command again: it looks at the new text."));
        }
    }
    for name in changed {
        write_whole(&root.join(name), after.get(name).unwrap_or_default())?;
    }
    Ok(())
}

/// The folder the names of files start from.
pub(super) fn root_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

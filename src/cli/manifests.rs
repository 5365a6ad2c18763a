//! Reads manifests from the disk and shows what is wrong with them.

use std::path::Path;

use crate::manifest::{Diagnostic, Files, Manifest, Severity, guild_files, parse, render_diagnostics};
use crate::source::Limits;
use crate::source::folder::{self, Links};

use super::failure::{Exit, Failure};
use super::screen::Screen;

/// The files of a folder, and which of them describe guilds.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) files: Files,
    pub(super) entries: Vec<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads a folder, or a file with what it names, which is looked for in its folder and below. What lies beside it is not
/// looked at.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        Failure::new(format!("cannot read `{}`: {error}", path.display()))
            .help("Name a manifest or a folder of manifests.")
    })?;
    if metadata.is_dir() {
        let files = folder::read(path, Links::Skip, Limits::default())?;
        let (entries, diagnostics) = guild_files(&files);
        return Ok(Loaded { files, entries, diagnostics });
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = folder::read_named(folder, path, Limits::default())?;
    let entry = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Loaded { files, entries: entry.into_iter().collect(), diagnostics: Vec::new() })
}

/// The manifests of a folder, every one of them right.
pub(super) fn manifests(loaded: &Loaded, screen: Screen) -> Result<Vec<Manifest>, Failure> {
    let (manifests, diagnostics) = parsed(loaded);
    let worth = diagnostics.iter().filter(|d| d.severity != Severity::Log).cloned().collect::<Vec<_>>();
    if !worth.is_empty() {
        screen.remark(render_diagnostics(&worth, &loaded.files, screen.has_color()).trim_end());
    }
    if is_blocked(&diagnostics) {
        let problems = diagnostics.iter().filter(|d| d.severity == Severity::Block).count();
        return Err(
            Failure::new(format!("{problems} problem(s) in the manifests; nothing was sent")).exit(Exit::Failure)
        );
    }
    Ok(manifests)
}

/// Everything that could be read, and everything wrong with it.
pub(super) fn parsed(loaded: &Loaded) -> (Vec<Manifest>, Vec<Diagnostic>) {
    let mut diagnostics = loaded.diagnostics.clone();
    let mut manifests = Vec::new();
    for entry in &loaded.entries {
        let parsed = parse(&loaded.files, entry);
        diagnostics.extend(parsed.diagnostics);
        manifests.extend(parsed.manifest);
    }
    (manifests, diagnostics)
}

/// True when something has to be mended first.
pub(super) fn is_blocked(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Block)
}

//! Reads manifests from the disk and shows what is wrong with them.

use std::fs::DirEntry;
use std::path::Path;

use crate::manifest::{Diagnostic, Files, Manifest, Severity, guild_files, parse, render_diagnostics};

use super::failure::{Exit, Failure};
use super::screen::Screen;

/// The files of a folder, and which of them describe guilds.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) files: Files,
    pub(super) entries: Vec<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A file larger than this is no manifest and no image Discord takes.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a file or a folder. What a file includes is looked for in its folder and below.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        Failure::new(format!("cannot read `{}`: {error}", path.display()))
            .help("Name a manifest or a folder of manifests.")
    })?;
    let (root, only) = if metadata.is_dir() {
        (path.to_owned(), None)
    } else {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (folder.to_owned(), path.file_name().map(|name| name.to_string_lossy().into_owned()))
    };
    let mut files = Files::default();
    read_folder(&root, &root, &mut files)?;
    match only {
        Some(entry) => {
            // A file that is named is read whatever it is called.
            insert(&mut files, &root, path)?;
            Ok(Loaded { files, entries: vec![entry], diagnostics: Vec::new() })
        }
        None => {
            let (entries, diagnostics) = guild_files(&files);
            Ok(Loaded { files, entries, diagnostics })
        }
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut Files) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format!("cannot read the folder `{}`: {error}", folder.display()));
    let mut entries: Vec<DirEntry> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?);
    }
    entries.sort_by_key(DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Somebody else's files come and go while we look, a database's journal for one.
        let Some(kind) = found(entry.file_type()).map_err(unreadable)? else { continue };
        // A link could lead anywhere, so what it leads to is not part of the folder: it is neither of the two.
        if kind.is_dir() && !is_foreign(&path) {
            read_folder(root, &path, files)?;
        } else if kind.is_file() && is_wanted(&path) {
            insert(files, root, &path)?;
        }
    }
    Ok(())
}

/// What was asked for, or nothing when it is gone by now.
fn found<T>(answer: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// Folders that are never manifests and may be huge.
fn is_foreign(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == "node_modules" || name == "target")
}

fn is_wanted(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| ["yaml", "yml", "png", "jpg", "jpeg", "gif", "webp"].contains(&e.as_str()))
}

fn insert(files: &mut Files, root: &Path, path: &Path) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::new(format!("cannot read `{}`: {error}", path.display()));
    if path.metadata().map_err(unreadable)?.len() > MOST_BYTES {
        return Err(Failure::new(format!("`{}` is larger than {} MiB", path.display(), MOST_BYTES >> 20)));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    files.insert(&relative, bytes).map_err(Failure::new)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn files_of_others_may_come_and_go_while_a_folder_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("guild.yaml"), "version: 1").expect("a manifest");
        let journal = folder.path().join("setai.db-wal");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::fs::write(&journal, "pages").expect("a journal");
                    std::fs::remove_file(&journal).expect("its end");
                }
            });
            let read = (0..2_000).map(|_| load(folder.path()).map(|loaded| loaded.files.iter().count()));
            let read: Vec<_> = read.map(|files| files.map_err(|failure| format!("{failure:?}"))).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(read.iter().all(|files| *files == Ok(1)), "{:?}", read.iter().find(|files| **files != Ok(1)));
        });
    }
}

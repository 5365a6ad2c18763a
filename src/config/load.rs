//! From a file to a [`Config`], or to everything that is wrong with it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::manifest::diagnostic::{Problem, Problems, Spot};
use crate::manifest::read::Read as _;
use crate::manifest::tree::{self, Node, budget};
use crate::manifest::{Diagnostic, Files, Severity, diagnostics_to_json, render_diagnostics};

use super::document::ConfigDoc;
use super::mask::mask;
use super::resolve::resolve;
use super::substitute::{Used, substitute};
use super::{Config, SETTING};

/// What the file refers to: variables, and files with secrets.
pub struct Surroundings<'a> {
    /// The folder relative paths begin at.
    pub folder: PathBuf,
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A configuration that can be used, and what is worth knowing of it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// Nothing among them blocks.
    pub findings: Findings,
}

/// Problems of a file, each with its place, and no secret among them.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    diagnostics: Vec<Diagnostic>,
    files: Files,
}

impl Findings {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// As text, each with the lines it is about.
    pub fn render(&self, color: bool) -> String {
        render_diagnostics(&self.diagnostics, &self.files, color)
    }

    /// As a JSON array with lines and columns.
    pub fn to_json(&self) -> Json {
        diagnostics_to_json(&self.diagnostics, &self.files)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the configuration `{path}` cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file says things that cannot be.
    #[error("the configuration `{path}` has {} problem(s)", findings.count())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// All of them.
        findings: Box<Findings>,
    },
}

/// Reads the file at a path, with the environment and the files of this machine.
///
/// # Errors
/// When it cannot be read, or a setting does not fit.
pub fn load(path: &Path) -> Result<Loaded, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().map(Path::to_owned).unwrap_or_default();
    let variable = |name: &str| std::env::var(name).ok();
    let read_file = |path: &Path| std::fs::read(path);
    let name = path.file_name().map_or_else(|| "config".to_owned(), |name| name.to_string_lossy().into_owned());
    let surroundings = Surroundings { folder, variable: &variable, read: &read_file };
    read(&name, &bytes, &surroundings)
        .map_err(|findings| Error::Refused { path: path.to_owned(), findings: Box::new(findings) })
}

/// Reads the text of a file that is called `name`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(name: &str, bytes: &[u8], surroundings: &Surroundings<'_>) -> Result<Loaded, Findings> {
    let mut problems = Problems::default();
    let text = String::from_utf8_lossy(bytes);
    let (config, used) = understand(name, bytes, &text, surroundings, &mut problems);
    let config = config.filter(|_| !problems.are_blocking());
    let diagnostics = problems.into_diagnostics().into_iter().map(|diagnostic| harmless(diagnostic, &used)).collect();
    let files = Files::single(name, mask(&text)).unwrap_or_default();
    let findings = Findings { diagnostics, files };
    match config {
        Some(config) => Ok(Loaded { config, findings }),
        None => Err(findings),
    }
}

fn understand(
    name: &str,
    bytes: &[u8],
    text: &str,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> (Option<Config>, Vec<Used>) {
    let file = problems.add_file(name);
    let start = Spot::new(file, 0..0);
    if bytes.len() > budget::BYTES {
        let message = format!("the file has {} bytes; {} is the most", bytes.len(), budget::BYTES);
        problems.report(Problem::new(SETTING, message).at(start, ""));
        return (None, Vec::new());
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let message = format!("the file is not UTF-8 text from byte {} on", error.valid_up_to());
        problems.report(Problem::new(SETTING, message));
        return (None, Vec::new());
    }
    let root = if says_nothing(text) { Some(Node::empty_map(start)) } else { tree::read(text, file, problems) };
    let Some(mut root) = root else { return (None, Vec::new()) };
    let used = substitute(&mut root, surroundings.variable, problems);
    let config = ConfigDoc::read(&root, problems).map(|doc| resolve(&doc, surroundings, problems));
    (config, used)
}

/// True for a file in which everything is a comment: all defaults, and not a mistake.
fn says_nothing(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

/// A problem without a code, and without the values of variables, which may be secret.
fn harmless(mut diagnostic: Diagnostic, used: &[Used]) -> Diagnostic {
    let Diagnostic { code, severity, message, labels, help: _, suggestion } = &mut diagnostic;
    *code = "";
    let cover = |text: &mut String| {
        for (name, value) in used.iter().filter(|(_, value)| value.len() > 2) {
            *text = text.replace(value, &format!("${{{name}}}"));
        }
    };
    cover(message);
    labels.iter_mut().for_each(|label| cover(&mut label.text));
    suggestion.iter_mut().for_each(|suggestion| cover(&mut suggestion.replacement));
    if *severity == Severity::Log {
        *severity = Severity::Warn;
    }
    diagnostic
}

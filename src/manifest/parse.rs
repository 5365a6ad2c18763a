//! The way from files to a [`Manifest`].
//!
//! Decides in which order texts are read, composed, understood and checked, and when it is no use going on.

use std::collections::BTreeMap;

use super::check::check;
use super::compose::{Composed, Loader, compose};
use super::content::{Content, Manifest};
use super::diagnostic::{Diagnostic, Problem, Problems, Spot, rule};
use super::document::GuildDoc;
use super::fingerprint::fingerprint;
use super::origin::record_origins;
use super::read::{Object, Read};
use super::resolve::resolve;
use super::scalar::Snowflake;
use super::source::{Asked, Files};
use super::tree::{Node, Value};

/// What came of reading a manifest.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The manifest; none exactly when a diagnostic blocks.
    pub manifest: Option<Manifest>,
    /// Every problem, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// What was asked of the files. Other files that answer it alike are read alike.
    pub asked: Asked,
}

/// Reads the manifest in the file `entry`, with everything it includes and extends.
pub fn parse(files: &Files, entry: &str) -> Parsed {
    let mut problems = Problems::default();
    let mut asked = Asked::default();
    let manifest = read_manifest(files, entry, &mut problems, &mut asked).filter(|_| !problems.are_blocking());
    Parsed { manifest, diagnostics: problems.into_diagnostics(), asked }
}

/// What a text means, right or wrong.
fn read_manifest(files: &Files, entry: &str, problems: &mut Problems, asked: &mut Asked) -> Option<Manifest> {
    let mut loader = Loader::new(problems);
    let composed = compose(files, entry, &mut loader);
    let texts = loader.texts;
    *asked = loader.asked;
    let Composed { root, complete } = composed?;
    let doc = GuildDoc::read(&root, problems)?;
    // What could not be read may hold the very roles and channels the rest refers to.
    if !complete {
        return None;
    }
    for (field, help) in
        [("version", "begin it with `version: 1`"), ("guild", "write `guild: \"...\"` with Discord's id")]
    {
        if root.get(field).is_none() {
            let problem = Problem::new(rule::MISSING_FIELD, format!("the manifest has no `{field}`"));
            problems.report(problem.at(doc.spot(), "in this file").help(help));
        }
    }
    let mut resolved = resolve(&doc, files, problems);
    resolved.image_files.iter().for_each(|path| asked.name(path));
    check(&doc, &resolved, problems);
    record_origins(&doc, &texts, problems, &mut resolved.content.origins);
    Some(Manifest::checked(resolved.content, fingerprint(&root, &resolved.images)))
}

/// What a composed tree means that is known to be right; none when it is not.
/// `names` are those of its files, in the order of their numbers.
pub(super) fn content_of(root: &Node<'_>, files: &Files, names: &[String]) -> Option<Content> {
    let mut problems = Problems::default();
    for name in names {
        problems.add_file(name);
    }
    let doc = GuildDoc::read(root, &mut problems)?;
    let resolved = resolve(&doc, files, &mut problems);
    (!problems.are_blocking()).then_some(resolved.content)
}

/// The files with a `guild:` key, by name. None at all is a problem, and so are two for one guild.
pub fn guild_files(files: &Files) -> (Vec<String>, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let mut found = Vec::new();
    let mut claims: BTreeMap<u64, (String, Spot)> = BTreeMap::new();
    for (path, _) in files.iter() {
        let Some(claim) = claim(files, path) else { continue };
        found.push(path.to_owned());
        let Some((id, spot)) = claim else { continue };
        let spot = Spot { file: problems.add_file(path), ..spot };
        match claims.get(&id) {
            Some((first, at)) => {
                let message = format!("`{first}` and `{path}` both describe the guild {id}");
                let problem = Problem::new(rule::GUILD_TWICE, message);
                problems.report(problem.at(spot, "again here").at(*at, "first here"));
            }
            None => {
                claims.insert(id, (path.to_owned(), spot));
            }
        }
    }
    if found.is_empty() {
        let problem = Problem::new(rule::NO_GUILD_FILE, "no file has a `guild:` key");
        problems
            .report(problem.help("a manifest begins with `version: 1` and `guild: \"...\"`; `setai init` writes one"));
    }
    (found, problems.into_diagnostics())
}

/// True when a file has a `guild:` key, so that a manifest begins in it.
pub fn is_guild_file(files: &Files, path: &str) -> bool {
    claim(files, path).is_some()
}

/// The guild a file is about, and where it says so; no guild when it cannot be read, and nothing at all when it is about none.
fn claim(files: &Files, path: &str) -> Option<Option<(u64, Spot)>> {
    let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    let bytes = files.get(path).filter(|bytes| is_yaml && mentions_guild(bytes))?;
    // Whatever is wrong with the file is reported when it is parsed.
    let mut ignored = Problems::default();
    let Some(root) = Loader::new(&mut ignored).load(files, path, None) else {
        return claims_guild(bytes).then_some(None);
    };
    let guild = root.get("guild")?;
    let Value::Scalar { text, .. } = &guild.node.value else { return Some(None) };
    Some(Snowflake::parse(text).map(|Snowflake(id)| (id, guild.node.spot)))
}

/// True when the word occurs, so that files without it need not be read.
fn mentions_guild(bytes: &[u8]) -> bool {
    const WORD: &[u8] = b"guild";
    bytes.windows(WORD.len()).any(|window| window == WORD)
}

/// True when a line of a text that cannot be read begins with the key.
fn claims_guild(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().any(|line| {
        let line = line.trim_start_matches(['\u{feff}', '{', ' ', '"', '\'']);
        line.strip_prefix("guild").is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    })
}

//! The house rules that a compiler does not know, as tests over the source text.
//!
//! Each rule is a function from files to violations; each is shown to fail on a small bad sample before it is believed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

// ---- the rules ----

/// Which modules of the crate a module may name, besides itself. Whoever is not in this table may not exist.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("manifest", &["model"]),
    ("plan", &["model", "manifest"]),
    ("clock", &[]),
    ("tls", &[]),
    ("ai", &["model", "manifest", "plan", "clock", "tls"]),
    ("discord", &["model", "manifest", "plan", "clock", "tls"]),
    ("store", &["model", "manifest", "plan", "clock"]),
    ("cache", &["model", "clock"]),
    ("simulator", &["model", "manifest", "plan", "clock", "tls"]),
    ("source", &["model", "manifest", "clock", "tls"]),
    ("forge", &["clock", "tls"]),
    ("config", &["model", "manifest", "clock"]),
    ("telemetry", &["model", "clock", "tls"]),
    (
        "controller",
        &["model", "manifest", "plan", "clock", "ai", "discord", "store", "cache", "source", "forge", "telemetry"],
    ),
    ("bot", &["model", "plan", "clock", "ai", "discord", "store", "forge", "config", "controller"]),
    ("web", &["model", "clock", "tls", "source", "telemetry", "controller"]),
    (
        "cli",
        &[
            "model",
            "manifest",
            "plan",
            "clock",
            "ai",
            "discord",
            "store",
            "cache",
            "source",
            "forge",
            "config",
            "telemetry",
            "simulator",
            "controller",
            "bot",
            "web",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// The pure core: it answers the same question alike, on every machine, at any time.
const CORE: &[&str] = &["model", "manifest", "plan"];

/// What the core does not contain, as sequences of tokens, and why.
const IMPURE: &[(&str, &str)] = &[
    ("async", "the core does not wait"),
    ("await", "the core does not wait"),
    ("tokio", "the core does not wait"),
    ("tracing", "the core does not log"),
    ("HashMap", "its order is random"),
    ("HashSet", "its order is random"),
    ("print !", "the core does not print"),
    ("println !", "the core does not print"),
    ("eprint !", "the core does not print"),
    ("eprintln !", "the core does not print"),
    ("dbg !", "the core does not print"),
    (":: now (", "time is an argument"),
];

/// Parts of the standard library the core does not name.
const IMPURE_STD: &[&str] = &["fs", "env", "net", "time", "process", "thread"];

/// Longest file, in lines.
const LONGEST: usize = 900;

/// Modules name only modules below them.
fn layers(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        let module = file.module();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            violations.push(format!("{}: `{module}` has no place among the layers", file.path));
            continue;
        };
        let production = file.production();
        for (line, named) in production.top_level_modules(file.depth()) {
            let known = LAYERS.iter().any(|(name, _)| *name == named);
            if known && named != module && !allowed.contains(&named.as_str()) {
                violations.push(format!("{}:{line}: `{module}` may not know `{named}`", file.path));
            }
        }
    }
    violations
}

/// The core is pure.
fn purity(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| CORE.contains(&file.module().as_str())) {
        let production = file.production();
        for (tokens, why) in IMPURE {
            let found = production.find(&tokens.split(' ').collect::<Vec<_>>());
            violations.extend(found.iter().map(|line| format!("{}:{line}: `{tokens}`: {why}", file.path)));
        }
        for (line, named) in production.children_of("std") {
            if IMPURE_STD.contains(&named.as_str()) {
                violations.push(format!("{}:{line}: `std::{named}`: the core has no outside", file.path));
            }
        }
    }
    violations
}

/// Every file says first what it decides.
fn introductions(files: &[Source]) -> Vec<String> {
    let silent = files.iter().filter(|file| !file.text.starts_with("//! "));
    silent.map(|file| format!("{}: does not open with `//!`", file.path)).collect()
}

/// No file is too long to be read in one go.
fn lengths(files: &[Source]) -> Vec<String> {
    let long = files.iter().map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > LONGEST);
    long.map(|(file, lines)| format!("{}: {lines} lines, more than {LONGEST}", file.path)).collect()
}

/// Every file is part of the program; one that no `mod` names would be skipped in silence.
fn membership(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| !["main.rs", "lib.rs"].contains(&file.name())) {
        let parents = file.parents();
        let declared = files.iter().filter(|other| parents.contains(&other.path)).any(|parent| {
            let module = file.name().trim_end_matches(".rs");
            !Code::of(&parent.text).find(&["mod", module, ";"]).is_empty()
        });
        if !declared {
            violations.push(format!("{}: no `mod` names it", file.path));
        }
    }
    violations
}

/// Tests neither sleep nor are skipped. A [`Clock`](setai::clock::Clock) may: a virtual one sleeps without waiting.
fn honest_tests(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        let tests = file.tests();
        let skipped = tests.find(&["#", "[", "ignore"]);
        violations.extend(skipped.iter().map(|line| format!("{}:{line}: a test that does not run", file.path)));
        let sleeping = tests.find_where(&["sleep", "("], |before| before != ".");
        violations.extend(sleeping.iter().map(|line| format!("{}:{line}: a test that sleeps", file.path)));
    }
    violations
}

/// Tests get simulators only where everything is held against Discord's description.
fn inspection(files: &[Source]) -> Vec<String> {
    let elsewhere = files.iter().filter(|file| !file.path.ends_with("/support/inspection.rs"));
    let made = elsewhere.flat_map(|file| {
        let lines = file.tests().find(&["Simulator", "::", "new", "("]);
        lines.into_iter().map(move |line| format!("{}:{line}: a simulator that nobody inspects", file.path))
    });
    made.collect()
}

// ---- the rules hold ----

#[track_caller]
fn holds(rule: fn(&[Source]) -> Vec<String>, files: &[Source]) {
    assert!(files.len() > 1, "there is something to look at");
    let violations = rule(files);
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn modules_name_only_modules_below_them() {
    holds(layers, &sources("src"));
}

#[test]
fn the_core_is_pure() {
    holds(purity, &sources("src"));
}

#[test]
fn every_file_says_first_what_it_decides() {
    holds(introductions, &[sources("src"), sources("tests/it")].concat());
}

#[test]
fn no_file_is_too_long() {
    holds(lengths, &sources("src"));
}

#[test]
fn every_file_is_part_of_the_program() {
    holds(membership, &sources("src"));
    holds(membership, &sources("tests/it"));
}

#[test]
fn tests_neither_sleep_nor_are_skipped() {
    holds(honest_tests, &[sources("src"), sources("tests")].concat());
}

#[test]
fn every_simulator_of_a_test_is_inspected() {
    holds(inspection, &[sources("src"), sources("tests")].concat());
}

// ---- the rules can fail ----

fn sample(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn a_module_that_looks_up_or_sideways_is_found() {
    let upwards = [
        ("src/model/guild.rs", "use crate::plan::Operation;"),
        ("src/manifest.rs", "fn f() { crate::plan::propose(); }"),
        ("src/plan/diff.rs", "use crate::{model::Guild, store::{Store, Error}};"),
        ("src/discord/apply.rs", "use crate::store::Store;"),
        ("src/store.rs", "use super::discord::Client;"),
        ("src/store/runs.rs", "use super::super::simulator;"),
        ("src/store/sqlite/rows.rs", "use super::super::super::cli::main;"),
        ("src/simulator/world.rs", "pub(crate) use crate :: discord :: wire;"),
        ("src/controller.rs", "use crate::{\n    clock::Clock,\n    simulator::World,\n};"),
        ("src/clock.rs", "use crate::model;"),
        ("src/main.rs", "fn main() { setai::store::open(); }"),
        ("src/drawer.rs", ""),
    ];
    for (path, text) in upwards {
        assert_eq!(layers(&[sample(path, text)]).len(), 1, "{path}: {text}");
    }
    let downwards = [
        ("src/plan/diff.rs", "use crate::{model::Guild, manifest::Manifest};\nuse super::operation::Operation;"),
        ("src/store/runs.rs", "use super::trail; use crate::store::column; use crate::plan::StepId;"),
        ("src/model/guild.rs", "// crate::plan\nconst TEXT: &str = \"crate::plan\";"),
        ("src/model/role.rs", "struct A<'a>(&'a str); #[cfg(test)]\nmod tests { use crate::plan::Operation; }"),
        ("src/model/role/tests.rs", "use crate::plan::Operation;"),
        ("src/store/words.rs", "macro_rules! w { () => { $crate::store::UnknownWord } }"),
        ("src/cli/plan.rs", "use crate::{simulator, controller, discord};"),
    ];
    for (path, text) in downwards {
        assert_eq!(layers(&[sample(path, text)]), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn a_violation_names_its_line() {
    let text = "//! Words.\n\n/* two\nlines */\nuse crate::{\n    model,\n    cli::Arguments,\n};\n";
    assert_eq!(layers(&[sample("src/plan/diff.rs", text)]), ["src/plan/diff.rs:7: `plan` may not know `cli`"]);
}

#[test]
fn an_impurity_is_found() {
    let impure = [
        "async fn f() {}",
        "fn f() { g().await; }",
        "use std::collections::{BTreeMap, HashMap};",
        "use std::collections::HashSet;",
        "use std::fs;",
        "use std::{fmt, env};",
        "fn f() { std::net::lookup(); }",
        "use std::time::Instant;",
        "fn f() { tokio::spawn(()); }",
        "fn f() { tracing::info!(\"x\"); }",
        "fn f() { println!(\"x\"); }",
        "fn f() { let t = Utc::now(); }",
    ];
    for text in impure {
        assert_eq!(purity(&[sample("src/plan/diff.rs", text)]).len(), 1, "{text}");
        assert_eq!(purity(&[sample("src/discord/diff.rs", text)]), Vec::<String>::new(), "only the core is pure");
    }
    let pure = [
        "//! No async, no HashMap.\nuse std::{fmt, collections::BTreeMap};",
        "const TEXT: &str = r#\"tokio \"async\" println!\"#;",
        "#[cfg(test)]\nmod tests { use std::fs; }",
        "fn asynchronous(asyncs: char) -> bool { asyncs == '\"' || asyncs == '\\'' }",
    ];
    for text in pure {
        assert_eq!(purity(&[sample("src/plan/diff.rs", text)]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_silent_or_endless_file_is_found() {
    assert_eq!(introductions(&[sample("src/a.rs", "use std::fmt;\n//! Too late.")]).len(), 1);
    assert_eq!(introductions(&[sample("src/a.rs", "//! Decides.")]).len(), 0);
    assert_eq!(lengths(&[sample("src/a.rs", &"\n".repeat(LONGEST + 1))]).len(), 1);
    assert_eq!(lengths(&[sample("src/a.rs", &"\n".repeat(LONGEST))]).len(), 0);
}

#[test]
fn a_file_nobody_names_is_found() {
    let root = |text| sample("tests/it/main.rs", text);
    let (story, part) = (sample("tests/it/story.rs", "mod part;"), sample("tests/it/story/part.rs", ""));
    assert_eq!(membership(&[root("mod story;"), story.clone(), part.clone()]), Vec::<String>::new());
    assert_eq!(membership(&[root("// mod story;"), story, part]), ["tests/it/story.rs: no `mod` names it"]);
    let lost = sample("tests/it/story/part.rs", "");
    assert_eq!(membership(&[root("mod part;"), lost]).len(), 1, "a folder away is not named either");
    let inside = sample("src/store/runs.rs", "");
    assert_eq!(
        membership(&[sample("src/store.rs", "mod trail;"), inside, sample("src/lib.rs", "mod store;")]).len(),
        1
    );
}

#[test]
fn a_test_that_sleeps_or_is_skipped_is_found() {
    let dishonest = [
        "#[test]\n#[ignore]\nfn f() {}",
        "#[ignore = \"slow\"] #[test] fn f() {}",
        "fn f() { std::thread::sleep(second); }",
        "async fn f() { sleep(second).await; }",
    ];
    for text in dishonest {
        assert_eq!(honest_tests(&[sample("tests/it/a.rs", text)]).len(), 1, "{text}");
        let in_production = format!("{text}\n#[cfg(test)]\nmod tests {{}}\n");
        assert_eq!(honest_tests(&[sample("src/a.rs", &in_production)]), Vec::<String>::new(), "{text}");
        let in_tests = format!("fn g() {{}}\n#[cfg(test)]\nmod tests {{ {text} }}\n");
        assert_eq!(honest_tests(&[sample("src/a.rs", &in_tests)]).len(), 1, "{text}");
    }
    assert_eq!(honest_tests(&[sample("src/a/tests.rs", "#[ignore] fn f() {}")]).len(), 1);
    assert_eq!(honest_tests(&[sample("tests/it/a.rs", "async fn f() { clock.sleep(day).await; }")]).len(), 0);
}

#[test]
fn a_simulator_nobody_inspects_is_found() {
    let text = "fn f() { let simulator = Simulator::new(world, Options::default()); }";
    assert_eq!(inspection(&[sample("tests/it/traps.rs", text)]).len(), 1);
    assert_eq!(inspection(&[sample("src/cli/demo.rs", text)]), Vec::<String>::new(), "no test");
    assert_eq!(inspection(&[sample("tests/it/support/inspection.rs", text)]), Vec::<String>::new());
}

// ---- reading source ----

/// A file of the repository.
#[derive(Clone, Debug)]
struct Source {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// True for a file that is nothing but tests.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.name() == "tests.rs"
    }

    fn production(&self) -> Code {
        if self.is_test() { Code(Vec::new()) } else { Code::of(&self.text).kept(false) }
    }

    fn tests(&self) -> Code {
        let all = Code::of(&self.text);
        if self.is_test() { all } else { all.kept(true) }
    }

    /// The top-level module the file belongs to.
    fn module(&self) -> String {
        self.path.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs").to_owned()
    }

    /// How many `super` lead to the root of the crate.
    fn depth(&self) -> usize {
        self.path.split('/').count() - 1
    }

    /// The files one of which has to name this one.
    fn parents(&self) -> Vec<String> {
        let folder = self.path.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        match folder.split('/').collect::<Vec<_>>()[..] {
            ["src"] | ["tests", "it"] => vec![format!("{folder}/main.rs"), format!("{folder}/lib.rs")],
            _ => vec![format!("{folder}.rs")],
        }
    }
}

/// Every Rust file below a folder of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let of_kind = if path.is_dir() { &mut folders } else { &mut files };
            of_kind.push(path);
        }
    }
    files.sort();
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let source = |path: PathBuf| {
        let relative = path.strip_prefix(root).expect("inside the repository");
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        Source { path: parts.join("/"), text: fs::read_to_string(&path).expect("readable text") }
    };
    rust.map(source).collect()
}

/// A word or a sign of Rust, with its line. Comments, and what stands in strings, are gone.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    line: usize,
    text: String,
}

/// The tokens of a file.
#[derive(Clone, Debug)]
struct Code(Vec<Token>);

impl Code {
    fn of(text: &str) -> Self {
        let mut reader = Reader { rest: text, line: 1, tokens: Vec::new() };
        while !reader.rest.is_empty() {
            reader.step();
        }
        Self(reader.tokens)
    }

    fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |token| &token.text)
    }

    fn matches(&self, at: usize, tokens: &[&str]) -> bool {
        tokens.iter().enumerate().all(|(offset, token)| self.text(at + offset) == *token)
    }

    /// The lines in which the tokens stand in a row.
    fn find(&self, tokens: &[&str]) -> Vec<usize> {
        self.find_where(tokens, |_| true)
    }

    /// The same, where the token before them is accepted.
    fn find_where(&self, tokens: &[&str], accepted: impl Fn(&str) -> bool) -> Vec<usize> {
        let before = |at: usize| at.checked_sub(1).map_or("", |at| self.text(at));
        let found = (0..self.0.len()).filter(|at| self.matches(*at, tokens) && accepted(before(*at)));
        found.map(|at| self.0[at].line).collect()
    }

    /// For each token whether it belongs to an item under `#[cfg(test)]`.
    fn in_tests(&self) -> Vec<bool> {
        let mut inside = vec![false; self.0.len()];
        let mut at = 0;
        while at < self.0.len() {
            if !self.matches(at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
                at += 1;
                continue;
            }
            let end = self.end_of_item(at + 7);
            inside[at..end].fill(true);
            at = end;
        }
        inside
    }

    /// The end of the item that starts at `at`: behind its braces, or its semicolon.
    fn end_of_item(&self, at: usize) -> usize {
        let mut open = 0;
        for at in at..self.0.len() {
            match self.text(at) {
                "{" | "(" | "[" => open += 1,
                "}" | ")" | "]" => open -= 1,
                _ => {}
            }
            if open == 0 && ["}", ";"].contains(&self.text(at)) {
                return at + 1;
            }
        }
        self.0.len()
    }

    /// What belongs to tests, or what does not.
    fn kept(&self, tests: bool) -> Self {
        let tokens = self.0.iter().zip(self.in_tests());
        Self(tokens.filter(|(_, in_tests)| *in_tests == tests).map(|(token, _)| token.clone()).collect())
    }

    /// The top-level modules that are named, from a file so many `super` below the root.
    fn top_level_modules(&self, depth: usize) -> BTreeSet<(usize, String)> {
        let mut named = self.children_of("crate");
        named.extend(self.children_of("setai"));
        for at in 0..self.0.len() {
            let climbs = (0..depth).all(|step| self.matches(at + 2 * step, &["super", "::"]));
            if climbs {
                self.first_segments(at + 2 * depth, &mut named);
            }
        }
        named
    }

    /// What follows `root::`, also inside braces.
    fn children_of(&self, root: &str) -> BTreeSet<(usize, String)> {
        let mut named = BTreeSet::new();
        for at in (0..self.0.len()).filter(|at| self.matches(*at, &[root, "::"])) {
            self.first_segments(at + 2, &mut named);
        }
        named
    }

    /// The first segments of the path, or of the paths in the braces, that start at `at`.
    fn first_segments(&self, at: usize, named: &mut BTreeSet<(usize, String)>) {
        let mut open = 0;
        for at in at..self.0.len() {
            match self.text(at) {
                "{" => open += 1,
                "}" => open -= 1,
                // A segment is first at the start, after the outer brace, and after a comma inside it.
                word if open <= 1 && (open == 0 || ["{", ","].contains(&self.text(at - 1))) => {
                    named.insert((self.0[at].line, word.to_owned()));
                }
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }
}

/// Takes source text apart, as far as these rules need it.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or_default();
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(rest.find("*/").map_or(rest.len(), |end| end + 2));
        } else if let Some(length) = literal(rest) {
            self.skip(length);
        } else if first.is_alphanumeric() || first == '_' {
            let word = |c: char| !(c.is_alphanumeric() || c == '_');
            self.take(rest.find(word).unwrap_or(rest.len()));
        } else if rest.starts_with("::") {
            self.take(2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.take(first.len_utf8());
        }
    }

    fn take(&mut self, length: usize) {
        self.tokens.push(Token { line: self.line, text: self.rest[..length].to_owned() });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

/// The length of the string or character literal, or the lifetime, that `text` starts with.
fn literal(text: &str) -> Option<usize> {
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'));
    let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
    if let Some(body) = raw.and_then(|raw| raw[hashes..].strip_prefix('"')) {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = text.len() - body.len();
        return Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()));
    }
    let quoted = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - quoted.len();
    let quote = quoted.chars().next().filter(|c| ['"', '\''].contains(c))?;
    if quote == '\'' {
        // `'a'` and `'\n'` are characters, `'a` is the start of a lifetime.
        let mut body = quoted.chars().skip(1);
        let (first, second) = (body.next(), body.next());
        if first != Some('\\') && second != Some('\'') {
            return Some(prefix + 1);
        }
    }
    let mut escaped = false;
    for (at, c) in quoted.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(prefix + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

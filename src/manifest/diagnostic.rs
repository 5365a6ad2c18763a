//! Problems of a manifest: what is wrong, where, and what to do.
//!
//! Decides which problems exist, what they are called and how grave they are. Knows nothing of what causes them, nor of
//! how they are shown.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The manifest is refused.
    Block,
    /// It is probably not what was meant.
    Warn,
    /// Worth knowing.
    Log,
}

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable code.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

macro_rules! rules {
    ($( $name:ident $code:literal $severity:ident $meaning:literal; )*) => {
        /// Every kind of problem there is, by code.
        pub const RULES: &[Rule] = &[$( rule::$name, )*];

        /// The kinds of problem, by name.
        pub(crate) mod rule {
            use super::{Rule, Severity};
            $( pub(crate) const $name: Rule =
                Rule { code: $code, severity: Severity::$severity, meaning: $meaning }; )*
        }
    };
}

rules! {
    // Files
    FILE_MISSING "SA0001" Block "A file that is named does not exist.";
    OUTSIDE "SA0002" Block "A path leads out of the folder of manifests.";
    NOT_UTF8 "SA0003" Block "A file is not UTF-8 text.";
    TOO_LARGE "SA0004" Block "A file is longer, deeper or expands to more than any guild needs.";
    NO_GUILD_FILE "SA0005" Block "No file has a `guild:` key.";
    GUILD_TWICE "SA0006" Block "Two files describe one guild.";
    NOTHING_INCLUDED "SA0007" Block "An `include` pattern matches no file.";
    CIRCLE "SA0008" Block "Files extend or include each other in a circle.";
    BAD_IMAGE "SA0009" Block "An image is of a format or size that Discord refuses.";
    TOO_MANY_PROBLEMS "SA0010" Log "There are more problems than are listed.";
    // Spelling
    NOT_YAML "SA0101" Block "A text is not YAML.";
    DUPLICATE_KEY "SA0102" Block "A key stands twice in one map.";
    UNKNOWN_FIELD "SA0103" Block "A field does not exist.";
    WRONG_TYPE "SA0104" Block "A value is of another type than its field.";
    SEVERAL_DOCUMENTS "SA0105" Block "A file holds more than one YAML document.";
    EMPTY "SA0106" Block "A file says nothing.";
    UNQUOTED "SA0107" Warn "A number, `true` or `false` stands without quotes where a text is meant.";
    COMMENTED_OUT "SA0108" Block "A `#` without quotes begins a comment, so the value before it is missing.";
    NOT_NULL "SA0109" Block "A field that cannot be cleared is empty or `null`.";
    MISSING_FIELD "SA0110" Block "A field that is needed is missing.";
    BAD_KEY "SA0111" Block "A key is not made of letters, digits, `-` and `_`.";
    WRONG_VERSION "SA0112" Block "The manifest is of a version this build does not read.";
    NOT_A_SNOWFLAKE "SA0113" Block "A Discord id is not a number.";
    UNKNOWN_WORD "SA0114" Block "A value is none of the words its field knows.";
    NOT_A_COLOR "SA0115" Block "A colour is neither `\"#rrggbb\"` nor a number up to 0xFFFFFF.";
    CONTROL_CHARACTER "SA0116" Warn "A text holds a control character, which Discord drops or refuses.";
    OUT_OF_RANGE "SA0117" Block "A number is smaller or larger than Discord accepts.";
    BAD_LENGTH "SA0118" Block "A text is shorter or longer than Discord accepts.";
    UNKNOWN_PERMISSION "SA0119" Block "A permission does not exist.";
    NOT_AN_EMOJI "SA0120" Block "A text is not an emoji.";
    BAD_PATTERN "SA0121" Block "An entry of `protect` or `ignore` names nothing a manifest can have.";
    BAD_WINDOW "SA0122" Block "A window is not written like `Mon-Fri 09:00-18:00 Europe/Berlin`.";
    BAD_LIMIT "SA0123" Block "A deletion limit is neither a number nor a percentage.";
    BAD_TARGET "SA0124" Block "The target of an overwrite is neither a role's key nor `role:ID` nor `user:ID`.";
    YAML_TAG "SA0125" Block "A YAML tag other than `!!str` is used.";
    BAD_MERGE "SA0126" Block "The value of a merge key `<<` is not a map.";
    // Meaning
    DUPLICATE_OBJECT "SA0201" Block "One key is given to two objects of a kind, or one section is written in two files.";
    UNKNOWN_ROLE "SA0202" Block "A role that is named is not in `roles`.";
    UNKNOWN_CHANNEL "SA0203" Block "A channel or category that is named does not exist.";
    UNKNOWN_SET "SA0204" Block "A permission set that is named does not exist.";
    UNKNOWN_ACCESS "SA0205" Block "An entry of `access` that is named does not exist.";
    SET_CIRCLE "SA0206" Block "Permission sets or entries of `access` build on each other in a circle.";
    RESERVED_KEY "SA0207" Block "A key has a meaning of its own and cannot be given to an object.";
    FIELD_OF_OTHER_KIND "SA0208" Block "A field does not exist for this kind of channel.";
    PREVIOUSLY_TAKEN "SA0209" Block "A former key is still in use, or claimed twice.";
    ID_TWICE "SA0210" Block "Two objects are pinned to one id.";
    NOTHING_TO_REMOVE "SA0211" Block "An overlay removes something that was not inherited.";
    EVERYONE_FIELD "SA0212" Block "A field does not exist for @everyone.";
    WRONG_CHANNEL_KIND "SA0213" Block "A setting names a channel of a kind it cannot use.";
    CONTRADICTION "SA0214" Block "An expectation says nothing, or demands what it forbids.";
    FLAG_CONFLICT "SA0215" Block "Two fields cannot both be set.";
    MISPLACED "SA0216" Block "A field only has a meaning in another kind of file.";
    NAME_WITHOUT_REST "SA0217" Block "Nothing is left of a channel's name once Discord has made a slug of it.";
    BAD_GRADIENT "SA0218" Block "The colours of a role do not go together.";
    TARGET_TWICE "SA0219" Block "One target has two overwrites.";
    // Limits
    TOO_MANY_ROLES "SA0301" Block "A guild holds 250 roles.";
    TOO_MANY_CHANNELS "SA0302" Block "A guild holds 500 channels, categories included.";
    TOO_MANY_CHILDREN "SA0303" Block "A category holds 50 channels.";
    TOO_MANY_OVERWRITES "SA0304" Block "One request carries 100 overwrites.";
    TOO_MANY_TAGS "SA0305" Block "A forum holds 20 tags.";
    TAG_TWICE "SA0306" Block "Two tags of a forum have one name.";
    TOO_MANY_CATEGORIES "SA0307" Warn "Guilds have been seen to hold no more than 50 categories.";
    // Habits
    SAME_NAME "SA0401" Warn "Two channels of one category get the same name.";
    EVERYONE_ADMINISTRATOR "SA0402" Warn "@everyone gets `administrator`.";
    ALLOWED_AND_DENIED "SA0403" Warn "A permission is both allowed and denied; Discord lets allow win.";
    PUBLIC_CHILD "SA0404" Warn "A channel is public in a category that is private.";
    MATCHES_NOTHING "SA0405" Warn "An entry of `protect` or `ignore` matches nothing.";
    OLD_HABIT "SA0406" Log "A permission no longer implies what was split off from it.";
    NEEDS_COMMUNITY "SA0407" Log "A kind of channel exists only in Community guilds.";
    UNKNOWN_BIT "SA0408" Log "A permission bit has no name in this build.";
    AMBIGUOUS "SA0409" Warn "A key in an expectation is that of a channel and of a category.";
    RENAMED "SA0410" Log "Discord turns the name of a channel into a slug.";
    UNUSED "SA0411" Log "A permission set or an entry of `access` is not used.";
    USELESS_BIT "SA0412" Log "A permission has no meaning in the overwrites of a channel.";
    COMMUNITY_CHANNELS "SA0413" Warn "Community needs a rules channel and a public updates channel.";
}

/// A problem of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Its stable code, one of [`RULES`]; empty for what is no problem of a manifest.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; the first is the primary one. Empty when there is no place to point at.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// A text that would mend it.
    pub suggestion: Option<Suggestion>,
}

/// A place in a file and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The file, as it was named to the parser.
    pub file: String,
    /// Bytes of the file.
    pub range: Range<usize>,
    /// What is to be said of the place; may be empty.
    pub text: String,
    /// True for the place the problem is at.
    pub primary: bool,
}

/// A text in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The file, as it was named to the parser.
    pub file: String,
    /// Bytes of the file.
    pub range: Range<usize>,
    /// What to put there.
    pub replacement: String,
}

/// A file among those that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(pub(crate) u16);

/// A place in a file that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) file: FileId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Spot {
    /// Bytes of a file. Files have a size limit far below what fits.
    pub(crate) fn new(file: FileId, range: Range<usize>) -> Self {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: narrow(range.start), end: narrow(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A problem on its way into [`Problems`].
#[derive(Clone, Debug)]
#[must_use = "a problem nobody reports is not found"]
pub(crate) struct Problem {
    rule: Rule,
    message: String,
    labels: Vec<(Spot, String)>,
    help: Option<String>,
    suggestion: Option<(Spot, String)>,
}

impl Problem {
    /// A problem without a place.
    pub(crate) fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), labels: Vec::new(), help: None, suggestion: None }
    }

    /// Points at a place; the first call names the primary one.
    pub(crate) fn at(mut self, spot: Spot, text: impl Into<String>) -> Self {
        self.labels.push((spot, text.into()));
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers a text in the place of what is at `spot`.
    pub(crate) fn suggest(mut self, spot: Spot, replacement: impl Into<String>) -> Self {
        self.suggestion = Some((spot, replacement.into()));
        self
    }

    /// Offers a word that is probably meant.
    pub(crate) fn did_you_mean(self, spot: Spot, guess: Option<&str>) -> Self {
        match guess {
            Some(found) => self.help(format!("did you mean `{found}`?")).suggest(spot, found),
            None => self,
        }
    }
}

/// The candidate fewest typing errors away, when that is few.
pub(crate) fn nearest<'c>(text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const LONGEST: usize = 100;
    if text.len() > LONGEST {
        return None;
    }
    let text = text.to_lowercase();
    let tolerance = (text.chars().count() / 3).max(1);
    let similar = candidates.into_iter().filter(|c| c.len().abs_diff(text.len()) <= 4 * tolerance);
    let scored = similar.map(|c| (strsim::damerau_levenshtein(&text, &c.to_lowercase()), c));
    scored.filter(|(distance, _)| *distance <= tolerance).min_by_key(|(distance, _)| *distance).map(|(_, c)| c)
}

/// Gathers problems, and knows the files they are in.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    files: Vec<String>,
    found: Vec<Diagnostic>,
    blocking: usize,
    dropped: usize,
}

impl Problems {
    /// More than this many that block, and as many that do not, help nobody; a hostile file could make millions.
    const MOST: usize = 500;

    /// Makes a file known.
    pub(crate) fn add_file(&mut self, name: &str) -> FileId {
        self.files.push(name.to_owned());
        FileId(u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX))
    }

    /// The names of all files, in the order in which they were made known.
    pub(super) fn file_names(&self) -> &[String] {
        &self.files
    }

    /// The name of a file.
    pub(crate) fn file_name(&self, file: FileId) -> &str {
        self.files.get(usize::from(file.0)).map_or("", String::as_str)
    }

    /// The candidate that looks most like `text`; none when nobody will read the guess.
    pub(crate) fn guess<'c>(&self, text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        if self.blocking < Self::MOST { nearest(text, candidates) } else { None }
    }

    /// Adds a problem.
    pub(crate) fn report(&mut self, problem: Problem) {
        let Problem { rule, message, labels, help, suggestion } = problem;
        let blocks = rule.severity == Severity::Block;
        let listed = if blocks { self.blocking } else { self.found.len() - self.blocking };
        if listed >= Self::MOST {
            self.dropped += 1;
            return;
        }
        self.blocking += usize::from(blocks);
        let labels = labels.into_iter().enumerate().map(|(index, (spot, text))| Label {
            file: self.file_name(spot.file).to_owned(),
            range: spot.range(),
            text,
            primary: index == 0,
        });
        let suggestion = suggestion.map(|(spot, replacement)| Suggestion {
            file: self.file_name(spot.file).to_owned(),
            range: spot.range(),
            replacement,
        });
        let labels = labels.collect();
        self.found.push(Diagnostic { code: rule.code, severity: rule.severity, message, labels, help, suggestion });
    }

    /// True when something that blocks was found at, or inside of, a place.
    pub(crate) fn are_blocking_within(&self, spot: Spot) -> bool {
        let file = self.file_name(spot.file);
        let inside = |label: &Label| label.file == file && spot.range().contains(&label.range.start);
        let blocking = self.found.iter().filter(|d| d.severity == Severity::Block);
        blocking.flat_map(|d| d.labels.first()).any(inside)
    }

    /// True when the manifest must be refused.
    pub(crate) fn are_blocking(&self) -> bool {
        self.blocking > 0
    }

    /// All problems, in the order of files and places, blocking or not.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        let order: BTreeMap<&str, usize> = self.files.iter().enumerate().map(|(i, f)| (f.as_str(), i)).collect();
        self.found.sort_by_key(|d| d.labels.first().map(|l| (order.get(l.file.as_str()).copied(), l.range.start)));
        if self.dropped > 0 {
            let more = format!("{} more problems are not listed", self.dropped);
            let Rule { code, severity, meaning: _ } = rule::TOO_MANY_PROBLEMS;
            self.found.push(Diagnostic { code, severity, message: more, labels: vec![], help: None, suggestion: None });
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ascend() {
        let codes: Vec<&str> = RULES.iter().map(|r| r.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }

    #[test]
    fn a_typo_is_recognised_and_a_stranger_is_not() {
        assert_eq!(nearest("topc", ["name", "topic"]), Some("topic"));
        assert_eq!(nearest("Topic", ["name", "topic"]), Some("topic"));
        assert_eq!(nearest("weather", ["name", "topic"]), None);
    }

    #[test]
    fn a_flood_of_harmless_problems_hides_no_grave_one() {
        let mut problems = Problems::default();
        for _ in 0..Problems::MOST + 7 {
            problems.report(Problem::new(rule::RENAMED, "x"));
        }
        assert!(!problems.are_blocking());
        problems.report(Problem::new(rule::EMPTY, "y"));
        assert!(problems.are_blocking());
        let listed = problems.into_diagnostics();
        assert_eq!(listed.len(), Problems::MOST + 2);
        assert_eq!(listed.last().map(|d| d.message.as_str()), Some("7 more problems are not listed"));
    }
}

//! What we write into the guild's audit log, and how we find it again.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Who made a change and on whose behalf, as the audit log shows it:
/// `setai op 0193-7 rev a1b2c3d by Ann: create channel rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReason {
    /// The operation's id, without white space: by it a create whose answer was lost is found.
    pub operation: String,
    /// The revision of the manifest; white space in it is written as `-`.
    pub revision: Option<String>,
    /// Who approved or asked.
    pub who: Option<String>,
}

/// The text is not a reason of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reason of ours")]
pub struct Foreign;

impl AuditReason {
    /// Most characters of a reason (Discord's audit log documentation).
    pub const MAX: usize = 512;
    /// Most characters of a name in it, so that the rest has room.
    const MAX_WHO: usize = 64;

    /// The value of the header `X-Audit-Log-Reason`, with what is done in words at its end.
    pub(super) fn header(&self, what: &str) -> String {
        let whole = format!("{self}: {}", one_line(what, Self::MAX));
        utf8_percent_encode(&cut(&whole, Self::MAX), NON_ALPHANUMERIC).to_string()
    }
}

impl fmt::Display for AuditReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, revision, who } = self;
        write!(f, "setai op {operation}")?;
        if let Some(revision) = revision {
            write!(f, " rev {}", revision.split_whitespace().collect::<Vec<_>>().join("-"))?;
        }
        if let Some(who) = who {
            write!(f, " by {}", one_line(&who.replace(':', " "), Self::MAX_WHO))?;
        }
        Ok(())
    }
}

impl FromStr for AuditReason {
    type Err = Foreign;

    /// Reads a reason as the audit log shows it; what follows the colon is for people.
    fn from_str(text: &str) -> Result<Self, Foreign> {
        let head = text.split(':').next().unwrap_or_default();
        let rest = head.strip_prefix("setai op ").ok_or(Foreign)?;
        let (rest, who) = match rest.split_once(" by ") {
            Some((rest, who)) => (rest, Some(who.to_owned())),
            None => (rest, None),
        };
        let (operation, revision) = match rest.split_once(" rev ") {
            Some((operation, revision)) => (operation, Some(revision.to_owned())),
            None => (rest, None),
        };
        if operation.is_empty() || operation.contains(char::is_whitespace) {
            return Err(Foreign);
        }
        Ok(Self { operation: operation.to_owned(), revision, who })
    }
}

fn one_line(text: &str, max: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    cut(&words.join(" "), max)
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn reason() -> AuditReason {
        AuditReason { operation: "0193-7".into(), revision: Some("a1b2c3d".into()), who: Some("Ann Б.".into()) }
    }

    fn shown(header: &str) -> String {
        assert!(header.is_ascii());
        percent_encoding::percent_decode_str(header).decode_utf8().expect("only UTF-8").into_owned()
    }

    #[test]
    fn the_log_shows_who_did_what_and_we_find_it_again() {
        let header = reason().header("create channel\n rules 📢");
        assert_eq!(shown(&header), "setai op 0193-7 rev a1b2c3d by Ann Б.: create channel rules 📢");
        assert_eq!(shown(&header).parse(), Ok(reason()));
    }

    #[test]
    fn a_long_reason_is_cut_behind_the_operation() {
        let header = reason().header(&"ü".repeat(2000));
        let shown = shown(&header);
        assert_eq!(shown.chars().count(), AuditReason::MAX);
        assert!(shown.ends_with('…'));
        assert_eq!(shown.parse(), Ok(reason()));
    }

    #[test]
    fn a_strange_name_does_not_hide_the_operation() {
        let strange = AuditReason { who: Some("Ann: the\n 1st by op 7".into()), ..reason() };
        let shown = shown(&strange.header("x"));
        assert_eq!(shown, "setai op 0193-7 rev a1b2c3d by Ann the 1st by op 7: x");
        assert_eq!(shown.parse::<AuditReason>().expect("ours").operation, "0193-7");
    }

    #[test]
    fn what_others_wrote_is_not_ours() {
        for text in ["", "spam", "setai op ", "setai op a b", "Setai op 1", "setai operator rev 1"] {
            assert_eq!(text.parse::<AuditReason>(), Err(Foreign), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_reason_reads_back(operation in "[a-z0-9-]{1,40}", revision in proptest::option::of(".{0,60}"), who in ".{0,100}", what in ".{0,600}") {
            let reason = AuditReason { operation, revision, who: Some(who) };
            let shown = shown(&reason.header(&what));
            prop_assert!(shown.chars().count() <= AuditReason::MAX);
            let read: AuditReason = shown.parse().expect("ours");
            prop_assert_eq!(read.operation, reason.operation);
        }
    }
}

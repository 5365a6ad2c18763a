//! Walks along a chain and says what is not as it was written.
//!
//! Pure, and content with a page at a time. Whoever changed something may have changed hashes and heads too, so each row is
//! held against itself, against the row before it, against the head, and against heads that were kept elsewhere.

use std::fmt;

use serde::Serialize;

use super::super::audit::Pruning;
use super::{ChainHead, ChainPage, ChainRow, GENESIS, Pin};
use crate::model::GuildId;

/// Findings that are told one by one; of more than these only the number is.
const MOST: usize = 1000;

/// Rows for which it is looked up where they may have stood before.
const SEARCHES: usize = 50;

/// Something that is not as it was written. Rows are named by their number in the chain of their guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// The row does not have its hash.
    RowChanged {
        /// Where it stands, if that can still be read.
        number: Option<u64>,
        /// Its id.
        log_id: String,
    },
    /// The row has its hash, but the next one was written after another.
    RowReplaced {
        /// Where it stands.
        number: u64,
        /// Its id.
        log_id: String,
    },
    /// The row was written for another place.
    RowMoved {
        /// Where it stands.
        number: u64,
        /// Its id.
        log_id: String,
        /// Where it was written.
        from: u64,
    },
    /// The row was never written here.
    RowInserted {
        /// Where it stands.
        number: u64,
        /// Its id.
        log_id: String,
    },
    /// Rows are gone.
    RowsMissing {
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
    },
    /// The oldest rows are gone, and no pruning says so.
    PrefixMissing {
        /// The last of them.
        through: u64,
    },
    /// The newest rows are gone: the head has more.
    TailMissing {
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
    },
    /// The head is not that of these rows.
    HeadChanged {
        /// The number it gives.
        length: u64,
        /// The number of the last row.
        last: u64,
    },
    /// There are rows, and no head or none that can be read.
    HeadMissing,
    /// What the head says of pruned rows is not what the chain says.
    CheckpointChanged {
        /// The row through which it says that was pruned.
        pruned_through: u64,
    },
    /// The chain does not have what it had when the pin was written down.
    PinBroken {
        /// The row.
        number: u64,
        /// The hash it had.
        expected: String,
        /// The hash it has; none when there is no such row.
        found: Option<String>,
    },
    /// The row was pruned, with the record that belongs to it, so the pin can no longer be checked.
    PinPruned {
        /// The row.
        number: u64,
        /// The row through which was pruned.
        pruned_through: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowChanged { number: Some(number), log_id } => write!(f, "row {number} ({log_id}) was changed"),
            Self::RowChanged { number: None, log_id } => write!(f, "row {log_id} was changed, and has no number"),
            Self::RowReplaced { number, log_id } => {
                write!(f, "row {number} ({log_id}) was replaced: the row after it was written after another one")
            }
            Self::RowMoved { number, log_id, from } => {
                write!(f, "row {number} ({log_id}) was moved: it was written as row {from}")
            }
            Self::RowInserted { number, log_id } => {
                write!(f, "row {number} ({log_id}) was inserted: the chain has no place for it")
            }
            Self::RowsMissing { from, through } => write!(f, "{} missing", rows(*from, *through)),
            Self::PrefixMissing { through } => {
                write!(f, "{} missing at the beginning, and no pruning is recorded", rows(1, *through))
            }
            Self::TailMissing { from, through } => {
                write!(
                    f,
                    "{} missing at the end: the chain was cut off, or its head was changed",
                    rows(*from, *through)
                )
            }
            Self::HeadChanged { length, last } if length == last => {
                write!(f, "the head was changed: it does not have the hash of row {last}, which is the last")
            }
            Self::HeadChanged { length, last } => {
                write!(f, "the head was changed: it says {length} rows, and the last one is {last}")
            }
            Self::HeadMissing => write!(f, "the head of the chain is missing, or cannot be read"),
            Self::CheckpointChanged { pruned_through: 0 } => {
                write!(f, "the head says that nothing was pruned, and the chain says otherwise")
            }
            Self::CheckpointChanged { pruned_through } => write!(
                f,
                "the head says that everything through row {pruned_through} was pruned, and no row of the chain says the \
                 same"
            ),
            Self::PinBroken { number, expected, found: Some(found) } => {
                write!(f, "row {number} had the hash {expected}, and has {found}: the trail was rewritten")
            }
            Self::PinBroken { number, expected, found: None } => {
                write!(f, "row {number} had the hash {expected}, and is gone: the trail was cut off")
            }
            Self::PinPruned { number, pruned_through } => {
                write!(
                    f,
                    "row {number} was pruned with everything through row {pruned_through}, so its hash cannot be checked"
                )
            }
        }
    }
}

fn rows(from: u64, through: u64) -> String {
    if from == through { format!("row {from} is") } else { format!("rows {from} to {through} are") }
}

/// What came of looking at the chain of a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Whose.
    pub guild: GuildId,
    /// Rows that were looked at.
    pub rows: u64,
    /// The head, as it is stored.
    pub head: Option<ChainHead>,
    /// What is not as it was written, in the order of the rows.
    pub findings: Vec<Finding>,
    /// How much more there is of the same.
    pub unlisted: u64,
}

impl Inspection {
    /// True when everything is as it was written.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// The head, to be kept elsewhere; none where nothing was ever written.
    pub fn pin(&self) -> Option<Pin> {
        let head = self.head.as_ref().filter(|head| head.length > 0)?;
        Some(Pin { guild: self.guild, number: head.length, hash: head.hash.clone() })
    }
}

/// The row before the one that is looked at.
#[derive(Debug)]
struct Before {
    number: u64,
    log_id: String,
    /// The hash it has and the hash it should have: one of them was changed, if they differ.
    hashes: [String; 2],
    /// Nothing follows from what the next row says of it.
    is_reported: bool,
}

impl Before {
    fn nothing(number: u64, hash: &str) -> Self {
        Self { number, log_id: String::new(), hashes: [hash.to_owned(), hash.to_owned()], is_reported: false }
    }
}

/// Looks at one page of a chain after the other.
#[derive(Debug)]
pub(in crate::store) struct Inspector {
    guild: GuildId,
    rows: u64,
    before: Before,
    pruning: Option<(Pruning, ChainRow)>,
    pins: Vec<Pin>,
    searches: usize,
    findings: Vec<Finding>,
    unlisted: u64,
}

impl Inspector {
    /// Begins at the beginning. Of the pins only those of the guild count.
    pub(in crate::store) fn new(guild: GuildId, pins: &[Pin]) -> Self {
        Self {
            guild,
            rows: 0,
            before: Before::nothing(0, GENESIS),
            pruning: None,
            pins: pins.iter().filter(|pin| pin.guild == guild).cloned().collect(),
            searches: SEARCHES,
            findings: Vec::new(),
            unlisted: 0,
        }
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }

    /// Looks at the next page.
    pub(in crate::store) fn page(&mut self, page: &ChainPage) {
        if let Some(head) = page.head.as_ref().filter(|head| head.pruned_through > self.before.number) {
            // Somebody may have pruned since the page before: what is gone since then is gone by right, if a row says so.
            self.before = Before::nothing(head.pruned_through, &head.pruned_hash);
        }
        let numbers: Vec<u64> = page.rows.iter().filter_map(ChainRow::number).collect();
        let end = page.head.as_ref().map_or(u64::MAX, |head| head.length);
        page.rows.iter().for_each(|row| self.row(row, end, &numbers));
    }

    fn row(&mut self, row: &ChainRow, end: u64, numbers: &[u64]) {
        self.rows += 1;
        let log_id = row.log_id();
        let Some(number) = row.number() else { return self.found(Finding::RowChanged { number: None, log_id }) };
        let is_itself = row.is_itself();
        let follows = number == self.before.number + 1;
        if number <= self.before.number || number > end && !(is_itself && follows) {
            return self.found(Finding::RowInserted { number, log_id });
        }
        if !follows {
            let (from, through) = (self.before.number + 1, number - 1);
            self.found(if from == 1 {
                Finding::PrefixMissing { through }
            } else {
                Finding::RowsMissing { from, through }
            });
        }
        if !is_itself {
            let finding = self.changed(row, number, numbers);
            self.found(finding);
        } else if follows && !self.before.is_reported && !self.before.hashes.contains(&row.previous_hash()) {
            let finding = self.replaced(number, &log_id);
            self.found(finding);
        }
        self.is_pinned(number, &row.stored_hash());
        if is_itself && let Some(pruning) = row.pruning() {
            self.pruning = Some((pruning, row.clone()));
        }
        self.before = Before { number, log_id, hashes: [row.stored_hash(), row.digest()], is_reported: !is_itself };
    }

    fn changed(&mut self, row: &ChainRow, number: u64, numbers: &[u64]) -> Finding {
        let log_id = row.log_id();
        if self.searches > 0 {
            self.searches -= 1;
            if let Some(from) = row.place_among(numbers) {
                return Finding::RowMoved { number, log_id, from };
            }
        }
        Finding::RowChanged { number: Some(number), log_id }
    }

    /// The row is whole, but was not written after what stands before it.
    fn replaced(&self, number: u64, log_id: &str) -> Finding {
        match &self.before {
            Before { number: 0, .. } => Finding::RowChanged { number: Some(number), log_id: log_id.to_owned() },
            Before { number, log_id, .. } if log_id.is_empty() => {
                Finding::CheckpointChanged { pruned_through: *number }
            }
            Before { number, log_id, .. } => Finding::RowReplaced { number: *number, log_id: log_id.clone() },
        }
    }

    fn is_pinned(&mut self, number: u64, hash: &str) {
        let (here, elsewhere): (Vec<Pin>, _) = self.pins.drain(..).partition(|pin| pin.number == number);
        self.pins = elsewhere;
        for Pin { hash: expected, .. } in here.into_iter().filter(|pin| pin.hash != hash) {
            self.found(Finding::PinBroken { number, expected, found: Some(hash.to_owned()) });
        }
    }

    /// Says what came of it, with the head of the last page.
    pub(in crate::store) fn conclude(mut self, head: Option<ChainHead>) -> Inspection {
        let last = self.before.number;
        match &head {
            None if last > 0 => self.found(Finding::HeadMissing),
            None => {}
            Some(head) if head.length > last => {
                self.found(Finding::TailMissing { from: last + 1, through: head.length });
            }
            Some(ChainHead { length, hash, .. })
                if *length < last || !self.before.is_reported && !self.before.hashes.contains(hash) =>
            {
                self.found(Finding::HeadChanged { length: *length, last });
            }
            Some(_) => {}
        }
        if let Some(head) = head.as_ref().filter(|head| !self.is_recorded(head)) {
            let finding = Finding::CheckpointChanged { pruned_through: head.pruned_through };
            if !self.findings.contains(&finding) {
                self.found(finding);
            }
        }
        for pin in std::mem::take(&mut self.pins) {
            self.unmet(pin, head.as_ref());
        }
        let Self { guild, rows, findings, unlisted, .. } = self;
        Inspection { guild, rows, head, findings, unlisted }
    }

    /// True when the last pruning in the chain is the one the head tells of.
    fn is_recorded(&self, head: &ChainHead) -> bool {
        let ChainHead { length: _, hash: _, pruned_through, pruned_hash, pruned_at, pruned_by } = head;
        match &self.pruning {
            None => *pruned_through == 0 && pruned_hash == GENESIS && pruned_at.is_none() && pruned_by.is_none(),
            Some((pruning, row)) => {
                pruning.pruned_through == *pruned_through
                    && pruning.pruned_hash == *pruned_hash
                    && pruned_at.map(super::time_text) == row.text("logged_at")
                    && *pruned_by == row.text("actor")
            }
        }
    }

    /// A pin whose row was not met.
    fn unmet(&mut self, pin: Pin, head: Option<&ChainHead>) {
        let Pin { guild: _, number, hash: expected } = pin;
        let pruned_through = head.map_or(0, |head| head.pruned_through);
        let pruned_hash = head.map(|head| head.pruned_hash.clone());
        if number < pruned_through {
            self.found(Finding::PinPruned { number, pruned_through });
        } else if number > pruned_through {
            self.found(Finding::PinBroken { number, expected, found: None });
        } else if pruned_hash.as_ref() != Some(&expected) {
            self.found(Finding::PinBroken { number, expected, found: pruned_hash });
        }
    }
}

//! `setai audit verify`: whether the trail is what was written, and what to keep elsewhere to prove it again.

use serde_json::json;

use crate::plan::render::Tone;
use crate::store::{Inspection, Pin, Store, inspect};

use super::super::arguments::AuditVerify;
use super::super::failure::{Exit, Failure};
use super::super::screen::Screen;

pub(super) async fn run(command: &AuditVerify, store: &dyn Store, screen: Screen) -> Result<Exit, Failure> {
    let AuditVerify { guild, expect, json } = command;
    let mut guilds = super::guilds(guild.as_deref(), store).await?;
    // What somebody expects of a guild is looked at even when nothing of it is left.
    guilds.extend(expect.iter().map(|pin| pin.guild));
    guilds.sort_unstable();
    guilds.dedup();
    let mut inspections = Vec::new();
    for guild in guilds {
        inspections.push(inspect(store, guild, expect).await?);
    }
    let is_intact = inspections.iter().all(Inspection::is_intact);
    if *json {
        let pins: Vec<_> = inspections.iter().filter_map(Inspection::pin).map(|pin| pin.to_string()).collect();
        screen.say(crate::cli::json(&json!({ "intact": is_intact, "chains": inspections, "expect": pins }))?);
    } else {
        report(&inspections).into_iter().for_each(|(tone, line)| screen.toned(tone, line));
    }
    Ok(if is_intact { Exit::Success } else { Exit::Failure })
}

/// What came of all chains, in words.
fn report(inspections: &[Inspection]) -> Vec<(Tone, String)> {
    let mut lines: Vec<(Tone, String)> = inspections.iter().flat_map(of_one).collect();
    let is_intact = inspections.iter().all(Inspection::is_intact);
    let pins: Vec<Pin> = inspections.iter().filter(|i| i.is_intact()).filter_map(Inspection::pin).collect();
    if inspections.is_empty() {
        lines.push((Tone::Plain, "There is no audit trail yet.".to_owned()));
    }
    if !is_intact {
        lines.extend(ADVICE.iter().map(|line| (Tone::Plain, (*line).to_owned())));
    }
    if !pins.is_empty() {
        lines.push((Tone::Plain, KEEP.to_owned()));
        lines.extend(pins.iter().map(|pin| (Tone::Plain, format!("  --expect {pin}"))));
    }
    lines
}

/// What to do when something was found.
const ADVICE: &[&str] = &[
    "Somebody or something changed the database behind setai's back. Do not prune, and do not restore over it: first copy",
    "the database as it is, then compare the rows above with an export or a backup, and find out who could write to it.",
    "Discord's own audit log has the operation id of each change in its reason.",
];

/// What the pins are for.
const KEEP: &str = "Keep this where the database's administrators cannot write. The next `setai audit verify` with it also \
                    proves that nothing up to here was cut off or written anew:";

fn of_one(inspection: &Inspection) -> Vec<(Tone, String)> {
    let Inspection { guild, rows, head, findings, unlisted } = inspection;
    if findings.is_empty() {
        let pruned = head.as_ref().filter(|head| head.pruned_through > 0).map_or_else(String::new, |head| {
            let when = head.pruned_at.map_or_else(String::new, |at| at.format(" on %Y-%m-%d").to_string());
            let by = head.pruned_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
            format!("; {} older ones were pruned{when}{by}", head.pruned_through)
        });
        return vec![(Tone::Create, format!("{guild}: intact, {rows} rows{pruned}"))];
    }
    let count = findings.len() as u64 + unlisted;
    let mut lines = vec![(Tone::Refuse, format!("{guild}: not intact, {count} findings in {rows} rows"))];
    lines.extend(findings.iter().map(|finding| (Tone::Refuse, format!("  {finding}"))));
    if *unlisted > 0 {
        lines.push((Tone::Refuse, format!("  and {unlisted} more")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GuildId;
    use crate::store::{ChainHead, Finding};

    fn intact(guild: u64) -> Inspection {
        let head = ChainHead {
            length: 42,
            hash: "cd".repeat(32),
            pruned_through: 0,
            pruned_hash: "00".repeat(32),
            pruned_at: None,
            pruned_by: None,
        };
        Inspection { guild: GuildId::new(guild), rows: 42, head: Some(head), findings: Vec::new(), unlisted: 0 }
    }

    fn told(inspections: &[Inspection]) -> String {
        report(inspections).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_intact_trail_is_said_to_be_with_what_to_keep() {
        let mut pruned = intact(23);
        pruned.rows = 32;
        pruned.head = pruned.head.map(|head| ChainHead {
            pruned_through: 10,
            pruned_at: Some("2026-11-22T10:00:00Z".parse().expect("a time")),
            pruned_by: Some("local:ada".to_owned()),
            ..head
        });
        insta::assert_snapshot!(told(&[intact(22), pruned]), @r"
        22: intact, 42 rows
        23: intact, 32 rows; 10 older ones were pruned on 2026-11-22 by local:ada
        Keep this where the database's administrators cannot write. The next `setai audit verify` with it also proves that nothing up to here was cut off or written anew:
          --expect 22:42:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
          --expect 23:42:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
        ");
        insta::assert_snapshot!(told(&[]), @"There is no audit trail yet.");
    }

    #[test]
    fn every_finding_is_named() {
        let log_id = || "019abcde-0000-7000-8000-0123456789ac".to_owned();
        let (number, expected) = (3, "ab".repeat(32));
        let findings = vec![
            Finding::PrefixMissing { through: 2 },
            Finding::RowChanged { number: Some(number), log_id: log_id() },
            Finding::RowChanged { number: None, log_id: log_id() },
            Finding::RowReplaced { number, log_id: log_id() },
            Finding::RowMoved { number, log_id: log_id(), from: 7 },
            Finding::RowInserted { number, log_id: log_id() },
            Finding::RowsMissing { from: 4, through: 4 },
            Finding::TailMissing { from: 8, through: 9 },
            Finding::HeadChanged { length: 9, last: 9 },
            Finding::HeadChanged { length: 8, last: 9 },
            Finding::HeadMissing,
            Finding::CheckpointChanged { pruned_through: 0 },
            Finding::CheckpointChanged { pruned_through: 2 },
            Finding::PinBroken { number, expected: expected.clone(), found: Some("cd".repeat(32)) },
            Finding::PinBroken { number, expected, found: None },
            Finding::PinPruned { number, pruned_through: 5 },
        ];
        insta::assert_snapshot!(told(&[Inspection { findings, unlisted: 12, ..intact(22) }]), @r"
        22: not intact, 28 findings in 42 rows
          rows 1 to 2 are missing at the beginning, and no pruning is recorded
          row 3 (019abcde-0000-7000-8000-0123456789ac) was changed
          row 019abcde-0000-7000-8000-0123456789ac was changed, and has no number
          row 3 (019abcde-0000-7000-8000-0123456789ac) was replaced: the row after it was written after another one
          row 3 (019abcde-0000-7000-8000-0123456789ac) was moved: it was written as row 7
          row 3 (019abcde-0000-7000-8000-0123456789ac) was inserted: the chain has no place for it
          row 4 is missing
          rows 8 to 9 are missing at the end: the chain was cut off, or its head was changed
          the head was changed: it does not have the hash of row 9, which is the last
          the head was changed: it says 8 rows, and the last one is 9
          the head of the chain is missing, or cannot be read
          the head says that nothing was pruned, and the chain says otherwise
          the head says that everything through row 2 was pruned, and no row of the chain says the same
          row 3 had the hash abababababababababababababababababababababababababababababababab, and has cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd: the trail was rewritten
          row 3 had the hash abababababababababababababababababababababababababababababababab, and is gone: the trail was cut off
          row 3 was pruned with everything through row 5, so its hash cannot be checked
          and 12 more
        Somebody or something changed the database behind setai's back. Do not prune, and do not restore over it: first copy
        the database as it is, then compare the rows above with an export or a backup, and find out who could write to it.
        Discord's own audit log has the operation id of each change in its reason.
        ");
    }
}

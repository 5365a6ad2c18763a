//! Somebody changes the trail behind the store's back, in every way there is, and is found out each time.

use std::time::Duration;

use chrono::Utc;
use setai::model::GuildId;
use setai::store::{Finding, Inspection, Pin, open};

use super::ground::{Ground, Intruder, Place, Stored};
use super::retention::bound;
use crate::support::seeds::makes_all;

/// A row as the intruder finds it again.
struct Target {
    number: u64,
    log_id: String,
}

impl Target {
    /// True when the finding is about this row, or about where it was.
    fn is_named_by(&self, finding: &Finding) -> bool {
        match finding {
            Finding::RowChanged { number, log_id } => *number == Some(self.number) || *log_id == self.log_id,
            Finding::RowReplaced { number, log_id }
            | Finding::RowMoved { number, log_id, .. }
            | Finding::RowInserted { number, log_id } => *number == self.number || *log_id == self.log_id,
            Finding::RowsMissing { from, through } | Finding::TailMissing { from, through } => {
                (*from..=*through).contains(&self.number)
            }
            Finding::PrefixMissing { through } => self.number <= *through,
            _ => false,
        }
    }

    #[track_caller]
    fn is_found(&self, what: &str, inspection: &Inspection) {
        let found = inspection.findings.iter().any(|finding| self.is_named_by(finding));
        assert!(found, "{what} of row {} ({}): {:#?}", self.number, self.log_id, inspection.findings);
    }
}

/// A ground whose trail lies bare.
async fn bare(place: Place) -> (Ground, Intruder, Vec<Target>) {
    let ground = Ground::at(place).await;
    let mut intruder = ground.place.intruder().await;
    for table in ["audit_logs", "audit_chains"] {
        if matches!(intruder, Intruder::Server(_)) {
            intruder.execute("SET foreign_key_checks = 0").await;
        }
        intruder.loosen(table).await;
    }
    let targets = intruder.texts("SELECT log_id FROM audit_logs ORDER BY number").await;
    let targets = targets.into_iter().flatten().zip(1..).map(|(log_id, number)| Target { number, log_id }).collect();
    ground.pin().await;
    (ground, intruder, targets)
}

/// Values that are not the one that is there: one with a byte changed, one that is nothing or is something.
fn others(value: &Stored, is_number: bool, at: usize) -> Vec<Stored> {
    match value {
        Stored::Null if is_number => vec![Stored::Number("0".to_owned()), Stored::Number("1".to_owned())],
        Stored::Null => vec![Stored::Text(Vec::new()), Stored::Text(b"0".to_vec())],
        Stored::Number(number) => {
            let number: i128 = number.parse().expect("a number");
            vec![Stored::Null, Stored::Number((number ^ 1).to_string())]
        }
        Stored::Text(text) => vec![Stored::Null, Stored::Text(flipped(text, at))],
    }
}

/// A text with the lowest bit of one byte turned over, which leaves text text.
fn flipped(text: &[u8], at: usize) -> Vec<u8> {
    let mut text = text.to_vec();
    if let Some(byte) = text.get_mut(at) {
        *byte ^= 1;
    }
    text
}

/// What a database takes for another value of this column.
fn is_possible(intruder: &Intruder, column: &str, is_number: bool, value: &Stored) -> bool {
    match (intruder, value) {
        (Intruder::File(_), _) | (_, Stored::Null | Stored::Number(_)) => true,
        // A server keeps no text in a number and no nonsense in a time.
        (Intruder::Server(_), Stored::Text(_)) => !is_number && (column != "logged_at" || value_is_time(value)),
    }
}

fn value_is_time(value: &Stored) -> bool {
    matches!(value, Stored::Text(text) if text.len() > 10)
}

/// Of `share` changes one is tried, so that every row and every column has some.
async fn any_change_of_any_column_of_any_row_is_found(place: Place, share: u64) {
    let (ground, mut intruder, targets) = bare(place).await;
    let columns = intruder.columns("audit_logs").await;
    assert_eq!(columns.len(), 23);
    let mut tried: u64 = 0;
    for target in &targets {
        let here = format!("log_id = '{}'", target.log_id);
        for ((column, is_number), _) in columns.iter().zip(target.number..).filter(|(_, turn)| turn % share == 0) {
            let value = intruder.value("audit_logs", column, *is_number, &here).await;
            let at = match &value {
                Stored::Text(text) => text.len().saturating_sub(1),
                _ => 0,
            };
            for other in others(&value, *is_number, at) {
                if !is_possible(&intruder, column, *is_number, &other) {
                    continue;
                }
                // An id may be what changes, so the row is found again by where it stands.
                let row = if column == "log_id" { format!("number = {}", target.number) } else { here.clone() };
                intruder.set("audit_logs", column, &other, &row).await;
                let inspection = ground.inspect(&[]).await;
                target.is_found(&format!("{column}, {value:?} as {other:?}"), &inspection);
                intruder.set("audit_logs", column, &value, &row).await;
                tried += 1;
            }
        }
    }
    ground.pin().await;
    println!("columns changed: {tried} tried in {} rows, {tried} found and named", targets.len());
    assert!(tried > 40 * 23 / share, "{tried}");
}

#[tokio::test]
async fn any_change_of_any_column_of_any_row_is_found_in_a_file() {
    any_change_of_any_column_of_any_row_is_found(Place::file(), 1).await;
}

#[tokio::test]
async fn any_change_of_any_column_of_any_row_is_found_at_a_server() {
    let share = if makes_all() { 1 } else { 5 };
    any_change_of_any_column_of_any_row_is_found(Place::server().await, share).await;
}

/// Every byte of the longest values, of a row about something created, changed and deleted.
async fn any_byte_is_found(place: Place, longest: usize) {
    let (ground, mut intruder, targets) = bare(place).await;
    let mut tried = 0;
    for target in targets.iter().filter(|target| [2, targets.len() as u64].contains(&target.number)) {
        let here = format!("log_id = '{}'", target.log_id);
        for column in ["action_details", "after_state", "before_state", "metadata"] {
            let value = intruder.value("audit_logs", column, false, &here).await;
            let Stored::Text(text) = &value else { continue };
            for at in (0..text.len()).take(longest) {
                intruder.set("audit_logs", column, &Stored::Text(flipped(text, at)), &here).await;
                target.is_found(&format!("byte {at} of {column}"), &ground.inspect(&[]).await);
                tried += 1;
            }
            intruder.set("audit_logs", column, &value, &here).await;
        }
    }
    ground.pin().await;
    println!("bytes changed: {tried} tried, {tried} found and named");
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn any_byte_is_found_in_a_file() {
    any_byte_is_found(Place::file(), usize::MAX).await;
}

#[tokio::test]
async fn any_byte_is_found_at_a_server() {
    any_byte_is_found(Place::server().await, 200).await;
}

async fn rows_that_are_removed_inserted_and_moved_are_found(place: Place) {
    let (ground, mut intruder, targets) = bare(place).await;
    let names: Vec<String> = intruder.columns("audit_logs").await.into_iter().map(|(name, _)| name).collect();
    let names = names.join(", ");
    let mut tried = 0;
    intruder.execute("CREATE TABLE kept AS SELECT * FROM audit_logs").await;
    for (index, target) in targets.iter().enumerate() {
        let Target { number, log_id } = target;
        intruder.execute(&format!("DELETE FROM audit_logs WHERE log_id = '{log_id}'")).await;
        target.is_found("removal", &ground.inspect(&[]).await);
        intruder.execute(&format!("INSERT INTO audit_logs SELECT {names} FROM kept WHERE log_id = '{log_id}'")).await;

        // A copy beside the row, with an id of its own, before and after it.
        for id in ["00000000-copy", "ffffffff-copy"] {
            let copy = names.replacen("log_id", &format!("'{id}'"), 1);
            intruder
                .execute(&format!("INSERT INTO audit_logs SELECT {copy} FROM kept WHERE log_id = '{log_id}'"))
                .await;
            let inspection = ground.inspect(&[]).await;
            let is_named = inspection.findings.iter().any(|finding| target.is_named_by(finding));
            assert!(is_named, "a copy of row {number}: {:#?}", inspection.findings);
            intruder.execute(&format!("DELETE FROM audit_logs WHERE log_id = '{id}'")).await;
        }

        if let Some(next) = targets.get(index + 1) {
            let swap = async |intruder: &mut Intruder, one: u64, other: u64| {
                let sql = |log_id: &str, number: u64| {
                    format!("UPDATE audit_logs SET number = {number} WHERE log_id = '{log_id}'")
                };
                intruder.execute(&sql(log_id, one)).await;
                intruder.execute(&sql(&next.log_id, other)).await;
            };
            swap(&mut intruder, next.number, *number).await;
            let inspection = ground.inspect(&[]).await;
            let moved = |number, from, log_id: &String| Finding::RowMoved { number, log_id: log_id.clone(), from };
            let expected = vec![moved(*number, next.number, &next.log_id), moved(next.number, *number, log_id)];
            assert_eq!(inspection.findings, expected, "rows {number} and {} changed places", next.number);
            swap(&mut intruder, *number, next.number).await;
            tried += 1;
        }

        // Everything from here on is cut off.
        intruder.execute(&format!("DELETE FROM audit_logs WHERE number >= {number}")).await;
        let expected = Finding::TailMissing { from: *number, through: targets.len() as u64 };
        assert_eq!(ground.inspect(&[]).await.findings, [expected]);
        let rest = format!("INSERT INTO audit_logs SELECT {names} FROM kept WHERE number >= {number}");
        intruder.execute(&rest).await;

        // Everything up to here is.
        intruder.execute(&format!("DELETE FROM audit_logs WHERE number <= {number}")).await;
        target.is_found("the beginning", &ground.inspect(&[]).await);
        let rest = format!("INSERT INTO audit_logs SELECT {names} FROM kept WHERE number <= {number}");
        intruder.execute(&rest).await;
        tried += 5;
    }
    ground.pin().await;
    println!("rows removed, copied, swapped and cut off: {tried} tried, {tried} found and named");
}

#[tokio::test]
async fn rows_that_are_removed_inserted_and_moved_are_found_in_a_file() {
    rows_that_are_removed_inserted_and_moved_are_found(Place::file()).await;
}

#[tokio::test]
async fn rows_that_are_removed_inserted_and_moved_are_found_at_a_server() {
    rows_that_are_removed_inserted_and_moved_are_found(Place::server().await).await;
}

async fn a_head_that_is_changed_is_found(place: Place) {
    let (ground, mut intruder, targets) = bare(place).await;
    let pin = ground.pin().await;
    let last = targets.len();
    let guild = ground.guild.get().cast_signed();
    let guild = if matches!(intruder, Intruder::File(_)) { guild.to_string() } else { ground.guild.to_string() };
    let changes = [
        format!("length = {}", last - 1),
        format!("length = {}", last + 1),
        "length = 0".to_owned(),
        "hash = REPLACE(hash, SUBSTR(hash, 1, 1), 'x')".to_owned(),
        "hash = UPPER(hash)".to_owned(),
        "hash = ''".to_owned(),
        "pruned_through = 1".to_owned(),
        format!("pruned_through = 2, pruned_hash = '{}'", "ab".repeat(32)),
        format!("pruned_through = {last}"),
        "pruned_hash = REPLACE(pruned_hash, '0', '1')".to_owned(),
        "pruned_at = '2026-11-22 10:00:00'".to_owned(),
        "pruned_by = 'local:eve'".to_owned(),
        format!("server_id = {guild} + 1"),
    ];
    intruder.execute("CREATE TABLE head AS SELECT * FROM audit_chains").await;
    for change in &changes {
        intruder.execute(&format!("UPDATE audit_chains SET {change}")).await;
        let inspection = ground.inspect(&[]).await;
        assert!(!inspection.is_intact(), "{change}");
        intruder.execute("DELETE FROM audit_chains").await;
        intruder.execute("INSERT INTO audit_chains SELECT * FROM head").await;
    }
    intruder.execute("DELETE FROM audit_chains").await;
    assert_eq!(ground.inspect(&[]).await.findings, [Finding::HeadMissing]);
    intruder.execute("INSERT INTO audit_chains SELECT * FROM head").await;

    // Rows are cut off and the head is made to fit: only who kept the head elsewhere knows.
    let cut = targets.len() as u64 - 3;
    let hash = intruder.texts(&format!("SELECT hash FROM audit_logs WHERE number = {cut}")).await;
    let hash = hash.into_iter().next().flatten().expect("a hash");
    intruder.execute(&format!("DELETE FROM audit_logs WHERE number > {cut}")).await;
    intruder.execute(&format!("UPDATE audit_chains SET length = {cut}, hash = '{hash}'")).await;
    assert!(ground.inspect(&[]).await.is_intact(), "the chain alone cannot tell");
    let broken = Finding::PinBroken { number: pin.number, expected: pin.hash.clone(), found: None };
    assert_eq!(ground.inspect(&[pin]).await.findings, [broken]);
    let kept = Pin { guild: ground.guild, number: cut, hash };
    assert!(ground.inspect(&[kept]).await.is_intact(), "an older head is still there");

    // All of it is gone.
    intruder.execute("DELETE FROM audit_logs").await;
    intruder.execute("DELETE FROM audit_chains").await;
    assert!(ground.inspect(&[]).await.is_intact(), "there was never anything");
    let kept = Pin { guild: ground.guild, number: 1, hash: "ab".repeat(32) };
    assert!(!ground.inspect(&[kept]).await.is_intact(), "there was");
    println!(
        "heads changed: {} tried, {0} found; 2 trails cut off with their heads, 2 found by pins",
        changes.len() + 1
    );
}

#[tokio::test]
async fn a_head_that_is_changed_is_found_in_a_file() {
    a_head_that_is_changed_is_found(Place::file()).await;
}

#[tokio::test]
async fn a_head_that_is_changed_is_found_at_a_server() {
    a_head_that_is_changed_is_found(Place::server().await).await;
}

/// A trail that is longer than what is read at once, changed where one stretch ends and the next begins.
async fn the_seams_between_pages_hide_nothing(place: Place) {
    const ROWS: u64 = 1_100;
    let store = open(&place.url()).await.expect("open");
    let guild = GuildId::new(22);
    let lease = store.lease(guild, "a test", Duration::from_secs(60)).await.expect("nobody has it");
    let mut rebinding = bound(guild, "rules", 5, Utc::now());
    rebinding.changes = vec![rebinding.changes.remove(0); ROWS as usize];
    store.rebind(&lease, &rebinding).await.expect("bound");
    let ground = Ground { place, store, guild };
    let mut intruder = ground.place.intruder().await;
    intruder.loosen("audit_logs").await;
    let names: Vec<String> = intruder.columns("audit_logs").await.into_iter().map(|(name, _)| name).collect();
    let names = names.join(", ");
    ground.pin().await;
    intruder.execute("CREATE INDEX numbers ON audit_logs (server_id, number)").await;
    intruder.execute("CREATE TABLE kept AS SELECT * FROM audit_logs").await;
    let mut tried = 0;
    for number in [498, 499, 500, 501, 998, 999, 1000, 1001, ROWS] {
        let log_id = intruder.texts(&format!("SELECT log_id FROM audit_logs WHERE number = {number}")).await;
        let target = Target { number, log_id: log_id.into_iter().flatten().next().expect("a row") };
        for id in ["00000000-copy", "ffffffff-copy"] {
            let copy = names.replacen("log_id", &format!("'{id}'"), 1);
            intruder.execute(&format!("INSERT INTO audit_logs SELECT {copy} FROM kept WHERE number = {number}")).await;
            target.is_found("a copy", &ground.inspect(&[]).await);
            intruder.execute(&format!("DELETE FROM audit_logs WHERE log_id = '{id}'")).await;
        }
        intruder.execute(&format!("DELETE FROM audit_logs WHERE number = {number}")).await;
        target.is_found("removal", &ground.inspect(&[]).await);
        intruder.execute(&format!("INSERT INTO audit_logs SELECT {names} FROM kept WHERE number = {number}")).await;
        intruder.execute(&format!("UPDATE audit_logs SET reason = '' WHERE number = {number}")).await;
        target.is_found("a reason", &ground.inspect(&[]).await);
        intruder.execute(&format!("UPDATE audit_logs SET reason = NULL WHERE number = {number}")).await;
        tried += 4;
    }
    // So many of one number that they fill more than a page.
    let many = names.replacen("log_id", "CONCAT('copy-', number)", 1).replacen(" number,", " 7,", 1);
    let many = if matches!(intruder, Intruder::File(_)) {
        many.replace("CONCAT('copy-', number)", "'copy-' || number")
    } else {
        many
    };
    intruder.execute(&format!("INSERT INTO audit_logs SELECT {many} FROM kept")).await;
    let inspection = ground.inspect(&[]).await;
    let seventh = Target { number: 7, log_id: String::new() };
    assert!(inspection.findings.len() >= 499, "{}", inspection.findings.len());
    assert!(inspection.findings.iter().all(|finding| seventh.is_named_by(finding)), "the others are as they were");
    println!("seams of a chain of {ROWS}: {tried} changes tried, {tried} found and named");
}

#[tokio::test]
async fn the_seams_between_pages_hide_nothing_in_a_file() {
    the_seams_between_pages_hide_nothing(Place::file()).await;
}

#[tokio::test]
async fn the_seams_between_pages_hide_nothing_at_a_server() {
    the_seams_between_pages_hide_nothing(Place::server().await).await;
}

//! An export checked by somebody who has nothing but the export and the documentation.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::ground::{Ground, Place};

/// A row of an export.
type Row = Map<String, Value>;

/// The columns a hash covers, as the documentation lists them.
fn documented() -> Vec<&'static str> {
    let text = include_str!("../../../docs/audit.md");
    let block = text.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a list");
    block.split_whitespace().collect()
}

/// The hash of a row, from the documentation alone.
fn hash_of(row: &Row) -> String {
    let mut encoded = Vec::new();
    for column in documented() {
        match &row[column] {
            Value::Null => encoded.push(b'-'),
            Value::String(text) => encoded.extend(format!("{}:{text}", text.len()).into_bytes()),
            other => panic!("{column} is {other}"),
        }
    }
    Sha256::digest(&encoded).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks an export and gives the last number and hash of each guild.
pub(super) fn checked(rows: &[Row]) -> BTreeMap<String, (u64, String)> {
    let mut last: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for row in rows {
        let text = |column: &str| row[column].as_str().expect("a text").to_owned();
        assert_eq!(hash_of(row), text("hash"), "{row:#?}");
        let (guild, number) = (text("server_id"), text("number").parse().expect("a number"));
        let before = last.insert(guild, (number, text("hash")));
        match before {
            Some(before) => assert_eq!(before, (number - 1, text("previous_hash"))),
            None if number == 1 => assert_eq!(text("previous_hash"), "0".repeat(64)),
            None => {}
        }
    }
    last
}

/// Runs `setai` on the database.
pub(super) fn setai(place: &Place, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_setai"));
    command.args(arguments).env_clear().env("USER", "ann").env("SETAI_DATABASE_URL", place.setting());
    let output = command.output().expect("a process");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

pub(super) fn json_lines(text: &str) -> Vec<Row> {
    text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

async fn an_export_is_checked_by_its_documentation(place: Place) {
    let ground = Ground::at(place).await;
    let pin = ground.pin().await;
    let (code, out, _) = setai(&ground.place, &["audit", "export"]);
    assert_eq!(code, 0);
    let rows = json_lines(&out);
    assert_eq!(rows.len() as u64, pin.number);
    let expected = BTreeMap::from([(ground.guild.to_string(), (pin.number, pin.hash.clone()))]);
    assert_eq!(checked(&rows), expected, "it ends where the chain does");

    // It has every column there is.
    let mut intruder = ground.place.intruder().await;
    let mut columns: Vec<_> = intruder.columns("audit_logs").await.into_iter().map(|(name, _)| name).collect();
    let mut documented: Vec<_> = documented().into_iter().chain(["hash"]).map(str::to_owned).collect();
    assert_eq!(rows[0].keys().cloned().collect::<Vec<_>>(), documented);
    columns.sort();
    documented.sort();
    assert_eq!(columns, documented, "a column of the table is not covered");

    // A table for people is the same, once its apostrophes are taken away.
    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("trail.csv");
    let path_text = path.to_string_lossy().into_owned();
    let (code, out, err) = setai(&ground.place, &["audit", "export", "--format", "csv", "--output", &path_text]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let table = cells(&std::fs::read_to_string(&path).expect("a file"));
    let (header, lines) = table.split_first().expect("a header");
    let back: Vec<Row> = lines
        .iter()
        .map(|line| {
            assert!(line.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{line:?}");
            let value = |cell: &String| match cell.strip_prefix('\'') {
                Some(rest) => Value::from(rest),
                None if cell.is_empty() => Value::Null,
                None => Value::from(cell.as_str()),
            };
            header.iter().cloned().zip(line.iter().map(value)).collect()
        })
        .collect();
    assert_eq!(back, rows);
}

/// The cells of a table, by RFC 4180.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut table = Vec::new();
    let mut line = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, is_quoted) {
            ('"', true) if chars.peek() == Some(&'"') => cell.push(chars.next().expect("it was peeked")),
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => line.push(std::mem::take(&mut cell)),
            ('\r', false) => {
                assert_eq!(chars.next(), Some('\n'));
                line.push(std::mem::take(&mut cell));
                table.push(std::mem::take(&mut line));
            }
            (char, _) => cell.push(char),
        }
    }
    assert!(cell.is_empty() && line.is_empty() && !is_quoted, "it ends with a line");
    table
}

#[tokio::test]
async fn an_export_of_a_file_is_checked_by_its_documentation() {
    an_export_is_checked_by_its_documentation(Place::file()).await;
}

#[tokio::test]
async fn an_export_of_a_server_is_checked_by_its_documentation() {
    an_export_is_checked_by_its_documentation(Place::server().await).await;
}

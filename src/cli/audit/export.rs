//! `setai audit export`: the trail in a form that others can keep and check without setai.
//!
//! Every value is the text its row's hash covers, so nothing has to be converted to check it.

use std::io::{ErrorKind, Write};

use serde_json::{Map, Value};

use crate::store::{ChainRow, Place, Store, covered_columns};

use super::super::WholeFile;
use super::super::arguments::{AuditExport, ExportFormat};
use super::super::failure::{Exit, Failure};
use super::super::screen::Screen;

pub(super) async fn run(command: &AuditExport, store: &dyn Store, screen: Screen) -> Result<Exit, Failure> {
    let AuditExport { guild, format, output } = command;
    let guilds = super::guilds(guild.as_deref(), store).await?;
    let mut out = match output {
        Some(path) => Out::File(WholeFile::begin(path)?),
        None => Out::Standard(std::io::BufWriter::new(std::io::stdout())),
    };
    let mut is_wanted = *format == ExportFormat::Jsonl || out.write(&header())?;
    let mut rows: u64 = 0;
    for guild in &guilds {
        let mut place = Some(Place::BEGINNING);
        while let Some(from) = place.filter(|_| is_wanted) {
            let page = store.audit_page(*guild, &from).await?;
            let text: String = page.rows.iter().map(|row| line(row, *format)).collect();
            is_wanted = out.write(&text)?;
            rows += page.rows.len() as u64;
            place = page.next;
        }
    }
    if let Out::File(file) = out {
        file.keep()?;
        screen.remark(format!("Wrote {rows} rows of {} guilds.", guilds.len()));
    } else {
        out.end()?;
    }
    Ok(Exit::Success)
}

/// Where rows are written to.
enum Out {
    Standard(std::io::BufWriter<std::io::Stdout>),
    File(WholeFile),
}

impl Out {
    /// False when the reader closed its end: it has seen enough.
    fn write(&mut self, text: &str) -> Result<bool, Failure> {
        match self {
            Self::File(file) => file.write(text.as_bytes()).map(|()| true),
            Self::Standard(out) => is_wanted(out.write_all(text.as_bytes())),
        }
    }

    fn end(self) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.keep(),
            Self::Standard(mut out) => is_wanted(out.flush()).map(|_| ()),
        }
    }
}

fn is_wanted(written: std::io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("cannot write the rows: {error}"))),
    }
}

fn line(row: &ChainRow, format: ExportFormat) -> String {
    let fields = row.fields().map(|(name, value)| (name, value.map(String::from_utf8_lossy)));
    match format {
        ExportFormat::Jsonl => {
            let object: Map<_, _> = fields.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            format!("{}\n", Value::Object(object))
        }
        ExportFormat::Csv => {
            let cells: Vec<_> = fields.map(|(_, value)| cell(value.as_deref())).collect();
            format!("{}\r\n", cells.join(","))
        }
    }
}

fn header() -> String {
    let names: Vec<_> = covered_columns().chain(["hash"]).collect();
    format!("{}\r\n", names.join(","))
}

/// A cell as RFC 4180 has it. An apostrophe before what a spreadsheet would take for a formula, before another apostrophe,
/// and for a text that is empty and not nothing: whoever takes one apostrophe away has the value again.
fn cell(value: Option<&str>) -> String {
    let Some(value) = value else { return String::new() };
    let is_risky = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) || value.is_empty();
    let value = if is_risky { format!("'{value}") } else { value.to_owned() };
    if value.contains([',', '"', '\r', '\n']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_comes_back_as_it_was() {
        let cases = [
            (None, ""),
            (Some(""), "'"),
            (Some("plain"), "plain"),
            (Some("a,b"), "\"a,b\""),
            (Some("say \"a\"\r\n"), "\"say \"\"a\"\"\r\n\""),
            (Some("=1+1"), "'=1+1"),
            (Some("-1"), "'-1"),
            (Some("+1"), "'+1"),
            (Some("@x"), "'@x"),
            (Some("\t=1"), "'\t=1"),
            (Some("'=1"), "''=1"),
            (Some("=A1,B1"), "\"'=A1,B1\""),
        ];
        for (value, expected) in cases {
            assert_eq!(cell(value), expected, "{value:?}");
        }
    }
}

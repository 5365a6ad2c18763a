//! `setai audit show`: one row whole.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::plan::render::{Line, Tone};
use crate::store::{AuditRow, Phase, RowName, Store};

use super::super::arguments::AuditShow;
use super::super::context;
use super::super::failure::{Exit, Failure};
use super::super::screen::Screen;
use super::list::{name, object};

/// Digits of an id that people have to give: fewer could as well be a number.
const ENOUGH: usize = 8;

/// Lines around what changed that are shown with it.
const CONTEXT: usize = 2;

pub(super) async fn run(command: &AuditShow, store: &dyn Store, screen: Screen) -> Result<Exit, Failure> {
    let AuditShow { row, guild, json } = command;
    let mut rows = store.audit_rows(&meant(row, guild.as_deref())?).await?;
    let found = match (rows.pop(), rows.is_empty()) {
        (Some(found), true) => found,
        (None, _) => {
            return Err(Failure::new(format!("there is no row `{row}`")).help("`setai audit list` lists the rows."));
        }
        (Some(last), false) => {
            rows.push(last);
            let failure = Failure::new(format!("`{row}` could be more than one row"));
            return Err(rows.iter().fold(failure, |failure, row| {
                failure.help(format!("{} of {} ({})", name(row), row.logged_at.format("%Y-%m-%d"), row.log_id))
            }));
        }
    };
    if *json {
        screen.say(crate::cli::json(&found)?);
    } else {
        lines(&found).iter().for_each(|line| screen.line(line));
    }
    Ok(Exit::Success)
}

/// Which row people mean.
fn meant(text: &str, guild: Option<&str>) -> Result<RowName, Failure> {
    let guild = guild.map(context::guild_id).transpose()?;
    if let Some((of, number)) = text.split_once(':') {
        let number = number.parse().map_err(|_| Failure::new(format!("`{text}` is not GUILD:NUMBER")))?;
        return Ok(RowName::Number { guild: Some(context::guild_id(of)?), number });
    }
    match text.parse() {
        Ok(number) if guild.is_some() || text.len() < ENOUGH => Ok(RowName::Number { guild, number }),
        _ if text.len() >= ENOUGH => Ok(RowName::Id(text.to_owned())),
        _ => Err(Failure::new(format!("`{text}` is too short for the id of a row"))
            .help("Give eight digits or more of its beginning or end, or GUILD:NUMBER.")),
    }
}

fn lines(row: &AuditRow) -> Vec<Line> {
    let plain = |text: String| Line(vec![(Tone::Plain, text)]);
    let mut lines =
        vec![Line(vec![(Tone::Strong, format!("row {}", name(row))), (Tone::Faint, format!("  {}", row.log_id))])];
    lines.extend(facts(row).into_iter().map(|(what, value)| plain(format!("  {what:<9}  {value}"))));
    lines.push(plain(String::new()));
    lines.push(Line(vec![(Tone::Strong, "what was asked".to_owned())]));
    lines.extend(pretty(&row.details.action_parameters).lines().map(|line| plain(format!("  {line}"))));
    lines.extend(states(row));
    lines
}

/// Everything short, by name.
fn facts(row: &AuditRow) -> Vec<(&'static str, String)> {
    let id = row.details.target_id.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
    let through = row.metadata.as_ref().map_or_else(String::new, |metadata| {
        format!(", through {}, setai {}", metadata.execution_source, metadata.api_version)
    });
    let optional = [
        ("run", row.correlation_id.map(|run| run.to_string())),
        ("operation", row.operation_id.map(|operation| operation.to_string())),
        ("revision", row.revision.clone()),
        ("reason", row.reason.clone()),
        ("error", row.details.error.clone()),
        ("approved", row.metadata.as_ref().and_then(|metadata| metadata.approved_by.clone())),
    ];
    let mut facts = vec![
        ("when", row.logged_at.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()),
        ("what", format!("{}, {}", row.action, row.phase)),
        ("object", format!("{}{id}", object(row))),
        ("by", format!("{}{through}", row.author)),
    ];
    facts.extend(optional.into_iter().filter_map(|(what, value)| Some((what, value?))));
    facts.push(("hash", row.hash.clone()));
    facts.push(("before it", row.previous_hash.clone()));
    facts
}

/// The object before and after, as far as it is known.
fn states(row: &AuditRow) -> Vec<Line> {
    let (before, after) = (row.before.as_ref().map(pretty), row.after.as_ref().map(pretty));
    let is_known = row.phase == Phase::Done;
    let title = match (&before, &after) {
        (None, None) => return Vec::new(),
        (Some(_), Some(_)) => "what changed",
        (None, Some(_)) => "after",
        (Some(_), None) => "before",
    };
    let mut lines = vec![Line(Vec::new()), Line(vec![(Tone::Strong, title.to_owned())])];
    match (before, after) {
        (Some(before), None) if !is_known => {
            lines.extend(before.lines().map(|line| Line(vec![(Tone::Plain, format!("    {line}"))])));
        }
        (before, after) => lines.extend(difference(&before.unwrap_or_default(), &after.unwrap_or_default())),
    }
    lines
}

fn difference(before: &str, after: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(Line(vec![(Tone::Faint, "    ...".to_owned())]));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ("-", Tone::Delete),
                ChangeTag::Insert => ("+", Tone::Create),
                ChangeTag::Equal => (" ", Tone::Plain),
            };
            lines.push(Line(vec![(tone, format!("  {sign} {}", change.value().trim_end()))]));
        }
    }
    lines
}

/// JSON for people. What is not text in it is escaped, so a terminal takes no orders from it.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::model::GuildId;
    use crate::store::{
        ActionDetails, ActionType, AuditMetadata, Author, ExecutionSource, ImpactScope, RunId, TargetType,
    };

    /// A row about a channel that got another name.
    pub(in crate::cli::audit) fn renamed() -> AuditRow {
        let run = Uuid::from_u128(0x019a_bcde_0000_7000_8000_0123_4567_89ab);
        AuditRow {
            log_id: Uuid::from_u128(0x019a_bcde_0000_7000_8000_0123_4567_89ac),
            guild: GuildId::new(9_300_000_000_000_000_001),
            number: 42,
            action: ActionType::ChannelModified,
            phase: Phase::Done,
            correlation_id: Some(RunId(run)),
            operation_id: None,
            author: Author::Local("ada".to_owned()),
            details: ActionDetails {
                target_type: TargetType::Channel,
                target_id: Some("77".to_owned()),
                target_name: Some("rules".to_owned()),
                action_parameters: json!({ "name": { "from": "rulez", "to": "rules" } }),
                impact_scope: ImpactScope::Channel,
                affected_entities: vec!["77".to_owned()],
                error: None,
            },
            before: Some(json!({ "id": "77", "name": "rulez", "topic": "a\u{1b}[31mb", "nsfw": false, "position": 3 })),
            after: Some(json!({ "id": "77", "name": "rules", "topic": "a\u{1b}[31mb", "nsfw": false, "position": 3 })),
            reason: Some("setai 4f2a9c1".to_owned()),
            revision: Some("4f2a9c1".to_owned()),
            metadata: Some(AuditMetadata {
                ip_address: None,
                user_agent: None,
                api_version: "0.1.0".to_owned(),
                execution_source: ExecutionSource::CommandLine,
                correlation_id: run,
                approved_by: None,
            }),
            logged_at: "2026-11-22T10:00:00.123456Z".parse().expect("a time"),
            previous_hash: "ab".repeat(32),
            hash: "cd".repeat(32),
        }
    }

    fn shown(row: &AuditRow) -> String {
        lines(row).iter().map(Line::text).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_row_is_shown_whole_with_what_changed() {
        insta::assert_snapshot!(shown(&renamed()), @r#"
        row 9300000000000000001:42  019abcde-0000-7000-8000-0123456789ac
          when       2026-11-22 10:00:00.123456 UTC
          what       channel_modified, done
          object     channel rules (77)
          by         local:ada, through command_line, setai 0.1.0
          run        019abcde-0000-7000-8000-0123456789ab
          revision   4f2a9c1
          reason     setai 4f2a9c1
          hash       cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
          before it  abababababababababababababababababababababababababababababababab

        what was asked
          {
            "name": {
              "from": "rulez",
              "to": "rules"
            }
          }

        what changed
            {
              "id": "77",
          -   "name": "rulez",
          +   "name": "rules",
              "topic": "a\u001b[31mb",
              "nsfw": false,
        "#);
    }

    #[test]
    fn what_was_not_done_has_no_difference() {
        let intended = AuditRow { phase: Phase::Intended, after: None, before: Some(json!({ "a": 1 })), ..renamed() };
        let text = shown(&intended);
        assert!(text.ends_with("before\n    {\n      \"a\": 1\n    }"), "{text}");
        let deleted = AuditRow { phase: Phase::Done, ..intended };
        let text = shown(&deleted);
        assert!(text.ends_with("before\n  - {\n  -   \"a\": 1\n  - }"), "{text}");
    }

    #[test]
    fn rows_have_several_names() {
        let number = |guild: Option<u64>, number| RowName::Number { guild: guild.map(GuildId::new), number };
        assert_eq!(meant("22:7", None).expect("a row"), number(Some(22), 7));
        assert_eq!(meant("7", None).expect("a row"), number(None, 7));
        assert_eq!(meant("123456789", Some("22")).expect("a row"), number(Some(22), 123_456_789));
        assert_eq!(meant("12345678", None).expect("a row"), RowName::Id("12345678".to_owned()));
        for text in ["abc", "", "22:x", "x:1", "22:7:8"] {
            meant(text, None).expect_err(text);
        }
    }
}

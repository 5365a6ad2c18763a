//! A plan as lines with tones; whoever prints them turns tones into colours.

use super::super::guard::Lift;
use super::super::note::Weight;
use super::super::operation::Operation;
use super::super::risk::Risk;
use super::super::{Plan, Step};
use super::change::{Detail, Sign, describe};

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// Something is added.
    Create,
    /// Something changes.
    Update,
    /// Something is removed.
    Delete,
    /// Something moves.
    Move,
    /// Something to look at.
    Warn,
    /// Something is refused.
    Refuse,
}

/// A line: pieces of text, each with a tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<(Tone, String)>);

impl Line {
    fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![(tone, text.into())])
    }

    fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((tone, text.into()));
        self
    }

    /// The text without tones.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// The whole plan.
pub fn lines(plan: &Plan) -> Vec<Line> {
    let mut lines = vec![heading(plan), Line::default()];
    for step in &plan.steps {
        lines.extend(step_lines(plan, step));
    }
    if !plan.steps.is_empty() {
        lines.push(Line::default());
    }
    lines.extend(risk_lines(plan));
    lines.extend(note_lines(plan));
    lines.extend(refusal_lines(plan));
    lines.push(Line::of(Tone::Strong, summary(plan)));
    if !plan.is_empty() {
        lines.push(Line::of(Tone::Faint, format!("Digest {}", plan.digest.short())));
    }
    lines
}

/// The whole plan without tones.
pub fn plain(plan: &Plan) -> String {
    lines(plan).iter().map(|line| line.text().trim_end().to_owned() + "\n").collect()
}

fn heading(plan: &Plan) -> Line {
    let line = Line::of(Tone::Strong, plan.name.clone()).and(Tone::Faint, format!("  {}", plan.guild));
    match &plan.revision {
        Some(revision) => line.and(Tone::Faint, format!("  at {revision}")),
        None => line,
    }
}

fn tone_of(sign: Sign) -> Tone {
    match sign {
        Sign::Create => Tone::Create,
        Sign::Update => Tone::Update,
        Sign::Delete => Tone::Delete,
        Sign::Move => Tone::Move,
    }
}

/// One step of a plan, with what it changes.
pub fn step_lines(plan: &Plan, step: &Step) -> Vec<Line> {
    let described = describe(plan, step);
    let tone = tone_of(described.sign);
    let number = format!("{:>5}  ", step.id.0);
    let headline = format!("{} {}", described.sign.symbol(), described.headline);
    let mut lines = vec![Line::of(Tone::Faint, number).and(tone, headline)];
    let mut said = String::new();
    for detail in &described.details {
        lines.extend(detail_lines(detail, &mut said));
    }
    lines
}

/// Where details begin, and how wide a line may be.
const INDENT: usize = 26;
const WIDTH: usize = 110;

/// A field's name is shown once, however many lines it takes.
fn detail_lines(detail: &Detail, said: &mut String) -> Vec<Line> {
    let mut label = |field: &str| {
        let again = *said == field;
        field.clone_into(said);
        let shown = if again { "" } else { field };
        Line::of(Tone::Faint, format!("{:>11}{shown:<14} ", ""))
    };
    match detail {
        Detail::Said(field, value) => folded(label(field), Tone::Plain, "", value),
        Detail::Changed(field, from, to) => {
            vec![label(field).and(Tone::Faint, from.clone()).and(Tone::Plain, format!(" -> {to}"))]
        }
        Detail::Gains(field, what) => folded(label(field), Tone::Create, "+ ", what),
        Detail::Loses(field, what) => folded(label(field), Tone::Delete, "- ", what),
        Detail::Text(field, text) => {
            let tone = |line: &str| match line.chars().next() {
                Some('+') => Tone::Create,
                Some('-') => Tone::Delete,
                _ => Tone::Faint,
            };
            text.iter().map(|line| label(field).and(tone(line), line.clone())).collect()
        }
    }
}

/// A long list on several lines, broken between words.
fn folded(label: Line, tone: Tone, sign: &str, text: &str) -> Vec<Line> {
    let mut rows: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let row = rows.last().map_or(0, |row| row.chars().count());
        if row > 0 && INDENT + sign.len() + row + 1 + word.chars().count() > WIDTH {
            rows.push(String::new());
        }
        if let Some(row) = rows.last_mut() {
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
    }
    let mut label = Some(label);
    let row = |(index, row): (usize, String)| {
        let sign = if index == 0 { sign.to_owned() } else { " ".repeat(sign.len()) };
        let start = label.take().unwrap_or_else(|| Line::of(Tone::Faint, " ".repeat(INDENT)));
        start.and(tone, sign + &row)
    };
    rows.into_iter().enumerate().map(row).collect()
}

/// A risk in a sentence.
pub fn sentence(risk: &Risk) -> String {
    match risk {
        Risk::Deletes { kind, name } => format!("{} {name} is gone for ever", kind.noun()),
        Risk::Access(change) => change.sentence(),
    }
}

fn risk_lines(plan: &Plan) -> Vec<Line> {
    if plan.risks.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::of(Tone::Strong, "What it means for people")];
    for risk in &plan.risks {
        let (tone, sign) = match risk {
            Risk::Deletes { .. } => (Tone::Delete, '-'),
            Risk::Access(change) if !change.gains.is_empty() => (Tone::Warn, '!'),
            Risk::Access(_) => (Tone::Plain, ' '),
        };
        lines.push(Line::of(tone, format!("  {sign} {}", sentence(risk))));
    }
    lines.push(Line::default());
    lines
}

fn note_lines(plan: &Plan) -> Vec<Line> {
    if plan.notes.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::of(Tone::Strong, "Notes")];
    for note in &plan.notes {
        let (tone, sign) = match note.weight {
            Weight::Info => (Tone::Plain, ' '),
            Weight::Warning => (Tone::Warn, '!'),
            Weight::Blocking => (Tone::Refuse, 'x'),
        };
        let subject = if note.subject.is_empty() { String::new() } else { format!("{}: ", note.subject) };
        lines.push(Line::of(tone, format!("  {sign} {subject}{}", note.text)));
        lines.extend(note.help.iter().map(|help| Line::of(Tone::Faint, format!("      {help}"))));
    }
    lines.push(Line::default());
    lines
}

fn refusal_lines(plan: &Plan) -> Vec<Line> {
    if plan.refusals.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::of(Tone::Refuse, "Refused")];
    for refusal in &plan.refusals {
        lines.push(Line::of(Tone::Refuse, format!("  x {}", refusal.text)));
        lines.push(Line::of(Tone::Faint, format!("      {}", refusal.help)));
    }
    if plan.refusals.iter().all(|r| r.lift == Lift::Approval) {
        lines.push(Line::of(Tone::Faint, format!("      The digest is {}.", plan.digest.short())));
    }
    lines.push(Line::default());
    lines
}

/// How many requests of each sort a plan makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That make something new.
    pub creates: usize,
    /// That change something.
    pub changes: usize,
    /// That delete something.
    pub deletes: usize,
    /// That put things in another order.
    pub moves: usize,
}

impl Counts {
    /// Counts.
    pub fn of(plan: &Plan) -> Self {
        let mut counts = Self::default();
        for step in &plan.steps {
            match step.operation {
                Operation::CreateRole { .. } | Operation::CreateChannel { .. } => counts.creates += 1,
                Operation::UpdateGuild { .. }
                | Operation::UpdateRole { .. }
                | Operation::GiveRole { .. }
                | Operation::UpdateChannel { .. }
                | Operation::SetTopic { .. } => counts.changes += 1,
                Operation::DeleteRole { .. } | Operation::DeleteChannel { .. } => counts.deletes += 1,
                Operation::MoveRoles { .. } | Operation::MoveChannels { .. } => counts.moves += 1,
            }
        }
        counts
    }
}

/// One sentence: what would be done, in how many requests.
pub fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        let left = plan.notes.iter().any(|note| note.weight != Weight::Info);
        let but = if left { " It is not all as the manifest says, though: see the notes." } else { "" };
        return format!("Nothing to do.{but}");
    }
    let Counts { creates, changes, deletes, moves } = Counts::of(plan);
    let counted = [(creates, "to create"), (changes, "to change"), (deletes, "to delete"), (moves, "to reorder")];
    let parts: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let requests = plan.steps.len();
    let plural = if requests == 1 { "" } else { "s" };
    format!("Plan: {}; {requests} request{plural}, about {} s.", parts.join(", "), seconds(requests))
}

/// Seconds that so many requests take within Discord's limit for a bot.
fn seconds(requests: usize) -> usize {
    const PER_SECOND: usize = 40;
    requests.div_ceil(PER_SECOND)
}

//! Plain words become a proposal: what was understood, what would change, and a pull request when that is meant.

use serde_json::json;

use crate::ai::{Interpretation, Part, rules, told};
use crate::controller::{Asker, Draft, Drafted, Proposer, Trouble};
use crate::forge::{self, Proposal, Proposed};
use crate::store::{CommandId, CommandRecord, CommandStatus};

use super::Bot;
use super::ask::Press;
use super::register::LONGEST_REQUEST;
use super::reply::{Look, Reply, Tone, plain};
use super::serve::{Outcome, Visitor};
use super::tell;
use super::words::Words;

/// Most parts and edits that are listed.
const MOST: usize = 20;

/// Most characters of a list, but for a single line that is longer.
const LONGEST_LIST: usize = 1200;

/// Most meanings to choose from: what leaves room for the other buttons.
const MOST_MEANINGS: usize = 20;

/// What somebody asked for before.
struct Asked {
    interpretation: Interpretation,
    /// The number of the manifest that was shown.
    manifest: Option<String>,
}

impl Bot {
    /// What becomes of a request.
    pub(super) async fn propose(&self, visitor: &Visitor, request: &str) -> Result<Outcome, Trouble> {
        let words = &visitor.words;
        if !visitor.settings.feature_flags.natural_language_processing {
            return Ok(failed(Reply::new(Tone::Bad, words.say("propose-off"))));
        }
        let length = request.chars().count();
        if length == 0 {
            let reply = Reply::new(Tone::Bad, words.say("propose-empty")).say(words.say("propose-empty-text"));
            return Ok(failed(reply));
        }
        if length > LONGEST_REQUEST {
            let values = [("length", length.into()), ("most", LONGEST_REQUEST.into())];
            return Ok(failed(Reply::new(Tone::Bad, words.with("propose-long", &values))));
        }
        let lets_model_read = visitor.preferences.ai_settings.use_ai_interpretation;
        let asker = Asker { user: visitor.member.user.id, guild: visitor.guild, lets_model_read };
        let drafted = self.0.console.draft(asker, request, &visitor.settings).await?;
        Ok(self.shown(visitor, &drafted))
    }

    /// What a request comes to, with a button that opens a pull request where there is something to open.
    fn shown(&self, visitor: &Visitor, drafted: &Drafted) -> Outcome {
        let words = &visitor.words;
        match drafted {
            Drafted::Nothing(interpretation) => {
                let reply = Reply::new(Tone::Careful, words.say("propose-nothing"));
                let reply = understood(words, reply, interpretation);
                let reply = match interpretation.alternatives.is_empty() {
                    true => in_other_words(visitor, reply, interpretation),
                    false => asked_back(visitor, reply, interpretation),
                };
                Outcome { interpretation: json(interpretation), ..failed(reply) }
            }
            Drafted::Refused(interpretation, wrong) => {
                let reply = Reply::new(Tone::Bad, words.say("propose-refused"));
                let lines: Vec<String> = wrong.iter().take(MOST).map(|why| format!("- {}", plain(why))).collect();
                let reply = reply.say(lines.join("\n")).say(words.say("propose-refused-text"));
                let reply = asked_back(visitor, understood(words, reply, interpretation), interpretation);
                Outcome { interpretation: json(interpretation), error: Some(wrong.join("; ")), ..failed(reply) }
            }
            Drafted::Same(interpretation) => {
                let reply = understood(words, Reply::new(Tone::Good, words.say("propose-same")), interpretation);
                let reply = asked_back(visitor, reply, interpretation);
                Outcome { interpretation: json(interpretation), ..reply.into() }
            }
            Drafted::Change(draft) => {
                let details = json!({ "revision": draft.written.revision.short(), "manifest": draft.fingerprint });
                let interpretation = json(&draft.interpretation);
                Outcome { interpretation, details, ..self.offered(visitor, draft).into() }
            }
        }
    }

    fn offered(&self, visitor: &Visitor, draft: &Draft) -> Reply {
        let (words, plan) = (&visitor.words, &draft.plan);
        let enough = visitor.preferences.ai_settings.ai_confidence_threshold.unwrap_or(self.0.sure);
        let is_sure = draft.interpretation.confidence_score >= enough && draft.interpretation.not_understood.is_empty();
        let tone = if is_sure { tell::tone_of(plan) } else { Tone::Careful };
        let title = words.with("propose-title", &[("guild", visitor.name.as_str().into())]);
        let mut reply = understood(words, Reply::new(tone, title), &draft.interpretation);
        reply = reply.say(words.with("propose-plan", &[("counts", (&tell::counts(words, plan)).into())]));
        reply = tell::warned(words, plan, reply);
        if !is_sure {
            reply = reply.say(words.say("propose-unsure"));
        }
        reply = reply.block(draft.diff.clone(), words.say("propose-file"));
        reply = asked_back(visitor, reply, &draft.interpretation);
        match self.0.console.outlet(&draft.written.source) {
            Some(_) => reply.button(Press::Open(visitor.command), words.say("button-open"), Look::Primary).button(
                Press::Never,
                words.say("button-never"),
                Look::Secondary,
            ),
            None => reply.say(words.with("propose-no-forge", &[("source", draft.written.source.as_str().into())])),
        }
    }

    /// What a request comes to when one of its alternatives is what was meant.
    pub(super) async fn mean(&self, visitor: &Visitor, command: CommandId, number: usize) -> Result<Outcome, Trouble> {
        let Some(Asked { interpretation, .. }) = self.asked_before(visitor, command).await? else {
            return Ok(outdated(&visitor.words));
        };
        let Some(meant) = interpretation.alternatives.get(number).cloned() else { return Ok(outdated(&visitor.words)) };
        let drafted = self.0.console.draft_again(visitor.guild, interpretation.meaning(meant)).await?;
        Ok(self.shown(visitor, &drafted))
    }

    /// What somebody asked for before. What another guild, or another person, asked for is nobody's here.
    async fn asked_before(&self, visitor: &Visitor, command: CommandId) -> Result<Option<Asked>, Trouble> {
        let record = self.0.console.engine().store().command(command).await?;
        let own = record.filter(|asked| asked.guild == visitor.guild && asked.user == visitor.member.user.id);
        let read = own.and_then(|CommandRecord { interpretation, results, .. }| {
            let manifest = results.and_then(|results| Some(results[0]["details"]["manifest"].as_str()?.to_owned()));
            Some(Asked { interpretation: serde_json::from_value(interpretation?).ok()?, manifest })
        });
        Ok(read)
    }

    /// Opens a pull request for what an earlier command proposed.
    pub(super) async fn open(&self, visitor: &Visitor, command: CommandId) -> Result<Outcome, Trouble> {
        let words = &visitor.words;
        let Some(Asked { interpretation, manifest }) = self.asked_before(visitor, command).await? else {
            return Ok(outdated(words));
        };
        let drafted = self.0.console.draft_again(visitor.guild, interpretation).await?;
        let Drafted::Change(draft) = drafted else { return Ok(outdated(words)) };
        if manifest.as_ref() != Some(&draft.fingerprint) {
            return Ok(outdated(words));
        }
        let asker = Proposer { name: visitor.member.user.username.clone(), user: Some(visitor.member.user.id) };
        let proposed = self.0.console.open(&draft, &asker, Some(command)).await?;
        let details = details(&draft, &proposed, command);
        Ok(Outcome { details, ..opened(words, &draft, &proposed).into() })
    }

    /// Opens a pull request that puts what was changed in Discord into the manifest.
    pub(super) async fn adopt(&self, visitor: &Visitor, digest: &str) -> Result<Outcome, Trouble> {
        let words = &visitor.words;
        let Some(draft) = self.0.console.adoption(visitor.guild, digest).await? else {
            return Ok(Reply::new(Tone::Plain, words.say("adopted-title")).into());
        };
        let asker = Proposer { name: visitor.member.user.username.clone(), user: Some(visitor.member.user.id) };
        let proposed = self.0.console.open(&draft, &asker, Some(visitor.command)).await?;
        let details = details(&draft, &proposed, visitor.command);
        Ok(Outcome { details, ..opened(words, &draft, &proposed).into() })
    }
}

/// What is recorded of a proposal. The number of the manifest tells later whose doing it is.
fn details(draft: &Draft, proposed: &Proposed, request: CommandId) -> serde_json::Value {
    let pull_request = proposed.proposal().map(|proposal| {
        let Proposal { number, url, branch, base, commit } = proposal;
        let (branch, base, commit) = (branch.as_str(), base.as_str(), commit.as_str());
        json!({ "number": number, "url": url, "branch": branch, "base": base, "commit": commit })
    });
    json!({ "request": request, "manifest": draft.fingerprint, "pull_request": pull_request })
}

/// The same answer with the button that was pressed, where pressing it again can help: the answer takes the place of the message
/// that had it.
pub(super) fn once_more(words: &Words, reply: Reply, press: &Press, trouble: &Trouble) -> Reply {
    let may_pass = match trouble {
        Trouble::Forge(error) => !matches!(error, forge::Error::Conflict { .. }),
        Trouble::Source { .. } => true,
        _ => false,
    };
    match press {
        Press::Open(_) if may_pass => reply.button(press.clone(), words.say("button-open"), Look::Primary),
        Press::Adopt(_) if may_pass => reply.button(press.clone(), words.say("button-adopt"), Look::Primary),
        _ => reply,
    }
}

fn failed(reply: Reply) -> Outcome {
    let error = Some(reply.title.clone());
    Outcome { status: CommandStatus::Failed, error, ..reply.into() }
}

fn json(interpretation: &Interpretation) -> Option<serde_json::Value> {
    serde_json::to_value(interpretation).ok()
}

fn outdated(words: &Words) -> Outcome {
    failed(Reply::new(Tone::Careful, words.say("propose-outdated")).say(words.say("propose-outdated-text")))
}

/// What of a request was understood, and what was not.
fn understood(words: &Words, reply: Reply, interpretation: &Interpretation) -> Reply {
    let Interpretation { confidence_score, edits, not_understood, .. } = interpretation;
    let mut reply = reply;
    if !edits.is_empty() {
        // Between 0 and 1, so it fits.
        let sure = format!("{:.0}", confidence_score * 100.0);
        let heading = words.with("propose-understood", &[("sure", (&sure).into())]);
        let line = |edit| {
            let (sign, line) = told::told(edit);
            format!("`{}` {}", sign.symbol(), plain(&line))
        };
        reply = reply.say(listed(heading, edits.iter().map(line).collect()));
    }
    if !not_understood.is_empty() {
        let line = |Part { text, why, .. }: &Part| {
            let (part, why) = (plain(text), plain(why));
            format!("- {}", words.with("propose-part", &[("part", (&part).into()), ("why", (&why).into())]))
        };
        reply = reply.say(listed(words.say("propose-not-understood"), not_understood.iter().map(line).collect()));
    }
    reply
}

/// Asks for other words. Nobody can know why a wish in another language comes to nothing, unless it is said.
fn in_other_words(visitor: &Visitor, reply: Reply, interpretation: &Interpretation) -> Reply {
    let words = &visitor.words;
    let reply = reply.say(words.say("propose-nothing-text"));
    if interpretation.model_used != rules::MODEL {
        return reply;
    }
    match visitor.preferences.ai_settings.use_ai_interpretation {
        true => reply.say(words.say("propose-nothing-rules")),
        false => reply.say(words.say("propose-nothing-preferred")),
    }
}

/// What a request could mean besides, to choose from. Buttons cut long texts off, so those are said in full, too.
fn asked_back(visitor: &Visitor, reply: Reply, interpretation: &Interpretation) -> Reply {
    let alternatives = interpretation.alternatives.iter().take(MOST_MEANINGS);
    let meanings: Vec<&str> = alternatives.map(|other| other.meaning.as_str()).collect();
    if meanings.is_empty() {
        return reply;
    }
    let lines = meanings.iter().map(|meaning| format!("- {}", plain(meaning))).collect();
    let reply = reply.say(listed(visitor.words.say("propose-ambiguous"), lines));
    meanings.iter().enumerate().fold(reply, |reply, (number, meaning)| {
        reply.button(Press::Mean { command: visitor.command, number }, *meaning, Look::Secondary)
    })
}

/// Lines below a heading, as far as there is room: what a change comes to has to be seen beside them.
fn listed(heading: String, lines: Vec<String>) -> String {
    let mut text = heading;
    for (shown, line) in lines.iter().enumerate() {
        let is_full = text.chars().count() + line.chars().count() > LONGEST_LIST;
        if shown == MOST || (is_full && shown > 0) {
            return format!("{text}\n… +{}", lines.len() - shown);
        }
        text.push('\n');
        text.push_str(line);
    }
    text
}

fn opened(words: &Words, draft: &Draft, proposed: &Proposed) -> Reply {
    let Some(proposal) = proposed.proposal() else { return Reply::new(Tone::Good, words.say("propose-same")) };
    let request = plain(draft.interpretation.original_text.lines().next().unwrap_or_default());
    let reply = Reply::new(Tone::Good, words.with("opened-title", &[("title", (&request).into())]));
    let reply = match &proposal.url {
        Some(url) => reply.say(words.with("opened-text", &[("url", url.into())])),
        None => reply.say(words.with("opened-branch", &[("branch", proposal.branch.as_str().into())])),
    };
    match proposed {
        Proposed::Updated(_) | Proposed::Unchanged(_) => reply.say(words.say("opened-updated")),
        Proposed::Opened(_) | Proposed::Already { .. } => reply,
    }
}

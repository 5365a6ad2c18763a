//! Whom a clause is about: roles, everyone, nobody.
//!
//! Decides which words mean all members, and who is an exception. Knows nothing of permissions.

use super::super::clause::{Clause, Context, Mention, longest_at, place, role};
use super::super::lexicon::JOINERS;
use super::Reading;

/// All members.
const EVERYONE: &str = "everyone|everybody|anyone|anybody|all members|all people|people|others|all users|users|\
    every member|the rest|all others|all|all the members|other people|other members|everyone else|everybody else|\
    anyone else|anybody else|all the others|all other members";
const NOBODY: &str = "nobody|no one|noone|none|no members|no member|nobody else|no one else";
const BUT: &str = "except for|except|but for|apart from|other than|besides|excluding|aside from|unless they are|\
    with the exception of|save for";

/// Who is meant.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    pub(super) roles: Vec<String>,
    pub(super) exceptions: Vec<String>,
    pub(super) everyone: bool,
    pub(super) nobody: bool,
    pub(super) mentions: Vec<Mention>,
}

impl People {
    pub(super) fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.exceptions.is_empty() && !self.everyone && !self.nobody
    }

    /// Roles that were looked for and not found clearly.
    pub(super) fn has_gaps(&self) -> bool {
        self.mentions.iter().any(|mention| mention.why.is_some())
    }

    /// Finds people among the free words of a range. With `only_led`, those alone that follow a word such as `for`.
    pub(super) fn find(clause: &mut Clause, context: Context<'_>, from: usize, to: usize, only_led: bool) -> Self {
        const LEADS: &str = "for to from except but only by of than excluding besides";
        let mut people = Self::default();
        let mut is_but = false;
        let mut is_led = false;
        let mut at = from;
        while at < to.min(clause.len()) {
            if clause.taken[at] {
                at += 1;
                is_led = false;
                continue;
            }
            if let Some(length) = longest_at(&clause.tokens, at, BUT) {
                clause.take(at, at + length);
                (is_but, is_led) = (true, true);
                at += length;
                continue;
            }
            let token = &clause.tokens[at];
            let is_but_word = token.is("but")
                && (people.everyone || people.nobody)
                && clause.tokens.get(at + 1).is_some_and(|t| !t.is("not"));
            if is_but_word {
                clause.take(at, at + 1);
                (is_but, is_led) = (true, true);
                at += 1;
                continue;
            }
            if token.is_any(LEADS) {
                is_led = true;
                at += 1;
                continue;
            }
            let listed = token.is_any(JOINERS)
                || token.is_any("the only a an just")
                || token.is_any(super::super::lexicon::FILLERS);
            if (is_led || !only_led) && (!listed || token.is("the")) {
                if let Some(length) = longest_at(&clause.tokens, at, NOBODY).filter(|n| clause.is_free(at, at + n)) {
                    people.nobody = true;
                    clause.take(at, at + length);
                    at += length;
                    continue;
                }
                let is_place = (at > from || clause.tokens[at].is_any("there here"))
                    && clause.tokens[at].is_any("there here it itself this that")
                    && !clause.tokens.get(at + 1).is_some_and(|t| t.is_any("can may should to must cannot cant"));
                let named = clause.mention(context, at, &role).filter(|m| !(is_place && m.is_pronoun)).filter(|m| {
                    m.to <= to && !(only_led && m.why.is_some() && clause.mention(context, at, &place).is_some())
                });
                let is_all_of = clause.tokens[at].is("all")
                    && clause.mention(context, at + 1, &role).is_some_and(|m| !m.is_pronoun);
                if is_all_of {
                    clause.take(at, at + 1);
                    at += 1;
                    continue;
                }
                let everyone = longest_at(&clause.tokens, at, EVERYONE).filter(|n| clause.is_free(at, at + n));
                let everyone = everyone.filter(|n| named.as_ref().is_none_or(|m| m.is_pronoun || at + n >= m.to));
                let is_at = clause.tokens[at].sigil == Some('@')
                    && matches!(clause.tokens[at].low.as_str(), "everyone" | "here");
                if everyone.is_some() || is_at {
                    people.everyone = true;
                    let length = everyone.unwrap_or(1);
                    clause.take(at, at + length);
                    at += length;
                    continue;
                }
                if let Some(mention) = named {
                    clause.take(mention.from, mention.to);
                    at = mention.to.max(at + 1);
                    people.add(mention, is_but);
                    is_led = true;
                    continue;
                }
                let is_members = clause.tokens[at].is_any("members member")
                    || clause.tokens[at].is("the") && clause.tokens.get(at + 1).is_some_and(|t| t.is("members"));
                if is_members {
                    let length = 1 + usize::from(clause.tokens[at].is("the"));
                    people.everyone = true;
                    clause.take(at, at + length);
                    at += length;
                    continue;
                }
            }
            if !listed {
                is_led = false;
            }
            at += 1;
        }
        people
    }

    pub(super) fn add(&mut self, mention: Mention, is_but: bool) {
        if mention.why.is_none() {
            for object in &mention.objects {
                let key = super::super::guild::key(object).to_owned();
                let list = if is_but { &mut self.exceptions } else { &mut self.roles };
                if key == "everyone" {
                    self.everyone = true;
                } else if !list.contains(&key) {
                    list.push(key);
                }
            }
        }
        self.mentions.push(mention);
    }

    pub(super) fn merge(&mut self, other: Self) {
        let Self { roles, exceptions, everyone, nobody, mentions } = other;
        self.roles.extend(roles);
        self.exceptions.extend(exceptions);
        self.everyone |= everyone;
        self.nobody |= nobody;
        self.mentions.extend(mentions);
    }

    /// Notes who was named, so that `them` means these afterwards.
    pub(super) fn note(&self, reading: &mut Reading, clause: &Clause) {
        reading.note(clause, &self.mentions);
    }
}

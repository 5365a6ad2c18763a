//! Options of commands: which kinds there are, what each may say, and how they nest.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::form::{Form, Given};

/// Most options of a command, of a group and of a subcommand, and most choices of an option.
const MOST_OPTIONS: usize = 25;
/// Largest and smallest numbers: those a double holds exactly.
pub(crate) const INT53: i64 = (1 << 53) - 1;

/// Discord's numbers for kinds of option.
pub(crate) mod kind {
    pub(crate) const SUBCOMMAND: u64 = 1;
    pub(crate) const GROUP: u64 = 2;
    pub(crate) const STRING: u64 = 3;
    pub(crate) const INTEGER: u64 = 4;
    pub(crate) const BOOLEAN: u64 = 5;
    pub(crate) const USER: u64 = 6;
    pub(crate) const CHANNEL: u64 = 7;
    pub(crate) const ROLE: u64 = 8;
    pub(crate) const MENTIONABLE: u64 = 9;
    pub(crate) const NUMBER: u64 = 10;
    /// Every kind.
    pub(crate) const ALL: [i64; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
}

/// A name as slash commands and their options have it.
pub(crate) fn is_slash_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '-' | '_' | '\''))
}

/// The options of a command, and all that is in them.
pub(crate) fn read_options(form: &mut Form<'_>) {
    read_level(form, &kind::ALL);
}

/// Options of one level. Subcommands and values do not mix: a command has one or the other.
fn read_level(form: &mut Form<'_>, allowed: &[i64]) {
    let options = form.list("options", MOST_OPTIONS).value().unwrap_or_default();
    let is_sub = |option: &Value| option["type"].as_u64().is_some_and(|kind| kind <= kind::GROUP);
    if options.iter().any(is_sub) && !options.iter().all(is_sub) {
        let message = "Sub-command and sub-command group option types are mutually exclusive to all other types";
        form.wrong("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    }
    let (mut is_optional, mut names) = (false, BTreeSet::new());
    for (index, option) in options.iter().enumerate() {
        let read = form.inside(&["options", &index.to_string()], option, |option| read_option(option, allowed));
        let required = read.unwrap_or_default();
        if required && is_optional {
            let message = "Required options must be placed before non-required options";
            form.wrong_item("options", index, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
        }
        is_optional |= !required;
        if option["name"].as_str().is_some_and(|name| !names.insert(name)) {
            let message = "Option names must be unique within a command";
            form.wrong_item("options", index, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", message);
        }
    }
}

/// One option; true when it is required.
fn read_option(form: &mut Form<'_>, allowed: &[i64]) -> bool {
    form.require("type");
    let option = form.choice::<u64>("type", allowed).value();
    form.require("name");
    form.require("description");
    let name = form.text("name", 1..=32).value().unwrap_or_default();
    if !is_slash_name(&name) {
        form.wrong("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
    form.text("description", 1..=100);
    // Of an unknown kind nothing more can be said.
    let Some(option) = option else { return false };
    read_choices(form, option);
    read_bounds(form, option);
    match option {
        kind::GROUP => read_level(form, &[1]),
        kind::SUBCOMMAND => read_level(form, &[3, 4, 5, 6, 7, 8, 9, 10, 11]),
        _ if form.list("options", 0).value().is_some_and(|list| !list.is_empty()) => {
            form.wrong("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type has no options");
        }
        _ => {}
    }
    form.flag("required").value().unwrap_or(false)
}

fn is_typed(option: u64) -> bool {
    matches!(option, kind::STRING | kind::INTEGER | kind::NUMBER)
}

fn read_choices(form: &mut Form<'_>, option: u64) {
    let choices = form.list("choices", MOST_OPTIONS).value().unwrap_or_default();
    let completes = form.flag("autocomplete").value().unwrap_or(false);
    if (completes || !choices.is_empty()) && !is_typed(option) {
        form.wrong("choices", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type has no choices");
        return;
    }
    if completes && !choices.is_empty() {
        let message = "Autocomplete can not be set when choices are set";
        form.wrong("autocomplete", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_EXCLUSIVE", message);
    }
    let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
    for (index, choice) in choices.iter().enumerate() {
        form.inside(&["choices", &index.to_string()], choice, |form| {
            form.require("name");
            form.text("name", 1..=100);
            read_value(form, option);
            if !names.insert(choice["name"].to_string()) || !values.insert(choice["value"].to_string()) {
                let message = "The names and the values of choices must differ";
                form.wrong("name", "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", message);
            }
        });
    }
}

/// The value of a choice, which is of its option's kind.
pub(crate) fn read_value(form: &mut Form<'_>, option: u64) {
    form.require("value");
    let Given::Value(value) = form.raw("value") else { return };
    match option {
        kind::INTEGER if value.is_i64() || value.is_u64() => drop(form.int("value", -INT53..=INT53)),
        kind::INTEGER => form.wrong("value", "NUMBER_TYPE_COERCE", &format!("Value {value} is not int.")),
        kind::NUMBER if value.as_f64().is_some_and(|number| number.abs() <= INT53 as f64) => {}
        kind::NUMBER => form.wrong("value", "NUMBER_TYPE_COERCE", &format!("Value {value} is not float.")),
        _ => drop(form.text("value", 0..=100)),
    }
}

fn read_bounds(form: &mut Form<'_>, option: u64) {
    for key in ["min_length", "max_length"] {
        let read = form.int(key, i64::from(key == "max_length")..=6000).value();
        refuse_elsewhere(form, key, read.is_some(), option == kind::STRING);
    }
    for key in ["min_value", "max_value"] {
        let Given::Value(value) = form.raw(key) else { continue };
        let is_right = if option == kind::INTEGER { value.is_i64() } else { value.is_number() };
        if !is_right {
            form.wrong(key, "NUMBER_TYPE_COERCE", &format!("Value {value} is not a number of this type."));
        }
        refuse_elsewhere(form, key, true, matches!(option, kind::INTEGER | kind::NUMBER));
    }
    for (low, high) in [("min_length", "max_length"), ("min_value", "max_value")] {
        let number = |form: &Form<'_>, key| form.raw(key).value().and_then(Value::as_f64);
        if let (Some(least), Some(most)) = (number(form, low), number(form, high))
            && least > most
        {
            form.wrong(low, "NUMBER_TYPE_MAX", &format!("value should be less than or equal to {}.", json!(most)));
        }
    }
    let types = form.list("channel_types", MOST_OPTIONS).value();
    refuse_elsewhere(form, "channel_types", types.is_some(), option == kind::CHANNEL);
}

fn refuse_elsewhere(form: &mut Form<'_>, key: &str, is_given: bool, is_here: bool) {
    if is_given && !is_here {
        form.wrong(key, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type of option has no such field");
    }
}

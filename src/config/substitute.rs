//! `${NAME}` and `${NAME:-default}` in the values of the file.
//!
//! Substitution works on the tree, never on raw text, so that a value cannot bring structure of its own; and a problem points
//! at the place in the file, never at the value, which may be secret.

use std::borrow::Cow;

use crate::manifest::diagnostic::{Problem, Problems};
use crate::manifest::tree::{Node, Value};

use super::SETTING;

/// A variable that was put in: its name and its value.
pub(super) type Used = (String, String);

/// Puts the values of variables into every scalar, and says which they were. `$$` is a dollar sign. What cannot be filled in is
/// reported and removed, so that it is not reported once more as a value that does not fit.
pub(super) fn substitute(
    node: &mut Node<'_>,
    variable: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<Used> {
    let mut filling = Filling { variable, problems, used: Vec::new() };
    filling.fill(node);
    filling.used
}

struct Filling<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: &'a mut Problems,
    used: Vec<Used>,
}

impl Filling<'_> {
    /// False when the value could not be filled in.
    fn fill(&mut self, node: &mut Node<'_>) -> bool {
        match &mut node.value {
            Value::Scalar { text, .. } if text.contains('$') => match expand(text, self.variable, &mut self.used) {
                Ok(expanded) => *text = Cow::Owned(expanded),
                Err(Unset { message, help }) => {
                    self.problems.report(Problem::new(SETTING, message).at(node.spot, "used here").help(help));
                    return false;
                }
            },
            Value::Scalar { .. } => {}
            Value::List(items) => items.retain_mut(|item| self.fill(item)),
            Value::Map(entries) => entries.retain_mut(|entry| self.fill(&mut entry.node)),
        }
        true
    }
}

/// Why a text cannot be filled in.
struct Unset {
    message: String,
    help: String,
}

fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>, used: &mut Vec<Used>) -> Result<String, Unset> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded += before;
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(braced) = after.strip_prefix('{') {
            let Some((inside, after)) = braced.split_once('}') else {
                return Err(Unset {
                    message: "`${` without a `}`".to_owned(),
                    help: "a variable is written `${NAME}`, and a dollar sign `$$`".to_owned(),
                });
            };
            let (name, value) = value(inside, variable)?;
            expanded += &value;
            used.push((name.to_owned(), value));
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded += rest;
    Ok(expanded)
}

fn value<'t>(inside: &'t str, variable: &dyn Fn(&str) -> Option<String>) -> Result<(&'t str, String), Unset> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let is_name = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(Unset {
            message: "this is not the name of a variable".to_owned(),
            help: "names are made of letters, digits and `_`: `${NAME}`, or `${NAME:-default}`".to_owned(),
        });
    }
    match (variable(name).filter(|value| !value.is_empty()), default) {
        (Some(value), _) => Ok((name, value)),
        (None, Some(default)) => Ok((name, default.to_owned())),
        (None, None) => Err(Unset {
            message: format!("the environment variable `{name}` is not set"),
            help: format!("set it, or give it a default: `${{{name}:-...}}`"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "HOST" => Some("db".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expand(text, &variable, &mut Vec::new()).map_err(|unset| unset.message)
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, expected) in [
            ("mysql://${HOST}/x", "mysql://db/x"),
            ("${NONE:-there}", "there"),
            ("${EMPTY:-there}", "there"),
            ("${NONE:-}", ""),
            ("$$HOST $HOST 5$", "$HOST $HOST 5$"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_said() {
        for text in ["${NONE}", "${EMPTY}", "${", "${}", "${a b}", "${1}"] {
            assert!(filled(text).is_err(), "{text}");
        }
    }
}

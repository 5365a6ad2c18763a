//! Reads the fields of a JSON body the way Discord does: leniently about numbers in strings, and naming every wrong field.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::ApiError;
use crate::simulator::world::{Snowflake, Switches, UnknownBits};

/// A field of a body. Absent is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// Not there, or wrong and reported.
    Absent,
    /// There, and null.
    Null,
    /// There.
    Value(T),
}

impl<T> Given<T> {
    /// There and not null.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Null, or there and right.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Puts the value, or on null what null stands for, into `slot`.
    pub(crate) fn store(self, slot: &mut T, null: T) {
        match self {
            Self::Absent => {}
            Self::Null => *slot = null,
            Self::Value(value) => *slot = value,
        }
    }

    /// Puts the value, or nothing on null, into `slot`.
    pub(crate) fn store_option(self, slot: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *slot = None,
            Self::Value(value) => *slot = Some(value),
        }
    }

    /// What it becomes; nothing is absent.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> Option<U>) -> Given<U> {
        match self {
            Self::Absent => Given::Absent,
            Self::Null => Given::Null,
            Self::Value(value) => f(value).map_or(Given::Absent, Given::Value),
        }
    }
}

/// Form errors, nested by field.
#[derive(Debug, Default)]
pub(crate) struct FormErrors(Map<String, Value>);

impl FormErrors {
    /// Notes that the field at `path` is wrong. A field is wrong itself or in its parts, whichever was found first.
    pub(crate) fn add(&mut self, path: &[&str], code: &str, message: &str) {
        let mut node = &mut self.0;
        for step in path {
            if node.contains_key("_errors") {
                return;
            }
            let next = node.entry((*step).to_owned()).or_insert_with(|| json!({}));
            let Value::Object(map) = next else { return };
            node = map;
        }
        if node.keys().any(|key| key != "_errors") {
            return;
        }
        if let Value::Array(list) = node.entry("_errors").or_insert_with(|| json!([])) {
            list.push(json!({"code": code, "message": message}));
        }
    }

    /// One wrong field, as the refusal.
    pub(crate) fn single(path: &[&str], code: &str, message: &str) -> ApiError {
        let mut errors = Self::default();
        errors.add(path, code, message);
        errors.into_error()
    }

    /// All wrong fields, as the refusal.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> ApiError {
        ApiError { errors: Some(Value::Object(self.0)), ..ApiError::new(400, 50_035, "Invalid Form Body") }
    }
}

/// A JSON object being read.
pub(crate) struct Form<'a> {
    fields: &'a Map<String, Value>,
    switches: &'a Switches,
    errors: FormErrors,
    at: Vec<String>,
}

impl<'a> Form<'a> {
    /// The body of a call; anything but an object is refused.
    pub(crate) fn of(body: Option<&'a Value>, switches: &'a Switches) -> Result<Self, ApiError> {
        match body {
            Some(Value::Object(fields)) => Ok(Self { fields, switches, errors: FormErrors::default(), at: Vec::new() }),
            _ => Err(FormErrors::single(&[], "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")),
        }
    }

    /// Ends with all errors found.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.errors.finish()
    }

    /// Notes a wrong field.
    pub(crate) fn wrong(&mut self, key: &str, code: &str, message: &str) {
        let mut path: Vec<&str> = self.at.iter().map(String::as_str).collect();
        path.push(key);
        self.errors.add(&path, code, message);
    }

    /// Notes a wrong item of a list.
    pub(crate) fn wrong_item(&mut self, key: &str, index: usize, code: &str, message: &str) {
        let index = index.to_string();
        let path: Vec<&str> = self.at.iter().map(String::as_str).chain([key, &index]).collect();
        self.errors.add(&path, code, message);
    }

    /// Refuses a missing or null field.
    pub(crate) fn require(&mut self, key: &str) {
        if matches!(self.fields.get(key), None | Some(Value::Null)) {
            self.wrong(key, "BASE_TYPE_REQUIRED", "This field is required");
        }
    }

    /// Refuses a null field.
    pub(crate) fn not_null(&mut self, key: &str) {
        if self.fields.get(key) == Some(&Value::Null) {
            self.wrong(key, "BASE_TYPE_REQUIRED", "This field is required");
        }
    }

    /// The raw value.
    pub(crate) fn raw(&self, key: &str) -> Given<&'a Value> {
        match self.fields.get(key) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => Given::Value(value),
        }
    }

    /// A text of a length.
    pub(crate) fn text(&mut self, key: &str, length: RangeInclusive<usize>) -> Given<String> {
        self.raw(key).map(|value| {
            let Value::String(text) = value else {
                self.wrong(key, "STRING_TYPE_CONVERT", "Could not interpret as string.");
                return None;
            };
            let count = if self.switches.utf16_lengths { text.encode_utf16().count() } else { text.chars().count() };
            if length.contains(&count) {
                return Some(text.clone());
            }
            self.wrong(key, "BASE_TYPE_BAD_LENGTH", &bad_length(&length));
            None
        })
    }

    /// An address with one of these schemes.
    pub(crate) fn url(&mut self, key: &str, longest: usize, schemes: &[&str]) -> Given<String> {
        self.text(key, 0..=longest).map(|text| {
            let Ok(url) = url::Url::parse(&text) else {
                self.wrong(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
                return None;
            };
            if schemes.contains(&url.scheme()) {
                return Some(text);
            }
            let listed = schemes.iter().map(|scheme| format!("'{scheme}'")).collect::<Vec<_>>().join(", ");
            let scheme = url.scheme();
            let message = format!("Scheme \"{scheme}\" is not supported. Scheme must be one of ({listed}).");
            self.wrong(key, "URL_TYPE_INVALID_SCHEME", &message);
            None
        })
    }

    /// An integer in a range.
    pub(crate) fn int(&mut self, key: &str, range: RangeInclusive<i64>) -> Given<i64> {
        self.raw(key).map(|value| {
            let Some(number) = integer(value) else {
                self.wrong(key, "NUMBER_TYPE_COERCE", &format!("Value {value} is not int."));
                return None;
            };
            if number < *range.start() {
                let message = format!("int value should be greater than or equal to {}.", range.start());
                self.wrong(key, "NUMBER_TYPE_MIN", &message);
            } else if number > *range.end() {
                let message = format!("int value should be less than or equal to {}.", range.end());
                self.wrong(key, "NUMBER_TYPE_MAX", &message);
            }
            range.contains(&number).then_some(number)
        })
    }

    /// An integer that fits `T`, in a range.
    pub(crate) fn small<T: TryFrom<i64>>(&mut self, key: &str, range: RangeInclusive<i64>) -> Given<T> {
        self.int(key, range).map(|number| T::try_from(number).ok())
    }

    /// One of a few integers.
    pub(crate) fn choice<T: TryFrom<i64>>(&mut self, key: &str, choices: &[i64]) -> Given<T> {
        self.int(key, i64::MIN..=i64::MAX).map(|number| {
            if choices.contains(&number) {
                return T::try_from(number).ok();
            }
            let listed = choices.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            self.wrong(key, "BASE_TYPE_CHOICES", &format!("Value must be one of {{{listed}}}."));
            None
        })
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &str) -> Given<bool> {
        self.raw(key).map(|value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
                None
            }
        })
    }

    /// A snowflake, as a string or an integer.
    pub(crate) fn snowflake(&mut self, key: &str) -> Given<Snowflake> {
        self.raw(key).map(|value| {
            let id = unsigned(value).map(Snowflake);
            if id.is_none() {
                self.wrong(key, "NUMBER_TYPE_COERCE", &format!("Value {value} is not snowflake."));
            }
            id
        })
    }

    /// A bit set, as a string or an integer. Bits that neither Discord knows nor `stored` has are masked or refused.
    pub(crate) fn bits(&mut self, key: &str, stored: u64) -> Given<u64> {
        let known = self.switches.known_bits | stored;
        self.raw(key).map(|value| {
            let Some(bits) = unsigned(value) else {
                self.wrong(key, "NUMBER_TYPE_COERCE", &format!("Value {value} is not int."));
                return None;
            };
            if bits & !known != 0 && self.switches.unknown_bits == UnknownBits::Refuse {
                self.wrong(key, "NUMBER_TYPE_MAX", &format!("int value should be less than or equal to {known}."));
                return None;
            }
            Some(bits & known)
        })
    }

    /// Flags of another kind, all bits kept.
    pub(crate) fn flags(&mut self, key: &str) -> Given<u64> {
        self.raw(key).map(|value| {
            let bits = unsigned(value);
            if bits.is_none() {
                self.wrong(key, "NUMBER_TYPE_COERCE", &format!("Value {value} is not int."));
            }
            bits
        })
    }

    /// A list of at most so many.
    pub(crate) fn list(&mut self, key: &str, most: usize) -> Given<&'a [Value]> {
        self.raw(key).map(|value| {
            let Value::Array(items) = value else {
                self.wrong(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
                return None;
            };
            if items.len() > most {
                self.wrong(key, "BASE_TYPE_BAD_LENGTH", &bad_length(&(0..=most)));
                return None;
            }
            Some(items.as_slice())
        })
    }

    /// Reads an object inside this one, with errors nested under `path`.
    pub(crate) fn inside<T>(
        &mut self,
        path: &[&str],
        value: &'a Value,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let mut at = self.at.clone();
        at.extend(path.iter().map(|step| (*step).to_owned()));
        let Value::Object(fields) = value else {
            let steps: Vec<&str> = at.iter().map(String::as_str).collect();
            self.errors.add(&steps, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
            return None;
        };
        let mut inner = Self { fields, switches: self.switches, errors: std::mem::take(&mut self.errors), at };
        let result = read(&mut inner);
        self.errors = inner.errors;
        Some(result)
    }
}

fn bad_length(length: &RangeInclusive<usize>) -> String {
    match *length.start() {
        0 => format!("Must be {} or fewer in length.", length.end()),
        least => format!("Must be between {least} and {} in length.", length.end()),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A non-negative integer from a number or a decimal string; no digit is lost.
pub(crate) fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_its_place() {
        let switches = Switches::default();
        let body = json!({"name": "", "type": "x", "permission_overwrites": [{"id": 1}, {"id": "a", "allow": -1}]});
        let mut form = Form::of(Some(&body), &switches).expect("an object");
        form.text("name", 1..=100);
        form.int("type", 0..=16);
        let list = form.list("permission_overwrites", 100).value().expect("a list");
        for (index, entry) in list.iter().enumerate() {
            form.inside(&["permission_overwrites", &index.to_string()], entry, |inner| {
                inner.snowflake("id");
                inner.bits("allow", 0);
            });
        }
        let error = form.finish().expect_err("four wrong fields");
        assert_eq!((error.status, error.code), (400, 50_035));
        insta::assert_json_snapshot!(error.errors, @r#"
        {
          "name": {
            "_errors": [
              {
                "code": "BASE_TYPE_BAD_LENGTH",
                "message": "Must be between 1 and 100 in length."
              }
            ]
          },
          "type": {
            "_errors": [
              {
                "code": "NUMBER_TYPE_COERCE",
                "message": "Value \"x\" is not int."
              }
            ]
          },
          "permission_overwrites": {
            "1": {
              "id": {
                "_errors": [
                  {
                    "code": "NUMBER_TYPE_COERCE",
                    "message": "Value \"a\" is not snowflake."
                  }
                ]
              },
              "allow": {
                "_errors": [
                  {
                    "code": "NUMBER_TYPE_COERCE",
                    "message": "Value -1 is not int."
                  }
                ]
              }
            }
          }
        }
        "#);
    }

    #[test]
    fn numbers_may_be_strings_and_big() {
        let switches = Switches::default();
        let body = json!({"allow": "18014398509481983", "deny": 18_014_398_509_481_984_u64, "position": "7"});
        let mut form = Form::of(Some(&body), &switches).expect("an object");
        assert_eq!(form.bits("allow", 0), Given::Value((1 << 54) - 1));
        assert_eq!(form.bits("deny", 0), Given::Value(0), "a bit nobody knows is masked");
        assert_eq!(form.bits("deny", 1 << 54), Given::Value(1 << 54), "a stored bit is known");
        assert_eq!(form.int("position", 0..=9), Given::Value(7));
        assert_eq!(form.finish(), Ok(()));
    }
}

//! How values stand in columns: snowflakes as integers, words and ids as text, structures as JSON.
//!
//! Every row of either database is read through the functions here.

use std::str::FromStr;

use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use serde_json::Value;
use sqlx::{MySql, Row as _, Sqlite};
use twilight_model::id::Id;

use super::Error;
use super::sql::Row;

fn unreadable(column: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable { column, source: source.into() }
}

/// The JSON text of a value.
pub(super) fn json_text(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Unwritable { source })
}

/// The JSON value of a value.
pub(super) fn json_value(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|source| Error::Unwritable { source })
}

/// The word serde has for a value, such as `adopted`.
pub(super) fn word_of(value: &impl Serialize) -> Result<String, Error> {
    match json_value(value)? {
        Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

/// A column as the database's own type.
pub(super) fn get<'r, T>(row: &'r Row, column: &'static str) -> Result<T, Error>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + sqlx::Decode<'r, MySql> + sqlx::Type<MySql>,
{
    let value = match row {
        Row::Sqlite(row) => row.try_get(column),
        Row::MySql(row) => row.try_get(column),
    };
    value.map_err(|source| unreadable(column, source))
}

/// A snowflake.
pub(super) fn id<M>(row: &Row, column: &'static str) -> Result<Id<M>, Error> {
    let number = snowflake_if(row, column)?.ok_or_else(|| unreadable(column, "there is no snowflake"))?;
    Id::new_checked(number).ok_or_else(|| unreadable(column, "0 is not a snowflake"))
}

/// A snowflake, or nothing.
pub(super) fn snowflake_if(row: &Row, column: &'static str) -> Result<Option<u64>, Error> {
    let number = match row {
        Row::Sqlite(row) => row.try_get(column).map(|number: Option<i64>| number.map(i64::cast_unsigned)),
        Row::MySql(row) => row.try_get(column),
    };
    number.map_err(|source| unreadable(column, source))
}

/// A snowflake, or nothing.
pub(super) fn id_if<M>(row: &Row, column: &'static str) -> Result<Option<Id<M>>, Error> {
    let is_there = match row {
        Row::Sqlite(row) => row.try_get::<Option<i64>, _>(column).map(|number| number.is_some()),
        Row::MySql(row) => row.try_get::<Option<u64>, _>(column).map(|number| number.is_some()),
    };
    is_there.map_err(|source| unreadable(column, source))?.then(|| id(row, column)).transpose()
}

/// A count or a number that is never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, column: &'static str) -> Result<T, Error> {
    let number: i64 = get(row, column)?;
    T::try_from(number).map_err(|_| unreadable(column, format!("{number} is out of range")))
}

/// A text that has a meaning.
pub(super) fn parsed<T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    row: &Row,
    column: &'static str,
) -> Result<T, Error> {
    get::<&str>(row, column)?.parse().map_err(|source| unreadable(column, source))
}

/// A text that has a meaning, or nothing.
pub(super) fn parsed_if<T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, Error> {
    let text: Option<&str> = get(row, column)?;
    text.map(|text| text.parse().map_err(|source| unreadable(column, source))).transpose()
}

/// A word of an enum that serde knows.
pub(super) fn word<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, Error> {
    let word: StrDeserializer<'_, serde::de::value::Error> = get::<&str>(row, column)?.into_deserializer();
    T::deserialize(word).map_err(|source| unreadable(column, source))
}

/// A structure.
pub(super) fn json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, Error> {
    serde_json::from_str(get(row, column)?).map_err(|source| unreadable(column, source))
}

/// A structure, or nothing.
pub(super) fn json_if<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<Option<T>, Error> {
    let text: Option<&str> = get(row, column)?;
    text.map(|text| serde_json::from_str(text).map_err(|source| unreadable(column, source))).transpose()
}

/// `value` without the bytes of image files: their SHA-256 stays, which is what identifies them.
pub(super) fn without_images(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                *field = if name == "data_uri" { Value::from("") } else { without_images(field.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_images(item.take())),
        _ => {}
    }
    value
}

//! Values in little room: what is kept in this process is kept for every guild there is.

use std::collections::BTreeMap;

use super::{Shape, Value};

/// A value, packed when that is worth it.
#[derive(Debug)]
pub(super) enum Packed {
    /// As it is.
    Plain(Value),
    /// Packed: the parts of the value, each behind its length.
    Small { shape: Shape, bytes: Box<[u8]> },
}

impl Packed {
    /// Shorter values are left as they are, in bytes.
    const WORTH_IT: usize = 1024;
    /// How hard is tried: a little. The same key words come in every object, and are found at once.
    const LEVEL: i32 = 1;

    pub(super) fn of(value: Value) -> Self {
        let (shape, parts): (Shape, Vec<&str>) = match &value {
            Value::Text(text) => (Shape::Text, vec![text]),
            Value::Hash(fields) => {
                (Shape::Hash, fields.iter().flat_map(|(field, text)| [field.as_str(), text.as_str()]).collect())
            }
        };
        if parts.iter().map(|part| part.len()).sum::<usize>() < Self::WORTH_IT {
            return Self::Plain(value);
        }
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        match zstd::encode_all(bytes.as_slice(), Self::LEVEL) {
            Ok(packed) => Self::Small { shape, bytes: packed.into() },
            Err(_) => Self::Plain(value),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Plain(Value::Text(_)) => Shape::Text,
            Self::Plain(Value::Hash(_)) => Shape::Hash,
            Self::Small { shape, .. } => *shape,
        }
    }

    /// The value; none when it does not open, which counts as absent.
    pub(super) fn open(&self) -> Option<Value> {
        let (shape, bytes) = match self {
            Self::Plain(value) => return Some(value.clone()),
            Self::Small { shape, bytes } => (shape, zstd::decode_all(&**bytes).ok()?),
        };
        let mut rest = bytes.as_slice();
        let mut parts = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<8>() {
            let (part, behind) = behind.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            parts.push(String::from_utf8(part.to_vec()).ok()?);
            rest = behind;
        }
        match shape {
            Shape::Text => parts.pop().map(Value::Text),
            Shape::Hash => {
                let mut parts = parts.into_iter();
                let mut fields = BTreeMap::new();
                while let (Some(field), Some(text)) = (parts.next(), parts.next()) {
                    fields.insert(field, text);
                }
                Some(Value::Hash(fields))
            }
        }
    }

    /// How many bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain(Value::Text(text)) => text.len(),
            Self::Plain(Value::Hash(fields)) => fields.iter().map(|(field, text)| field.len() + text.len() + 48).sum(),
            Self::Small { bytes, .. } => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let long = "a channel ⚙️ ".repeat(1000);
        let fields = BTreeMap::from([
            (String::new(), long.clone()),
            ("1".to_owned(), String::new()),
            ("2".to_owned(), long.clone()),
        ]);
        for value in
            [Value::Text(String::new()), Value::Text(long), Value::Hash(fields), Value::Hash(BTreeMap::default())]
        {
            let packed = Packed::of(value.clone());
            assert_eq!(packed.open(), Some(value));
        }
    }

    #[test]
    fn what_is_long_takes_little_room() {
        let packed = Packed::of(Value::Text("a channel ".repeat(1000)));
        assert!(packed.bytes() < 500, "{}", packed.bytes());
        assert_eq!(packed.shape(), Shape::Text);
    }

    #[test]
    fn what_does_not_open_is_absent() {
        let broken = Packed::Small { shape: Shape::Hash, bytes: Box::from(*b"something else") };
        assert_eq!(broken.open(), None);
        let short = zstd::encode_all([7, 0, 0, 0, 0, 0, 0, 0, b'x'].as_slice(), 1).expect("it packs");
        assert_eq!(Packed::Small { shape: Shape::Text, bytes: short.into() }.open(), None);
    }
}

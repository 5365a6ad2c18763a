//! One value in the cache, with the proof of what it is.
//!
//! `FORM STAMP CHECKSUM JSON`: the form tells builds apart that would misread each other, the stamp which values belong
//! together, and the checksum covers those, the place and the JSON. A value that was cut short, written by somebody else,
//! or that lies where it does not belong, counts as absent.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The form of values. It changes whenever a value of an older build would be read as something else.
const FORM: &str = "setai-2";

/// Which values belong together: all that were kept in one go.
pub(super) type Stamp = uuid::Uuid;

/// A value as it lies in the cache at `place`.
pub(super) fn seal<T: Serialize>(place: &str, stamp: Stamp, value: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    let sum = checksum(place, stamp, &json).map(char::from);
    Ok(format!("{FORM} {stamp} {} {json}", String::from_iter(sum)))
}

/// The value that lies at `place`, with its stamp.
pub(super) fn open<T: DeserializeOwned>(place: &str, text: &str) -> Option<(Stamp, T)> {
    let mut parts = text.splitn(4, ' ');
    let (form, stamp, sum, json) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let stamp = stamp.parse().ok()?;
    if form != FORM || sum.as_bytes() != checksum(place, stamp, json) {
        return None;
    }
    Some((stamp, serde_json::from_str(json).ok()?))
}

/// Sixteen hex digits: enough to find damage, which is not an attack. BLAKE3, because a guild is hundreds of values and
/// not every processor is fast at SHA-256.
fn checksum(place: &str, stamp: Stamp, json: &str) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = blake3::Hasher::new();
    for part in [FORM, place, "\n", json] {
        hash.update(part.as_bytes());
    }
    hash.update(stamp.as_bytes());
    let hash = hash.finalize();
    let bytes = hash.as_bytes();
    std::array::from_fn(|place| {
        let byte = bytes[place / 2];
        DIGITS[usize::from(if place % 2 == 0 { byte >> 4 } else { byte & 15 })]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = uuid::Uuid::from_u128(7);

    #[test]
    fn a_value_is_believed_where_it_belongs_and_nowhere_else() {
        let sealed = seal("server:1:info", STAMP, &vec![1, 2]).expect("JSON");
        assert_eq!(open("server:1:info", &sealed), Some((STAMP, vec![1, 2])));
        assert_eq!(open::<Vec<u8>>("server:2:info", &sealed), None, "another guild's");
        assert_eq!(open::<String>("server:1:info", &sealed), None, "of another type");
    }

    #[test]
    fn any_byte_that_is_changed_or_lost_makes_it_absent() {
        let sealed = seal("server:1:info", STAMP, &"what was seen").expect("JSON");
        for end in 0..sealed.len() {
            assert_eq!(open::<String>("server:1:info", &sealed[..end]), None, "cut at {end}");
            let mut damaged = sealed.clone().into_bytes();
            damaged[end] ^= 1;
            let damaged = String::from_utf8(damaged).expect("ASCII");
            assert_eq!(open::<String>("server:1:info", &damaged), None, "damaged at {end}");
        }
    }
}

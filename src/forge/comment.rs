//! The sticky comment: one of ours for each marker, which says what is true now.
//!
//! Decides which comment it is. Somebody else's is never taken for it, whatever is in it.

use super::name::Marker;
use super::propose::LOOKS;
use super::remote::{Comment, Remote};
use super::{Commented, Error, text};

/// Makes it say this.
pub(super) async fn comment(
    remote: &impl Remote,
    number: u64,
    marker: &Marker,
    body: &str,
) -> Result<Commented, Error> {
    let marker = marker.line();
    let body = text::body(&format!("{marker}\n"), body);
    let mut looks = LOOKS.iter();
    let mut was_sent = false;
    loop {
        let found = remote.comments(number).await?.into_iter().find(|comment| is_it(comment, &marker));
        match found {
            Some(comment) if is_same(&comment.body, &body) => {
                return Ok(if was_sent { Commented::Created } else { Commented::Unchanged });
            }
            Some(comment) => {
                remote.edit_comment(number, comment.id, &body).await?;
                return Ok(Commented::Updated);
            }
            None => match remote.write_comment(number, &body).await {
                Ok(()) => return Ok(Commented::Created),
                Err(error) if error.is_maybe_done() => {
                    let Some(pause) = looks.next() else { return Err(error) };
                    was_sent = true;
                    remote.clock().sleep(*pause).await;
                }
                Err(error) => return Err(error),
            },
        }
    }
}

fn is_it(comment: &Comment, marker: &str) -> bool {
    comment.is_ours && comment.body.lines().next().is_some_and(|line| line.trim() == marker)
}

/// Forges trim texts, each in its own way.
fn is_same(there: &str, wanted: &str) -> bool {
    there.replace("\r\n", "\n").trim() == wanted.trim()
}

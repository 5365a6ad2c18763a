//! Sources against real servers: what was there is read whole, and whatever is wrong is told and never an empty guild.

mod directory;
mod http;
mod signatures;
mod ssh;
mod trees;

use setai::source::{Class, Content, Error, Git, GitSettings, Look, Revision, Source};

/// What is there now.
async fn content(source: &impl Source) -> Content {
    match source.look(None).await {
        Ok(Look::New(content)) => *content,
        other => panic!("{other:?}"),
    }
}

/// The names of the files that are there now.
async fn names(source: &impl Source) -> Vec<String> {
    content(source).await.files.iter().map(|(path, _)| path.to_owned()).collect()
}

async fn is_unchanged(source: &impl Source, known: &Revision) -> bool {
    matches!(source.look(Some(known)).await, Ok(Look::Unchanged))
}

/// Why nothing can be read there.
async fn trouble(source: &impl Source) -> Error {
    match source.look(None).await {
        Err(error) => error,
        Ok(look) => panic!("{look:?}"),
    }
}

fn git(settings: GitSettings) -> Git {
    Git::new(settings).expect("settings that can be right")
}

/// The word for an error, and whether somebody must act.
fn told(error: &Error) -> (&'static str, Class) {
    (error.reason(), error.class())
}

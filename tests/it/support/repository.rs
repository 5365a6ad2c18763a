//! A repository in this process, for whoever watches one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use setai::manifest::Files;
use setai::source::{Content, Error, Look, Revision, Source};

/// A repository that says nothing by itself.
#[derive(Debug, Default)]
pub(crate) struct Repository(Mutex<(u32, String)>);

impl Repository {
    pub(crate) fn commit(&self, yaml: &str) {
        let mut head = self.0.lock().expect("nobody panics");
        *head = (head.0 + 1, yaml.to_owned());
    }
}

/// One replica's way to it.
#[derive(Debug)]
pub(crate) struct View {
    repository: Arc<Repository>,
    looks: AtomicUsize,
}

impl View {
    pub(crate) fn of(repository: &Arc<Repository>) -> Self {
        Self { repository: Arc::clone(repository), looks: AtomicUsize::new(0) }
    }

    /// How often somebody has looked this way.
    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Source for View {
    fn describe(&self) -> String {
        "a repository".to_owned()
    }

    async fn look(&self, known: Option<&Revision>) -> Result<Look, Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let (number, yaml) = self.repository.0.lock().expect("nobody panics").clone();
        let id = number.to_string();
        if known.is_some_and(|known| known.id == id) {
            return Ok(Look::Unchanged);
        }
        let revision = Revision { name: "main".to_owned(), id, subject: None, author: None, at: None, signed_by: None };
        Ok(Look::New(Box::new(Content { revision, files: Files::single("guild.yaml", yaml).expect("a path") })))
    }

    async fn at(&self, _: &str) -> Result<Option<Content>, Error> {
        Ok(None)
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

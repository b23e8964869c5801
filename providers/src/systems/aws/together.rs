//! Reads that come at the same time are one request: AWS counts requests, and bills them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keys::SecretBytes;
use tokio::sync::OnceCell;

use crate::error::Error;

/// How long a first read waits for others.
const GATHERING: Duration = Duration::from_millis(5);

/// What a request for several secrets brings.
pub(super) enum Outcome {
    /// Those that there are. What is not among them may be missing or forbidden; who wants to know asks for it alone.
    Found(BTreeMap<String, SecretBytes>),
    /// Nothing: each is to be asked for alone.
    Alone,
    /// Nobody should ask now.
    Failed(Error),
}

/// Gathers reads.
pub(super) struct Together {
    most: usize,
    open: Mutex<Arc<Batch>>,
    is_forbidden: AtomicBool,
}

#[derive(Default)]
struct Batch {
    names: Mutex<Names>,
    // Whoever comes first asks; if that one is gone before there is an answer, the next one does.
    outcome: OnceCell<Outcome>,
}

#[derive(Default)]
struct Names {
    all: BTreeSet<String>,
    is_closed: bool,
}

impl Together {
    /// At most so many in one request.
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default(), is_forbidden: AtomicBool::new(false) }
    }

    /// Takes note that requests for several are forbidden, for as long as this sign-in lives.
    pub(super) fn forbid(&self) {
        self.is_forbidden.store(true, Ordering::Relaxed);
    }

    /// The value of one secret, if a request for several brings it; `None`, if it is to be asked for alone.
    ///
    /// # Errors
    /// What the request for several fails with, if nobody should ask now.
    pub(super) async fn read<F: Future<Output = Outcome>>(
        &self,
        name: &str,
        ask: impl FnOnce(Vec<String>) -> F,
    ) -> Result<Option<SecretBytes>, Error> {
        if self.is_forbidden.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let batch = self.join(name);
        let outcome = batch.outcome.get_or_init(|| async {
            tokio::time::sleep(GATHERING).await;
            let names = batch.close();
            if names.len() > 1 { ask(names).await } else { Outcome::Alone }
        });
        match outcome.await {
            Outcome::Found(found) => Ok(found.get(name).map(SecretBytes::duplicate)),
            Outcome::Alone => Ok(None),
            Outcome::Failed(error) => Err(error.clone()),
        }
    }

    fn join(&self, name: &str) -> Arc<Batch> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.add(name, self.most) {
            *open = Arc::new(Batch::default());
            open.add(name, self.most);
        }
        Arc::clone(&open)
    }
}

impl Batch {
    /// Adds a name, if there is room.
    fn add(&self, name: &str, most: usize) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = !names.is_closed && (names.all.len() < most || names.all.contains(name));
        if has_room {
            names.all.insert(name.to_owned());
        }
        has_room
    }

    fn close(&self) -> Vec<String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.is_closed = true;
        names.all.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that knows every secret but those that begin with x, and tells what it was asked.
    async fn read(together: &Together, name: &str, asked: &Mutex<Vec<String>>) -> Result<Option<String>, Error> {
        let found = together.read(name, |names| async move {
            asked.lock().unwrap().push(names.join(","));
            let known = names.into_iter().filter(|name| !name.starts_with('x'));
            Outcome::Found(known.map(|name| (name.clone(), SecretBytes::new(name.into_bytes()))).collect())
        });
        Ok(found.await?.map(|found| String::from_utf8(found.expose().to_vec()).unwrap()))
    }

    #[tokio::test]
    async fn who_comes_together_is_asked_for_together() {
        let (together, asked) = (Together::new(3), Mutex::default());
        let read = |name| read(&together, name, &asked);
        let (a, b, c, d, x) = tokio::join!(read("a"), read("b"), read("a"), read("d"), read("x"));
        assert_eq!([a, b, c, d, x].map(Result::unwrap), [Some("a"), Some("b"), Some("a"), Some("d"), None].map(|name| name.map(str::to_owned)));
        assert_eq!(*asked.lock().unwrap(), ["a,b,d"]);
        assert_eq!(read("a").await.unwrap(), None, "nobody else came");
        together.forbid();
        let (a, b) = tokio::join!(read("a"), read("b"));
        assert_eq!((a.unwrap(), b.unwrap(), asked.lock().unwrap().len()), (None, None, 1));
    }

    #[tokio::test]
    async fn who_leaves_keeps_nobody_waiting() {
        let (together, asked) = (Together::new(3), Mutex::default());
        let leaving = tokio::time::timeout(Duration::from_millis(1), read(&together, "a", &asked));
        let (gone, b) = tokio::join!(leaving, read(&together, "b", &asked));
        assert!(gone.is_err());
        assert_eq!(b.unwrap().as_deref(), Some("b"));
        assert_eq!(*asked.lock().unwrap(), ["a,b"]);
    }
}

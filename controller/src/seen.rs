//! The object that one of ours becomes, as far as it is known: what the watch tells of it counts more than what a turn wrote or read.

use crate::key::Version;

/// Which version of it is there, and what happened to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    version: Option<Version>,
    /// What the watch told so far that was not known.
    news: u64,
    /// The same when the turn began.
    begun: u64,
}

impl Seen {
    /// What was told before anybody asked for it.
    pub(crate) fn new(version: Option<Version>) -> Self {
        Self { version, ..Self::default() }
    }

    /// What is there now; None if nothing is known to be.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// How much was told so far.
    pub(crate) fn news(&self) -> u64 {
        self.news
    }

    /// How much had been told when the turn began.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// The watch tells of a version, or of the end; says whether that is news. What was never seen may be deleted too.
    pub(crate) fn tell(&mut self, version: Option<Version>) -> bool {
        let before = std::mem::replace(&mut self.version, version);
        let news = before != version || version.is_none();
        self.news += u64::from(news);
        news
    }

    /// A turn begins.
    pub(crate) fn begin(&mut self) {
        self.begun = self.news;
    }

    /// The turn wrote it, or found it as it should be: what was told since it began may be younger.
    pub(crate) fn write(&mut self, version: Version) {
        if self.news == self.begun {
            self.version = Some(version);
        }
    }

    /// The turn read it: what was told since it began may be younger, its end above all.
    pub(crate) fn read(&mut self, version: Version) {
        if self.news == self.begun {
            self.version.get_or_insert(version);
        }
    }
}

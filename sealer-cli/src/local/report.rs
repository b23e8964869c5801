//! What a pass did, for people and for scripts.

use std::path::PathBuf;

use engine::Error;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::output::table;

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Row {
    /// Kind and name.
    pub(crate) object: String,
    /// What was done to it.
    pub(crate) action: &'static str,
    /// Why, or with what.
    pub(crate) detail: String,
    /// The file that was written or kept.
    pub(crate) path: Option<PathBuf>,
    /// Whether anything was written or went wrong.
    pub(crate) news: bool,
}

/// Everything that a pass did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What was looked at.
    pub(crate) rows: Vec<Row>,
    /// What went wrong.
    errors: Vec<Error>,
    /// When the next key is due.
    pub(crate) next: Option<Timestamp>,
    /// When values of stores are to be read again.
    pub(crate) refresh: Option<Timestamp>,
}

impl Report {
    /// Adds a row for something that was written.
    pub(crate) fn did(&mut self, object: String, action: &'static str, detail: impl Into<String>, path: Option<PathBuf>) {
        self.rows.push(Row { object, action, detail: detail.into(), path, news: true });
    }

    /// Adds a row for something that is as it should be.
    pub(crate) fn kept(&mut self, object: String, detail: impl Into<String>, path: Option<PathBuf>) {
        self.rows.push(Row { object, action: "unchanged", detail: detail.into(), path, news: false });
    }

    /// Adds a row for something that went wrong.
    pub(crate) fn failed(&mut self, object: String, error: Error) {
        self.rows.push(Row { object, action: "failed", detail: error.message().to_owned(), path: None, news: true });
        self.errors.push(error);
    }

    /// When the next pass is wanted at the latest.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        self.next.into_iter().chain(self.refresh).min()
    }

    /// Whether anything was written or went wrong.
    pub(crate) fn has_news(&self) -> bool {
        self.rows.iter().any(|row| row.news)
    }

    /// What went wrong.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.errors.iter()
    }

    /// What went wrong, for the exit status.
    pub(crate) fn into_errors(self) -> Vec<Error> {
        self.errors
    }

    /// A native Secret that exists now.
    pub(crate) fn some_secret(&self) -> Option<PathBuf> {
        self.rows.iter().filter(|row| row.object.starts_with("Secret ")).find_map(|row| row.path.clone())
    }

    /// The table for people; every row, or only the news.
    pub(crate) fn to_table(&self, all: bool) -> String {
        let mut rows = vec![["OBJECT", "ACTION", "DETAIL"].map(str::to_owned).to_vec()];
        for row in self.rows.iter().filter(|row| all || row.news) {
            rows.push(vec![row.object.clone(), row.action.to_owned(), row.detail.clone()]);
        }
        table(&rows)
    }

    /// The same for scripts.
    pub(crate) fn to_json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({ "object": row.object, "action": row.action, "detail": row.detail, "path": row.path.as_ref().map(|path| path.display().to_string()) }))
            .collect();
        json!({ "rows": rows, "errors": self.errors.len(), "nextKey": self.next })
    }
}

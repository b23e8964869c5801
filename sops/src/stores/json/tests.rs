//! What JSON is read and written as.

//! Somebody else whom a program runs as.

use engine::{Error, ErrorKind, Result};

use crate::input::file_error;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    home: String,
    /// Their number.
    pub(crate) id: u32,
    /// The number of their first group.
    pub(crate) group: u32,
    groups: Vec<u32>,
}

impl User {
    /// Finds a user in the files of the machine, as the statically linked sops does: directories of networks are not asked.
    pub(crate) fn find(name: &str) -> Result<Self> {
        let read = |path: &str| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let passwd = read("/etc/passwd").map_err(|error| file_error("look for the user", &error).in_file("/etc/passwd"))?;
        // A machine without groups has users all the same.
        let found = Self::among(name, &passwd, &read("/etc/group").unwrap_or_default());
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the user {name}: this machine has none of that name")))
    }

    fn among(name: &str, passwd: &str, group: &str) -> Option<Self> {
        let (id, first, home): (u32, u32, &str) = passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [found, _, id, group, _, home, ..] if *found == name && !name.is_empty() => Some((id.parse().ok()?, group.parse().ok()?, *home)),
                _ => None,
            }
        })?;
        let further = group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [_, _, id, members, ..] if members.split(',').any(|member| member.trim() == name) => id.parse().ok(),
                _ => None,
            }
        });
        let mut groups = vec![first];
        groups.extend(further.filter(|id: &u32| *id != first));
        Some(Self { name: name.to_owned(), home: home.to_owned(), id, group: first, groups })
    }

    /// Variables that say who it is.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 3] {
        [("HOME", &self.home), ("USER", &self.name), ("LOGNAME", &self.name)]
    }

    /// Does something as this user, with their groups and no others; what is started meanwhile belongs to them.
    ///
    /// On Linux rights belong to threads: one of its own takes those of the user and ends with them, and ours stay as they are.
    #[cfg(target_os = "linux")]
    pub(super) fn act<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        use rustix::process::{Gid, Uid};
        use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

        let become_user = || -> rustix::io::Result<()> {
            let (uid, gid) = (Uid::from_raw(self.id), Gid::from_raw(self.group));
            set_thread_groups(&self.groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>())?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)
        };
        let as_user = || {
            become_user().map_err(|error| file_error(&format!("become the user {}", self.name), &error.into()))?;
            work()
        };
        let done = std::thread::scope(|scope| scope.spawn(as_user).join());
        done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "act as another user")))
    }

    /// Elsewhere groups cannot be taken away without `unsafe`, and a program that keeps ours is not that user's.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn act<T: Send>(&self, _: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        Err(Error::input(format!("become the user {}: that is possible on Linux only", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_all_their_groups_are_found_in_the_files_of_the_machine() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken:x:1\nada:x:1000:1001:Ada,,,:/home/ada:/bin/sh\nnan:x:y:1:::\n";
        let group = "root:x:0:\nada:x:1001:ada\ndocker:x:50:bob,ada\nwheel:x:10:bob\n";
        let ada = User::among("ada", passwd, group).unwrap();
        assert_eq!((ada.id, ada.group, ada.groups.as_slice(), ada.home.as_str()), (1000, 1001, [1001, 50].as_slice(), "/home/ada"));
        assert_eq!(ada.variables(), [("HOME", "/home/ada"), ("USER", "ada"), ("LOGNAME", "ada")]);
        ["", "bob", "broken", "nan", "# comment"].iter().for_each(|name| assert_eq!(User::among(name, passwd, group), None, "{name}"));
    }
}

//! Which kubeconfig files there are, and whether we run in a cluster.

use std::env::split_paths;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::error::{Error, ErrorKind, Result, describe};
use super::kubeconfig::Variables;

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Reads the one file that was named, or every file of `KUBECONFIG`, or `~/.kube/config`; of values that many files set, the first counts.
///
/// # Errors
/// Configuration: the named file is missing, or a file cannot be understood. What it holds is never quoted.
pub(super) fn load(explicit: &str, variables: Variables) -> Result<Kubeconfig> {
    let unusable = |message| Error::new(ErrorKind::Configuration, message);
    if !explicit.is_empty()
        && let Err(error) = fs::metadata(explicit)
        && error.kind() == io::ErrorKind::NotFound
    {
        return Err(unusable(describe("stat", Path::new(explicit), &error)));
    }
    let mut merged = Kubeconfig::default();
    let mut wrong = Vec::new();
    for path in files(explicit, variables) {
        match Kubeconfig::read_from(&path) {
            Ok(config) => match Kubeconfig::merge(std::mem::take(&mut merged), config) {
                Ok(config) => merged = config,
                Err(_) => wrong.push(format!("error loading config file \"{}\": it is of another kind than the first file", path.display())),
            },
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(KubeconfigError::ReadConfig(error, _)) => {
                wrong.push(format!("error loading config file \"{}\": {}", path.display(), describe("open", &path, &error)));
            }
            Err(_) => wrong.push(format!("error loading config file \"{}\": it is not a kubeconfig", path.display())),
        }
    }
    match &wrong[..] {
        [] => Ok(merged),
        [one] => Err(unusable(one.clone())),
        many => Err(unusable(format!("[{}]", many.join(", ")))),
    }
}

/// The files that there may be, in the order in which they count.
pub(super) fn files(explicit: &str, variables: Variables) -> Vec<PathBuf> {
    if !explicit.is_empty() {
        return vec![PathBuf::from(explicit)];
    }
    let list = variables("KUBECONFIG").filter(|list| !list.is_empty());
    if let Some(list) = list {
        let mut files: Vec<PathBuf> = Vec::new();
        for path in split_paths(&list).filter(|path| !path.as_os_str().is_empty()) {
            if !files.contains(&path) {
                files.push(path);
            }
        }
        return files;
    }
    variables("HOME").or_else(|| variables("USERPROFILE")).map(|home| Path::new(&home).join(".kube").join("config")).into_iter().collect()
}

/// True if this process runs in a cluster and has been given a token for it.
pub(super) fn is_in_cluster(variables: Variables) -> bool {
    let set = |name| variables(name).is_some_and(|value| !value.is_empty());
    set("KUBERNETES_SERVICE_HOST") && set("KUBERNETES_SERVICE_PORT") && Path::new(SERVICE_ACCOUNT).join("token").is_file()
}

/// The namespace of the pod that we run in.
pub(super) fn in_cluster_namespace(variables: Variables) -> String {
    let file = || fs::read_to_string(Path::new(SERVICE_ACCOUNT).join("namespace")).ok().map(|text| text.trim().to_owned());
    let known = variables("POD_NAMESPACE").filter(|namespace| !namespace.is_empty());
    known.or_else(file).filter(|namespace| !namespace.is_empty()).unwrap_or_else(|| "default".to_owned())
}

#[cfg(test)]
mod tests {
    use std::env::join_paths;

    use super::*;

    #[test]
    fn kubeconfig_is_a_list_of_paths_without_repetition() {
        let variables: Variables = |name| (name == "KUBECONFIG").then(|| join_paths(["", "a", "b", "a"]).unwrap().into_string().unwrap());
        assert_eq!(files("", variables), [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(files("c", variables), [PathBuf::from("c")]);
        assert_eq!(files("", |name| (name == "HOME").then(|| "/h".to_owned())), [PathBuf::from("/h/.kube/config")]);
    }
}

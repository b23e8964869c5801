//! Tools that others wrote, which our tests hold ours against: built once a machine, from pinned sources, for the test that needs them.
//!
//! A new Go tool is one entry of [`ALL`] and, if it shares no module with others, one folder with `go.mod` and `go.sum` under `tests/peers`.
//! One that is written in Python has `requirements.txt` there.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

mod cache;
mod go;
mod python;

/// A tool by name, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Name of the tool: what tests ask for, and the name of its binary.
    pub name: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a peer comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Built by Go.
    Go {
        /// Folder under `tests/peers` that holds the module.
        module: &'static str,
        /// Package to build; `.` is the folder's own program.
        package: &'static str,
        /// What the linker is told; may be empty.
        link: &'static str,
    },
    /// Built by Go of a module's own sources, where files of ours stand in the place of some.
    GoReplaced {
        /// Folder under `tests/peers` that names the version; its folder `replaced` has our files, where the module has its own.
        module: &'static str,
        /// The module whose sources they are; its root is the program.
        path: &'static str,
    },
    /// Sources that Go fetches, of which nothing is built.
    GoSources {
        /// Folder under `tests/peers` that names the version.
        module: &'static str,
        /// The module whose sources they are.
        path: &'static str,
    },
    /// Installed on the machine: found in PATH, and it works if this command succeeds.
    Machine {
        /// Arguments of a trial run.
        probe: &'static [&'static str],
    },
    /// Installed by pip.
    Python {
        /// Folder under `tests/peers` that holds `requirements.txt`.
        packages: &'static str,
        /// What Python is told to run; may be empty.
        arguments: &'static str,
    },
}

/// Every peer, by name.
pub const ALL: &[Peer] = &[
    go("age", "age", "filippo.io/age/cmd/age", "-X main.Version=v1.3.2"),
    go("age-keygen", "age", "filippo.io/age/cmd/age-keygen", "-X main.Version=v1.3.2"),
    go("argocd-health", "argocd-health", ".", ""),
    python("boto3", "moto", ""),
    // The rights of root: who may do this may also give files away.
    machine("chroot", &["--userspec=1:1", "/", "true"]),
    go("controller", "sealed-secrets", "github.com/bitnami/sealed-secrets/cmd/controller", "-X main.VERSION=0.38.4"),
    go("etcd", "kubernetes", "go.etcd.io/etcd/server/v3", ""),
    // Its newest definitions that can be had: this version is many modules, which cannot be built, and those after it are none.
    sources("external-secrets", "github.com/external-secrets/external-secrets"),
    // The last version that is one module, and so can be built: with two of its providers, since the others bring the clients of every cloud.
    replaced("external-secrets-operator", "github.com/external-secrets/external-secrets"),
    machine("faketime", &["--version"]),
    go("gjson", "gjson", ".", ""),
    go("gotemplate", "gotemplate", ".", ""),
    machine("gpg", &["--version"]),
    go("helm", "helm", "helm.sh/helm/v4/cmd/helm", ""),
    go("kstatus", "kstatus", ".", ""),
    go("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", ""),
    go("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", ""),
    go("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", ""),
    go("kubeseal", "sealed-secrets", "github.com/bitnami/sealed-secrets/cmd/kubeseal", "-X main.VERSION=0.38.4"),
    go("kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5", ""),
    python("moto", "moto", "-m moto.server"),
    machine("openssl", &["version"]),
    machine("python3", &["--version"]),
    go("sops", "sops", "github.com/getsops/sops/v3/cmd/sops", ""),
    // A directory of people.
    machine("slapd", &["-VV"]),
    // Comes with ssh-keygen, which cannot be run without making something.
    machine("ssh", &["-V"]),
    machine("strace", &["-V"]),
    // A mount namespace, in which upstream's controller finds its service account.
    machine("unshare", &["--user", "--map-root-user", "--mount", "true"]),
    go("vault", "vault", "github.com/hashicorp/vault", ""),
];

const fn go(name: &'static str, module: &'static str, package: &'static str, link: &'static str) -> Peer {
    Peer { name, origin: Origin::Go { module, package, link } }
}

const fn replaced(name: &'static str, path: &'static str) -> Peer {
    Peer { name, origin: Origin::GoReplaced { module: name, path } }
}

const fn sources(name: &'static str, path: &'static str) -> Peer {
    Peer { name, origin: Origin::GoSources { module: name, path } }
}

const fn machine(name: &'static str, probe: &'static [&'static str]) -> Peer {
    Peer { name, origin: Origin::Machine { probe } }
}

const fn python(name: &'static str, packages: &'static str, arguments: &'static str) -> Peer {
    Peer { name, origin: Origin::Python { packages, arguments } }
}

/// A peer that is not to be had, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing {
    peer: String,
    reason: String,
}

impl Missing {
    fn new(peer: &str, reason: impl Display) -> Self {
        Self { peer: peer.to_owned(), reason: reason.to_string() }
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing: {}", self.peer, self.reason)
    }
}

impl std::error::Error for Missing {}

type Answer = Arc<OnceLock<Result<PathBuf, Missing>>>;

/// Finds the binary of a peer, and builds it first if this machine has not got it yet; of [`Origin::GoSources`] the folder.
///
/// # Errors
/// Why it is not to be had: `go` or `python3` is absent, a download failed, a build failed.
///
/// # Panics
/// If no peer has that name.
pub fn get(name: &str) -> Result<PathBuf, Missing> {
    static ANSWERS: LazyLock<Mutex<BTreeMap<String, Answer>>> = LazyLock::new(Mutex::default);
    let peer = ALL.iter().find(|peer| peer.name == name).expect("a peer of that name stands in the table");
    let answer = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
    answer.get_or_init(|| find(peer)).clone()
}

/// Finds the folder with the sources of a Go module that a peer is built of.
///
/// # Errors
/// As [`get`].
pub fn source(peer: &str, module: &str) -> Result<PathBuf, Missing> {
    match ALL.iter().find(|entry| entry.name == peer).map(|entry| entry.origin) {
        Some(Origin::Go { module: folder, .. } | Origin::GoReplaced { module: folder, .. }) => {
            go::sources(&module_folder(folder), module).map_err(|reason| Missing::new(peer, reason))
        }
        _ => Err(Missing::new(peer, "it is not built by Go")),
    }
}

fn find(peer: &Peer) -> Result<PathBuf, Missing> {
    let found = match peer.origin {
        Origin::Go { module, package, link } => go::binary(&go::Recipe { name: peer.name, folder: module_folder(module), package, link }),
        Origin::GoReplaced { module, path } => go::replaced(&go::Recipe { name: peer.name, folder: module_folder(module), package: path, link: "" }),
        Origin::GoSources { module, path } => go::sources(&module_folder(module), path),
        Origin::Machine { probe } => try_out(peer.name, probe),
        Origin::Python { packages, arguments } => python::binary(&python::Recipe { name: peer.name, folder: module_folder(packages), arguments }),
    };
    found.map_err(|reason| Missing::new(peer.name, reason))
}

fn try_out(name: &str, probe: &[&str]) -> Result<PathBuf, String> {
    let run = Command::new(name).args(probe).stdin(Stdio::null()).output().map_err(|error| format!("`{name}` does not start ({error})"))?;
    if run.status.success() {
        Ok(PathBuf::from(name))
    } else {
        Err(format!("`{name} {}` fails: {}", probe.join(" "), String::from_utf8_lossy(&run.stderr).trim()))
    }
}

fn module_folder(module: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(module)
}

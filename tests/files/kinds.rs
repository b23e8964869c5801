//! LIST of the kinds of master keys that both tools have, each made by its own tool.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tests::peers;
use tests::process::{Home, Run, Running};
use tests::server::free_port;

use super::age::{identity, identity_of};

/// A kind of key.
pub(crate) struct Kind {
    /// What cases call it.
    pub(crate) name: &'static str,
    /// Peers without which there is none.
    pub(crate) needs: &'static [&'static str],
    make: fn(&Home, &Shared) -> Key,
}

/// A key that was made in a home.
pub(crate) struct Key {
    /// The flag that names it.
    pub(crate) flag: &'static str,
    /// Its name.
    pub(crate) name: String,
    variables: Vec<(&'static str, String)>,
    agent: Option<Run>,
}

/// What is started once for all cases.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Option<Vault>>>);

/// A server that ends with it.
pub(crate) struct Vault {
    /// Where it is.
    pub(crate) address: String,
    _server: Running,
}

/// Every kind.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "age", needs: &["sops", "age-keygen"], make: age },
    Kind { name: "age_hybrid", needs: &["sops", "age-keygen"], make: hybrid },
    Kind { name: "age_ssh_ed25519", needs: &["sops", "ssh"], make: |home, _| ssh(home, "ed25519", &[]) },
    Kind { name: "age_ssh_rsa", needs: &["sops", "ssh"], make: |home, _| ssh(home, "rsa", &["-b", "2048"]) },
    Kind { name: "pgp", needs: &["sops", "gpg"], make: pgp },
    Kind { name: "vault", needs: &["sops", "vault"], make: vault },
];

impl Kind {
    /// Makes a key.
    pub(crate) fn make(&self, home: &Home, shared: &Shared) -> Key {
        (self.make)(home, shared)
    }
}

impl Key {
    /// Gives a program what opens with the key.
    pub(crate) fn with(&self, run: Run) -> Run {
        self.variables.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    fn new(flag: &'static str, name: String, variables: Vec<(&'static str, String)>) -> Self {
        Self { flag, name, variables, agent: None }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // An agent would outlive its home.
        if let Some(agent) = self.agent.take() {
            agent.run();
        }
    }
}

fn age(home: &Home, _: &Shared) -> Key {
    let (identity, recipient) = identity(home);
    let path = home.write("identity.txt", identity);
    Key::new("--age", recipient, vec![("SOPS_AGE_KEY_FILE", path.display().to_string())])
}

fn hybrid(home: &Home, _: &Shared) -> Key {
    let (identity, recipient) = identity_of(home, &["-pq"]);
    Key::new("--age", recipient, vec![("SOPS_AGE_KEY", identity)])
}

fn ssh(home: &Home, kind: &str, more: &[&str]) -> Key {
    let public = ssh_key(home, "identity", &[&["-t", kind, "-N", ""], more].concat());
    let path = home.path().join("identity").display().to_string();
    Key::new("--age", public, vec![("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path)])
}

/// Makes a key of SSH in a file, and gives the public one.
pub(crate) fn ssh_key(home: &Home, name: &str, flags: &[&str]) -> String {
    home.command("ssh-keygen").args(["-q", "-C", "test", "-f", name]).args(flags).run().success();
    let public = std::fs::read_to_string(home.path().join(format!("{name}.pub"))).expect("a public key");
    public.trim().to_owned()
}

fn pgp(home: &Home, _: &Shared) -> Key {
    let (folder, fingerprint) = gpg_home(home);
    let agent = home.command("gpgconf").env("GNUPGHOME", &folder).args(["--kill", "all"]);
    let mut key = Key::new("--pgp", fingerprint, vec![("GNUPGHOME", folder)]);
    key.agent = Some(agent);
    key
}

/// A home of GnuPG with one new key, and its fingerprint.
pub(crate) fn gpg_home(home: &Home) -> (String, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = home.path().join("g");
    std::fs::create_dir(&folder).expect("a folder can be made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("it can be closed");
    let folder = folder.display().to_string();
    let gpg =
        |arguments: &[&str]| home.command("gpg").env("GNUPGHOME", &folder).args(["--batch", "--passphrase", ""]).args(arguments).run().success();
    gpg(&["--quick-generate-key", "dummy <dummy@example.invalid>", "future-default", "default", "never"]);
    let listed = gpg(&["--list-keys", "--with-colons"]);
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).expect("a fingerprint").trim_matches(':').to_owned();
    (folder, fingerprint)
}

fn vault(home: &Home, shared: &Shared) -> Key {
    let mut server = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    let address = server.get_or_insert_with(|| start_vault("dummy", "sops")).address.clone();
    let name = vault_key(home, (&address, "dummy"), &format!("sops/keys/{}", home.path().file_name().expect("a name").display()));
    Key::new("--hc-vault-transit", name, vec![("VAULT_ADDR", address), ("VAULT_TOKEN", "dummy".to_owned())])
}

/// Makes a key of a transit engine, and gives its URI.
pub(crate) fn vault_key(home: &Home, (address, token): (&str, &str), key: &str) -> String {
    let program = peers::get("vault").expect("the case needs it");
    home.command(program).env("VAULT_ADDR", address).env("VAULT_TOKEN", token).args(["write", "-f", key]).run().success();
    format!("{address}/v1/{key}")
}

/// Starts a server in memory with a transit engine at a path.
pub(crate) fn start_vault(token: &str, path: &str) -> Vault {
    let home = Home::new();
    let port = free_port();
    let (program, listen) = (peers::get("vault").expect("the case needs it"), format!("-dev-listen-address=127.0.0.1:{port}"));
    let root = format!("-dev-root-token-id={token}");
    let server = home.command(&program).args(["server", "-dev", "-dev-no-store-token", &root, &listen]).start();
    let address = format!("http://127.0.0.1:{port}");
    let engine = format!("-path={path}");
    let enable =
        || home.command(&program).env("VAULT_ADDR", &address).env("VAULT_TOKEN", token).args(["secrets", "enable", &engine, "transit"]).run();
    let deadline = Instant::now() + Duration::from_secs(60);
    while enable().status != 0 {
        assert!(Instant::now() < deadline, "vault does not start");
        thread::sleep(Duration::from_millis(200));
    }
    Vault { address, _server: server }
}

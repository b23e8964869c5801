//! Everything below `examples/` is loaded, and what can run runs.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crds::ExternalSecret;
use crds::secret_store::SecretStore;
use engine::PlainSecret;
use engine::manifest::Manifest;
use keys::SecretBytes;
use tests::process::{Ended, Home};
use tests::sealer;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_manifest_of_the_examples_is_a_marked_dummy_secret() {
    let manifests = files(&examples()).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "json"));
    let mut secrets = 0;
    for path in manifests {
        let bytes = SecretBytes::new(fs::read(&path).expect("a file"));
        let manifest = Manifest::parse(&bytes).expect("a manifest");
        for object in manifest.objects().expect("objects") {
            match object.kind {
                "ExternalSecret" => drop(object.to_resource::<ExternalSecret>().expect("an ExternalSecret")),
                "SecretStore" => drop(object.to_resource::<SecretStore>().expect("a store")),
                _ => drop(PlainSecret::read(&object).expect("a Secret")),
            }
            let text = String::from_utf8_lossy(bytes.expose()).to_lowercase();
            assert!(text.contains("dummy") || text.contains("zhvtbxk6zhvtbxk"), "{}: {} is not marked", path.display(), object.title());
            secrets += 1;
        }
    }
    assert!(secrets >= 3);
}

#[test]
fn every_example_is_told_of() {
    let readme = fs::read_to_string(examples().join("README.md")).expect("a README");
    for entry in fs::read_dir(examples()).expect("a folder").flatten().filter(|entry| entry.path().is_dir()) {
        assert!(readme.contains(&format!("| `{}` |", entry.file_name().display())), "{}", entry.path().display());
    }
}

/// A Git repository with the hook, and `sealer` in the PATH.
struct Repository {
    home: Home,
}

impl Repository {
    fn new() -> Self {
        let home = Home::new();
        home.write("bin/.keep", "");
        symlink(sealer(), home.path().join("bin/sealer")).expect("a link");
        let repository = Self { home };
        repository.git(&["init", "--quiet"]).success();
        let hook = repository.home.write("repo/.git/hooks/pre-commit", fs::read(examples().join("pre-commit/pre-commit")).expect("the hook"));
        fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).expect("a hook that runs");
        repository
    }

    fn git(&self, arguments: &[&str]) -> Ended {
        self.git_with(arguments, &[])
    }

    fn git_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.home.write("repo/.keep", "");
        let path = format!("{}:{}", self.home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"];
        let git = self.home.command("git").env("PATH", path).folder(self.home.path().join("repo")).args(identity).args(arguments);
        variables.iter().fold(git, |git, (name, value)| git.env(name, value)).run()
    }

    fn commit(&self, text: &str) -> Ended {
        self.commit_at("manifests/db.yaml", text, &[])
    }

    /// Commits a file; whatever becomes of that, the hook leaves no copy behind.
    fn commit_at(&self, path: &str, text: &str, variables: &[(&str, &str)]) -> Ended {
        self.home.write(Path::new("repo").join(path), text);
        self.git(&["add", "--all"]).success();
        let ended = self.git_with(&["commit", "--quiet", "--message", "change"], variables);
        let left: Vec<_> = fs::read_dir(self.home.path().join("tmp")).expect("a folder").flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "{left:?}");
        ended
    }
}

fn plain() -> String {
    fs::read_to_string(examples().join("quickstart/database.yaml")).expect("an example")
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys").join(name)
}

#[test]
fn the_hook_stops_plain_secrets_and_lets_sealed_ones_pass() {
    let repository = Repository::new();
    let plain = plain();
    let ended = repository.commit(&plain);
    assert_ne!(ended.status, 0);
    assert!(ended.error().contains("plain Secret") && !ended.error().contains("dummy-password"), "{}", ended.error());
    let sealed = repository.home.command(sealer()).args(["seal", "--cert"]).arg(vector("alpha.crt")).input(plain).run().success();
    assert_eq!(repository.commit(&sealed).status, 0);
    // What is staged counts, not what lies in the work tree.
    let cut = sealed.replace("password: AQ", "password: A!");
    assert_ne!(repository.commit(&cut).status, 0);
    repository.home.write("repo/manifests/db.yaml", &sealed);
    assert_ne!(repository.git(&["commit", "--quiet", "--message", "change"]).status, 0);
}

#[test]
fn the_hook_lets_everything_else_pass() {
    let repository = Repository::new();
    for (path, text) in [
        ("src/main.rs", "fn main() {}\n"),
        ("manifests/app.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n"),
        ("manifests/patch.yaml", "- op: remove\n  path: /spec\n"),
        (".github/workflows/ci.yml", "on: push\njobs: {}\n"),
        ("chart/templates/app.yaml", "kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n"),
        ("package.json", "[1, 2]\n"),
    ] {
        let ended = repository.commit_at(path, text, &[]);
        assert_eq!(ended.status, 0, "{path}: {}", ended.error());
    }
    // What goes is not looked at.
    repository.git(&["rm", "--quiet", "manifests/app.yaml"]).success();
    assert_eq!(repository.git(&["commit", "--quiet", "--message", "change"]).status, 0);
}

#[test]
fn the_hook_sees_hidden_folders_and_files() {
    for path in [".deploy/db.yaml", "deploy/.db.yaml", "deploy/DB.YAML", ".a/.b/.c.json"] {
        let ended = Repository::new().commit_at(path, &plain(), &[]);
        assert_ne!(ended.status, 0, "{path}");
        assert!(ended.error().contains("plain Secret"), "{path}: {}", ended.error());
    }
}

#[test]
fn the_hook_finds_the_certificate_from_the_top_of_the_work_tree() {
    let repository = Repository::new();
    for name in ["alpha", "beta"] {
        repository.home.write(format!("repo/certificates/{name}.pem"), fs::read(vector(&format!("{name}.crt"))).expect("a certificate"));
    }
    let sealed = repository.home.command(sealer()).args(["seal", "--cert"]).arg(vector("alpha.crt")).input(plain()).run().success();
    let commit = |certificate: &str| repository.commit_at("db.yaml", &sealed, &[("SEALER_CERT_FILE", certificate)]);
    let foreign = commit("certificates/beta.pem");
    assert_ne!(foreign.status, 0);
    assert!(foreign.error().contains("none of those given"), "{}", foreign.error());
    let own = commit("certificates/alpha.pem");
    assert_eq!(own.status, 0, "{}", own.error());
}

#[test]
fn the_external_secret_yields_its_secret_without_a_cluster() {
    let (home, example) = (Home::new(), examples().join("external-secrets"));
    let sealer = |arguments: &[&str], path: &Path, rest: &[&str]| home.command(sealer()).args(arguments).arg(path).args(rest).run().success();
    let masked = sealer(&["render"], &example, &[]);
    assert!(masked.contains("PASSWORD: (14 bytes)") && !masked.contains("dummy-password") && !masked.contains("ZHVtbXk"), "{masked}");
    let shown = sealer(&["render", "--show-values"], &example, &[]);
    let shown = SecretBytes::new(shown.into_bytes());
    let manifest = Manifest::parse(&shown).expect("a manifest");
    let secret = PlainSecret::read(manifest.objects().expect("objects").first().expect("a Secret")).expect("a Secret");
    let expected = SecretBytes::new(b"postgres://shop:dummy-password@db.example/shop".to_vec());
    assert!(secret.data.get("DATABASE_URL").is_some_and(|url| url.ct_eq(&expected)));
    assert_eq!(sealer(&["fetch"], &example.join("store.yaml"), &["shop/api-token"]), "dummy-token");
    assert_eq!(sealer(&["run"], &example, &["--", "sh", "-c", "printf %s \"$TOKEN\""]), "dummy-token");
    let table = sealer(&["local", "--key-size", "2048"], &example, &[]);
    assert!(table.contains("Secret shop/database") && table.contains("created"), "{table}");
}

//! What commands that need no cluster ask of the system, as strace sees it: no network, no other program, no thread but the workers that seal and
//! unseal, and no file written but those that were asked for.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use tests::process::Home;
use tests::sealer;
use tests::suite::{Case, case, run};

#[path = "offline/trace.rs"]
mod trace;

use trace::{Call, Effect};

/// How many threads a command may start.
#[derive(Clone, Copy)]
enum Workers {
    /// None: the input is small.
    None,
    /// As many as there are cores: the input is large.
    Cores,
}

/// One command.
struct Law {
    name: &'static str,
    arguments: &'static [&'static str],
    input: &'static str,
    workers: Workers,
    /// Files and folders that it may write, and everything below them.
    writes: &'static [&'static str],
}

const fn law(name: &'static str, arguments: &'static [&'static str]) -> Law {
    Law { name, arguments, input: "", workers: Workers::None, writes: &[] }
}

const fn writing(name: &'static str, arguments: &'static [&'static str], writes: &'static [&'static str]) -> Law {
    Law { name, arguments, input: "", workers: Workers::None, writes }
}

const LAWS: &[Law] = &[
    law("seal", &["seal", "--cert", "cert.pem", "small.yaml"]),
    law("seal_two_files", &["seal", "--cert", "cert.pem", "folder"]),
    writing("seal_to_a_file", &["seal", "--cert", "cert.pem", "-w", "new.yaml", "small.yaml"], &["new.yaml"]),
    writing("seal_to_a_folder", &["seal", "--cert", "cert.pem", "--out-dir", "out", "folder"], &["out"]),
    Law {
        input: "dummy",
        ..writing("seal_one_item", &["seal", "--cert", "cert.pem", "--merge-into", "sealed.yaml", "--item", "more"], &["sealed.yaml"])
    },
    Law { workers: Workers::Cores, ..law("seal_a_thousand_items", &["seal", "--cert", "cert.pem", "large.yaml"]) },
    law("unseal", &["unseal", "--keys", "keys", "sealed.yaml"]),
    writing("unseal_to_a_file", &["unseal", "--keys", "keys", "-w", "plain.yaml", "sealed.yaml"], &["plain.yaml"]),
    Law { workers: Workers::Cores, ..law("unseal_many_items", &["unseal", "--keys", "keys", "many.yaml"]) },
    law("reseal", &["reseal", "--keys", "keys", "sealed.yaml"]),
    writing("reseal_in_place", &["reseal", "--keys", "keys", "--cert", "other.pem", "--in-place", "sealed.yaml"], &["sealed.yaml"]),
    law("verify", &["verify", "--cert", "cert.pem", "sealed.yaml"]),
    law("verify_with_keys", &["verify", "--keys", "keys", "sealed.yaml"]),
    law("cert", &["cert", "--cert", "cert.pem", "--info"]),
    writing("cert_to_a_file", &["cert", "--keys", "keys", "--output", "new.pem"], &["new.pem"]),
    law("keys_list", &["keys", "list", "--keys", "keys"]),
    writing("keys_new", &["keys", "new", "--keys", "fresh", "--key-size", "2048"], &["fresh"]),
    writing("local", &["local", "folder", "--keys", "fresh", "--key-size", "2048", "--out", "out"], &["fresh", "out"]),
    law("completions", &["completions", "bash"]),
    law("man", &["man"]),
    law("help", &["--help"]),
    law("kubeseal", &["kubeseal", "--cert", "cert.pem", "-f", "small.yaml"]),
    Law { workers: Workers::Cores, ..law("kubeseal_a_thousand_items", &["kubeseal", "--cert", "cert.pem", "-f", "large.yaml"]) },
    Law { input: "dummy", ..law("kubeseal_raw", &["kubeseal", "--cert", "cert.pem", "--raw", "--namespace", "shop", "--name", "db"]) },
    writing("kubeseal_merge_into", &["kubeseal", "--cert", "cert.pem", "-f", "small.yaml", "--merge-into", "sealed.json"], &["sealed.json"]),
    law("kubeseal_recovery_unseal", &["kubeseal", "--recovery-unseal", "--recovery-private-key", "key.yaml", "-f", "sealed.yaml"]),
    law("kubeseal_fetch_cert", &["kubeseal", "--cert", "cert.pem", "--fetch-cert"]),
];

fn main() -> ExitCode {
    // Who is not root sees nothing of a process that hides its memory, but as root of a user namespace.
    let needs: &[&str] = if is_root() { &["strace"] } else { &["strace", "unshare"] };
    let cases: Vec<Case> = LAWS.iter().map(|law| case(law.name, needs, || check(law))).collect();
    run(cases)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn check(law: &Law) {
    let home = home();
    let calls = traced(&home, law);
    let allowed = match law.workers {
        Workers::None => 0,
        Workers::Cores => thread::available_parallelism().map_or(1, usize::from),
    };
    let mut threads = 0;
    for call in &calls {
        match &call.effect {
            Effect::Thread => threads += 1,
            Effect::Write(paths) => {
                let foreign = paths.iter().find(|path| !may_write(&home, law, path));
                assert_eq!(foreign, None, "{call} writes what was not asked for");
            }
            Effect::None => {}
            Effect::Other => panic!("{call}: an offline command has no use for that"),
        }
    }
    assert!(threads <= allowed, "{threads} threads where {allowed} are enough");
}

/// Runs the command; strace must see it open its own input, or it saw nothing at all.
fn traced(home: &Home, law: &Law) -> Vec<Call> {
    let calls = "trace=%file,%network,%process,epoll_create,epoll_create1,io_uring_setup";
    let strace = ["strace", "-ff", "-qq", "-s", "4096", "-e", "signal=none", "-e", calls, "-o", "trace/of"];
    home.write("trace/empty", "");
    let command = if is_root() { home.command(strace[0]).args(&strace[1..]) } else { home.command("unshare").args(["-U", "-r"]).args(strace) };
    command.arg(sealer()).args(law.arguments).input(law.input).run().success();
    let mut calls = Vec::new();
    for entry in fs::read_dir(home.path().join("trace")).expect("strace wrote there") {
        let text = fs::read_to_string(entry.expect("a name").path()).expect("a trace is text");
        calls.extend(text.lines().filter_map(Call::read));
    }
    assert!(calls.len() > 5, "strace saw nothing");
    // The first call of all is that of strace itself.
    let starts = calls.iter().filter(|call| call.name.starts_with("execve")).count();
    assert_eq!(starts, 1, "an offline command starts no other program");
    calls
}

/// True for what was asked for, for the folder that it lies in, and for the temporary file that becomes it.
fn may_write(home: &Home, law: &Law, path: &Path) -> bool {
    let path = home.path().join(path);
    law.writes.iter().any(|allowed| {
        let allowed: PathBuf = home.path().join(allowed);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_temporary = path.parent() == allowed.parent() && name.starts_with(".sealer-") && name.ends_with(".tmp");
        is_temporary || path.starts_with(&allowed)
    })
}

/// Keys, certificates, and files in every state.
fn home() -> Home {
    let home = Home::new();
    let sealer = |arguments: &[&str]| home.command(sealer()).args(arguments).run().success();
    for (keys, certificate) in [("keys", "cert.pem"), ("others", "other.pem")] {
        sealer(&["keys", "new", "--keys", keys, "--key-size", "2048"]);
        sealer(&["cert", "--keys", keys, "--output", certificate]);
    }
    home.write("key.yaml", sealer(&["keys", "export", "--keys", "keys"]));
    home.write("small.yaml", secret(3));
    home.write("folder/a.yaml", secret(2));
    home.write("folder/b.yaml", secret(2).replace("name: db", "name: other"));
    home.write("large.yaml", secret(1000));
    home.write("middle.yaml", secret(20));
    sealer(&["seal", "--cert", "cert.pem", "-w", "sealed.yaml", "small.yaml"]);
    sealer(&["seal", "--cert", "cert.pem", "-w", "many.yaml", "middle.yaml"]);
    home.write("sealed.json", sealer(&["kubeseal", "--cert", "cert.pem", "-f", "small.yaml"]));
    home
}

fn secret(items: usize) -> String {
    let items: String = (0..items).map(|item| format!("  item-{item}: dummy-{item}\n")).collect();
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n{items}")
}

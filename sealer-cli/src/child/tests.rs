//! Laws of programs that are given plaintext.

use std::fs;
use std::path::PathBuf;

use keys::SecretBytes;

use super::*;

fn shell(line: &str) -> Launch {
    Launch::new(Program::Shell(line.into()))
}

fn variables_of(pairs: &[(&str, &str)]) -> Vec<Variable> {
    let variable = |(name, value): &(&str, &str)| Variable { name: (*name).to_owned(), value: SecretBytes::new(value.as_bytes().to_vec()) };
    pairs.iter().map(variable).collect()
}

/// Runs a shell command that says something in the file `$OUT`.
fn said(run: impl FnOnce(&str) -> Result<Ended>) -> (u8, String) {
    let out = tempfile::NamedTempFile::new().unwrap();
    let ended = run(&out.path().display().to_string()).unwrap();
    (ended.shell_code(), fs::read_to_string(out.path()).unwrap())
}

#[test]
fn values_are_in_the_environment_and_win() {
    let variables = variables_of(&[("a", "x y"), ("HOME", "first"), ("HOME", "last")]);
    let (code, text) = said(|out| with_variables(&shell(&format!("echo \"$a,$HOME,${{PATH:+path}}\" > {out}")), &variables));
    assert_eq!((code, text.as_str()), (0, "x y,last,path\n"));
}

#[test]
fn a_pristine_environment_has_nothing_else() {
    let variables = variables_of(&[("a", "x")]);
    let (code, text) = said(|out| with_variables(&Launch { is_pristine: true, ..shell(&format!("/usr/bin/env > {out}")) }, &variables));
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.split('=').next()).filter(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name)).collect();
    assert_eq!((code, names), (0, vec!["a"]));
}

#[test]
fn words_are_not_read_by_a_shell() {
    let words = |words: &[&str]| Launch::new(Program::Words(words.iter().map(OsString::from).collect()));
    let ended = with_variables(&words(&["/bin/sh", "-c", "test \"$1\" = '$a *' && exit 4", "sh", "$a *"]), &[]).unwrap();
    assert_eq!(ended.shell_code(), 4);
    let error = with_variables(&words(&["/absent/program"]), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(with_variables(&words(&[]), &[]).is_err());
}

#[test]
fn the_status_is_told_as_a_shell_tells_it() {
    let check = |line: &str, expected: u8| assert_eq!(with_variables(&shell(line), &[]).unwrap().shell_code(), expected, "{line}");
    check("exit 0", 0);
    check("exit 7", 7);
    check("exit 255", 255);
    check("kill -9 $$", 137);
    check("kill -TERM $$", 143);
    check("/absent/program 2>/dev/null", 127);
}

/// Runs a command over the plaintext `dummy`, and tells status, what it said, and that nothing is left.
fn handed(line: &str, handing: Handing, name: Option<&str>) -> (u8, String) {
    let text = SecretBytes::new(b"dummy".to_vec());
    let path = tempfile::NamedTempFile::new().unwrap();
    let ended = said(|out| with_file(&shell(&format!("printf %s {{}} > {}; exec > {out}; {line}", path.path().display())), &text, handing, name));
    let path = PathBuf::from(fs::read_to_string(path.path()).unwrap());
    assert_eq!(path.file_name().unwrap(), name.unwrap_or("tmp-file"));
    assert!(!path.parent().unwrap().exists(), "{line}: something is left");
    ended
}

#[test]
fn a_pipe_is_read_once_and_then_gone() {
    let check = |line: &str, expected: (u8, &str)| assert_eq!(handed(line, Handing::Pipe, None), (expected.0, expected.1.to_owned()), "{line}");
    check("test -p {} && cat {}", (0, "dummy"));
    check("cat {}; cat {} 2>/dev/null || echo gone", (0, "dummygone\n"));
    check("stat -c %a {} $(dirname {}) | tr '\\n' ' '", (0, "600 700 "));
    // Who does not read it, or not all of it, is not waited for.
    check("exit 3", (3, ""));
    check("kill -9 $$", (137, ""));
    check("head -c 1 {}", (0, "d"));
}

#[test]
fn a_pipe_takes_more_than_it_holds() {
    let text = SecretBytes::new(vec![b'x'; 1 << 20]);
    let (code, said) = said(|out| with_file(&shell(&format!("cat {{}} | wc -c > {out}")), &text, Handing::Pipe, None));
    assert_eq!((code, said.trim()), (0, "1048576"));
    let ended = with_file(&shell("head -c 1 {} > /dev/null; exit 5"), &text, Handing::Pipe, None).unwrap();
    assert_eq!(ended.shell_code(), 5);
}

#[test]
fn a_file_can_be_read_often_and_has_the_name_that_was_asked_for() {
    let check = |line: &str, expected: (u8, &str)| {
        assert_eq!(handed(line, Handing::File, Some("db.yaml")), (expected.0, expected.1.to_owned()), "{line}");
    };
    check("test -f {} && cat {} {}", (0, "dummydummy"));
    check("stat -c %a {} $(dirname {}) | tr '\\n' ' '", (0, "600 700 "));
    check("cp {} {}~; rm {}; exit 9", (9, ""));
    for name in ["a/b", "../a", "/a", ".", ""] {
        assert!(with_file(&shell("true"), &SecretBytes::new(Vec::new()), Handing::File, Some(name)).is_err(), "{name}");
    }
}

#[test]
fn a_program_in_the_background_is_not_waited_for() {
    let started = std::time::Instant::now();
    let launch = Launch { in_background: true, ..shell("sleep 30") };
    assert_eq!(with_variables(&launch, &[]).unwrap(), Ended::InBackground);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn every_pair_of_braces_is_the_path() {
    let check = |text: &str, expected: &str| assert_eq!(replaced(OsStr::new(text), OsStr::new("/p")), expected);
    check("cat {} {}", "cat /p /p");
    check("{}", "/p");
    check("{{}} { }", "{/p} { }");
    check("", "");
}

//! Laws of the loop around the editor, with scripts as editors.

use std::cell::RefCell;

use super::*;

/// An editor that is a script; `$1` is the copy.
fn script(text: &str) -> Editor {
    Editor(["/bin/sh", "-c", text, "editor"].map(OsString::from).to_vec())
}

fn start() -> SecretBytes {
    SecretBytes::new(b"old".to_vec())
}

/// Runs a script over `old`, and tells what came of it and what was left in the folder.
fn edited(text: &str, accept: impl FnMut(SecretBytes) -> Result<Verdict<Vec<u8>>>) -> std::result::Result<Edited<Vec<u8>>, Trouble> {
    let seen = tempfile::NamedTempFile::new().unwrap();
    let text = format!("printf %s \"$1\" > {}\n{text}", seen.path().display());
    let edited = run(&script(&text), OsStr::new("some/where/db.yaml"), &start(), accept);
    let copy = PathBuf::from(fs::read_to_string(seen.path()).unwrap());
    assert_eq!(copy.file_name(), Some(OsStr::new("db.yaml")));
    assert!(!copy.parent().unwrap().exists(), "something is left");
    edited
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a closure may fail")]
fn take(text: SecretBytes) -> Result<Verdict<Vec<u8>>> {
    Ok(Verdict::Accepted(text.expose().to_vec()))
}

#[test]
fn what_the_editor_leaves_is_taken_and_nothing_else_is_left() {
    let check = |text: &str, expected: &str| {
        assert_eq!(edited(text, take).unwrap(), Edited::Accepted(expected.as_bytes().to_vec()), "{text}");
    };
    check("printf new > \"$1\"", "new");
    check("printf more >> \"$1\"", "oldmore");
    check("cp \"$1\" \"$1~\"; printf new > \"$1.new\"; mv \"$1.new\" \"$1\"; mkdir \"$1.d\"; cp \"$1~\" \"$1.d\"", "new");
    check("test $(stat -c %a \"$1\" \"$(dirname \"$1\")\" | tr '\\n' ,) = 600,700, && printf closed > \"$1\"", "closed");
}

#[test]
fn a_text_that_is_as_it_was_is_unchanged() {
    let never = |_| -> Result<Verdict<Vec<u8>>> { panic!("nothing to accept") };
    assert_eq!(edited("true", never).unwrap(), Edited::Unchanged);
    assert_eq!(edited("printf old > \"$1\"", never).unwrap(), Edited::Unchanged);
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let check = |text: &str, words: &str| {
        let trouble = edited(text, |_| -> Result<Verdict<Vec<u8>>> { panic!("nothing to accept") }).unwrap_err();
        let error = Error::from(trouble);
        assert!(error.message().contains(words), "{text}: {error}");
    };
    check("printf new > \"$1\"; exit 1", "status 1");
    check("printf new > \"$1\"; kill -9 $$", "signal 9 ended it");
    check("rm \"$1\"", "removed it");
    check("rm \"$1\"; mkdir \"$1\"", "removed it");
    check(": > \"$1\"", "empty file");
}

#[test]
fn a_text_that_nobody_can_correct_is_refused_once() {
    let seen = RefCell::new(0);
    let refuse = |_| -> Result<Verdict<Vec<u8>>> {
        *seen.borrow_mut() += 1;
        Ok(Verdict::Again(ErrorKind::Input, "not like this".to_owned()))
    };
    // The standard input of a test is no terminal.
    let trouble = edited("printf new > \"$1\"", refuse);
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        assert!(matches!(trouble, Err(Trouble::Text(_))), "{trouble:?}");
        assert_eq!(*seen.borrow(), 1);
    }
    let fatal = edited("printf new > \"$1\"", |_| Err(Error::input("go on")));
    assert!(matches!(fatal, Err(Trouble::Text(error)) if error.message() == "go on"));
}

#[test]
fn the_editor_is_named_as_for_a_shell() {
    let check = |value: &str, expected: Option<&[&str]>| {
        let found = words("EDITOR", OsStr::new(value)).ok();
        assert_eq!(found, expected.map(|words| Editor(words.iter().map(OsString::from).collect())), "{value:?}");
    };
    check("vi", Some(&["vi"]));
    check("code --wait", Some(&["code", "--wait"]));
    check("'/opt/my editor' -f \"a b\"", Some(&["/opt/my editor", "-f", "a b"]));
    check("  ", None);
    check("vi 'x", None);
}

#[test]
fn the_usual_editors_are_found_in_their_order() {
    let [first, second] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let path = std::env::join_paths([Path::new("relative"), first.path(), second.path()]).unwrap();
    assert_eq!(usual(&path), None);
    let put = |folder: &Path, name: &str, mode: u32| {
        fs::write(folder.join(name), "").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    put(first.path(), "vim", 0o600);
    put(first.path(), "vi", 0o700);
    assert_eq!(usual(&path), Some(Editor(vec![first.path().join("vi").into()])));
    put(second.path(), "nano", 0o700);
    assert_eq!(usual(&path), Some(Editor(vec![second.path().join("nano").into()])));
}

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;

/// A door with a PATH of one folder, in which one plugin lies, and a person who answers the same to everything.
struct Door {
    folder: tempfile::TempDir,
    answer: Option<&'static str>,
    told: Mutex<Vec<String>>,
}

impl Door {
    fn new(script: &str, answer: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("age-plugin-x");
        std::fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, answer, told: Mutex::default() }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

impl Credentials for Door {
    fn variable(&self, name: &str) -> Option<SecretBytes> {
        let path = format!("relative::/nowhere:{}", self.folder.path().display());
        (name == "PATH").then(|| SecretBytes::new(path.into_bytes()))
    }

    fn file(&self, _: &Path) -> Result<Option<SecretBytes>> {
        Ok(None)
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn configuration(&self) -> Option<PathBuf> {
        None
    }

    fn command(&self, _: &str, _: Option<(&str, &str)>) -> Result<SecretBytes> {
        Err(Error::malformed("run"))
    }

    fn passphrase(&self, prompt: &str) -> Result<SecretBytes> {
        self.told.lock().unwrap().push(prompt.to_owned());
        self.answer.map(|answer| SecretBytes::new(answer.into())).ok_or_else(|| Error::malformed("ask"))
    }

    fn tell(&self, message: &str) {
        self.told.lock().unwrap().push(message.to_owned());
    }
}

fn open(door: &Door) -> Result<Option<SecretBytes>> {
    let stanza = AgeStanza { tag: "x".to_owned(), arguments: vec!["arg".to_owned()], body: vec![1; 48] };
    Processes.open("x", &SecretBytes::new(b"AGE-PLUGIN-X-1".to_vec()), &[stanza], door)
}

fn fails(script: &str, expected: &str) {
    let error = open(&Door::new(script, None)).unwrap_err();
    assert!(error.to_string().contains(expected), "{script}: {error}");
}

/// What is heard of us: everything up to `done` and its empty line.
const HEAR: &str = "while read -r line; do printf '%s\\n' \"$line\" >> \"$0.heard\"; [ \"$line\" = '-> done' ] && break; done; read -r line\n";

#[test]
fn the_plugin_is_told_what_it_needs_and_full_lines_are_closed() {
    let door =
        Door::new(&format!("{HEAR}printf -- '-> file-key 0\\nAAECAwQFBgcICQoLDA0ODw\\n'; read -r a; read -r b; printf -- '-> done\\n\\n'"), None);
    assert_eq!(open(&door).unwrap().unwrap().expose(), (0..16).collect::<Vec<u8>>());
    let heard = std::fs::read_to_string(door.folder.path().join("age-plugin-x.heard")).unwrap();
    let body = "AQEB".repeat(16);
    assert_eq!(heard, format!("-> add-identity AGE-PLUGIN-X-1\n\n-> recipient-stanza 0 x arg\n{body}\n\n-> done\n"));
}

#[test]
fn a_plugin_that_has_no_key_is_no_error() {
    assert!(open(&Door::new(&format!("{HEAR}printf -- '-> done\\n\\n'"), None)).unwrap().is_none());
}

#[test]
fn questions_reach_the_person_and_answers_the_plugin() {
    let ask = |question: &str, expected: &str| {
        format!("{HEAR}printf -- '{question}'; read -r a; read -r b; [ \"$a $b\" = '{expected}' ] || exit 1; printf -- '-> done\\n\\n'")
    };
    // "Touch it." and "Yes", "No", "word".
    for (question, expected, answer) in [
        ("-> msg\\nVG91Y2ggaXQu\\n", "-> ok ", None),
        ("-> request-secret\\nVG91Y2ggaXQu\\n", "-> ok d29yZA", Some("word")),
        ("-> request-public\\nVG91Y2ggaXQu\\n", "-> ok d29yZA", Some("word")),
        ("-> request-secret\\nVG91Y2ggaXQu\\n", "-> fail ", None),
        ("-> confirm WWVz Tm8\\nVG91Y2ggaXQu\\n", "-> ok yes ", Some("y")),
        ("-> confirm WWVz Tm8\\nVG91Y2ggaXQu\\n", "-> ok no ", Some("word")),
        ("-> confirm WWVz Tm8\\nVG91Y2ggaXQu\\n", "-> ok no ", Some("")),
        ("-> confirm WWVz\\nVG91Y2ggaXQu\\n", "-> fail ", None),
        ("-> something-new a b\\n\\n", "-> unsupported ", None),
    ] {
        let door = Door::new(&ask(question, expected), answer);
        assert!(open(&door).unwrap_or_else(|error| panic!("{question} {answer:?}: {error}")).is_none());
        let told = door.told();
        assert!(question.contains("something-new") || told[0].starts_with("Touch it."), "{told:?}");
    }
}

#[test]
fn a_plugin_that_misbehaves_is_an_error_that_names_it() {
    fails("exit 0", "age-plugin-x: it");
    fails(&format!("{HEAR}exit 0"), "talk with age-plugin-x: it ends in the middle of the conversation");
    fails(&format!("{HEAR}echo hello; echo"), "it does not speak the language of plugins");
    fails(&format!("{HEAR}printf -- '-> msg\\n!!!\\n'"), "it does not speak the language of plugins");
    fails(&format!("{HEAR}printf -- '-> msg\\n'; cat /dev/zero"), "it ends in the middle of the conversation");
    fails(&format!("{HEAR}yes \"$(printf '%064d' 0)\" | sed '1s/^/-> msg\\n/'"), "it says too much at once");
    fails(&format!("{HEAR}cat > /dev/null & while printf -- '-> msg\\n\\n'; do :; done"), "it does not come to an end");
    fails(&format!("{HEAR}printf -- '-> error stanza 0 0\\nVG91Y2gG\\n'"), "talk with age-plugin-x: it says \"Touch\"");
}

#[test]
fn a_plugin_that_is_not_there_is_named() {
    let door = Door::new("exit 0", None);
    let error = Processes.open("y", &SecretBytes::new(b"AGE-PLUGIN-Y-1".to_vec()), &[], &door).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), ("start age-plugin-y: it is not in PATH", ErrorKind::Unavailable));
}

#[test]
fn what_a_plugin_wraps_is_for_our_file_only() {
    let say = "printf -- '-> recipient-stanza 1 other\\n\\n'; read -r a; read -r b; printf -- '-> recipient-stanza 0 x a b\\nAAEC\\n'; read -r a; read -r b;";
    let door = Door::new(&format!("{HEAR}{say}printf -- '-> done\\n\\n'"), None);
    let stanzas = Processes.wrap("x", "age1x1", &SecretBytes::new(vec![7; 16]), &door).unwrap();
    assert_eq!(stanzas, [AgeStanza { tag: "x".to_owned(), arguments: vec!["a".to_owned(), "b".to_owned()], body: vec![0, 1, 2] }]);
    let door = Door::new(&format!("{HEAR}printf -- '-> done\\n\\n'"), None);
    assert!(Processes.wrap("x", "age1x1", &SecretBytes::new(vec![7; 16]), &door).unwrap_err().to_string().contains("it wraps nothing"));
}

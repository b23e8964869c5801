//! Bad files: each is refused with the right status, by its place and never with a value, and is on disk as it was.

use tests::process::{Home, changed};
use tests::suite::{Case, case};

use super::age::{NEEDS, Place, done, identity};

/// Commands that open a file; `FILE` is the file, `PATH` the path of a value in it.
const OPENING: &[&str] = &[
    "decrypt FILE",
    "decrypt --in-place FILE",
    "decrypt --output plain FILE",
    "edit FILE",
    "exec-env FILE -- touch ran",
    "exec-file FILE -- touch ran",
    "extract FILE PATH",
    "rotate FILE",
    "set FILE PATH 1",
    "unset FILE PATH",
];

/// Commands that look at the keys of a file only.
const KEYS: &[&str] = &["groups add --age RECIPIENT FILE", "updatekeys --yes FILE"];

/// A file of each format: its name, its text, and the paths of two values whose ciphertexts stand behind one another.
const FILES: &[(&str, &str, [&str; 2])] = &[
    (
        "f.yaml",
        "# about\ndb:\n    user: dummy-user\n    password: dummy-word\n    list:\n        - dummy-1\n        - dummy-2\nplain_unencrypted: seen\n",
        [r#"["db"]["user"]"#, r#"["db"]["password"]"#],
    ),
    (
        "f.json",
        "{\n  \"db\": {\"user\": \"dummy-user\", \"password\": \"dummy-word\"},\n  \"list\": [\"dummy-1\", \"dummy-2\"], \"plain_unencrypted\": \"seen\"\n}\n",
        [r#"["db"]["user"]"#, r#"["db"]["password"]"#],
    ),
    ("f.env", "USER=dummy-user\nPASSWORD=dummy-word\n\nplain_unencrypted=seen\n", [r#"["USER"]"#, r#"["PASSWORD"]"#]),
    ("f.ini", "[db]\nuser = dummy-user\npassword = dummy-word\nplain_unencrypted = seen\n", [r#"["db"]["user"]"#, r#"["db"]["password"]"#]),
    (
        "f.toml",
        "plain_unencrypted = \"seen\"\n[db]\nuser = \"dummy-user\"\npassword = \"dummy-word\"\n",
        [r#"["db"]["user"]"#, r#"["db"]["password"]"#],
    ),
];

/// Texts that are no files, the places that are told, and words.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("twice.yaml", "a: 1\nb: dummy\na: dummy\n", ":3:1: ", "a key that stands twice"),
    ("tab.yaml", "a:\n\tb: dummy\n", ":2:1: ", "a character that cannot stand here"),
    ("colons.yaml", "a: dummy: dummy\n", ":1:9: ", "a value cannot stand here"),
    ("bytes.yaml", "a: 1\nb: \u{0}dummy\n", ":2:4: ", "a control character"),
    ("list.yaml", "- dummy\n", ":1:1: ", "a document that is a list"),
    ("bare.json", "{\"a\": 1,\n \"b\": dummy}", ":2:7: ", "a value is missing"),
    ("cut.json", "{\"a\": \"dummy", ":1:7: ", "a string has no end"),
    ("mark.json", "\u{feff}{\"a\": \"dummy\"}", ":1:1: ", "a byte order mark"),
    ("list.json", "[\"dummy\"]", ":1:1: ", "object"),
    ("line.env", "A=1\ndummy\n", ":2:1: ", "a line has no `=`"),
    ("carriage.env", "A=dummy\r\n\r\nB=dummy\r\n", ":2:1: ", "a line has no `=`"),
    ("header.ini", "[a]\nb = dummy\n[c\nd = dummy\n", ":3:1: ", "a section header has no `]`"),
    ("bare.toml", "a = 1\nb = dummy\n", ":2:5: ", "string values must be quoted"),
];

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = FILES
        .iter()
        .map(|(name, text, paths)| {
            let ending = name.trim_start_matches("f.");
            case(format!("bad_{ending}_that_was_changed_is_refused_by_place_and_path"), NEEDS, move || changed_values(name, text, paths))
        })
        .collect();
    cases.extend([
        case("bad_files_whose_mac_does_not_fit_are_refused_by_every_command", NEEDS, macs_that_do_not_fit),
        case("bad_metadata_is_refused_by_every_command", NEEDS, bad_metadata),
        case("bad_texts_are_refused_by_line_and_column", NEEDS, bad_texts),
        case("bad_nesting_and_anchors_are_refused_at_once", NEEDS, nesting_and_anchors),
        case("bad_metadata_of_a_newer_version_is_kept_through_every_write", NEEDS, newer_metadata_is_kept),
        case("bad_marks_and_line_ends_are_kept_through_every_write", NEEDS, marks_and_line_ends_are_kept),
        case("bad_names_of_files_do_not_steer_the_terminal", NEEDS, names_do_not_steer),
    ]);
    cases
}

/// A home in which keys of files may be changed, too.
fn place() -> (Place, String) {
    let place = Place::new();
    let (secret, other) = identity(&place.home);
    place.home.write(".config/sops/age/keys.txt", place.read(".config/sops/age/keys.txt") + &secret);
    place.home.write("editor.sh", "touch opened\n");
    place.home.write(".sops.yaml", format!("creation_rules:\n  - age: {other}\n"));
    (place, other)
}

/// Encrypts by our own face, and tells what it wrote.
fn encrypted(place: &Place, name: &str, text: &str) -> String {
    place.home.write(name, text);
    String::from_utf8(done(place.sealer(&["encrypt", "--age", &place.recipient, name]).run())).expect("encrypted files are text")
}

/// Runs a command that must end with a status, say these words and nothing of a value, and change nothing.
#[track_caller]
fn refuse(place: &Place, line: &str, status: i32, words: &[&str]) {
    let before = place.home.snapshot();
    let ended = place.sealer(&line.split(' ').collect::<Vec<_>>()).env("EDITOR", "/bin/sh editor.sh").run();
    let said = ended.error();
    assert_eq!(ended.status, status, "{line}: {said}");
    for word in words {
        assert!(said.contains(word), "{line}: {word:?} is not in {said}");
    }
    assert!(!said.contains("dummy") && !said.contains("ENC["), "{line}: {said}");
    assert!(ended.stdout.is_empty(), "{line}: {}", ended.text());
    assert_eq!(changed(&before, &place.home.snapshot()), Vec::<&std::path::Path>::new(), "{line}");
}

/// Refuses a file by all of these commands.
#[track_caller]
fn refuse_by(place: &Place, commands: &[&str], (file, path): (&str, &str), status: i32, words: &[&str]) {
    for command in commands {
        refuse(place, &command.replace("FILE", file).replace("PATH", path).replace("RECIPIENT", &place.recipient), status, words);
    }
}

/// Where the ciphertexts of values stand.
fn ciphertexts(text: &str) -> Vec<(usize, usize)> {
    let starts = text.match_indices("ENC[").map(|(at, _)| (at, at + text[at..].find(']').expect("a bracket") + 1));
    starts.filter(|(start, end)| !text[*start..*end].ends_with("type:comment]")).collect()
}

/// Line and column, as messages have them.
fn position(text: &str, at: usize) -> String {
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
    format!(":{line}:{column}: ")
}

fn changed_values(name: &str, plain: &str, [first, second]: &[&str; 2]) {
    let (place, _) = place();
    let text = encrypted(&place, name, plain);
    let [a, b] = [ciphertexts(&text)[0], ciphertexts(&text)[1]];
    // Formats with quotes tell the quote.
    let at = |start: usize| position(&text, if text[..start].ends_with('"') { start - 1 } else { start });
    let shown = |path: &str| format!("item {path:?}");
    let replaced = |(start, end): (usize, usize), new: &str| format!("{}{new}{}", &text[..start], &text[end..]);
    let flipped = |cipher: &str| cipher.replacen("data:", "data:AAAA", 1);
    let changes = [
        ("tampered", replaced(a, &flipped(&text[a.0..a.1])), a.0, first),
        ("moved", replaced(b, &text[a.0..a.1]), b.0, second),
        ("swapped", text[..a.0].to_owned() + &text[b.0..b.1] + &text[a.1..b.0] + &text[a.0..a.1] + &text[b.1..], a.0, first),
        ("cut", replaced(a, &text[a.0..a.1 - 12]), a.0, first),
        ("plain", replaced(a, "dummy-value"), a.0, first),
    ];
    for (what, changed, start, path) in changes {
        assert_ne!(changed, text, "{what}");
        place.home.write(name, changed);
        refuse_by(&place, OPENING, (name, second), 5, &[&format!("{name}{}", at(start)), &shown(path)]);
    }
}

/// Removes the lines, or changes their places.
fn with_lines(text: &str, change: impl FnOnce(&mut Vec<&str>)) -> String {
    let mut lines = text.split_inclusive('\n').collect();
    change(&mut lines);
    lines.concat()
}

/// Changes after which every value still decrypts where it stands.
fn changes_of_the_whole(name: &str, text: &str, foreign: &str) -> Vec<(&'static str, String)> {
    let mac = |text: &str| {
        let longest = ciphertexts(text).into_iter().max_by_key(|(start, end)| end - start).expect("a MAC");
        text[longest.0..longest.1].to_owned()
    };
    let time = text.find("lastmodified").and_then(|at| Some(at + text[at..].find("20")?)).expect("a time");
    let mut changes = vec![
        ("a MAC of another file", text.replace(&mac(text), &mac(foreign))),
        ("a readable value", text.replace("seen", "read")),
        ("another time", format!("{}19{}", &text[..time], &text[time + 2..])),
    ];
    let values = ciphertexts(text);
    if name.ends_with("json") {
        let key = text.find("\"password\"").expect("a key");
        let start = text.find("\"user\"").expect("a key");
        changes.push(("a leaf is gone", format!("{}{}", &text[..start], &text[key..])));
        let [(a, b), (c, d)] = [values[2], values[3]];
        changes.push(("leaves changed places", format!("{}{}{}{}{}", &text[..a], &text[c..d], &text[b..c], &text[a..b], &text[d..])));
    } else {
        let line = text[..values[0].0].matches('\n').count();
        changes.push(("a leaf is gone", with_lines(text, |lines| _ = lines.remove(line))));
        changes.push(("leaves changed places", with_lines(text, |lines| lines.swap(line, line + 1))));
    }
    changes
}

fn macs_that_do_not_fit() {
    for (name, plain, [_, path]) in FILES {
        let (place, _) = place();
        let (text, foreign) = (encrypted(&place, name, plain), encrypted(&place, name, plain));
        for (what, changed) in changes_of_the_whole(name, &text, &foreign) {
            assert_ne!(changed, text, "{what} {name}");
            place.home.write(name, changed);
            refuse_by(&place, OPENING, (name, path), 5, &[&format!("{name}: cannot trust the values: the MAC ")]);
        }
    }
}

fn bad_metadata() {
    let (place, _) = place();
    let text = encrypted(&place, "f.yaml", FILES[0].1);
    let block = text.find("\nsops:\n").expect("a block") + 1;
    let changes = [
        ("two rules", text.replace("    unencrypted_suffix:", "    encrypted_regex: dummy\n    unencrypted_suffix:"), 2, "more than one"),
        ("no time", text.replace("    lastmodified: \"2", "    lastmodified: \"dummy-2"), 2, "lastmodified"),
        ("a text", format!("{}sops: dummy\n", &text[..block]), 2, "cannot "),
        ("no block", text[..block].to_owned(), 2, "cannot "),
        ("keys of another kind only", text.replace("    age:\n", "    other:\n"), 4, "this version does not know it"),
        ("no armor", text.replace("-----BEGIN AGE ENCRYPTED FILE-----", "dummy"), 4, "age1"),
        ("a cut armor", text.replace("-----END AGE ENCRYPTED FILE-----", "dummy"), 4, "age1"),
        ("a threshold", text.replace("    lastmodified:", "    shamir_threshold: dummy\n    lastmodified:"), 2, "shamir_threshold"),
    ];
    for (what, changed, status, word) in changes {
        assert_ne!(changed, text, "{what}");
        place.home.write("f.yaml", changed);
        refuse_by(&place, OPENING, ("f.yaml", r#"["db"]["user"]"#), status, &["f.yaml", word]);
        refuse_by(&place, KEYS, ("f.yaml", ""), status, &["f.yaml", word]);
    }
}

fn bad_texts() {
    for (name, text, position, words) in BROKEN {
        let (place, _) = place();
        place.home.write(name, text);
        let recipient = place.recipient.clone();
        let words = [&format!("{name}{position}"), *words];
        for command in ["encrypt --age RECIPIENT FILE", "encrypt --in-place --age RECIPIENT FILE", "encrypt --output new --age RECIPIENT FILE"] {
            refuse(&place, &command.replace("FILE", name).replace("RECIPIENT", &recipient), 2, &words);
        }
        refuse_by(&place, OPENING, (name, "[\"a\"]"), 2, &words);
        refuse_by(&place, KEYS, (name, ""), 2, &words);
    }
    let (place, _) = place();
    place.home.write("number.yaml", "a: 1\n2: dummy\n");
    refuse(&place, &format!("encrypt --age {} number.yaml", place.recipient), 2, &["number.yaml:2:1: ", "a key that is no text"]);
    for (name, text) in
        [("sops.yaml", "sops: dummy\n"), ("sops.json", "{\"sops\": \"dummy\"}"), ("sops.env", "sops_a=dummy\n"), ("sops.ini", "[sops]\na = dummy\n")]
    {
        place.home.write(name, text);
        refuse(
            &place,
            &format!("encrypt --in-place --age {} {name}", place.recipient),
            2,
            &[name, "encrypted already, or uses the name of the metadata"],
        );
    }
}

fn nesting_and_anchors() {
    let (place, _) = place();
    let aliases: String = (0..9).map(|level| format!("b{}: &b{} [{}]\n", level + 1, level + 1, vec![format!("*b{level}"); 10].join(", "))).collect();
    let indented: String = (0..3000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for (name, text) in [
        ("deep.yaml", format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000))),
        ("deep.json", format!("{{\"a\": {}{}}}\n", "[".repeat(100_000), "]".repeat(100_000))),
        ("deep.toml", format!("a = {}{}\n", "[".repeat(100_000), "]".repeat(100_000))),
        ("indented.yaml", indented),
        ("anchors.yaml", format!("b0: &b0 [dummy, dummy]\n{aliases}")),
        ("itself.yaml", "a: &a\n  b: *a\n".to_owned()),
        ("nobody.yaml", "a: *dummy\n".to_owned()),
    ] {
        let begun = std::time::Instant::now();
        place.home.write(name, &text);
        refuse(&place, &format!("encrypt --age {} {name}", place.recipient), 2, &[&format!("{name}:")]);
        let encrypted = encrypted(&place, "g.yaml", "z: dummy\n");
        if name.ends_with("yaml") {
            place.home.write(name, text + &encrypted);
            refuse_by(&place, &[OPENING, KEYS].concat(), (name, "[\"z\"]"), 2, &[&format!("{name}:")]);
        }
        assert!(begun.elapsed().as_secs() < 60, "{name} took {:?}", begun.elapsed());
    }
}

/// Commands that write an encrypted file back.
const WRITING: &[&str] = &[
    "set FILE [\"new\"] 1",
    "unset FILE [\"new\"]",
    "rotate FILE",
    "updatekeys --yes FILE",
    "groups add --age OTHER --threshold 2 FILE",
    "groups delete FILE 2",
    "edit FILE",
];

/// Writes a file by every one of the commands, and asks after each.
fn through_every_write(place: &Place, other: &str, (file, commands): (&str, &[&str]), check: impl Fn(&str)) {
    place.home.write("editor.sh", "printf 'more: dummy\\n' >> \"$1\"\n");
    // The old identity stays among the new keys.
    place.home.write(".sops.yaml", format!("creation_rules:\n  - age: {},{other}\n", place.recipient));
    for command in commands {
        let before = place.read(file);
        let line = command.replace("FILE", file).replace("OTHER", other);
        place.sealer(&line.split(' ').collect::<Vec<_>>()).env("EDITOR", "/bin/sh editor.sh").run().success();
        assert_ne!(place.read(file), before, "{line} changed nothing");
        check(&line);
    }
}

fn newer_metadata_is_kept() {
    let (place, other) = place();
    let text = encrypted(&place, "f.yaml", "a: dummy\n");
    let (field, kind, version) = ("    novel_field: 1\n", "    novel_kms:\n        - enc: abc\n          id: x\n", "    version: 99.0.0\n");
    let with = |more: &[&str]| text.replace("    version: 3.13.3\n", &more.concat());
    let check = |kept: &[&str], line: &str| {
        let text = place.read("f.yaml");
        kept.iter().for_each(|word| assert!(text.contains(word), "{line}: {word} is gone\n{text}"));
    };
    place.home.write("f.yaml", with(&[field, version]));
    through_every_write(&place, &other, ("f.yaml", WRITING), |line| check(&[field, version], line));
    assert_eq!(done(place.sealer(&["decrypt", "f.yaml"]).run()), b"a: dummy\nmore: dummy\n");
    assert_eq!(done(place.sops(&["decrypt", "f.yaml"]).run()), b"a: dummy\nmore: dummy\n");
    // A key of a kind that nobody knows is kept where the data key stays, and never lost where it changes.
    place.home.write("f.yaml", with(&[field, kind, version]));
    through_every_write(&place, &other, ("f.yaml", &["set FILE [\"new\"] 1", "edit FILE"]), |line| check(&[field, kind, version], line));
    refuse(&place, "rotate f.yaml", 4, &["f.yaml: ", "the kind novel_kms"]);
}

fn marks_and_line_ends_are_kept() {
    let (place, other) = place();
    let plain = "\u{feff}# top\r\na: dummy\r\n";
    place.home.write("f.yaml", encrypted(&place, "f.yaml", plain));
    through_every_write(&place, &other, ("f.yaml", WRITING), |line| {
        let text = place.read("f.yaml");
        assert!(text.starts_with('\u{feff}'), "{line}: the mark is gone");
        let lines = text.lines().filter(|line| !line.is_empty()).count();
        assert!(text.matches("\r\n").count() > 10, "{line}: {} of {lines} line ends are left", text.matches("\r\n").count());
    });
    let shown = String::from_utf8(done(place.sealer(&["decrypt", "f.yaml"]).run())).expect("text");
    assert!(shown.starts_with(plain), "{shown:?}");
}

fn names_do_not_steer() {
    let (place, _) = place();
    let home: &Home = &place.home;
    let name = "f\u{1b}[31m\n.yaml";
    home.write(name, "a: dummy: dummy\n");
    for command in ["decrypt", "encrypt", "filestatus", "rotate"] {
        let ended = place.sealer(&[command, name]).run();
        assert_ne!(ended.status, 0, "{command}");
        let shown = ended.error() + &ended.text();
        assert!(!shown.contains('\u{1b}') && shown.lines().all(|line| !line.starts_with(".yaml")), "{command}: {shown:?}");
    }
}

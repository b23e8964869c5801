//! What a command line means.

use super::*;

static PROGRAM: Program = Program {
    top: Command {
        name: "tool",
        usage: "does things",
        arguments: "",
        flags: &[&[
            Flag::new(&["decrypt", "d"], Kind::Switch, "a switch"),
            Flag::new(&["kms", "k"], Kind::TEXT, "a text").or("X_KMS"),
            Flag::new(&["local"], Kind::SwitchedOn, "on").or("X_LOCAL"),
            Flag::new(&["help", "h"], Kind::Switch, "show help"),
            Flag::new(&["version", "v"], Kind::Switch, "print the version"),
        ]],
        commands: &[
            Command {
                name: "read",
                usage: "reads",
                arguments: "[file]",
                flags: &[&[
                    Flag::new(&["in-place", "i"], Kind::Switch, "a switch"),
                    Flag::new(&["extract"], Kind::TEXT, "a text"),
                    Flag::new(&["number"], Kind::Number, "a number"),
                ]],
                commands: &[],
            },
            Command {
                name: "groups",
                usage: "has others",
                arguments: "",
                flags: &[],
                commands: &[Command {
                    name: "add",
                    usage: "adds",
                    arguments: "",
                    flags: &[&[Flag::new(&["age"], Kind::List, "texts").or("X_AGE")]],
                    commands: &[],
                }],
            },
        ],
    },
    about: "tool [options] file",
    version: "1.0",
};

fn asked(line: &str) -> Asked {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    read(&PROGRAM, &arguments, &|name| match name {
        "X_KMS" => Some("from the environment".to_owned()),
        "X_AGE" => Some("a, b".to_owned()),
        _ => None,
    })
}

fn run(line: &str) -> (Vec<&'static str>, Values, Values) {
    match asked(line) {
        Asked::Run { path, global, local } => (path, global, local),
        other => panic!("{line}: {other:?}"),
    }
}

fn wrong(line: &str) -> String {
    match asked(line) {
        Asked::Wrong { message, .. } => message,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn flags_of_a_command_stand_anywhere_but_behind_a_switch_and_an_argument() {
    let check = |line: &str, extract: &str, in_place: bool, arguments: &[&str]| {
        let (path, _, local) = run(line);
        assert_eq!((path.as_slice(), local.text("extract"), local.is_on("in-place")), (["read"].as_slice(), extract, in_place), "{line}");
        assert_eq!(local.arguments, arguments, "{line}");
    };
    check("read f --extract x -i", "x", true, &["f"]);
    check("read --extract=x f", "x", false, &["f"]);
    check("read -extract x f", "x", false, &["f"]);
    check("read -i f --extract x", "", true, &["f", "--extract", "x"]);
    check("read f --nope", "", false, &["f", "--nope"]);
    check("read f -- --extract x", "", false, &["f", "--extract", "x"]);
    check("read", "", false, &[]);
}

#[test]
fn flags_of_the_program_stand_before_the_file() {
    let (path, global, _) = run("-d f -k x");
    assert_eq!((path.len(), global.is_on("decrypt"), global.text("kms")), (0, true, "from the environment"));
    assert_eq!(global.arguments, ["f", "-k", "x"]);
    let (path, global, local) = run("-k x --local=false groups add --age c --age d");
    assert_eq!((path.as_slice(), global.text("kms"), global.is_on("local")), (["groups", "add"].as_slice(), "x", false));
    assert_eq!(local.list("age"), ["c", "d"]);
    assert_eq!(run("groups add").2.list("age"), ["a", "b"]);
}

#[test]
fn usage_errors_have_the_words_of_the_library() {
    let check = |line: &str, expected: &str| assert_eq!(wrong(line), expected, "{line}");
    check("--nope", "flag provided but not defined: -nope");
    check("-dk x", "flag provided but not defined: -dk");
    check("read --nope f", "flag provided but not defined: -nope");
    check("read --extract", "flag needs an argument: -extract");
    check("read --number x", "invalid value \"x\" for flag -number: parse error");
    check("read -i=x", "invalid boolean value \"x\" for -i: parse error");
    check("read ---x", "bad flag syntax: ---x");
    check("-k a --kms b f", "Cannot use two forms of the same flag: k kms");
}

#[test]
fn help_is_found_everywhere() {
    let check = |line: &str, start: &str| match asked(line) {
        Asked::Show(text) => assert!(text.starts_with(&format!("NAME:\n   {start}\n")), "{line}: {text}"),
        other => panic!("{line}: {other:?}"),
    };
    for line in ["-h", "--help", "help", "h", "-d --help read"] {
        check(line, "tool - does things");
    }
    for line in ["read -h", "help read", "read f --help"] {
        check(line, "tool read - reads");
    }
    for line in ["groups", "groups help", "groups --help"] {
        check(line, "tool groups - has others");
    }
    check("groups help add", "tool groups add - adds");
    for line in ["help nope", "groups nope", "groups help nope"] {
        assert!(matches!(asked(line), Asked::NoTopic(topic) if topic == "nope"), "{line}");
    }
    assert!(matches!(asked("-v read"), Asked::Version));
}

#[test]
fn columns_are_as_wide_as_the_widest() {
    let Asked::Show(text) = asked("read --help") else { panic!() };
    let options = "   --in-place, -i   a switch\n   --extract value  a text\n   --number value   a number (default: 0)\n   \n";
    assert_eq!(text, format!("NAME:\n   tool read - reads\n\nUSAGE:\n   tool read [command options] [file]\n\nOPTIONS:\n{options}"));
}

#[test]
fn shells_are_told_what_may_follow() {
    let check = |line: &str, expected: &str| match asked(line) {
        Asked::Show(text) => assert_eq!(text, expected, "{line}"),
        other => panic!("{line}: {other:?}"),
    };
    check("--generate-bash-completion", "read\ngroups\nhelp\nh\n");
    check("groups --generate-bash-completion", "add\nhelp\nh\n");
    check("read --generate-bash-completion", "");
    check("read --in --generate-bash-completion", "--in-place\n");
    check("--d --generate-bash-completion", "--decrypt\n");
}

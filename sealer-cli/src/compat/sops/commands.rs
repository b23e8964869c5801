//! The commands of sops, each with the flags that it takes.

use super::flags::{
    CHANGES, CHILD, CONTEXT, EXEC_ENV, EXEC_FILE, EXTRACT, GROUP, GROUP_FILE, IDEMPOTENT, IGNORE_MAC, IN_PLACE, INPUT_TYPE, KEYS, KEYSERVICE, MODES,
    NAME, ORDER, OUTPUT, PROGRAM as OF_PROGRAM, PUBLISH, RULES, SERVICES, SHOW_KEYS, THRESHOLD, TYPES, VALUE, VERBOSE, YES,
};
use crate::compat::urfave::{Command, Flag, Program};

/// The version of the behaviour, for tools that look at it.
pub(super) const VERSION: &str = "3.13.3";

const fn command(name: &'static str, arguments: &'static str, usage: &'static str, flags: &'static [&'static [Flag]]) -> Command {
    Command { name, usage, arguments, flags, commands: &[] }
}

/// The program.
pub(super) static PROGRAM: Program = Program {
    top: Command {
        name: "sops",
        usage: "values of files encrypted in place, for age, PGP and keys of other systems",
        arguments: "",
        flags: &[
            MODES, OUTPUT, EXTRACT, TYPES, NAME, KEYS, CHANGES, CONTEXT, THRESHOLD, RULES, IGNORE_MAC, SHOW_KEYS, ORDER, SERVICES, VERBOSE,
            OF_PROGRAM,
        ],
        commands: COMMANDS,
    },
    about: "sops [options] file\n   sops command [options] ...\n\n   \
        Without a command a file is opened in an editor, or what --decrypt, --encrypt, --rotate or --set say is done with it.\n   \
        Options stand before the file there: those behind it are passed over.\n\n   \
        Keys for new files are named by options, variables, or the creation rules of a .sops.yaml in this folder or above it.\n   \
        A file that is encrypted says itself which keys open it.\n\n   \
        This is Sealer, which speaks the command line of sops; its own commands are those of `sealer --help`.",
    version: VERSION,
};

static COMMANDS: &[Command] = &[
    Command {
        name: "completion",
        usage: "print a script that completes commands in a shell",
        arguments: "",
        flags: &[],
        commands: &[
            command("bash", "", "print the script for bash; use it with: source <(sops completion bash)", &[]),
            command("zsh", "", "print the script for zsh; use it with: source <(sops completion zsh)", &[]),
        ],
    },
    command(
        "exec-env",
        "[file to decrypt] [command to run]",
        "run a program with the values in its environment",
        &[CHILD, EXEC_ENV, ORDER, SERVICES],
    ),
    command(
        "exec-file",
        "[file to decrypt] [command to run]",
        "run a program with the plaintext in a file",
        &[CHILD, EXEC_FILE, TYPES, ORDER, SERVICES],
    ),
    command("publish", "file", "copy files to where destination rules say", &[YES, PUBLISH, VERBOSE, ORDER, SERVICES]),
    command("keyservice", "", "serve keys of this machine to others", &[KEYSERVICE, VERBOSE]),
    command("filestatus", "file", "say whether a file is encrypted", &[INPUT_TYPE]),
    Command {
        name: "groups",
        usage: "change the key groups of a file",
        arguments: "",
        flags: &[],
        commands: &[
            command("add", "", "add a key group to a file", &[GROUP, IN_PLACE, THRESHOLD, CONTEXT, SERVICES]),
            command("delete", "[index]", "remove a key group from a file", &[GROUP_FILE, IN_PLACE, THRESHOLD, SERVICES]),
        ],
    },
    command("updatekeys", "file", "bring files under the keys of their creation rules", &[YES, INPUT_TYPE, SERVICES]),
    command("decrypt", "[file]", "decrypt a file, or standard input", &[OUTPUT, EXTRACT, TYPES, IGNORE_MAC, NAME, ORDER, SERVICES]),
    command("encrypt", "[file]", "encrypt a file, or standard input", &[OUTPUT, KEYS, TYPES, RULES, CONTEXT, THRESHOLD, NAME, SERVICES]),
    command("rotate", "file", "encrypt a file under a new data key", &[OUTPUT, TYPES, CONTEXT, CHANGES, NAME, ORDER, SERVICES]),
    command(
        "edit",
        "file",
        "open an encrypted file, or a new one, in an editor",
        &[KEYS, TYPES, RULES, CONTEXT, THRESHOLD, SHOW_KEYS, IGNORE_MAC, ORDER, SERVICES],
    ),
    command(
        "set",
        "file index [ value ]",
        "set one value of an encrypted file, as in: sops set file.yaml '[\"key\"][0]' '\"text\"'",
        &[TYPES, VALUE, THRESHOLD, IGNORE_MAC, ORDER, IDEMPOTENT, SERVICES],
    ),
    command("unset", "file index", "remove one value of an encrypted file", &[TYPES, THRESHOLD, IGNORE_MAC, ORDER, IDEMPOTENT, SERVICES]),
];

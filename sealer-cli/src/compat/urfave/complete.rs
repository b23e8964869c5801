//! What a shell may complete a command line with.

use super::{Command, Flag, Program};

/// What the completion scripts put at the end of a command line.
pub(super) const FLAG: &str = "--generate-bash-completion";

/// Suggestions, one a line: flags if the last word begins like one, else commands.
pub(super) fn suggest(program: &Program, words: &[String], zsh: bool) -> String {
    let mut command = None;
    let mut above = &program.top;
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        let Some(next) = above.commands.iter().find(|command| command.name == word) else { break };
        (command, above) = (Some(next), next);
    }
    let last = words.last().map_or("", String::as_str);
    if last.starts_with('-') {
        let own = command.into_iter().flat_map(Command::flags);
        return program.top.flags().chain(own).flat_map(|flag| matching(flag, last, words)).collect();
    }
    let mut lines: Vec<(&str, &str)> = above.commands.iter().map(|command| (command.name, command.usage)).collect();
    if !above.commands.is_empty() {
        lines.extend(["help", "h"].map(|name| (name, "Shows a list of commands or help for one command")));
    }
    lines.into_iter().map(|(name, usage)| if zsh { format!("{name}:{usage}\n") } else { format!("{name}\n") }).collect()
}

/// The names of a flag that begin as a word does, unless one of them was used.
fn matching(flag: &Flag, word: &str, words: &[String]) -> Vec<String> {
    let dashed = |name: &str| if name.len() == 1 { format!("-{name}") } else { format!("--{name}") };
    if flag.names.iter().any(|name| words.contains(&dashed(name))) {
        return Vec::new();
    }
    let start = word.trim_start_matches('-');
    let fits = |name: &&&str| name.starts_with(start) && !(word.starts_with("--") && name.len() == 1);
    flag.names.iter().filter(fits).map(|name| dashed(name) + "\n").collect()
}

//! Scripts that let a shell ask the program what may follow.

/// The script for a shell.
pub(super) fn script(shell: &str) -> String {
    if shell == "zsh" { ZSH.to_owned() } else { BASH.to_owned() }
}

const BASH: &str = r#"_sops_complete() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  local -a line=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ "$word" == -* ]] && line+=("$word")
  COMPREPLY=($(compgen -W "$("${line[@]}" --generate-bash-completion 2>/dev/null)" -- "$word"))
}
complete -o bashdefault -o default -o nospace -F _sops_complete sops
"#;

const ZSH: &str = r#"#compdef sops

_sops_complete() {
  local -a line found
  line=("${(@)words[1,CURRENT-1]}")
  [[ "${words[CURRENT]}" == -* ]] && line+=("${words[CURRENT]}")
  found=("${(@f)$(_CLI_ZSH_AUTOCOMPLETE_HACK=1 "${line[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then
    _describe 'values' found
  else
    _files
  fi
}

compdef _sops_complete sops
"#;

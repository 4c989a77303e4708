# bash completion for attestctl
#
# Groups, verbs and options are asked of the program itself, so that they are always those of the
# version that is installed. Everything else completes to file names.

# The names that `attestctl … --help` lists under a heading for subcommands.
_attestctl_subcommands() {
  "$@" --help 2>/dev/null |
    awk '/^[^ ].*:$/ { listing = tolower($0) ~ /(subcommands|groups|verbs|commands):$/; next }
         listing && /^  [a-z]/ { print $1 }'
}

_attestctl_options() {
  "$@" --help 2>/dev/null | sed -nE 's/^  (-[a-zA-Z],)?(--[a-z][a-z-]*).*/\2/p' | sort -u
}

_attestctl() {
  local current=${COMP_WORDS[COMP_CWORD]} command=("${COMP_WORDS[0]}") word
  COMPREPLY=()
  # The words before the cursor that name a group or a verb: at most two, and no option among them.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == [a-z]* && ${#command[@]} -lt 3 ]] || break
    command+=("$word")
  done
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_attestctl_options "${command[@]}")" -- "$current")
    return
  fi
  if [[ $COMP_CWORD -eq ${#command[@]} && ${#command[@]} -lt 3 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_attestctl_subcommands "${command[@]}")" -- "$current")
  fi
  [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _attestctl attestctl

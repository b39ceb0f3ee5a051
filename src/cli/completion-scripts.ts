/** What to do where a file is wanted: the shell knows better. */
export const FILES = ":files";

/** Each asks the program itself when the key is pressed: `ipvlan __complete WORD...`, the last word being the one that is typed. */
export const scripts: Readonly<Record<string, string>> = {
  bash: `_ipvlan() {
  local answers
  answers=$(ipvlan __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "$answers" = "${FILES}" ]; then
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
  else
    COMPREPLY=($(compgen -W "$answers" -- "\${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -o filenames -F _ipvlan ipvlan`,
  zsh: `#compdef ipvlan
_ipvlan() {
  local -a answers
  answers=(\${(f)"$(ipvlan __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if [[ "$answers" == "${FILES}" ]]; then _files; else compadd -a answers; fi
}
if [ "$funcstack[1]" = "_ipvlan" ]; then _ipvlan "$@"; else compdef _ipvlan ipvlan; fi`,
  fish: `function __ipvlan_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answers (ipvlan __complete $words[2..-1] 2>/dev/null)
  if test "$answers" = "${FILES}"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answers
  end
end
complete -c ipvlan -f -a '(__ipvlan_complete)'`,
};

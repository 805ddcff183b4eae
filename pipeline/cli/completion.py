"""`calcinosis completion`: a script that completes commands and options in a shell, made from the parser itself.

The scripts are static: no process of the program runs at each press of Tab, as it would with argcomplete, and fish is
spoken too, which shtab does not speak. What they offer follows from the arguments, so they cannot be out of date.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
COMPLETION_EXAMPLES = (
    "bash  echo 'eval \"$(calcinosis completion bash)\"' >> ~/.bashrc",
    "zsh   calcinosis completion zsh > ~/.zfunc/_calcinosis   (~/.zfunc in fpath, before compinit)",
    "fish  calcinosis completion fish > ~/.config/fish/completions/calcinosis.fish",
)
PROGRAM = "calcinosis"
GOES_ON = "\\"
"""At the end of a line of zsh that has a next one."""
NAMED: Mapping[str, tuple[str, ...]] = {"profile": ("seed", "literature")}
"""Words offered beside files, by argument."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option (with `flags`) or what stands without one. It takes `words`, a file, something else, or nothing."""

    flags: tuple[str, ...]
    about: str
    words: tuple[str, ...]
    file: bool
    takes: bool


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help=f"{', '.join(SHELLS)}")
    parser.set_defaults(command=run_completion)


def run_completion(options: argparse.Namespace) -> int:
    """Print the script for a shell."""
    commands = _arguments_of(options.root)
    script = {"bash": bash, "zsh": zsh, "fish": fish}[options.shell]
    print("\n".join(script(commands)))
    return 0


Commands = Mapping[str, tuple[str, tuple[Argument, ...]]]
"""Command to what it does and its arguments."""


def parsers_of(root: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parser of each command, in the order of the help."""
    return _commands_action(root).choices


def _arguments_of(root: argparse.ArgumentParser) -> Commands:
    """The commands of a parser with their arguments."""
    does = {choice.dest: choice.help or "" for choice in _commands_action(root)._choices_actions}
    return {name: (does[name], tuple(map(_argument, command._actions))) for name, command in parsers_of(root).items()}


def _commands_action(root: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    (action,) = (a for a in root._actions if isinstance(a, argparse._SubParsersAction))
    return action


def _argument(action: argparse.Action) -> Argument:
    words = tuple(map(str, action.choices or ())) or NAMED.get(action.dest, ())
    about = (action.help or "").replace("%%", "%")
    file = action.type is Path or action.dest in NAMED
    return Argument(tuple(action.option_strings), about, words, file, action.nargs != 0)


def bash(commands: Commands) -> Iterator[str]:
    """Lines for bash 3.2 and later."""
    yield f"_{PROGRAM}() {{"
    yield '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}"'
    yield "  local IFS=$'\\n'"
    yield "  COMPREPLY=()"
    yield "  if [ $COMP_CWORD -eq 1 ]; then"
    yield f'    COMPREPLY=($(compgen -W {_bash_words((*commands, "--help", "--version"))} -- "$word")); return'
    yield "  fi"
    yield '  case "$command $before" in'
    for name, (_, arguments) in commands.items():
        for argument in (a for a in arguments if a.flags and a.takes):
            patterns = "|".join(f"'{name} {flag}'" for flag in argument.flags)
            yield f"    {patterns}) {_bash_values(argument)}; return;;"
    yield "  esac"
    yield '  case "$command" in'
    for name, (_, arguments) in commands.items():
        flags = _bash_words(flag for a in arguments for flag in a.flags)
        free = [_bash_values(a) for a in arguments if not a.flags]
        yield f"    {name})"
        yield f'      if [ "${{word:0:1}}" = - ]; then COMPREPLY=($(compgen -W {flags} -- "$word"))'
        yield f"      else {free[0] if free else ':'}; fi;;"
    yield "  esac"
    yield "}"
    yield f"complete -o filenames -F _{PROGRAM} {PROGRAM}"


def _bash_values(argument: Argument) -> str:
    parts = [f'compgen -W {_bash_words(argument.words)} -- "$word"'] if argument.words else []
    parts += ['compgen -f -- "$word"'] if argument.file else []
    return f"COMPREPLY=($({'; '.join(parts)}))" if parts else ":"


def _bash_words(words: Iterable[str]) -> str:
    """Words for compgen, which parts them where the script's IFS says: at ends of lines, so that files keep blanks."""
    return "$'" + "\\n".join(words) + "'"


def zsh(commands: Commands) -> Iterator[str]:
    """Lines for zsh with its completion system."""
    yield f"#compdef {PROGRAM}"
    yield f"_{PROGRAM}() {{"
    yield "  if (( CURRENT == 2 )); then"
    yield "    local -a commands=("
    for name, (does, _) in commands.items():
        yield f"      {_quoted(f'{name}:{does}')}"
    yield "    )"
    yield "    _describe command commands"
    yield "    return"
    yield "  fi"
    yield "  local command=$words[2]"
    yield "  shift words; (( CURRENT-- ))"
    yield "  case $command in"
    for name, (_, arguments) in commands.items():
        yield f"    {name}) _arguments \\"
        specs = [spec for argument in arguments for spec in _zsh_specs(argument)]
        for index, spec in enumerate(specs, start=1):
            yield f"      {_quoted(spec)} {';;' if index == len(specs) else GOES_ON}"
    yield "  esac"
    yield "}"
    yield f'if [[ $funcstack[1] == _{PROGRAM} ]]; then _{PROGRAM} "$@"; else compdef _{PROGRAM} {PROGRAM}; fi'


def _zsh_specs(argument: Argument) -> Iterator[str]:
    values = ""
    if argument.takes:
        words = f"({' '.join(argument.words)})" if argument.words else ""
        what = "_files" if argument.file else " "
        both = f"_alternative 'words:word:{words}' 'files:file:_files'"
        values = ":value:" + (both if words and argument.file else words or what)
    if not argument.flags:
        yield f"*{values}"
    about = argument.about.replace("[", "(").replace("]", ")")
    for flag in argument.flags:
        others = f"({' '.join(argument.flags)})" if len(argument.flags) > 1 else ""
        yield f"{others}{flag}[{about}]{values}"


def fish(commands: Commands) -> Iterator[str]:
    """Lines for fish 3 and later."""
    yield f"complete -c {PROGRAM} -f"
    for name, (does, arguments) in commands.items():
        yield f"complete -c {PROGRAM} -n __fish_use_subcommand -a {name} -d {_fish_quoted(does)}"
        seen = f"-n '__fish_seen_subcommand_from {name}'"
        for argument in arguments:
            words = f" -a {_fish_quoted(' '.join(argument.words))}" if argument.words else ""
            flags = "".join(f" -l {f[2:]}" if f.startswith("--") else f" -s {f[1:]}" for f in argument.flags)
            needs = (" -r" if argument.flags else "") if argument.takes else ""
            files = " -F" if argument.file else ""
            about = f" -d {_fish_quoted(argument.about)}" if argument.flags and argument.about else ""
            if flags or words or files:
                yield f"complete -c {PROGRAM} {seen}{flags}{needs}{words}{files}{about}"


def _quoted(text: str) -> str:
    """For sh and its kin, in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

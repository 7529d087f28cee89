// Completion for bash, zsh and fish, as a script each, made from the definitions. The scripts are static: no key press
// starts Node, and nothing that was typed is evaluated.

import type { CommandDefinition, OptionDefinition } from './define-command.ts';
import { allOptions } from './parse-command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, definitions: readonly CommandDefinition[]): string {
  switch (shell) {
    case 'bash':
      return bash(definitions);
    case 'zsh':
      // zsh runs bash's completions itself.
      return `#compdef nstool\nautoload -Uz bashcompinit && bashcompinit\n${bash(definitions)}`;
    case 'fish':
      return fish(definitions);
  }
}

/** The words that can follow `nstool`, and those that follow a first word of two. */
function names(definitions: readonly CommandDefinition[]): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, string[]>();
  for (const { name } of definitions) {
    const [first = '', second] = name.split(' ');
    const below = words.get(first) ?? [];
    words.set(first, second === undefined ? below : [...below, second]);
  }
  return words;
}

function spellings(options: readonly OptionDefinition[]): readonly string[] {
  return options.flatMap(({ long, short }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
}

function withValue(options: readonly OptionDefinition[]): readonly OptionDefinition[] {
  return options.filter((option) => option.value !== undefined && option.optionalValue !== true);
}

function bash(definitions: readonly CommandDefinition[]): string {
  const words = names(definitions);
  const nested = [...words].filter(([, below]) => below.length > 0);
  return [
    '_nstool() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} before',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W '${['help', ...words.keys()].join(' ')}' -- "$word"))`,
    '    return',
    '  fi',
    ...nested.flatMap(([first, below]) => [
      `  if [ "$command" = ${first} ]; then`,
      '    if [ "$COMP_CWORD" -eq 2 ]; then',
      `      COMPREPLY=($(compgen -W '${below.join(' ')}' -- "$word"))`,
      '      return',
      '    fi',
      '    command="$command ${COMP_WORDS[2]}"',
      '  fi',
    ]),
    '  case $command in',
    ...definitions.flatMap(bashCommand),
    `    help) COMPREPLY=($(compgen -W '${[...words.keys()].join(' ')}' -- "$word")) ;;`,
    '  esac',
    '}',
    'complete -o default -F _nstool nstool',
    '',
  ].join('\n');
}

/**
 * Lists after `=`, as in `--as-target=no-env,no-`. bash makes words of their own of the option, `=` and what follows;
 * zsh leaves it in one.
 */
function bashLists(options: readonly OptionDefinition[]): readonly string[] {
  return options
    .filter(({ optionalValue, choices }) => optionalValue === true && choices !== undefined)
    .flatMap(({ long, choices = [] }) => [
      `      if [ "$word" = = ] && [ "$previous" = --${long} ]; then word= before=; fi`,
      `      if [ "$previous" = = ] && [ "\${COMP_WORDS[COMP_CWORD-2]}" = --${long} ]; then before=; fi`,
      `      case $word in --${long}=*) before=--${long}= word=\${word#*=} ;; esac`,
      '      if [ -n "${before+set}" ]; then',
      '        case $word in *,*) before="$before${word%,*}," word=${word##*,} ;; esac',
      `        COMPREPLY=($(compgen -P "$before" -W '${choices.join(' ')}' -- "$word"))`,
      '        return',
      '      fi',
    ]);
}

function bashCommand(definition: CommandDefinition): readonly string[] {
  const options = allOptions(definition);
  const choices = withValue(options).filter((option) => option.choices !== undefined);
  return [
    `    '${definition.name}')`,
    ...bashLists(options),
    '      case $previous in',
    ...choices.map((option) => {
      const pattern = spellings([option]).join('|');
      return `        ${pattern}) COMPREPLY=($(compgen -W '${option.choices?.join(' ')}' -- "$word")); return ;;`;
    }),
    ...withValue(options)
      .filter((option) => option.choices === undefined)
      .map((option) => `        ${spellings([option]).join('|')}) return ;;`),
    '      esac',
    `      [[ $word == -* ]] && COMPREPLY=($(compgen -W '${spellings(options).join(' ')}' -- "$word"))`,
    '      ;;',
  ];
}

function fish(definitions: readonly CommandDefinition[]): string {
  const words = names(definitions);
  const lines = ['complete -c nstool -n __fish_use_subcommand -f -a help'];
  for (const [first, below] of words) {
    lines.push(`complete -c nstool -n __fish_use_subcommand -f -a ${first}`);
    if (below.length > 0)
      lines.push(`complete -c nstool -n '__fish_seen_subcommand_from ${first}' -f -a '${below.join(' ')}'`);
  }
  for (const definition of definitions) lines.push(...fishCommand(definition));
  return `${lines.join('\n')}\n`;
}

function fishCommand(definition: CommandDefinition): readonly string[] {
  const last = definition.name.split(' ').at(-1) ?? '';
  return allOptions(definition).map(({ long, short, value, optionalValue, choices, help }) => {
    const letter = short === undefined ? '' : ` -s ${short}`;
    const argument = value === undefined || optionalValue === true ? '' : ' -r';
    const words = choices === undefined ? '' : ` -f -a '${choices.join(' ')}'`;
    const text = help.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    return `complete -c nstool -n '__fish_seen_subcommand_from ${last}' -l ${long}${letter}${argument}${words} -d '${text}'`;
  });
}

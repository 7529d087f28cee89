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

/** The words that can follow the words of `before`, from `nstool` alone on: the shorter come first. */
interface Level {
  readonly before: readonly string[];
  readonly words: readonly string[];
}

function levels(definitions: readonly CommandDefinition[]): readonly Level[] {
  const found = new Map<string, { before: readonly string[]; words: Set<string> }>();
  for (const { name } of definitions) {
    const words = name.split(' ');
    for (const [depth, word] of words.entries()) {
      const before = words.slice(0, depth);
      const known = found.get(before.join(' '));
      if (known === undefined) found.set(before.join(' '), { before, words: new Set([word]) });
      else known.words.add(word);
    }
  }
  return [...found.values()]
    .map(({ before, words }) => ({ before, words: [...words] }))
    .toSorted((a, b) => a.before.length - b.before.length);
}

function spellings(options: readonly OptionDefinition[]): readonly string[] {
  return options.flatMap(({ long, short }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
}

function withValue(options: readonly OptionDefinition[]): readonly OptionDefinition[] {
  return options.filter((option) => option.value !== undefined && option.optionalValue !== true);
}

function bash(definitions: readonly CommandDefinition[]): string {
  const [top, ...nested] = levels(definitions);
  const first = top?.words ?? [];
  return [
    '_nstool() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} before',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W '${['help', ...first].join(' ')}' -- "$word"))`,
    '    return',
    '  fi',
    ...nested.flatMap(({ before, words }) => [
      `  if [ "$command" = '${before.join(' ')}' ]; then`,
      `    if [ "$COMP_CWORD" -eq ${before.length + 1} ]; then`,
      `      COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word"))`,
      '      return',
      '    fi',
      `    command="$command \${COMP_WORDS[${before.length + 1}]}"`,
      '  fi',
    ]),
    '  case $command in',
    ...definitions.flatMap(bashCommand),
    `    help) COMPREPLY=($(compgen -W '${first.join(' ')}' -- "$word")) ;;`,
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
  const lines = ['complete -c nstool -n __fish_use_subcommand -f -a help'];
  for (const { before, words } of levels(definitions)) {
    const last = before.at(-1);
    const when = last === undefined ? '__fish_use_subcommand' : `'__fish_seen_subcommand_from ${last}'`;
    lines.push(`complete -c nstool -n ${when} -f -a '${words.join(' ')}'`);
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

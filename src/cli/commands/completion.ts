import { NsError } from '../../kernel/error.ts';
import { completionScript, shells } from '../completion.ts';
import type { CommandDefinition } from '../define-command.ts';
import { nearest } from '../nearest.ts';
import { commands } from './index.ts';

export const completion: CommandDefinition = {
  name: 'completion',
  summary: 'a script that completes our words in bash, zsh or fish',
  operands: 'SHELL',
  arity: [1, 1],
  description: ['Prints the script for SHELL. It is static: completing starts no program.'],
  options: [],
  examples: [
    { line: 'nstool completion bash', does: 'eval "$(nstool completion bash)" in ~/.bashrc' },
    { line: 'nstool completion fish', does: 'into ~/.config/fish/completions/nstool.fish' },
  ],
  exitStatus: [
    [0, 'printed'],
    [2, 'no such shell'],
  ],
  async run({ operands: [word = ''] }) {
    const shell = shells.find((name) => name === word);
    if (shell === undefined) {
      const meant = nearest(word, shells);
      throw new NsError('BAD_VALUE', {
        what: `no completion for '${word}'`,
        why: meant === undefined ? `there is one for ${shells.join(', ')}` : `did you mean ${meant}?`,
      });
    }
    const definitions = await Promise.all(commands.map((entry) => entry.load()));
    return { stdout: completionScript(shell, definitions), status: 0 };
  },
};

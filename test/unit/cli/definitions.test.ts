// Every command is described, every option too, and every example parses.

import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands/index.ts';
import { helpText } from '../../../src/cli/help.ts';
import { allOptions, parseCommand } from '../../../src/cli/parse-command.ts';
import { NsError } from '../../../src/kernel/error.ts';

const definitions = await Promise.all(commands.map((entry) => entry.load()));

/** The words after the command's name of the last `nstool` in a line. */
function wordsOf(line: string, name: string): readonly string[] {
  const words = line.slice(line.lastIndexOf('nstool ')).split(' ').slice(1);
  expect(words.join(' ').startsWith(name)).toBe(true);
  return words.slice(name.split(' ').length);
}

describe.each(definitions)('$name', (definition) => {
  it('is described', () => {
    const entry = commands.find((candidate) => candidate.name === definition.name);
    expect(definition.summary).toBe(entry?.summary);
    expect(definition.description.join('').length).toBeGreaterThan(0);
    expect(definition.exitStatus.length).toBeGreaterThan(0);
    expect(definition.examples.length).toBeGreaterThanOrEqual(2);
  });

  it('has options with a text each, and no letter or name twice', () => {
    const options = allOptions(definition);
    for (const option of options) expect(option.help.length, option.long).toBeGreaterThan(5);
    const names = options.flatMap((option) => [option.long, ...(option.short === undefined ? [] : [option.short])]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has examples that parse', () => {
    for (const { line } of definition.examples) {
      const words = wordsOf(line, definition.name);
      const invocation = parseCommand(
        definition,
        words,
        words.map((word) => new TextEncoder().encode(word)),
      );
      expect(invocation.options.has('help')).toBe(false);
    }
  });

  it('has a help of at most 120 columns that names all of it', () => {
    const help = helpText(definition);
    for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
    for (const option of allOptions(definition)) expect(help).toContain(`--${option.long}`);
    for (const { line } of definition.examples) expect(help).toContain(line);
  });

  it('gives help whatever else is wrong', () => {
    expect(parseCommand(definition, ['--help', 'a', 'b', 'c'], []).options.has('help')).toBe(true);
  });

  it('corrects a misspelt option', () => {
    let error: unknown;
    try {
      parseCommand(definition, ['--colro=never', 'x'], []);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(NsError);
    expect(error).toMatchObject({
      code: 'USAGE',
      facts: { what: "unknown option '--colro=never'", why: 'did you mean --color?' },
    });
  });

  it('says which option lacks its value', () => {
    expect(() => parseCommand(definition, ['--from'], [])).toThrow(NsError);
  });
});

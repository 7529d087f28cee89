// The schema for editors and our own checks are two: that they agree is tested on every lab file that we have, right and
// wrong, and on the names of all keys.

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LAB_KEYS, NAT_KEYS, PUBLISH_KEYS } from '../../../src/network/lab-file/read.ts';
import { IMPAIR_KEYS } from '../../../src/network/lab-file/read-impair.ts';
import { END_KEYS, LINK_KEYS } from '../../../src/network/lab-file/read-links.ts';
import { NODE_KEYS, ROUTE_KEYS } from '../../../src/network/lab-file/read-nodes.ts';
import { labFile, rightFiles, wrongFiles } from '../../support/lab-files.ts';
import { isLab, LAB, mutants, schemas, type Schema } from '../../support/schemas.ts';

const schema = schemas.get(LAB);

function keysOf(name: string): readonly string[] {
  return Object.keys(schema?.$defs?.[name]?.properties ?? {}).toSorted();
}

describe('the schema of lab files', () => {
  it('has the keys that we take', () => {
    expect(Object.keys(schema?.properties ?? {})).toEqual(LAB_KEYS);
    for (const [name, keys] of Object.entries({ ...NODE_KEYS, ...LINK_KEYS })) {
      expect(keysOf(name), name).toEqual([...keys].toSorted());
    }
    const others = { route: ROUTE_KEYS, nat: NAT_KEYS, publish: PUBLISH_KEYS, impair: IMPAIR_KEYS };
    for (const [name, keys] of Object.entries(others)) {
      expect(keysOf(name), name).toEqual([...keys].toSorted());
    }
    const { oneOf = [] } = (schema?.$defs?.['end'] ?? {}) as { readonly oneOf?: readonly Schema[] };
    expect(Object.keys(oneOf[1]?.properties ?? {})).toEqual(END_KEYS);
  });

  it.each(Object.entries(rightFiles))('takes what we take: %s', (_, text) => {
    expect(isLab(parse(text))).toBe(true);
  });

  it.each(
    Object.entries(wrongFiles).filter(
      ([, { what }]) => !/YAML|tag|too deep|too much|more than|there twice/.test(what.source),
    ),
  )('takes what is wrong only where its form is right: %s', (_, { text, isForm = false }) => {
    expect(isLab(parse(text))).toBe(isForm);
  });

  it.each(Object.entries(rightFiles))('refuses no less than we do, if something is wrong: %s', async (_, text) => {
    for (const { what, answer } of mutants(parse(text))) {
      const isTaken = await labFile(JSON.stringify(answer)).then(
        () => true,
        () => false,
      );
      // What the schema refuses we refuse, but for words that are looked up.
      if (isTaken) expect({ what, isLab: isLab(answer) }).toEqual({ what, isLab: true });
    }
  });
});

// Of engines' files a recording has what identification reads (identify.test.ts tries that on every machine there), and no
// secrets.

import { describe, expect, it } from 'vitest';
import { excerptOf } from '../../../src/containers/excerpt.ts';

function excerpt(path: string, text: string): string {
  const bytes = excerptOf(path, new TextEncoder().encode(text));
  if (!bytes.ok) throw new Error(JSON.stringify(bytes.gap));
  return new TextDecoder().decode(bytes.value);
}

describe('the excerpt of an engine’s file', () => {
  it('has names, and neither environment nor arguments nor options of a log driver', () => {
    const config = {
      ID: 'ab',
      Name: '/web',
      Args: ['--password=secret'],
      Config: { Env: ['A=secret'], Cmd: ['secret'], Image: 'tiny', Labels: { token: 'secret' } },
      HostConfig: { LogConfig: { Config: { 'splunk-token': 'secret' } } },
    };
    expect(JSON.parse(excerpt('/x/config.v2.json', JSON.stringify(config)))).toEqual({
      ID: 'ab',
      Name: '/web',
      Config: { Image: 'tiny' },
    });
  });

  it('has of JSON within JSON the same', () => {
    const list = [{ id: 'a', names: ['web'], metadata: JSON.stringify({ 'image-name': 'tiny', env: ['A=secret'] }) }];
    expect(JSON.parse(excerpt('/x/containers.json', JSON.stringify(list)))).toEqual([
      { id: 'a', names: ['web'], metadata: '{"image-name":"tiny"}' },
    ]);
  });

  it('has of a database the names of pods', () => {
    const pod = '{"id":"0a1b","name":"shop"';
    expect(excerpt('/x/libpod/bolt_state.db', `\0\u0001${pod},"env":["A=secret"]}\0`)).toBe(pod);
  });

  it('says of what is no JSON only that', () => {
    const broken = excerptOf('/x/config.json', new TextEncoder().encode('{"Env": ["A=secret"'));
    expect(broken).toMatchObject({ ok: false, gap: { reason: 'malformed', what: '/x/config.json' } });
    expect(JSON.stringify(broken)).not.toContain('secret');
  });

  it('is the whole of other files', () => {
    expect(excerpt('/run/systemd/machines/web', 'ROOT=/srv/web\n')).toBe('ROOT=/srv/web\n');
  });
});

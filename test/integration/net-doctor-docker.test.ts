// The doctor on networks that docker made, with its rules: silent where docker lets through, and by name where it does not.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { diagnose } from '../../src/inspect/doctor/doctor.ts';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { lacks } from '../support/requires.ts';

const needs = ['root', 'busybox', 'docker', 'nsenter'] as const;

describe.skipIf(lacks(...needs))("docker's bridges", { timeout: 60_000 }, () => {
  const host = linuxHost();
  let yard: Yard;
  let docker: Docker;

  beforeAll(async () => {
    yard = new Yard();
    docker = await startDocker(yard, { firewall: true });
    for (const name of ['one', 'two']) docker.run('network', 'create', name);
    const start = (name: string, network: string, ...more: readonly string[]): string =>
      docker.run('run', '-d', '--network', network, '--name', name, ...more, 'tiny:1', 'sleep', '1000');
    start('doctor-web', 'one', '-p', '8080:80');
    start('doctor-db', 'one');
    start('doctor-far', 'two');
  }, 60_000);
  afterAll(() => yard.close());

  const said = (from: string, to: string | null): readonly string[] =>
    diagnose(host, { from, to }).findings.map(
      ({ code, certainty, what, evidence }) => `${code} ${certainty} ${what} ${evidence.join(' | ')}`,
    );

  it.each([
    ['container:doctor-db', 'container:doctor-web'],
    ['container:doctor-web', 'container:doctor-db'],
    ['container:doctor-web', null],
    ['ENGINE', 'container:doctor-web'],
    ['container:doctor-web', 'ENGINE'],
  ])('%s to %s: nothing is wrong', (from, to) => {
    const named = (word: string): string => (word === 'ENGINE' ? `net:${docker.pid}` : word);
    expect(said(named(from), to === null ? null : named(to))).toEqual([]);
  });

  it.each([
    ['container:doctor-far', 'container:doctor-web', 'D14', 'DOCKER-ISOLATION-STAGE-2'],
    ['container:doctor-db', 'container:doctor-web:80', 'D24', 'doctor-web listens on tcp port 80'],
    // By docker's rules of NAT, to the container.
    ['ENGINE', 'GATEWAY:8080', 'D24', 'doctor-web listens on tcp port 80'],
  ])('%s to %s: %s', (from, to, code, why) => {
    const { Gateway: gateway } = JSON.parse(
      docker.run('inspect', '-f', '{{json .NetworkSettings.Networks.one}}', 'doctor-web'),
    ) as { Gateway: string };
    const [first = ''] = said(from === 'ENGINE' ? `net:${docker.pid}` : from, to.replace('GATEWAY', gateway));
    expect(first).toMatch(new RegExp(`^${code} certain .*${why}`));
  });
});

// What the owner of a cgroup is called, with and without the engine's files, and with nobody in it.

import { expect, it } from 'vitest';
import { readProcessTable } from '../../../src/cgroups/processes.ts';
import { walkGroups } from '../../../src/cgroups/walk.ts';
import { ownersOf } from '../../../src/inspect/cgroup/group-owners.ts';
import { GapTally } from '../../../src/kernel/gap-tally.ts';
import { cgroupHost } from '../../support/walked-hosts.ts';

const WEB = 'ab'.repeat(32);
const LOST = 'cd'.repeat(32);

it('is the container by the name that its engine has for it, else by its id; the pod; the unit', () => {
  const config = { ID: WEB, Name: '/web', Config: { Image: 'nginx:1.25', Labels: {} } };
  const host = cgroupHost({
    mounts: ['0:31 / /m rw - cgroup cgroup rw,memory'],
    memberships: ['3:memory:/'],
    folders: {
      '/m': [
        'docker',
        `docker/${WEB}`,
        `docker/${WEB}/inner`,
        `docker/${LOST}`,
        'machine.slice',
        `machine.slice/libpod-conmon-${LOST}.scope`,
        'system.slice',
        'system.slice/nginx.service',
        'user.slice',
        'user.slice/user-1000.slice',
        'user.slice/user-1000.slice/session-2.scope',
        'lxc.payload.c1',
        'plain',
      ],
    },
    more: {
      [`stat /var/lib/docker/containers/${WEB}/config.v2.json`]: {
        status: { dev: '1', ino: '2', mode: String(0o100600), uid: '0', gid: '0' },
      },
      [`file /var/lib/docker/containers/${WEB}/config.v2.json`]: { text: JSON.stringify(config) },
    },
  });
  const gaps = new GapTally();
  const { groups } = walkGroups(host, gaps);
  const owners = ownersOf(host, [...groups.values()], () => readProcessTable(host, gaps), gaps);
  expect(Object.fromEntries(owners)).toEqual({
    [`/docker/${WEB}`]: 'container:web',
    [`/docker/${WEB}/inner`]: 'container:web',
    [`/docker/${LOST}`]: `container:${LOST.slice(0, 12)}`,
    [`/machine.slice/libpod-conmon-${LOST}.scope`]: `unit:libpod-conmon-${LOST}.scope`,
    '/system.slice/nginx.service': 'unit:nginx.service',
    '/user.slice/user-1000.slice/session-2.scope': 'unit:session-2.scope',
    '/lxc.payload.c1': 'container:c1',
  });
  // Of a container that its engine no longer knows only the files are missed.
  expect(gaps.list().every(({ subject }) => subject === 'name')).toBe(true);
});

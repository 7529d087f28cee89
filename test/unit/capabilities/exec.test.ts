// What execve makes of credentials: what the tests with a kernel cannot reach, as other kernels than the one that runs.

import { describe, expect, it } from 'vitest';
import { predictExec, type ExecCaller, type ExecFile, type ExecRules } from '../../../src/capabilities/exec.ts';
import { reasonText } from '../../../src/inspect/exec/reason-text.ts';

const [SETUID, NET_RAW] = [0x80n, 0x2000n];
const all = (1n << 41n) - 1n;
const newer: ExecRules = { all, comparesEffective: true };
const older: ExecRules = { all, comparesEffective: false };

const caller: ExecCaller = {
  uids: [1000, 1000, 1000, 1000],
  gids: [1000, 1000, 1000, 1000],
  groups: [7],
  sets: { effective: NET_RAW, permitted: NET_RAW, inheritable: NET_RAW, bounding: all, ambient: NET_RAW },
  securebits: 0,
  noNewPrivileges: false,
  traced: false,
  sharesFs: false,
  root: 0,
};
const file: ExecFile = { mode: 0o100755, uid: 0, gid: 0, ownersMapped: true, untrusted: null, capabilities: null };

function after(who: Partial<ExecCaller>, what: Partial<ExecFile>, rules: ExecRules): readonly [bigint, boolean] {
  const result = predictExec({ ...caller, ...who }, { ...file, ...what }, rules).after;
  if (result === null) throw new Error('EPERM');
  return [result.sets.ambient, result.secure];
}

describe('ambient capabilities, by the kernel', () => {
  it('where the effective uid was another already: before Linux 6.16 they are cleared', () => {
    const uids = [1001, 1000, 1000, 1000];
    expect(after({ uids }, {}, older)).toEqual([0n, true]);
    expect(after({ uids }, {}, newer)).toEqual([NET_RAW, true]);
  });

  it('where the group of the file is one that it has: before Linux 6.16 they are cleared', () => {
    const setgid = { mode: 0o102755, gid: 7 };
    expect(after({}, setgid, older)).toEqual([0n, true]);
    // The ids differ all the same, so the linker is told.
    expect(after({}, setgid, newer)).toEqual([NET_RAW, true]);
  });

  it('where the effective uid comes back to the real one: since Linux 6.16 they are cleared', () => {
    const uids = [1000, 1001, 1001, 1001];
    expect(after({ uids }, { mode: 0o104755, uid: 1000 }, older)).toEqual([NET_RAW, false]);
    expect(after({ uids }, { mode: 0o104755, uid: 1000 }, newer)).toEqual([0n, true]);
  });
});

describe('an unsafe execve', () => {
  const setuid = { ...file, mode: 0o104755, uid: 5 };

  it('reverts the ids, but not of who has CAP_SETUID', () => {
    const traced = { ...caller, traced: true };
    expect(predictExec(traced, setuid, newer).after?.uids).toEqual([1000, 1000, 1000, 1000]);
    const capable = { ...traced, sets: { ...caller.sets, effective: SETUID, permitted: SETUID } };
    expect(predictExec(capable, setuid, newer).after?.uids).toEqual([1000, 5, 5, 5]);
  });

  it('gives what is permitted already', () => {
    const capabilities = { permitted: NET_RAW | SETUID, inheritable: 0n, effective: true, ofRoot: true };
    const { after: result, reasons } = predictExec({ ...caller, sharesFs: true }, { ...file, capabilities }, newer);
    expect(result?.sets).toMatchObject({ permitted: NET_RAW, effective: NET_RAW, ambient: 0n });
    expect(reasons).toContainEqual({ about: 'permitted', code: 'limited_shared_fs', capabilities: SETUID });
  });
});

it('ignores bits that the kernel does not know', () => {
  const capabilities = { permitted: 1n << 50n, inheritable: 0n, effective: true, ofRoot: true };
  expect(predictExec(caller, { ...file, capabilities }, newer).after?.sets.permitted).toBe(0n);
});

it('clears SECBIT_KEEP_CAPS and nothing else of the securebits', () => {
  expect(predictExec({ ...caller, securebits: 0x3f }, file, newer).after?.securebits).toBe(0x2f);
});

it('counts nothing on a mount of another user namespace', () => {
  const capabilities = { permitted: NET_RAW, inheritable: 0n, effective: true, ofRoot: true };
  const { reasons } = predictExec(caller, { ...file, mode: 0o104755, untrusted: 'foreign', capabilities }, newer);
  expect(reasons.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['set_ids_foreign', 'file_capabilities_foreign', 'ambient_kept']),
  );
});

it('says which capabilities in words', () => {
  const reason = { about: 'permitted', code: 'file_permitted', capabilities: NET_RAW | 0x20n } as const;
  expect(reasonText(reason, all)).toBe('kill,net_raw from the permitted set of the file');
});

// The options of overlays, as kernels wrote them to mountinfo.

import { describe, expect, it } from 'vitest';
import { parseMountinfo } from '../../../src/kernel/text/mountinfo.ts';
import { parseOverlayOptions } from '../../../src/kernel/text/overlay-options.ts';

function parse(line: string): ReturnType<typeof parseOverlayOptions> {
  const mounts = parseMountinfo(new TextEncoder().encode(line), 'mountinfo');
  const [mount] = mounts.ok ? mounts.value : [];
  if (mount === undefined) throw new Error(line);
  return parseOverlayOptions(mount);
}

function option(options: string): ReturnType<typeof parseOverlayOptions> {
  return parse(`1 2 0:41 / / rw - overlay overlay ${options}\n`);
}

describe('an overlay', () => {
  it('of Linux 6.18 by mount(2), with a colon, a comma, a backslash and a space in names', () => {
    const line =
      '94 89 0:41 / /mnt/m rw,relatime - overlay overlay rw,lowerdir=/mnt/lo\\134:w\\134\\0541:/mnt/lo\\134\\1342:/mnt/l\\0403,upperdir=/mnt/up\\134\\054p\\134:x,workdir=/mnt/wk,uuid=on';
    expect(parse(line)).toEqual({ lower: ['/mnt/lo:w,1', '/mnt/lo\\2', '/mnt/l 3'], data: [], upper: '/mnt/up,p:x' });
  });

  it('the same by fsconfig(2), an option a layer', () => {
    const line =
      '95 89 0:41 / /mnt/m rw,relatime - overlay overlay rw,lowerdir+=/mnt/lo:w\\0541,lowerdir+=/mnt/lo\\1342,lowerdir+=/mnt/l\\0403,datadir+=/mnt/data,upperdir=/mnt/up\\054p:x,workdir=/mnt/wk,redirect_dir=on,uuid=on,metacopy=on';
    const lower = ['/mnt/lo:w,1', '/mnt/lo\\2', '/mnt/l 3'];
    expect(parse(line)).toEqual({ lower, data: ['/mnt/data'], upper: '/mnt/up,p:x' });
  });

  it('with a layer of data, nothing to write to, named from a directory', () => {
    const line =
      '98 89 0:43 / /mnt/m2 rw,relatime - overlay overlay ro,lowerdir=l\\0403:lo\\134:w\\134\\0541::data,redirect_dir=on,metacopy=on';
    expect(parse(line)).toEqual({ lower: ['l 3', 'lo:w,1'], data: ['data'], upper: null });
  });

  it('with two layers of data', () => {
    expect(option('ro,lowerdir=/a:/b::/c::/d')).toEqual({ lower: ['/a', '/b'], data: ['/c', '/d'], upper: null });
  });

  it.each(['rw', 'lowerdir', 'lowerdir=', '=/a', 'upperdir=/a'])('has no layers in %j', (options) => {
    expect(option(options)).toBeUndefined();
  });

  it('has no more layers than the kernel takes', () => {
    expect(option(`lowerdir=${Array(500).fill('/a').join(':')}`)?.lower).toHaveLength(500);
    expect(option(`lowerdir=${Array(501).fill('/a').join(':')}`)).toBeUndefined();
  });

  it('ends at a backslash that nothing follows', () => {
    expect(option('lowerdir=/a:/b\\134')).toEqual({ lower: ['/a', '/b\\'], data: [], upper: null });
  });
});

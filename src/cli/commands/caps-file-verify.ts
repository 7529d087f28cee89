import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { lookAtFile, mountPrivileges, type CapabilityFile } from '../../capabilities/capability-files.ts';
import type { FileCapabilities } from '../../capabilities/file-capabilities.ts';
import { fileCapabilityText } from '../../capabilities/file-text.ts';
import { errorOfGap } from '../../kernel/error.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { filePairs, rootidOption } from './caps-file-pairs.ts';

export const capsFileVerify: CommandDefinition = {
  name: 'caps file verify',
  summary: 'do files have these capabilities',
  operands: 'TEXT PATH [TEXT PATH…]',
  arity: [2, Infinity],
  description: [
    'Compares what each PATH has with TEXT, as setcap -v does, and says of those that differ what they have and in which',
    'set. TEXT is as in caps file set; the empty set (=) is not the same as none. Nothing is printed where all is as it',
    'should be.',
  ],
  options: [rootidOption, { long: 'json', short: 'J', help: 'as JSON, with each PATH' }],
  examples: [
    { line: 'nstool caps file verify cap_kill=ep ./tool', does: 'status 0 if it is so' },
    { line: 'nstool caps file verify -n 100000 =p ./tool', does: 'with that rootid' },
  ],
  exitStatus: [
    [0, 'all have them'],
    [1, 'one differs'],
    [2, 'the command line is wrong'],
    [3, 'no such PATH'],
    [4, 'PATH is closed to us'],
  ],
  async run(invocation, context) {
    const host = await context.host();
    const known = allCapabilities(host);
    if (!known.ok) throw errorOfGap(known.gap, 'cannot tell which capabilities this kernel knows');
    const pairs = filePairs(invocation, context, known.value);
    const mounts = mountPrivileges(host, ['self']);
    const results = pairs.map(({ path, capabilities: wanted }) => {
      const { attribute } = lookAtFile(host, path, mounts);
      if (attribute.type === 'gap') throw errorOfGap(attribute.gap, `cannot read ${path}`);
      return { path, wanted, attribute, differences: differences(attribute, wanted) };
    });
    const status = results.some((result) => result.differences.length > 0) ? 1 : 0;
    const textOf = (capabilities: FileCapabilities): string => {
      const owner = capabilities.rootid === 0 ? '' : ` [rootid=${capabilities.rootid}]`;
      return `${fileCapabilityText(capabilities, known.value)}${owner}`;
    };
    const rows = results.map(({ path, wanted, attribute, differences: differs }) => ({
      path,
      wanted: textOf(wanted),
      has: attribute.type === 'capabilities' ? textOf(attribute.capabilities) : null,
      differs,
    }));
    if (flag(invocation, 'json'))
      return { stdout: renderJson({ schema: 1, complete: true, gaps: [], files: rows }), status };
    const lines = rows.flatMap(({ path, wanted, has, differs }) =>
      differs.length === 0 ? [] : [`${path} differs in ${differs.join(', ')}: has ${has ?? 'none'}, not ${wanted}\n`],
    );
    return { stdout: lines.join(''), status };
  },
};

type Difference = 'presence' | 'permitted' | 'inheritable' | 'effective' | 'rootid';

function differences(attribute: CapabilityFile['attribute'], wanted: FileCapabilities): readonly Difference[] {
  if (attribute.type !== 'capabilities') return ['presence'];
  const { capabilities } = attribute;
  return (['permitted', 'inheritable', 'effective', 'rootid'] as const).filter(
    (field) => capabilities[field] !== wanted[field],
  );
}

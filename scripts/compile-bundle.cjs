// Runs the bundles once and keeps what V8 compiled for them: bin/nstool.cjs hands that to V8 at the next start.

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** The command lines of each bundle that reach the most of it and change nothing. What they say is of no interest. */
const BUNDLES = {
  nstool: ['show self', 'cgroup ls'],
  ls: ['ls'],
  enter: ['enter self --mount true', 'enter self --net --dns true'],
  'cgroup-run': ['cgroup run --memory 64M --cpus 1 --pids 100 --dry-run true'],
  'caps-decode': ['caps decode 3fffffffff'],
  'cgroup-show': ['cgroup show self'],
  'net-up': ['net up --dry-run'],
};

const dist = join(__dirname, '../dist');

/** What would take our place is not executed. */
function withoutExec() {
  const { dlopen } = process;
  process.dlopen = (module, ...words) => {
    dlopen(module, ...words);
    const { load, errno } = module.exports;
    module.exports = {
      errno,
      load: (path) => {
        const library = load(path);
        return { func: (prototype) => (prototype.includes('execve') ? () => -1 : library.func(prototype)) };
      },
    };
  };
}

async function compile(name, lines) {
  const filename = join(dist, `${name}.cjs`);
  const script = new Script(readFileSync(filename, 'latin1'), { filename });
  for (const line of lines) {
    process.argv = [process.execPath, filename, ...line.split(' ')];
    script.runInThisContext()(exports, require, module, filename, dist);
    await new Promise(setImmediate);
  }
  writeFileSync(join(dist, `${name}-${process.version}.compiled`), script.createCachedData());
}

async function main() {
  withoutExec();
  for (const [name, lines] of Object.entries(BUNDLES)) await compile(name, lines);
  process.exitCode = 0;
}

void main();

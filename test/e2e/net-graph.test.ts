// `net graph --html` and `--svg`: what a browser makes of the page, on a network whose names try to be something else.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PageGraph } from '../../src/render/graph-page.ts';
import { Page } from '../support/chromium.ts';
import { PrivateNetwork } from '../support/private-network.ts';
import { lacks } from '../support/requires.ts';

const BIN = fileURLToPath(new URL('../../bin/nstool.cjs', import.meta.url));
const DATA = /(<script type="application\/json" id="graph">)([^<]*)(<\/script>)/;
const MARKUP = '</script><b>&"\'';
const ALIAS = '</script><script>document.title="hacked"</script><img src=x onerror=alert(1)>\u202e';

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'ip'))('a network with odd names', () => {
  let network: PrivateNetwork;
  beforeAll(async () => {
    network = await PrivateNetwork.start();
    const script = `ip netns add blue; ip netns add "$1"
      ip link add br0 type bridge; ip link set br0 up
      ip link add v0 master br0 up type veth peer name eth0 netns blue
      ip -n blue addr add 203.0.113.77/24 dev eth0
      ip link add '<i>"x"' type veth peer name '&amp;' netns blue
      ip link set v0 alias "$2"`;
    // A name of a network is a file: no slash in it.
    const named = network.run('sh', '-ec', script, 'sh', MARKUP.replace('/', '-'), ALIAS);
    expect(named).toMatchObject({ status: 0, stderr: '' });
  });
  afterAll(() => network.end());

  function page(): string {
    const { status, stdout } = network.nstool(['net', 'graph', '--html']);
    expect(status).toBe(0);
    return stdout;
  }

  it('--svg is a picture in which names are text', () => {
    // Of the checkout, which has the package; the copy that other tests run has not.
    const { status, stdout } = network.run(process.execPath, BIN, 'net', 'graph', '--svg');
    expect(status).toBe(0);
    expect(stdout).toContain('<svg ');
    expect(stdout).toContain('203.0.113.77/24');
    // Nothing but what Graphviz draws by itself.
    const elements = new Set([...stdout.matchAll(/<([A-Za-z]+)/g)].map(([, name]) => name));
    const drawn = ['svg', 'g', 'title', 'polygon', 'path', 'text', 'ellipse'];
    expect([...elements].filter((name) => !drawn.includes(name ?? ''))).toEqual([]);
  });

  it('--svg without its package says what is missing', () => {
    expect(network.nstool(['net', 'graph', '--svg'])).toMatchObject({
      status: 5,
      stdout: '',
      stderr: expect.stringContaining('--svg needs the package @viz-js/viz') as string,
    });
  });

  it('the page is whole, and its data ends where it should', () => {
    const html = page();
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(html.replace(DATA, '')).not.toMatch(
      /(?:src|href|action)=|url\(|@import|https?:(?!\/\/www\.w3\.org\/2000\/svg)/,
    );
    const graph = JSON.parse(DATA.exec(html)?.[2] ?? '') as PageGraph;
    expect(graph.boxes.flatMap(({ nodes }) => nodes.map(({ title }) => title))).toEqual(
      expect.arrayContaining(['br0', 'v0', 'eth0', '<i>"x"', '&amp;']),
    );
    // What would turn the direction of reading is shown.
    expect(JSON.stringify(graph)).toContain('onerror=alert(1)>\\\\u202e');
  });

  describe.skipIf(lacks('chromium'))('in a browser', () => {
    let folder: string;
    let browser: Page;
    const open = async (html: string, colours: 'light' | 'dark' = 'light'): Promise<void> => {
      const file = join(folder, 'page.html');
      writeFileSync(file, html);
      await browser.load(file, colours);
    };
    const text = (selector: string): Promise<unknown> =>
      browser.value(`document.querySelector(${JSON.stringify(selector)}).textContent`);
    const count = (selector: string): Promise<unknown> =>
      browser.value(`document.querySelectorAll(${JSON.stringify(selector)}).length`);

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nstool-page-'));
      browser = await Page.open();
    });
    afterAll(async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('draws each namespace and link, takes names for text, and complains of nothing', async () => {
      const html = page();
      const { boxes, lines, title } = JSON.parse(DATA.exec(html)?.[2] ?? '') as PageGraph;
      await open(html);
      expect(await count('.box')).toBe(boxes.length);
      expect(await count('.node')).toBe(boxes.flatMap(({ nodes }) => nodes).length);
      expect(await count('.line')).toBe(lines.length);
      expect(await browser.value('document.title')).toBe(title);
      expect(await count('img, b, i, iframe, object')).toBe(0);
      expect(browser.complaints).toEqual([]);
    });

    it('filters to what is typed and what that leads to', async () => {
      await open(page());
      await browser.click('#filter');
      await browser.type('203.0.113.77');
      const titles = (selector: string): Promise<unknown> =>
        browser.value(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`);
      expect(await titles('.box:not(.around) > .title')).toEqual(['netns:blue']);
      expect(await titles('.box.around > .title')).toHaveLength(1);
      expect(await text('#count')).toMatch(/^1 of [0-9]+$/);
      await browser.type(' nothing-has-this');
      expect(await count('.box')).toBe(0);
      await browser.value(
        "(document.getElementById('filter').value = '', document.getElementById('filter').dispatchEvent(new Event('input')), 0)",
      );
      expect(Number(await count('.box'))).toBeGreaterThan(2);
      expect(browser.complaints).toEqual([]);
    });

    it('tells of what is clicked, and leads on to the other end', async () => {
      const html = page();
      const { boxes } = JSON.parse(DATA.exec(html)?.[2] ?? '') as PageGraph;
      // Others may have a link of this name.
      const isOurs = ({ facts }: (typeof boxes)[number]['nodes'][number]): boolean =>
        facts.some(([, values]) => values.some((value) => value.includes('hacked')));
      const node = boxes.flatMap(({ nodes }) => nodes).find(isOurs);
      await open(html);
      await browser.click(`.node[data-id="${node?.id ?? ''}"]`);
      expect(await text('#details h2')).toBe('v0');
      expect(await text('#details')).toContain(ALIAS.replace('\u202e', '\\u202e'));
      expect(await text('#details')).toContain('eth0 in netns:blue');
      expect(await count('.line.chosen')).toBe(1);
      await browser.value(
        `([...document.querySelectorAll('#details .jump')].find((one) => one.textContent === 'netns:blue').id = 'there', 0)`,
      );
      await browser.click('#there');
      expect(await text('#details h2')).toBe('netns:blue');
      expect(await count('.line.chosen')).toBe(2);
      expect(await text('#details')).toContain('203.0.113.77/24');
      expect(browser.complaints).toEqual([]);
    });

    it('is light or dark as the reader has it, and the other by the switch', async () => {
      const ground = (): Promise<unknown> => browser.value('getComputedStyle(document.body).backgroundColor');
      await open(page(), 'light');
      const light = await ground();
      await open(page(), 'dark');
      const dark = await ground();
      expect(dark).not.toBe(light);
      await browser.click('#theme');
      expect(await ground()).toBe(light);
      await browser.click('#theme');
      expect(await ground()).toBe(dark);
      await browser.click('#larger');
      expect(
        await browser.value(
          'document.getElementById("picture").getAttribute("width") > document.getElementById("picture").viewBox.baseVal.width',
        ),
      ).toBe(true);
      expect(browser.complaints).toEqual([]);
    });

    it('draws 500 namespaces at a bridge, without one upon the other', async () => {
      await open(
        page().replace(
          DATA,
          (_, start: string, __, end: string) => start + JSON.stringify(crowd(500)).replaceAll('<', '\\u003c') + end,
        ),
      );
      expect(await count('.box')).toBe(501);
      const drawn = Number(await browser.value("performance.getEntriesByName('draw')[0].duration"));
      console.info(`500 namespaces were drawn in ${Math.round(drawn)} ms`);
      // That it ends at all: how fast it is depends on who else is at work here.
      expect(drawn).toBeLessThan(20_000);
      const overlaps = await browser.value(`(() => {
        const all = [...document.querySelectorAll('.box > rect:first-child')].map((one) => one.getBBox());
        all.sort((a, b) => a.x - b.x || a.y - b.y);
        return all.filter((one, at) => at > 0 && all[at - 1].x === one.x && all[at - 1].y + all[at - 1].height > one.y).length;
      })()`);
      expect(overlaps).toBe(0);
      await browser.click('#filter');
      await browser.type('container:c499');
      expect(await count('.box:not(.around)')).toBe(1);
      expect(browser.complaints).toEqual([]);
    });
  });
});

function crowd(size: number): PageGraph {
  const numbers = Array.from({ length: size }, (_, index) => index);
  const node = (id: string, title: string, parent: string | null): PageGraph['boxes'][number]['nodes'][number] => ({
    id,
    title,
    text: 'veth',
    parent,
    facts: [['mtu', ['1500']]],
  });
  const ports = numbers.map((number) => node(`h/${number}`, `veth${number}`, 'h/br'));
  const inside = numbers.map((number) => ({
    id: `n${number}`,
    title: `container:c${number}`,
    shape: 'plain' as const,
    facts: [['processes', ['3']]] as const,
    nodes: [node(`n${number}/2`, 'eth0', null)],
  }));
  return {
    title: 'many',
    notes: [],
    boxes: [
      { id: 'h', title: 'host', shape: 'host', facts: [], nodes: [node('h/br', 'docker0', null), ...ports] },
      ...inside,
    ],
    lines: numbers.map((number) => ({ from: `h/${number}`, to: `n${number}/2`, style: 'plain' })),
  };
}

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectNotices, formatNotices, shippedPackages } from '../../build/notices.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'notices-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string | object): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}

describe('notices of this app', () => {
  const names = shippedPackages(ROOT);
  const notices = collectNotices(ROOT, names);

  it('name every package that its sources import, and those that they need', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    const bundled = ['vue', 'pinia', 'vue-router', 'reka-ui', 'uplot', 'zod', 'yaml', '@fontsource-variable/inter', '@lucide/vue'];
    expect(names).toEqual(expect.arrayContaining([...Object.keys(dependencies), ...bundled]));
    expect(notices.map(({ name }) => name)).toEqual(expect.arrayContaining([...names, '@vue/runtime-core', '@floating-ui/dom']));
  });

  it('name nothing that only builds or tests it', () => {
    const all = notices.map(({ name }) => name);
    for (const name of ['electron', 'electron-builder', 'vite', 'vitest', 'eslint', 'playwright-core', 'typescript']) {
      expect(all).not.toContain(name);
    }
  });

  it('have a licence for each, and the text of it for each that this repository names', () => {
    expect(notices.filter(({ texts }) => texts.length === 0).map(({ name }) => name)).not.toEqual(expect.arrayContaining(names));
    for (const name of names) expect(notices.find((one) => one.name === name)?.texts, name).not.toEqual([]);
    const text = formatNotices(notices);
    expect(text).toContain('kafkajs 2.2.4 (MIT)');
    expect(text).toContain('Permission is hereby granted, free of charge');
    expect(text).toMatch(/SIL OPEN FONT LICENSE/i);
  });
});

describe('notices', () => {
  it('follow dependencies to the version that each package uses', () => {
    write(
      'electron/main.ts',
      `import { a } from 'a/deep';\nconst b = await import("@scope/b");\nimport fs from 'node:fs';\nimport './file.ts';`,
    );
    write('renderer/app.css', `@import 'font/index.css';`);
    write('package.json', { dependencies: { native: '1.0.0' } });
    write('shared/x.ts', `// not from 'elsewhere' in a test\nexport type { T } from '#shared/y';`);
    for (const name of ['a', '@scope/b', 'font', 'elsewhere', 'native']) {
      write(`node_modules/${name}/package.json`, { name, version: '1.0.0', license: 'MIT', dependencies: name === 'a' ? { c: '*' } : {} });
    }
    write('node_modules/c/package.json', { name: 'c', version: '9.0.0', license: 'ISC' });
    write('node_modules/a/node_modules/c/package.json', { name: 'c', version: '2.0.0', license: { type: 'BSD' } });
    write('node_modules/a/node_modules/c/LICENCE-BSD.md', 'the text of c');
    const names = shippedPackages(root);
    expect(names).toEqual(['@scope/b', 'a', 'elsewhere', 'font', 'native']);
    const c = collectNotices(root, names).find(({ name }) => name === 'c');
    expect(c).toEqual({ name: 'c', version: '2.0.0', license: 'BSD', texts: ['the text of c'] });
  });

  it('refuse a package that is missing, or that states no licence', () => {
    write('node_modules/free/package.json', { name: 'free', version: '1.0.0' });
    expect(() => collectNotices(root, ['absent'])).toThrow('absent is needed by');
    expect(() => formatNotices(collectNotices(root, ['free']))).toThrow('free 1.0.0 states no licence');
  });
});

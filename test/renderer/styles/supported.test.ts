import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const RENDERER = resolve(import.meta.dirname, '../../../renderer');
const sources = readdirSync(RENDERER, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(?:vue|css)$/.test(file))
  .map((file) => [file, readFileSync(join(RENDERER, file), 'utf8')] as const);

/**
 * Values that Chromium 108 (Electron 22) does not know. Beside var() such a declaration is not skipped: the property falls back to its initial
 * value, so that the hovered primary button, for example, has no background.
 */
const NEWER = /\b(?:color-mix|light-dark|oklch|oklab|linear)\(/;

it('styles use no value function that Chromium 108 does not know', () => {
  expect(sources.length).toBeGreaterThan(50);
  const found = sources.flatMap(([file, text]) =>
    text.split('\n').flatMap((line, i) => (NEWER.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});

it('both themes define the same roles', () => {
  const tokens = readFileSync(join(RENDERER, 'styles/tokens.css'), 'utf8');
  const blocks = [...tokens.matchAll(/\[data-theme='(?:dark|light)'\] \{([^}]*)\}/g)].map(
    ([, body = '']) => new Set(body.match(/--[a-z-]+(?=:)/g)),
  );
  expect(blocks).toHaveLength(2);
  const [dark = new Set<string>(), light = new Set<string>()] = blocks;
  expect([...dark].sort()).toEqual([...light].sort());
});

it('styles name only roles and variables that are defined', () => {
  const defined = new Set(sources.flatMap(([, text]) => [...text.matchAll(/(--[a-z][\w-]*)['"`]?\s*:/g)].map(([, name = '']) => name)));
  const unknown = sources.flatMap(([file, text]) =>
    [...text.matchAll(/var\((--[\w-]+)\)/g)].flatMap(([, name = '']) => (defined.has(name) ? [] : [`${file}: ${name}`])),
  );
  expect(unknown).toEqual([]);
});

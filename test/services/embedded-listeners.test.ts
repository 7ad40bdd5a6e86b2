/** The addresses of the embedded cluster that the app keeps: closed by default, checked before they are saved, in force at the next start. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EmbeddedListenersService } from '../../electron/services/embedded-listeners.ts';

const LOCAL = { bindHost: null, advertisedHost: null };
let directory: string;
let file: string;
let reports: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-listeners-'));
  file = join(directory, 'app', 'embedded-cluster.json');
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const start = (given = LOCAL as { bindHost: string | null; advertisedHost: string | null }) =>
  new EmbeddedListenersService({ file, given, report: (problem) => void reports.push(problem) });

test('accepts clients of this machine only until something else is saved, and then from the next start on', () => {
  const first = start();
  expect(first.state()).toMatchObject({ active: LOCAL, saved: LOCAL, fromCommandLine: false, canSave: true });
  expect(existsSync(file)).toBe(false);
  const addresses = { bindHost: '0.0.0.0', advertisedHost: 'desk.example' };
  expect(first.save({ bindHost: ' 0.0.0.0 ', advertisedHost: 'desk.example' })).toMatchObject({ active: LOCAL, saved: addresses });
  expect(start().state()).toMatchObject({ active: addresses, saved: addresses });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  start().save({ bindHost: null, advertisedHost: 'ignored' });
  expect(start().active).toEqual(LOCAL);
  expect(reports).toEqual([]);
});

test('options of the command line overrule what is saved, and leave it', () => {
  start().save({ bindHost: '10.0.0.5', advertisedHost: null });
  const given = { bindHost: '127.0.0.2', advertisedHost: null };
  expect(start(given).state()).toMatchObject({ active: given, saved: { bindHost: '10.0.0.5' }, fromCommandLine: true });
  expect(start().active.bindHost).toBe('10.0.0.5');
});

test.each([
  ['', 'x', 'bindHost'],
  ['host.example', 'x', 'bindHost'],
  ['10.0.0.1:9092', 'x', 'bindHost'],
  ['0.0.0.0', null, 'advertisedHost'],
  ['::', '  ', 'advertisedHost'],
  ['0.0.0.0', '0.0.0.0', 'advertisedHost'],
  ['10.0.0.1', 'a b', 'advertisedHost'],
  ['10.0.0.1', 'https://x', 'advertisedHost'],
])('refuses to listen on "%s" advertised as "%s", and names the field', (bindHost, advertisedHost, field) => {
  const service = start();
  expect(() => service.save({ bindHost, advertisedHost })).toThrow(
    expect.objectContaining({ app: expect.objectContaining({ code: 'INVALID_PAYLOAD', field }) as object }),
  );
  expect([service.state().saved, existsSync(file)]).toEqual([LOCAL, false]);
});

test.each([
  ['', true],
  ['{"version":1,"bindHost":', true],
  ['null', true],
  ['{"version":2,"bindHost":"0.0.0.0","advertisedHost":"x"}', true],
  ['{"version":1,"bindHost":7}', true],
  ['{"version":1,"bindHost":"0.0.0.0","advertisedHost":null}', true],
  ['{"version":1,"bindHost":"all","advertisedHost":"x"}', true],
  ['{"version":1,"bindHost":null}', false],
])('a file with %s opens nothing', (text, reported) => {
  start().save({ bindHost: '10.0.0.5', advertisedHost: null });
  writeFileSync(file, text);
  expect(start().active).toEqual(LOCAL);
  expect(reports.length > 0).toBe(reported);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('without a file nothing can be saved', () => {
  const service = new EmbeddedListenersService({ file: null, given: LOCAL, report: (problem) => void reports.push(problem) });
  expect(service.state().canSave).toBe(false);
  expect(() => service.save({ bindHost: '10.0.0.5', advertisedHost: null })).toThrow(
    expect.objectContaining({ app: expect.objectContaining({ code: 'DATA_DIRECTORY' }) as object }),
  );
});

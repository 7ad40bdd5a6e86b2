import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionsService } from '../../electron/services/connections.ts';
import { EventBus } from '../../electron/services/event-bus.ts';

const IDS = Array.from({ length: 60 }, (_none, index) => `id-${index}`);
let directory: string;
let service: ConnectionsService;
let published: number;
/** Ids of connections whose history was deleted. */
let deleted: string[];

function start(): ConnectionsService {
  const events = new EventBus();
  events.subscribe((event) => {
    if (event === 'connection/changed') published++;
  });
  const fail = (problem: unknown): never => expect.fail(String(problem));
  return new ConnectionsService({
    file: join(directory, 'connections.json'),
    events,
    embedded: null,
    figures: { record: fail, delete: ({ id }) => void deleted.push(id) },
    onError: fail,
    onProblem: fail,
    onReleased: () => undefined,
  });
}

beforeEach(() => {
  published = 0;
  deleted = [];
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-connections-'));
  const connections = IDS.map((id) => ({ id, name: id, kind: 'remote', bootstrap: '127.0.0.1:1', colour: 'warn' }));
  writeFileSync(join(directory, 'connections.json'), JSON.stringify({ version: 1, connections }));
  service = start();
});
afterEach(() => {
  service.close();
  rmSync(directory, { recursive: true });
});

const listed = (of = service): string[] => of.list().connections.map(({ id }) => id);

describe('a connection that was removed', () => {
  test('is restored under its id and at its place, also on the disk', () => {
    const before = service.list();
    service.remove('id-3');
    expect(listed()).toEqual(IDS.filter((id) => id !== 'id-3'));
    expect(service.restore('id-3')).toEqual(before);
    expect(listed(start())).toEqual(IDS);
    expect(published).toBe(2);
  });

  test('keeps its history until its removal cannot be undone any more', () => {
    for (const id of IDS.slice(0, 51)) service.remove(id);
    service.restore('id-7');
    expect(deleted).toEqual(['id-0']);
    service.close();
    expect(deleted.sort()).toEqual(
      IDS.slice(0, 51)
        .filter((id) => id !== 'id-7')
        .sort(),
    );
  });

  test('is restored once', () => {
    service.remove('id-3');
    service.restore('id-3');
    expect(() => service.restore('id-3')).toThrow('cannot be restored');
    expect(listed()).toEqual(IDS);
  });

  test('is restored beside what was removed or added meanwhile', () => {
    service.remove('id-59');
    service.remove('id-0');
    service.restore('id-59');
    expect(listed()).toEqual(IDS.slice(1));
  });

  test('is forgotten after fifty others', () => {
    for (const id of IDS.slice(0, 51)) service.remove(id);
    expect(() => service.restore('id-0')).toThrow('cannot be restored');
    expect(listed()).toEqual(IDS.slice(51));
    service.restore('id-1');
    // Its place was the first one when it was removed.
    expect(listed()).toEqual(['id-1', ...IDS.slice(51)]);
  });

  test.each(['none', '__proto__', 'embedded'])('was not: %s', (id) => {
    service.remove('id-1');
    expect(() => service.restore(id)).toThrow('cannot be restored');
  });
});

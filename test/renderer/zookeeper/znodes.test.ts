import { describe, expect, it } from 'vitest';
import { ancestorsOf, cleanPath, explainZnode, layOutData, listStatFields } from '../../../renderer/zookeeper/znodes.ts';

describe('znodes', () => {
  it('finds what a path is for, and nothing for paths of others', () => {
    expect(explainZnode('/controller')?.kraft).toContain('metadata quorum');
    expect(explainZnode('/brokers/ids/3')?.what).toContain('Ephemeral');
    expect(explainZnode('/brokers/topics/a.b/partitions/7/state')?.kraft).toContain('PartitionChangeRecord');
    expect(explainZnode('/config/topics/orders')?.kraft).toContain('ConfigRecord');
    expect(explainZnode('/app/locks')).toBeNull();
  });

  it('walks up and cleans what was typed', () => {
    expect(ancestorsOf('/brokers/ids/1')).toEqual(['/', '/brokers', '/brokers/ids']);
    expect(ancestorsOf('/')).toEqual([]);
    expect(cleanPath(' brokers//ids/ ')).toBe('/brokers/ids');
    expect(cleanPath('/')).toBe('/');
    expect(cleanPath('/a/../b')).toBeNull();
  });

  it('lays out JSON, text that only looks like it, and bytes', () => {
    expect(layOutData({ encoding: 'utf8', text: '{"isr":[1,2,3],"leader":1}' })).toEqual({
      kind: 'json',
      text: '{\n  "isr": [1, 2, 3],\n  "leader": 1\n}',
    });
    expect(layOutData({ encoding: 'utf8', text: '{oops' })).toEqual({ kind: 'text', text: '{oops' });
    expect(layOutData({ encoding: 'utf8', text: '14' })).toEqual({ kind: 'text', text: '14' });
    expect(layOutData({ encoding: 'hex', text: '00ff'.repeat(9) }).text).toBe(`${'00 ff '.repeat(8).trim()}\n00 ff`);
    expect(layOutData({ encoding: 'null', text: '' }).kind).toBe('none');
  });

  it('describes a stat', () => {
    const stat = {
      czxid: '25',
      mzxid: '72',
      pzxid: '25',
      ctime: 1_000,
      mtime: 2_000,
      version: 3,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: '0x1a',
      dataLength: 77,
      numChildren: 0,
    };
    const fields = Object.fromEntries(listStatFields(stat, 62_000).map(({ label, value }) => [label, value]));
    expect(fields).toEqual({
      Created: '1 min 1 s ago, 0x19',
      'Written last': '1 min ago, 0x48',
      Writes: '3',
      Children: 'none ever',
      Data: '77 B',
      Lifetime: 'as long as session 0x1a',
    });
    // The root was made at no time; it is not as old as the epoch.
    expect(listStatFields({ ...stat, ctime: 0, czxid: '0' }, 62_000)[0]).toEqual({
      label: 'Created',
      term: 'ctime, czxid',
      value: 'with the tree itself, 0x0',
    });
  });
});

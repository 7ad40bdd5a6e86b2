import { Linter } from 'eslint';
import { describe, expect, test } from 'vitest';
import { LAYERS, refusal } from '../../build/eslint/layers.ts';
import { brokerdeskPlugin, resolveSpecifier } from '../../build/eslint/plugin.ts';

describe('the layer table', () => {
  test.each([
    ['electron/cluster/protocol/reader.ts', 'node:net'],
    ['electron/cluster/protocol/reader.ts', 'node:fs'],
    ['electron/cluster/log/log.ts', 'electron/cluster/network/server.ts'],
    ['electron/cluster/quorum/raft.ts', 'electron/cluster/broker/partition.ts'],
    ['electron/cluster/network/server.ts', 'electron/cluster/broker/api-registry.ts'],
    ['electron/cluster/dispatch/api-registry.ts', 'electron/cluster/broker/api-registry.ts'],
    ['electron/cluster/quorum/api-registry.ts', 'electron/cluster/broker/api-registry.ts'],
    ['electron/cluster/network/server.ts', 'electron/cluster/quorum/api-registry.ts'],
    ['electron/cluster/network/server.ts', 'node:net'],
    ['electron/cluster/broker/handlers/fetch.ts', 'electron/cluster/broker/handlers/produce.ts'],
    ['electron/cluster/broker/handlers/fetch.ts', 'electron/cluster/network/server.ts'],
    ['electron/cluster/broker/partition.ts', 'kafkajs'],
    ['electron/services/topics.ts', 'kafkajs'],
    ['electron/services/topics.ts', 'electron/cluster/broker/partition.ts'],
    ['electron/ipc/handle.ts', 'electron/admin/client.ts'],
    ['electron/preload.ts', 'electron/services/topics.ts'],
    ['renderer/stores/cluster.ts', 'electron/services/topics.ts'],
    ['renderer/components/base/BaseButton.vue', 'renderer/stores/cluster.ts'],
    ['renderer/components/topic/TopicTable.vue', 'renderer/api.ts'],
    ['shared/ipc.ts', 'renderer/api.ts'],
    ['shared/faults/kill.ts', 'zod'],
    ['shared/timeline/events.ts', 'shared/ipc.ts'],
    ['electron/cluster/cluster.ts', 'shared/fault-schema.ts'],
    ['electron/cluster/broker/partition.ts', 'shared/ipc.ts'],
  ])('%s may not import %s', (from, target) => {
    expect(refusal(from, target)).not.toBeNull();
  });

  test.each([
    ['electron/cluster/protocol/compression.ts', 'node:zlib'],
    ['electron/cluster/broker/api-registry.ts', 'electron/cluster/broker/handlers/fetch.ts'],
    ['electron/cluster/network/tcp.ts', 'node:net'],
    ['electron/admin/connection.ts', 'kafkajs'],
    ['electron/admin/wire.ts', 'electron/cluster/protocol/frame.ts'],
    ['electron/services/lab.ts', 'electron/cluster/cluster.ts'],
    ['renderer/pages/OverviewPage.vue', 'renderer/components/broker/BrokerTable.vue'],
    ['electron/cluster/cluster-faults.ts', 'shared/faults/definitions.ts'],
    ['electron/cluster/lib/events.ts', 'shared/models/timeline.ts'],
    ['renderer/format/timeline.ts', 'shared/timeline/events.ts'],
    ['test/anything.test.ts', 'kafkajs'],
  ])('%s may import %s', (from, target) => {
    expect(refusal(from, target)).toBeNull();
  });

  test('names only layers that exist', () => {
    const names = new Set(LAYERS.map((layer) => layer.name));
    for (const layer of LAYERS) for (const other of layer.layers) expect(names).toContain(other);
  });

  test('resolves what stands in an import', () => {
    expect(resolveSpecifier('electron/cluster/log/log.ts', '../lib/disk.ts')).toBe('electron/cluster/lib/disk.ts');
    expect(resolveSpecifier('electron/admin/x.ts', '#shared/models/cluster')).toBe('shared/models/cluster.ts');
    expect(resolveSpecifier('renderer/main.ts', '@vueuse/core')).toBe('@vueuse/core');
    expect(resolveSpecifier('electron/admin/x.ts', 'kafkajs/src/index.js')).toBe('kafkajs');
  });
});

function lint(file: string, source: string): string[] {
  const linter = new Linter();
  return linter
    .verify(
      source,
      [
        {
          files: ['**/*.ts'],
          plugins: { brokerdesk: brokerdeskPlugin },
          rules: { 'brokerdesk/layers': 'error', 'brokerdesk/injected': 'error' },
          languageOptions: { sourceType: 'module' },
        },
      ],
      { filename: file },
    )
    .map((message) => message.message);
}

describe('the rules, run by ESLint itself', () => {
  test('a forbidden import is reported, a dynamic one and a re-export too', () => {
    expect(lint('electron/cluster/log/x.ts', `import net from 'node:net';`)).not.toEqual([]);
    expect(lint('electron/services/x.ts', `export * from '../cluster/broker/partition.ts';`)).toHaveLength(1);
    expect(lint('electron/services/x.ts', `const k = await import('kafkajs');`)).toHaveLength(1);
    expect(lint('electron/services/x.ts', `import { Cluster } from '../cluster/cluster.ts';`)).toEqual([]);
  });

  test.each(['Date.now()', 'Math.random()', 'new Date()', 'setTimeout(f, 1)', 'performance.now()', 'process.hrtime()', 'console.log(1)'])(
    'the cluster may not say %s',
    (source) => {
      expect(lint('electron/cluster/quorum/x.ts', source)).toHaveLength(1);
      expect(lint('electron/services/x.ts', source)).toEqual([]);
      expect(lint('electron/cluster/lib/system-clock.ts', source)).toEqual([]);
    },
  );

  test('accepts a local variable with the name of a global', () => {
    expect(lint('electron/cluster/quorum/x.ts', 'function f(setTimeout) { setTimeout(); }')).toEqual([]);
  });
});

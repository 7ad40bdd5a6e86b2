/**
 * Allowed imports between layers (ARCHITECTURE.md, "Layers"). A file belongs to the first layer whose pattern matches its path. It may
 * import files of its own layer, of `shared/plain` and of the named layers, and the named modules of Node.js and packages. A change of the table is a change
 * of the architecture: give the reason in ARCHITECTURE.md.
 */
export interface Layer {
  name: string;
  /** Matches paths relative to the root of the project, with forward slashes. */
  files: RegExp;
  /** Names of layers; the layer itself is always allowed. */
  layers: readonly string[];
  /** Node modules (`node:fs`) and packages; '*' allows all. `import type` of a package is checked as well. */
  modules: readonly string[];
}

/**
 * Pure functions of the renderer, a directory for each subject, with the subjects that it may import. Each imports only those above it, so
 * there are no circles.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'renderer/format': [],
  'renderer/browser': [],
  'renderer/tables': [],
  'renderer/connections': [],
  'renderer/charts': ['renderer/format'],
  'renderer/zookeeper': ['renderer/format'],
  'renderer/topics': ['renderer/format'],
  'renderer/messages': ['renderer/format'],
  'renderer/matrix': ['renderer/topics', 'renderer/format'],
  'renderer/diagrams': ['renderer/matrix', 'renderer/format'],
  'renderer/groups': ['renderer/topics', 'renderer/format'],
  'renderer/faults': ['renderer/topics', 'renderer/format'],
  'renderer/scenarios': ['renderer/topics', 'renderer/format'],
  'renderer/loads': ['renderer/groups', 'renderer/topics', 'renderer/format'],
  'renderer/lab': ['renderer/loads', 'renderer/faults', 'renderer/topics', 'renderer/format'],
  'renderer/tour': ['renderer/groups', 'renderer/topics', 'renderer/format'],
  'renderer/timeline': ['renderer/lab', 'renderer/faults', 'renderer/groups', 'renderer/topics', 'renderer/format'],
  'renderer/incidents': ['renderer/timeline', 'renderer/topics', 'renderer/format'],
  'renderer/health': ['renderer/incidents', 'renderer/groups', 'renderer/topics', 'renderer/format'],
  'renderer/learn': [
    'renderer/timeline',
    'renderer/faults',
    'renderer/groups',
    'renderer/diagrams',
    'renderer/messages',
    'renderer/topics',
    'renderer/zookeeper',
    'renderer/format',
  ],
};
const ALL_ROOMS: readonly string[] = Object.keys(ROOMS);

export const LAYERS: readonly Layer[] = [
  {
    // Types, definitions and pure rules, without a schema library. Every layer may import them, the embedded cluster too.
    name: 'shared/plain',
    files:
      /^shared\/(?!.*-schema\.ts$)(?:(?:faults|incidents|models|timeline)\/|(?:addresses|durations|errors|keys|listeners|lists|numbers|own-value|units)\.ts$)/,
    layers: [],
    modules: [],
  },
  { name: 'shared', files: /^shared\//, layers: [], modules: ['zod'] },

  { name: 'cluster/lib', files: /^electron\/cluster\/lib\//, layers: [], modules: ['node:*'] },
  {
    name: 'cluster/protocol',
    files: /^electron\/cluster\/protocol\//,
    layers: ['cluster/lib'],
    modules: ['node:zlib', 'node:module', '@node-rs/crc32', 'snappy', 'lz4-napi'],
  },
  { name: 'cluster/security', files: /^electron\/cluster\/security\//, layers: ['cluster/protocol', 'cluster/lib'], modules: [] },
  {
    // Descriptors of APIs, and the dispatcher of both listeners: below the servers, which describe their APIs, and the network.
    name: 'cluster/dispatch',
    files: /^electron\/cluster\/dispatch\//,
    layers: ['cluster/security', 'cluster/protocol', 'cluster/lib'],
    modules: [],
  },
  { name: 'cluster/log', files: /^electron\/cluster\/log\//, layers: ['cluster/protocol', 'cluster/lib'], modules: [] },
  {
    name: 'cluster/network/tcp',
    files: /^electron\/cluster\/network\/tcp\.ts$/,
    layers: ['cluster/lib'],
    modules: ['node:net', 'node:tls'],
  },
  {
    name: 'cluster/network',
    files: /^electron\/cluster\/network\//,
    layers: ['cluster/dispatch', 'cluster/security', 'cluster/protocol', 'cluster/lib'],
    modules: [],
  },
  {
    name: 'cluster/quorum',
    files: /^electron\/cluster\/quorum\//,
    layers: ['cluster/dispatch', 'cluster/security', 'cluster/log', 'cluster/protocol', 'cluster/lib'],
    modules: [],
  },
  {
    name: 'cluster/zookeeper',
    files: /^electron\/cluster\/zookeeper\//,
    layers: ['cluster/quorum', 'cluster/network', 'cluster/protocol', 'cluster/lib'],
    modules: [],
  },
  {
    name: 'cluster/coordinator',
    files: /^electron\/cluster\/coordinator\//,
    layers: ['cluster/quorum', 'cluster/log', 'cluster/protocol', 'cluster/lib'],
    modules: [],
  },
  {
    name: 'cluster/broker/handlers',
    files: /^electron\/cluster\/broker\/handlers\//,
    layers: [
      'cluster/broker',
      'cluster/coordinator',
      'cluster/quorum',
      'cluster/dispatch',
      'cluster/security',
      'cluster/log',
      'cluster/protocol',
      'cluster/lib',
    ],
    modules: [],
  },
  {
    name: 'cluster/broker',
    files: /^electron\/cluster\/broker\//,
    layers: [
      'cluster/broker/handlers',
      'cluster/network',
      'cluster/coordinator',
      'cluster/quorum',
      'cluster/dispatch',
      'cluster/security',
      'cluster/log',
      'cluster/protocol',
      'cluster/lib',
    ],
    modules: [],
  },
  {
    name: 'cluster/node',
    files: /^electron\/cluster\/node(-[a-z-]+)?\.ts$/,
    layers: [
      'cluster/broker',
      'cluster/zookeeper',
      'cluster/network/tcp',
      'cluster/network',
      'cluster/quorum',
      'cluster/dispatch',
      'cluster/security',
      'cluster/log',
      'cluster/protocol',
      'cluster/lib',
      'cluster',
    ],
    modules: ['node:v8', 'node:worker_threads'],
  },
  {
    // Inspects the metadata directories of voters before a node starts.
    name: 'cluster/metadata',
    files: /^electron\/cluster\/cluster-metadata\.ts$/,
    layers: ['cluster', 'cluster/quorum', 'cluster/lib'],
    modules: [],
  },
  {
    name: 'cluster',
    files: /^electron\/cluster\/[a-z-]+\.ts$/,
    layers: ['cluster/metadata', 'cluster/lib', 'cluster/protocol'],
    modules: ['node:*'],
  },

  {
    name: 'admin',
    files: /^electron\/admin\//,
    layers: ['cluster/protocol', 'shared'],
    modules: ['kafkajs', 'node:*', 'snappy', 'lz4-napi'],
  },
  {
    name: 'services',
    files: /^electron\/services\//,
    layers: ['admin', 'cluster', 'shared'],
    modules: ['node:*'],
  },
  {
    name: 'scenarios',
    files: /^electron\/scenarios\//,
    layers: ['services', 'admin', 'cluster', 'shared'],
    modules: ['yaml', 'zod', 'node:*'],
  },
  { name: 'ipc', files: /^electron\/ipc\//, layers: ['scenarios', 'services', 'shared'], modules: ['electron', 'zod', 'node:*'] },
  { name: 'web', files: /^electron\/web\//, layers: ['ipc', 'services', 'shared'], modules: ['ws', 'node:*'] },
  { name: 'control', files: /^electron\/control\//, layers: ['scenarios', 'services', 'shared'], modules: ['node:*'] },
  { name: 'preload', files: /^electron\/preload\.ts$/, layers: ['shared'], modules: ['electron'] },
  {
    name: 'main',
    files: /^electron\/(main|window|menu|cli|app[a-z-]*|cli\/.*|[a-z-]+)(\.ts)?$/,
    layers: ['ipc', 'web', 'control', 'scenarios', 'services', 'cluster', 'cluster/lib', 'shared'],
    modules: ['electron', 'node:*'],
  },

  ...Object.entries(ROOMS).map(([name, layers]) => ({
    name,
    files: new RegExp(`^${name}/`),
    layers: [...layers, 'shared'],
    modules: ['*'],
  })),
  {
    name: 'renderer/base',
    files: /^renderer\/components\/base\//,
    layers: ['renderer/format', 'renderer/browser', 'renderer/charts', 'renderer/tables', 'renderer/topics', 'shared'],
    modules: ['*'],
  },
  { name: 'renderer/api', files: /^renderer\/(api|bridge-web|scope)\.ts$/, layers: ['shared'], modules: ['*'] },
  { name: 'renderer/stores', files: /^renderer\/stores\//, layers: ['renderer/api', ...ALL_ROOMS, 'shared'], modules: ['*'] },
  {
    name: 'renderer/composables',
    files: /^renderer\/composables\//,
    layers: ['renderer/stores', 'renderer/api', ...ALL_ROOMS, 'shared'],
    modules: ['*'],
  },
  {
    name: 'renderer/components',
    files: /^renderer\/components\//,
    layers: ['renderer/base', 'renderer/composables', 'renderer/stores', ...ALL_ROOMS, 'shared'],
    modules: ['*'],
  },
  {
    name: 'renderer/pages',
    files: /^renderer\/pages\//,
    layers: ['renderer/components', 'renderer/base', 'renderer/composables', 'renderer/stores', ...ALL_ROOMS, 'shared'],
    modules: ['*'],
  },
  {
    name: 'renderer',
    files: /^renderer\//,
    layers: [
      'renderer/pages',
      'renderer/components',
      'renderer/base',
      'renderer/composables',
      'renderer/stores',
      'renderer/api',
      ...ALL_ROOMS,
      'shared',
    ],
    modules: ['*'],
  },
];

/** The layer of a file, by its path from the root; undefined for files without a layer (tests, build scripts). */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => layer.files.test(path));
}

/** Why `from` may not import `target` (a path from the root, or a bare specifier); null when it may. */
export function refusal(from: string, target: string): string | null {
  const layer = layerOf(from);
  if (layer === undefined) return null;
  if (isModule(target)) {
    if (layer.modules.some((allowed) => allowed === '*' || allowed === target || (allowed === 'node:*' && target.startsWith('node:'))))
      return null;
    return `${layer.name} may not import ${target}`;
  }
  const other = layerOf(target);
  if (other === undefined) return `${layer.name} may not import ${target}, which is in no layer`;
  if (other.name === layer.name) {
    if (layer.name === 'cluster/broker/handlers') return 'handlers never import each other';
    return null;
  }
  if (other.name === 'shared/plain' || layer.layers.includes(other.name)) return null;
  return `${layer.name} may not import ${other.name}`;
}

function isModule(target: string): boolean {
  return target.startsWith('node:') || !/^(electron|renderer|shared|test|build)\//.test(target);
}

import { describe, expect, it } from 'vitest';
import { integerOption, UsageError } from '../../electron/cli/command.ts';
import { clusterCommand } from '../../electron/cli/commands/cluster.ts';
import { userDataDirectory } from '../../electron/cli/paths.ts';
import { parseProperties } from '../../electron/cli/properties.ts';

describe('command line', () => {
  it.each([
    [['--brokers', '0'], '--brokers takes a number from 1 to 9, not "0".'],
    [['--brokers', 'three'], '--brokers takes a number from 1 to 9, not "three".'],
    [['--port', '70000'], '--port takes a number from 0 to 65535, not "70000".'],
    [['--control', '-1'], /--control/],
    [['--memory', '--data', '/tmp/x'], '--data and --memory exclude each other.'],
    [['--log', 'loud'], '--log takes error, warn, info, debug, not "loud".'],
    [['--nonsense'], /Unknown option '--nonsense'/],
    [['stray'], /stray/],
    [['--config', '/nowhere/at/all'], /--config: ENOENT/],
  ])('refuses %j with the reason', (args, message) => {
    expect(() => clusterCommand.run(args)).toThrow(UsageError);
    expect(() => clusterCommand.run(args)).toThrow(message);
  });

  it('reads integers within bounds', () => {
    expect(integerOption('n', undefined, 1, 9)).toBeUndefined();
    expect(integerOption('n', '9', 1, 9)).toBe(9);
    expect(() => integerOption('n', '1e1', 1, 9)).toThrow(UsageError);
  });

  it.each([
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/Brokerdesk'],
    ['linux', { XDG_DATA_HOME: 'relative' }, '/home/a/.local/share/Brokerdesk'],
    ['darwin', {}, '/home/a/Library/Application Support/Brokerdesk'],
    ['win32', { APPDATA: '/roaming' }, '/roaming/Brokerdesk'],
  ] as const)('keeps the data on %s with %j in %s', (platform, env, path) => {
    expect(userDataDirectory(env, platform, '/home/a')).toBe(path);
  });
});

describe('broker settings from a file', () => {
  it('reads names, values, comments and continued lines', () => {
    const text = ['# a comment', '! another', '', 'min.insync.replicas=2', '  num.partitions : 6', 'a = one,\\', '    two', 'empty='].join(
      '\n',
    );
    expect(parseProperties(text, 'f')).toEqual({ 'min.insync.replicas': '2', 'num.partitions': '6', a: 'one,two', empty: '' });
  });

  it('refuses settings of Brokerdesk and invalid lines, with the line number', () => {
    expect(() => parseProperties('a=1\nnode.id=3', 'server.properties')).toThrow(
      'server.properties, line 2: node.id is set by Brokerdesk and cannot be changed.',
    );
    expect(() => parseProperties('=5', 'f')).toThrow('f, line 1: "=5" is not name=value.');
  });

  it('parseProperties: keeps names of Object.prototype, and does not continue a line after an even number of backslashes', () => {
    const properties = parseProperties('__proto__=a\nconstructor=b\npath=c\\\\\nnext=d', 'f');
    expect(Object.entries(properties)).toEqual([['__proto__', 'a'], ['constructor', 'b'], ['path', 'c\\'], ['next', 'd']]); // prettier-ignore
  });

  it('parseProperties: reads 200,000 continued lines in linear time, and refuses a file above its limit', () => {
    const from = performance.now();
    expect(parseProperties(`a=${'xy\\\n'.repeat(200_000)}`, 'f')['a']).toHaveLength(400_000);
    // Quadratic time would take minutes.
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(() => parseProperties('x'.repeat(1_000_001), 'f')).toThrow('f has 1,000,001 characters; at most 1,000,000 are read.');
  });
});

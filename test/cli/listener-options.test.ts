import { describe, expect, it } from 'vitest';
import { UsageError } from '../../electron/cli/command.ts';
import { clusterCommand } from '../../electron/cli/commands/cluster.ts';
import { readWebOptions } from '../../electron/cli/commands/web.ts';
import { listenerChoice } from '../../electron/cli/listener-options.ts';

describe('--bind and --advertised-host', () => {
  it.each([
    [{}, undefined, undefined],
    [{ bind: '192.168.1.5' }, '192.168.1.5', undefined],
    [{ bind: 'FD00:0:0:0::5' }, 'fd00::5', undefined],
    [{ bind: '0.0.0.0', 'advertised-host': 'kafka.example' }, '0.0.0.0', 'kafka.example'],
    [{ bind: '0:0::0', 'advertised-host': 'host_1' }, '::', 'host_1'],
    [{ 'advertised-host': 'FE80::1' }, undefined, 'fe80::1'],
    [{ 'advertised-host': '10.0.0.1' }, undefined, '10.0.0.1'],
    [{ 'advertised-host': `${'a'.repeat(63)}.b` }, undefined, `${'a'.repeat(63)}.b`],
  ])('reads %j', (values, bindHost, advertisedHost) => {
    expect(listenerChoice(values)).toEqual({ bindHost, advertisedHost });
  });

  it.each([
    ['', '"" is empty.'],
    ['localhost', '"localhost" is not an IP address.'],
    ['http://10.0.0.1', '"http://10.0.0.1" is a URL or a path.'],
    ['PLAINTEXT://0.0.0.0:9092', '"PLAINTEXT://0.0.0.0:9092" is a URL or a path.'],
    ['10.0.0.1:9092', '"10.0.0.1:9092" has a port; give the host alone.'],
    ['[::]:9092', '"[::]:9092" has a port; give the host alone.'],
    ['[::1]', '"[::1]" has brackets, which an IPv6 address has only before a port.'],
    ['fe80::1%eth0', '"fe80::1%eth0" has a zone, which other machines do not know.'],
    ['::ffff:0.0.0.0', '"::ffff:0.0.0.0" is an IPv4 address in an IPv6 one; write the IPv4 address.'],
    ['256.1.1.1', '"256.1.1.1" is not an IP address.'],
    ['1'.repeat(1_000), `"${'1'.repeat(60)}…" has 1,000 characters, and at most 253 are possible.`],
  ])('refuses to bind to %j', (bind, problem) => {
    const message = `--bind takes an IP address of this machine, or 0.0.0.0 or :: for all of them; ${problem}`;
    const read = (): unknown => listenerChoice({ bind, 'advertised-host': 'kafka.example' });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  it.each([
    ['', 'is empty.'],
    ['http://kafka.example', 'is a URL or a path.'],
    ['kafka.example:9092', 'has a port; give the host alone.'],
    ['0.0.0.0', 'is an address to bind to, which no client can connect to.'],
    ['0::0', 'is an address to bind to, which no client can connect to.'],
    ['a b', 'is not a host name.'],
    ['a,b', 'is not a host name.'],
    ['a..b', 'is not a host name.'],
    ['-a', 'is not a host name.'],
    ['a-.b', 'is not a host name.'],
    ['1.2.3', 'is not a host name.'],
    ['a'.repeat(64), 'is not a host name.'],
    ['kafka\nexample', 'is not a host name.'],
  ])('refuses to advertise %j', (host, problem) => {
    const read = (): unknown => listenerChoice({ 'advertised-host': host });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(problem);
  });

  it.each(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])('needs an advertised host for %s', (bind) => {
    expect(() => listenerChoice({ bind })).toThrow(/they need one that they can reach: add --advertised-host HOST\.$/);
  });

  it('apply to npm run cluster and npm run web', () => {
    expect(readWebOptions(['--bind', '::', '--advertised-host', 'kafka'])).toMatchObject({ bindHost: '::', advertisedHost: 'kafka' });
    expect(readWebOptions([])).toMatchObject({ bindHost: undefined, advertisedHost: undefined });
    expect(() => readWebOptions(['--bind', '::'])).toThrow(UsageError);
    expect(() => clusterCommand.run(['--bind', '0.0.0.0'])).toThrow(/add --advertised-host HOST/);
    expect(() => clusterCommand.run(['--advertised-host', 'a:1'])).toThrow(/has a port/);
  });
});

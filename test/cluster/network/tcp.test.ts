import { expect, test } from 'vitest';
import type { Listener, Stream } from '../../../electron/cluster/lib/network.ts';
import { tcpNetwork } from '../../../electron/cluster/network/tcp.ts';

/** A connection, both of its ends, and the promise of the end of each. */
async function connected(): Promise<{ listener: Listener; here: Stream; there: Stream; closed: Promise<unknown>[] }> {
  const network = tcpNetwork();
  const accepted = Promise.withResolvers<Stream>();
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, accepted.resolve);
  const here = await network.connect({ host: '127.0.0.1', port: listener.port }, 5_000);
  const there = await accepted.promise;
  const closed = [here, there].map(
    (stream) => new Promise((resolve) => (stream.handlers = { data: () => undefined, drain: () => undefined, close: resolve })),
  );
  return { listener, here, there, closed };
}

test.each([
  ['that is open', () => undefined],
  ['that was just ended', (stream: Stream) => stream.end()],
  [
    'that was ended with much unsent',
    (stream: Stream) => {
      stream.write([Buffer.alloc(32 << 20)]);
      stream.end();
    },
  ],
])('a stream %s and is destroyed closes, at both ends', async (_, before) => {
  const { listener, here, closed } = await connected();
  before(here);
  here.destroy();
  expect(await Promise.all(closed)).toHaveLength(2);
  listener.close();
});

test("a stream to the node's own address comes from that address", async () => {
  const own = '127.0.0.2';
  const opened: number[] = [];
  const network = tcpNetwork({ opened: (port) => opened.push(port), closed: () => undefined }, own);
  const accepted = Promise.withResolvers<Stream>();
  const listener = await network.listen({ host: own, port: 0 }, accepted.resolve);
  const here = await network.connect({ host: own, port: listener.port }, 5_000);
  const there = await accepted.promise;
  expect(there.remote).toBe(`${own}:${opened[0]}`);
  for (const stream of [here, there]) stream.handlers = { data: () => undefined, drain: () => undefined, close: () => undefined };
  here.destroy();
  there.destroy();
  listener.close();
});

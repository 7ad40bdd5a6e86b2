/** The control API and web mode: odd scenarios, odd bodies, noise instead of HTTP, sockets without a token. */
import { randomBytes } from 'node:crypto';
import type { Attack, AttackContext } from '../attack.ts';
import { sendAll } from '../wire.ts';
import { pause } from '../../../shared/waiting.ts';

/** So long one refusal may take on a busy machine. */
const ANSWER_MS = 15_000;

export const yaml: Attack = {
  name: 'yaml',
  summary: 'scenarios with flat maps of 400 KB, aliases of aliases, deep nesting, long scalars and noise, to the control API',
  async run({ target, over }) {
    let sent = 0;
    for (const [name, body] of oddScenarios()) {
      if (over() && sent > 0) break;
      const { status, text } = await target.control('POST', '/scenarios', body, ANSWER_MS);
      if (status < 400 || status >= 500) throw new Error(`POST /scenarios with ${name}: status ${status}: ${text.slice(0, 200)}`);
      sent++;
    }
    return `${sent} scenarios`;
  },
};

function* oddScenarios(): Generator<[name: string, body: string]> {
  yield [
    'a flat map',
    new Array(40_000)
      .fill(0)
      .map((_, i) => `key${i}: ${i}`)
      .join('\n'),
  ];
  yield [
    'a flat map in flow style',
    `x: {${new Array(40_000)
      .fill(0)
      .map((_, i) => `k${i}: 1`)
      .join(', ')}}`,
  ];
  const levels = 'abcdefghij'.split('');
  const aliases = levels.map((name, i) =>
    i === 0 ? 'a: &a [x, x, x, x]' : `${name}: &${name} [${`*${levels[i - 1] ?? 'a'}, `.repeat(9)}x]`,
  );
  yield ['aliases of aliases', aliases.join('\n')];
  yield ['deep nesting', `x: ${'['.repeat(20_000)}`];
  yield [
    'deep block nesting',
    new Array(2_000)
      .fill(0)
      .map((_, i) => `${' '.repeat(i)}a:`)
      .join('\n'),
  ];
  yield ['a long scalar', `name: ${'x'.repeat(900_000)}`];
  yield ['one key many times', new Array(60_000).fill('a: 1').join('\n')];
  yield ['steps without number', `name: x\nsteps:\n${'  - heal: {}\n'.repeat(30_000)}`];
  yield ['noise', randomBytes(20_000).toString('latin1')];
  yield [
    'anchors',
    new Array(30_000)
      .fill(0)
      .map((_, i) => `- &a${i} x`)
      .join('\n'),
  ];
}

export const control: Attack = {
  name: 'control-noise',
  summary: 'noise, half requests, wrong tokens and large bodies at the control API',
  run: (context) => httpNoise(context, Number(new URL(context.target.line.control ?? '').port)),
};

export const web: Attack = {
  name: 'web',
  summary: 'noise, half requests, WebSockets without a token and idle connections at web mode',
  web: true,
  run: (context) => httpNoise(context, Number(new URL(context.target.line.url ?? '').port)),
};

async function httpNoise(context: AttackContext, port: number): Promise<string> {
  const { sockets, random } = context;
  const host = `Host: 127.0.0.1:${port}\r\n`;
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  let requests = 0;
  const noises: readonly (() => Buffer)[] = [
    () => Buffer.from(random.bytes(500)),
    () => Buffer.from(`GET // HTTP/1.1\r\n${host}\r\n`),
    () => Buffer.from(`GET /%ff/../../etc/passwd HTTP/1.1\r\n${host}\r\n`),
    () => Buffer.from(`POST /faults HTTP/1.1\r\n${host}Authorization: Bearer x\r\nContent-Length: 1000000000\r\n\r\n{`),
    () => Buffer.from(`GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(20_000)}\r\n\r\n`),
    () => Buffer.from(`GET /socket?token=wrong HTTP/1.1\r\n${host}${upgrade}\r\n`),
    () => Buffer.from(`GET /nodes HTTP/1.1\r\nHost: example.com\r\n\r\n`),
    () => Buffer.from('GET /nodes HTTP/1.1\r\nHo'),
  ];
  // Idle ones stay open beside those that send something.
  for (let i = 0; i < 300 && !context.over(); i++) await sockets.connect(port);
  while (!context.over()) {
    await Promise.all(
      noises.map(async (noise) => {
        const socket = await sockets.connect(port);
        if (socket === undefined) return;
        socket.resume();
        await sendAll(socket, [noise()], 500);
        requests++;
        await pause(10);
        socket.destroy();
      }),
    );
  }
  return `${requests} requests`;
}

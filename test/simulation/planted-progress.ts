/** Bugs that violate progress and no other promise; each with a fault under which it is found. See `planted.ts`. */
import { ReplicaFetcher } from '../../electron/cluster/broker/replica-fetcher.ts';
import { StallAwareClock } from '../../electron/cluster/lib/running-time.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../electron/cluster/protocol/kafka-error.ts';
import { PeerChannels, type Purpose } from '../../electron/cluster/quorum/peer-channels.ts';
import { Controller } from '../../electron/cluster/quorum/controller.ts';
import { replace } from './planted.ts';
import type { ProgressFault } from './progress-faults.ts';

export interface PlantedStop {
  readonly name: string;
  readonly fault: ProgressFault;
  /** Kind of the violation that it has to cause. */
  readonly found: string;
  plant(): () => void;
}

export const PLANTED_STOPS: readonly PlantedStop[] = [
  {
    name: 'the controller asks a slow disk again before it takes a request that the disk has admitted',
    fault: { kind: 'slowDisk', node: 'controller', latencyMs: 5 },
    found: 'no progress',
    plant: () =>
      replace(Controller.prototype, 'takeQueued', (right) => (self) => {
        const options = Reflect.get(self, 'options') as { admit(bytes: number): Promise<void> | undefined };
        const wait = options.admit(1024);
        return wait === undefined ? right(self) : undefined;
      }),
  },
  {
    name: "a follower's fetch is interrupted for each partition that is added",
    fault: { kind: 'slowLink', between: ['leader', 1], latencyMs: 200, createEveryMs: 80 },
    found: 'replica left the ISR without a reason',
    plant: () =>
      replace(ReplicaFetcher.prototype, 'add', (right) => (self, ...args) => {
        right(self, ...args);
        self.reconnect();
      }),
  },
  {
    name: "a broker's one connection to the controller is closed when a client's request times out",
    fault: { kind: 'impatientClient', linkMs: 5 },
    found: 'broker fenced without a reason',
    plant: () => {
      const shared = replace(PeerChannels.prototype, 'peer', (right) => (self, id, purpose) => {
        const { name } = purpose as Purpose;
        return right(self, id, name === 'fetch' || name === 'vote' ? purpose : { name: 'forwarding', silentMs: 3_000 });
      });
      const closed = replace(PeerClient.prototype, 'timeOut', () => (self, ...args) => {
        (Reflect.get(self, 'fail') as (this: PeerClient, error: unknown) => void).call(self, args[1]);
      });
      return () => {
        shared();
        closed();
      };
    },
  },
  {
    name: 'the controller takes requests whose time is up',
    fault: { kind: 'slowDisk', node: 'controller', latencyMs: 900 },
    found: 'created too late',
    plant: () => {
      const taken = replace(Controller.prototype, 'takeQueued', () => (self) => {
        const queue = Reflect.get(self, 'queue') as { run(): void }[];
        for (const next of queue.splice(0)) next.run();
      });
      // The client is answered in time, and its request is not marked as refused.
      const unmarked = replace(
        Controller.prototype,
        'inTime',
        (right) => (self, answer, deadline) => right(self, answer, deadline, () => new KafkaError(ErrorCode.REQUEST_TIMED_OUT)),
      );
      return () => {
        taken();
        unmarked();
      };
    },
  },
  {
    name: 'timeouts count the time in which the process was stalled',
    fault: { kind: 'suspend', forMs: 20_000 },
    found: 'controller change without a reason',
    plant: () => {
      const { prototype } = StallAwareClock;
      const descriptor = Object.getOwnPropertyDescriptor(prototype, 'running');
      if (descriptor === undefined) throw new Error('there is no running time');
      Object.defineProperty(prototype, 'running', { ...descriptor, value: undefined });
      return () => {
        Object.defineProperty(prototype, 'running', descriptor);
      };
    },
  },
];

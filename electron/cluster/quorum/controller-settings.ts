/** Settings of the controller, with Kafka's in brackets. */
import type { BrokerSettings } from './config-definitions.ts';
import type { SessionSettings } from './controller-sessions.ts';

export interface ControllerSettings extends SessionSettings {
  /** Commit timeout of a change whose request has none, ms. */
  readonly commitTimeoutMs: number;
  /** Maximum queued client requests while the disk is slow. Requests of brokers and the controller's own decisions may be twice as many. */
  readonly maxQueued: number;
  /** Interval of the preferred leader election, ms; 0: never (`auto.leader.rebalance.enable`). */
  readonly rebalanceMs: number;
  /** Feature levels of a new cluster. */
  readonly bootstrapFeatures: Readonly<Record<string, number>>;
}

export function controllerSettings(broker: BrokerSettings): ControllerSettings {
  return {
    sessionTimeoutMs: broker.brokerSessionTimeoutMs,
    sweepMs: 250,
    commitTimeoutMs: 5000,
    maxQueued: 1000,
    rebalanceMs: broker.autoLeaderRebalanceEnable ? broker.leaderImbalanceCheckIntervalMs : 0,
    // 4.3-IV0: the record versions that this controller writes.
    bootstrapFeatures: { 'metadata.version': 30, 'eligible.leader.replicas.version': 1 },
  };
}

/** The settings of all parts of a node, derived from its configuration once. Throws INVALID_CONFIG. */
import type { NodeConfig } from '../lib/node-config.ts';
import { brokerSettings, type BrokerSettings } from './config-definitions.ts';
import { controllerSettings, type ControllerSettings } from './controller-settings.ts';
import { raftSettings, type RaftSettings } from './raft-settings.ts';

export interface NodeSettings {
  readonly broker: BrokerSettings;
  readonly raft: RaftSettings;
  readonly controller: ControllerSettings;
}

export function nodeSettings({ properties, voters }: Pick<NodeConfig, 'properties' | 'voters'>): NodeSettings {
  const broker = brokerSettings(properties, voters.length);
  return {
    broker,
    raft: raftSettings({
      fetchTimeoutMs: broker.controllerQuorumFetchTimeoutMs,
      electionTimeoutMs: broker.controllerQuorumElectionTimeoutMs,
      backoffCapMs: broker.controllerQuorumElectionBackoffMaxMs,
    }),
    controller: controllerSettings(broker),
  };
}

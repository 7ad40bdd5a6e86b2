/** The few settings of topics that lists show, by DescribeConfigs. */
import { keepKnown } from './sameness.ts';
import type { ClusterState } from './state.ts';

type Settings = ReadonlyMap<string, string | null>;

export class SettingsPart {
  private readonly state: Pick<ClusterState, 'topics' | 'topicSettings'>;
  private readonly read: (topics: readonly string[]) => Promise<ReadonlyMap<string, Settings>>;

  constructor(options: {
    state: Pick<ClusterState, 'topics' | 'topicSettings'>;
    /** By topic; topics that failed are left out. */
    read: (topics: readonly string[]) => Promise<ReadonlyMap<string, Settings>>;
  }) {
    this.state = options.state;
    this.read = options.read;
  }

  async round(): Promise<void> {
    const names = [...this.state.topics.keys()];
    if (names.length === 0) return;
    const { topicSettings } = this.state;
    for (const [topic, settings] of await this.read(names)) topicSettings.set(topic, keepKnown(topicSettings.get(topic), settings));
  }
}

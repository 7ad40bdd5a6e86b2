/** The values of a page's settings, as the cluster reports them: requested every few seconds, since any client may change them. */
import { computed, onScopeDispose, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue';
import type { AppError } from '#shared/errors';
import type { ConfigEntry } from '#shared/models/cluster';
import { formatSetting } from '../learn/settings.ts';
import type { Setting } from '../learn/concept.ts';
import { useBrokersStore } from '../stores/brokers.ts';
import { useTopicsStore } from '../stores/topics.ts';

const EVERY_MS = 2_000;

export interface SettingShown {
  name: string;
  value: string | null;
  raw: string;
  reason: string;
  whose: string;
  says: string;
}

export function useLearnSettings(from: MaybeRefOrGetter<{ settings: readonly Setting[]; topic: string | null; broker: number | null }>) {
  const topics = useTopicsStore();
  const brokers = useBrokersStore();
  const ofTopic = shallowRef<ConfigEntry[] | AppError | null>(null);
  const ofBroker = shallowRef<ConfigEntry[] | AppError | null>(null);
  let run = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function round(): Promise<void> {
    const mine = ++run;
    clearTimeout(timer);
    const { settings, topic, broker } = toValue(from);
    const [topicAnswer, brokerAnswer] = await Promise.all([
      topic !== null && settings.some(({ of }) => of === 'topic') ? topics.configs(topic) : null,
      broker !== null && settings.some(({ of }) => of === 'broker') ? brokers.configs(broker) : null,
    ]);
    if (mine !== run) return;
    ofTopic.value = topicAnswer === null ? null : topicAnswer.ok ? topicAnswer.value.entries : topicAnswer.error;
    ofBroker.value = brokerAnswer === null ? null : brokerAnswer.ok ? brokerAnswer.value.entries : brokerAnswer.error;
    timer = setTimeout(() => void round(), EVERY_MS);
  }
  watch(
    () => {
      const { topic, broker } = toValue(from);
      return `${topic}/${broker}`;
    },
    () => void round(),
    { immediate: true },
  );
  onScopeDispose(() => {
    run += 1;
    clearTimeout(timer);
  });

  return computed<SettingShown[]>(() =>
    toValue(from).settings.map((setting): SettingShown => {
      const { name, says } = setting;
      if (setting.of === 'client')
        return { name, says, value: setting.value ?? null, raw: setting.value ?? '', reason: '', whose: 'this app’s client' };
      const { topic, broker } = toValue(from);
      const answer = setting.of === 'topic' ? ofTopic.value : ofBroker.value;
      const whose = setting.of === 'topic' ? (topic === null ? 'topic' : topic) : broker === null ? 'broker' : `broker ${broker}`;
      const entry = Array.isArray(answer) ? answer.find((one) => one.name === name) : undefined;
      const value = entry?.value ?? null;
      const reason =
        answer === null
          ? setting.of === 'topic'
            ? 'No topic exists yet.'
            : 'No broker is online.'
          : Array.isArray(answer)
            ? 'The cluster does not report this setting.'
            : answer.message;
      return { name, says, value: value === null ? null : formatSetting(name, value), raw: value ?? '', reason, whose };
    }),
  );
}

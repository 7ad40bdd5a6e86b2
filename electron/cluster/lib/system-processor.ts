/** Processor time that this process, with all its threads, has used since its start, in ms. */
export function systemProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

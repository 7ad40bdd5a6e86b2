import { array, defineApi, int16, int32, int8, string } from '../schema.ts';

/** Names of resources that have settings; v0: of client metrics only (KIP-1000), v1: of any type (KIP-1142). */
export const listConfigResources = defineApi({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: {
    resourceTypes: array('1+', int8('1+'), { default: [] }),
  },
  response: {
    throttleTimeMs: int32('0+', { default: 0 }),
    errorCode: int16('0+'),
    configResources: array('0+', {
      resourceName: string('0+'),
      resourceType: int8('1+', { default: 16 }),
    }),
  },
});

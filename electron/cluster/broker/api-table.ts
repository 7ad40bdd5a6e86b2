/**
 * Every API that this broker speaks: its schema, who answers it, what it says when the answer failed. ApiVersions lists exactly this, so
 * a line here is a promise.
 */
import { apiVersions } from '../protocol/apis/api-versions.ts';
import { entry, type ApiEntry } from './api-dispatch.ts';
import { onApiVersionsError } from './error-responses.ts';
import { handleApiVersions } from './handlers/api-versions.ts';

export const apiTable: readonly ApiEntry[] = [entry(apiVersions, handleApiVersions, onApiVersionsError)];

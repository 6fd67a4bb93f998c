import { HOST_ERROR_CODES } from '@bellows/host';
import { COMPUTE_ERRORS } from '@bellows/plugin-compute';
import { HARNESS_ERRORS } from '@bellows/plugin-harness';
import { WORKFLOW_ERRORS } from '@bellows/plugin-workflow';
import { ERROR_CODES } from '@bellows/sdk';

/** Every code that has a text. */
export const knownCodes = new Set([HOST_ERROR_CODES, ERROR_CODES, COMPUTE_ERRORS, WORKFLOW_ERRORS, HARNESS_ERRORS].flatMap(Object.keys));

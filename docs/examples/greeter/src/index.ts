export { ERROR_CODES } from './error-codes.js';
export { plugin as default } from './plugin.js';

export { ERROR_CODES } from './errors.js';
export { plugin as default } from './plugin.js';

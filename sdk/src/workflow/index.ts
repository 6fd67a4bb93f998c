export * from './stage-call.js';

export { MemoryStore } from '../memory-store.js';
export * from './check-store.js';
export * from './check-subsystem.js';
export * from './fake-clock.js';
export * from './promise-check.js';
export * from './recording-bus.js';

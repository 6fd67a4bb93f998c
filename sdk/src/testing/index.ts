export { MemoryStore } from '../memory-store.js';
export * from './fake-clock.js';
export * from './recording-bus.js';

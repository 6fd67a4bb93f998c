/**
 * By name. `share` is the part of all cases that each gets: what runs in this process is quick and gets the most. Loaded when it is its
 * turn: most of them bring a whole host.
 */
export const TARGETS = {
  config: { share: 0.24, load: async () => (await import('./targets/config.mjs')).configObjects },
  'config-files': { share: 0.02, load: async () => (await import('./targets/config.mjs')).configFiles },
  manifests: { share: 0.2, load: async () => (await import('./targets/manifests.mjs')).manifests },
  events: { share: 0.22, load: async () => (await import('./targets/events.mjs')).events },
  operations: { share: 0.16, load: async () => (await import('./targets/operations.mjs')).operations },
  workflows: { share: 0.03, load: async () => (await import('./targets/operations.mjs')).workflows },
  answers: { share: 0.1, load: async () => (await import('./targets/answers.mjs')).answers },
  http: { share: 0.025, load: async () => (await import('./targets/http.mjs')).http },
  sockets: { share: 0.005, load: async () => (await import('./targets/sockets.mjs')).sockets },
};

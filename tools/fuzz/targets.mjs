import { answers } from './targets/answers.mjs';
import { configFiles, configObjects } from './targets/config.mjs';
import { events } from './targets/events.mjs';
import { http } from './targets/http.mjs';
import { manifests } from './targets/manifests.mjs';
import { operations, workflows } from './targets/operations.mjs';
import { sockets } from './targets/sockets.mjs';

/** By name. `share` is the part of all cases that each gets: what runs in this process is quick and gets the most. */
export const TARGETS = {
  config: configObjects,
  'config-files': configFiles,
  manifests,
  events,
  operations,
  workflows,
  answers,
  http,
  sockets,
};

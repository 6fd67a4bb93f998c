import { defineErrorCodes } from '@bellows/sdk';

/** Every code the host itself gives. Plugins document theirs beside their own errors. */
export const HOST_ERROR_CODES = defineErrorCodes({
  // operations
  OPERATION_UNKNOWN: { kind: 'not_found', text: 'No active plugin provides an operation of this name. `bellows operations` lists them.' },
  OPERATION_NAME_TAKEN: { kind: 'plugin', text: 'Two operations of one name were provided. Rename one of them.' },
  OPERATION_NAME_FOREIGN: {
    kind: 'plugin',
    text: 'A plugin provides operations under its own id only: `<plugin id>.<verb>`, of letters, digits, `_` and `-`.',
  },
  OPERATION_STOPPING: {
    kind: 'not_ready',
    text: 'The plugin behind the operation is stopping, is being started again, or was stopped before the call ended. Try again later.',
  },
  INPUT_INVALID: { kind: 'input', text: 'The input does not fit the schema of the operation; `details` names every fault.' },
  OUTPUT_INVALID: {
    kind: 'plugin',
    text: 'The handler answered with something its own output schema refuses. Tell the author of the plugin.',
  },
  HANDLER_THREW: { kind: 'plugin', text: 'The handler threw an error of no known kind. The log of the host has its cause.' },
  DEADLINE_EXCEEDED: { kind: 'deadline', text: 'The deadline passed before the call ended. Give it more time or less work.' },
  CANCELLED: { kind: 'cancelled', text: 'The caller went away or withdrew the call.' },
  TENANT_LIMIT: {
    kind: 'capacity',
    text: 'The tenant or user has as many operations running as `tenants` in the configuration allows. Try again after `retryAfterMs`.',
  },
  INSTANCE_LIMIT: { kind: 'capacity', text: 'This host has as many operations running as it allows. Try again after `retryAfterMs`.' },
  LOAD_SHED: {
    kind: 'capacity',
    text: 'The plugin is overloaded, so calls of low criticality are refused: `bulk` first, then `best_effort`. Try again after `retryAfterMs`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    kind: 'refused',
    text: 'A call with this idempotency key had another input. One key stands for one piece of work: use a new one.',
  },
  IDEMPOTENCY_ANSWER_DROPPED: {
    kind: 'refused',
    text: 'A call with this idempotency key has ended well, but its answer was larger than `host.idempotency.maxAnswerBytes`. It is not done again.',
  },
  TENANT_FORBIDDEN: { kind: 'forbidden', text: 'The token is bound to a tenant, or to a user in it, and the call names another one.' },
  // HTTP
  ROUTE_UNKNOWN: { kind: 'not_found', text: 'There is no such address. `/openapi.json` describes those there are.' },
  METHOD_NOT_ALLOWED: { kind: 'input', text: 'The address exists, but not for this method; the header `Allow` names those it takes.' },
  CONTENT_TYPE: { kind: 'input', text: 'Operations take `Content-Type: application/json` only, not compressed.' },
  JSON_INVALID: {
    kind: 'input',
    text: 'The body is no JSON, is nested too deeply, holds millions of values, or has keys that could change prototypes (`__proto__`).',
  },
  BODY_TOO_LARGE: {
    kind: 'input',
    text: 'The body is larger than allowed: 64 MiB of JSON, 256 MiB for a file. Send files with `POST /v1/files`.',
  },
  BODY_INCOMPLETE: { kind: 'input', text: 'The body ended before the length that was announced.' },
  HEADER_INVALID: { kind: 'input', text: 'A request header has a value that is not allowed; `details` names it.' },
  QUERY_INVALID: { kind: 'input', text: 'A parameter in the address is unknown or has a value that is not allowed; `details` names it.' },
  URL_INVALID: { kind: 'input', text: 'The address cannot be decoded.' },
  REQUEST_INVALID: { kind: 'input', text: 'What was sent is no valid HTTP request.' },
  HOST_NOT_ALLOWED: {
    kind: 'forbidden',
    text: 'The header `Host` names something this host does not listen as (protection against DNS rebinding). Use the address it prints.',
  },
  ORIGIN_NOT_ALLOWED: { kind: 'forbidden', text: 'A page of another origin made the request. Only the page of this host may.' },
  TOKEN_NEEDED: {
    kind: 'unauthenticated',
    text: 'A token is needed: `Authorization: Bearer …`. The host writes its own to `host.json` in its data folder; the CLI finds it there.',
  },
  TOKEN_UNKNOWN: {
    kind: 'unauthenticated',
    text: 'The token is not one of this host. It changes with every start unless it comes from the tokens file.',
  },
  COMMANDS_FORBIDDEN: {
    kind: 'forbidden',
    text: 'A call, made for somebody who gave no token, would run commands on this machine. Start what makes it with the token of host.json.',
  },
  ROLE_TOO_LOW: { kind: 'forbidden', text: 'The role of the token does not allow this.' },
  UPLOAD_UNKNOWN: {
    kind: 'not_found',
    text: 'There is no uploaded file of this address; files nobody read for a day are removed. Send it again.',
  },
  SUBSYSTEM_UNKNOWN: { kind: 'not_found', text: 'No active plugin has a subsystem of this name. `bellows status` lists them.' },
  DISK_FULL: { kind: 'capacity', text: 'The disk of the data folder has no room for an uploaded file. Nothing of it was kept. Make room.' },
  BODIES_FULL: {
    kind: 'capacity',
    text: 'The host holds as many large bodies as its memory is meant for. Try again after `retryAfterMs`, or send files with `POST /v1/files`.',
  },
  EVENT_STREAMS_FULL: { kind: 'capacity', text: 'As many event streams are open as the host allows. Close one.' },
  HOST_STOPPING: { kind: 'not_ready', text: 'The host is stopping and takes no new requests.' },
  BUG: { kind: 'invariant', text: 'Something happened in the host that must not. Please report it with the lines of the log.' },
  // scaling
  RECONFIGURE_TIMEOUT: {
    kind: 'refused',
    text: 'A subsystem did not answer when its limits were set; it keeps those it had and is asked again. Tell the author of the plugin.',
  },
  // listening
  PORT_IN_USE: { kind: 'config', text: 'Another process listens on the port. Choose another one with `host.port` or `--port`.' },
  ADDRESS_UNUSABLE: {
    kind: 'config',
    text: '`host.address` is no address of this machine, or this user may not listen on the port (those below 1024 often).',
  },
  TOKENS_NEEDED: {
    kind: 'config',
    text: 'Listening elsewhere than on loopback needs `host.tokensFile`, so that not everybody may do everything.',
  },
  TOKENS_FILE_INVALID: { kind: 'config', text: 'The tokens file cannot be read or has entries that are wrong; `details` names them.' },
  // configuration and data
  CONFIG_INVALID: { kind: 'config', text: 'The configuration has problems; `details` names every one. Nothing was started.' },
  DATA_DIR_UNUSABLE: {
    kind: 'config',
    text: 'The data folder cannot be made, read or written by this user. Name another one with `--data`.',
  },
  DATA_IN_USE: { kind: 'refused', text: 'Another host uses the data folder. Stop it, or name another folder with `--data`.' },
  DATA_VERSION_UNKNOWN: { kind: 'config', text: 'The data folder was written by a newer host. Use that one, or another folder.' },
  DATA_MISSING: { kind: 'config', text: 'There is no data folder of a host where one is to be copied. Name it with `--data`.' },
  BACKUP_FOLDER_TAKEN: {
    kind: 'input',
    text: 'The folder named for a backup has something in it, or is in the data folder. Name one that is not there yet.',
  },
  BACKUP_FAILED: {
    kind: 'refused',
    text: 'Something could not be copied or its copy is damaged; the message names it. There is no backup.',
  },
  // reload
  RELOAD_REFUSED: {
    kind: 'refused',
    text: 'A plugin did not take its new configuration or code; `details` says which and why. All run as before: mend it and reload again.',
  },
  RELOAD_FAILED: {
    kind: 'plugin',
    text: 'A plugin did not take its new configuration or code, and not every plugin came back with what it had; `details` names them. Mend it and reload again, or start them one by one with `bellows plugins restart`.',
  },
  // plugins
  DEGRADATION_INVALID: {
    kind: 'plugin',
    text: 'A plugin called `ctx.degrade` with something else than a code (`STORE_UNREACHABLE`) and a sentence. Its state is as it was.',
  },
  LIFECYCLE_STEP: { kind: 'invariant', text: 'A plugin took a step its lifecycle does not have. Please report it.' },
  NEED_NOT_ACTIVE: { kind: 'not_ready', text: 'A plugin waits for another one it needs.' },
  PLUGIN_BLOCKED: { kind: 'plugin', text: 'A plugin cannot start because one it needs failed.' },
  PLUGIN_DEPENDENCY_MISSING: { kind: 'plugin', text: 'A plugin imports a package that is not installed with it.' },
  PLUGIN_ENTRY_MISSING: {
    kind: 'plugin',
    text: 'The entry of a plugin (`exports["."]` of its package.json) is missing or exports no plugin.',
  },
  PLUGIN_EXIT: { kind: 'plugin', text: 'A plugin called process.exit, which would end the host. It must throw an error instead.' },
  START_INTERRUPTED: { kind: 'cancelled', text: 'A signal came while the host was starting; it stopped again in order. Nothing to do.' },
  PLUGIN_UNKNOWN: { kind: 'not_found', text: 'No plugin of this id is configured. `bellows plugins` lists those that are.' },
  PLUGIN_STOPPING: { kind: 'plugin', text: 'The reason plugins find in their signal when they are stopped.' },
  PLUGIN_THREW: { kind: 'plugin', text: 'A plugin threw while it was activated.' },
  PLUGIN_TIMEOUT: { kind: 'plugin', text: 'A plugin did not finish a phase of its life in the time given.' },
  SERVICE_TAKEN: { kind: 'plugin', text: 'A service of this token is provided already.' },
  SERVICE_UNKNOWN: { kind: 'plugin', text: 'The host has no service of this token.' },
  SUBSYSTEM_DEFAULTS_INVALID: {
    kind: 'plugin',
    text: 'What a subsystem says its operations cost, or its floor, is nothing limits can be computed from. The message names the value.',
  },
  SUBSYSTEM_NAME_FOREIGN: { kind: 'plugin', text: 'A plugin registers subsystems under its own id only: `<plugin id>.<name>`.' },
  SUBSYSTEM_NAME_TAKEN: { kind: 'plugin', text: 'A subsystem of this name is registered already.' },
  UNCAUGHT_ERROR: { kind: 'plugin', text: 'An error of the plugin was caught by nobody; the plugin is `degraded`.' },
  // command line
  USAGE: { kind: 'input', text: 'The command line is wrong; the message says where. Exit code 2.' },
  HOST_UNREACHABLE: { kind: 'not_ready', text: 'No host answered. Start one with `bellows start`, or name it with `--url`. Exit code 3.' },
  INTERRUPTED: { kind: 'cancelled', text: 'The command was interrupted. Exit code 130.' },
  FILE_UNREADABLE: { kind: 'input', text: 'A file or folder named on the command line cannot be read.' },
  FILE_UNWRITABLE: { kind: 'input', text: 'A file cannot be written: one that a guest gave back, or one named on the command line.' },
  FILE_ESCAPES: { kind: 'guest', text: 'A guest gave back a file outside of the folder it was given. Nothing was written.' },
  // demo
  DEMO_GIT_MISSING: { kind: 'config', text: 'The demo needs git and could not start it. Install git, or put it on the PATH.' },
  DEMO_REPO_INVALID: {
    kind: 'config',
    text: 'The folder is no git repository, or git does not read it; its words follow. Name another with `--repo`.',
  },
  DEMO_REPO_EMPTY: { kind: 'config', text: 'The repository has no commit, or no text the demo could work on. Name another with `--repo`.' },
  DEMO_PLUGIN_MISSING: {
    kind: 'config',
    text: 'A plugin that the demo shows is not installed. Install compute, workflow and harness beside the host, or run it in a clone.',
  },
  DEMO_FOLDER_IN_USE: {
    kind: 'config',
    text: 'The folder named with `--keep` has something in it. Name one that is empty or not there yet.',
  },
  DEMO_FOLDER_UNUSABLE: {
    kind: 'config',
    text: 'The folder of the demo cannot be written: no right, or no room. Name another with `--keep` or `TMPDIR`.',
  },
  DEMO_HOST_LOST: { kind: 'plugin', text: 'The host that the demo started ended by itself; the message has its last words. Exit code 1.' },
  DEMO_STUCK: {
    kind: 'plugin',
    text: 'Nothing of the demo got on for a minute, so it was given up: a full disk, mostly, for which its host waits to have room. Exit code 1.',
  },
  DEMO_FAILED: {
    kind: 'invariant',
    text: 'The demo ran to its end and something did not happen, or is not as a second look has it. The message names it. Exit code 1.',
  },
  DEMO_LEFT_BEHIND: { kind: 'input', text: 'The folder of the demo could not be removed at the end. Remove it by hand. Exit code 1.' },
});

export type HostErrorCode = keyof typeof HOST_ERROR_CODES;

/** What is used of semver, bundled alone: only the host reads manifests, and plugins import this package too. */
export { ltr, Range, satisfies, valid, validRange } from 'semver';

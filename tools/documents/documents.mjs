/**
 * Whether a file is a document of this repository. Not those that an author's plugin brings, which may be in `plugins/` of a clone:
 * their author decides what is in them.
 */
export function isDocument(file) {
  return (
    /^(?:(?:docs|sdk|host|tools)\/.*|plugins\/(?:compute|workflow|harness)\/.*|[^/]*)\.md$/.test(file) &&
    !/(^|\/)(node_modules|dist)\//.test(file)
  );
}

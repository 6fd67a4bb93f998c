/** From page to page by links, so that the way back is the browser's own. */
export function Pager({
  first,
  next,
  name,
}: {
  readonly first?: string | undefined;
  readonly next?: string | undefined;
  readonly name: string;
}) {
  if (first === undefined && next === undefined) return null;
  return (
    <nav class="pager" aria-label={`Pages of ${name}`}>
      {first !== undefined && <a href={first}>Back to the first</a>}
      {next !== undefined && <a href={next}>Next</a>}
    </nav>
  );
}

import { useState } from 'preact/hooks';
import { shorten, shown } from '../state/format.js';

const SHORT = 240;
const ID_LENGTH = 72;
/** Names that stay on one line where there is room: what is written otherwise may be much wider. */
const UNBROKEN = /^[\x20-\x7e]{1,20}$/;
/** Of an id in a heading. */
export const HEADING_LENGTH = 80;
/** More than that makes a browser slow; the command line has it whole. */
const LONGEST_SHOWN = 400_000;

/** A text of somebody else, as text. A long one is cut, with the rest one step away. */
export function LongText({ text, limit = SHORT }: { readonly text: string; readonly limit?: number }) {
  const [isWhole, setWhole] = useState(false);
  if (text.length <= limit) return <bdi>{shown(text)}</bdi>;
  return (
    <>
      <bdi class="whole">{shown(isWhole ? shorten(text, LONGEST_SHOWN) : shorten(text, limit))}</bdi>{' '}
      <button type="button" class="plain" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? 'Show less' : `Show all ${text.length.toLocaleString('en-US')} characters`}
      </button>
    </>
  );
}

/** A name or an id within a row; the whole of it in the title and on the view it leads to. */
export function Name({ text, href }: { readonly text: string; readonly href?: string }) {
  const short = shown(shorten(text, ID_LENGTH));
  const title = text.length > ID_LENGTH ? shown(shorten(text, 2_000)) : undefined;
  const kind = `name ${unbroken(text)}`;
  return href === undefined ? (
    <bdi class={kind} title={title}>
      {short}
    </bdi>
  ) : (
    <a class={kind} href={href} title={title}>
      <bdi>{short}</bdi>
    </a>
  );
}

/** The class of what stands around such a name. */
export function unbroken(name: string): 'short' | '' {
  return UNBROKEN.test(name) ? 'short' : '';
}

/** What the heading of a view has no room for. */
export function WholeId({ id }: { readonly id: string }) {
  if (id.length <= HEADING_LENGTH) return null;
  return (
    <p class="whole">
      <LongText text={id} limit={ID_LENGTH * 4} />
    </p>
  );
}

/** A command to type. */
export function Command({ text }: { readonly text: string }) {
  return <code class="command">{shown(text)}</code>;
}

/** For a browser the host does not know: it never came by the link, or the host was started again since. */
export function WayIn() {
  return (
    <div class="way-in">
      <h1>This host wants to know who you are</h1>
      <p>
        Open the link it printed when it started; it ends in <code>/?token=…</code> and lets this browser in. The host forgets browsers when
        it is started again: then open the new link. <code>bellows status --link</code>, on the machine of the host, prints it again.
      </p>
      <p>
        You have a token of your own? Then the link is <code>{`${location.origin}/?token=<your token>`}</code>.
      </p>
      <p class="muted">This page goes on by itself as soon as you are in.</p>
    </div>
  );
}

/** Names that callers choose and that stand in limits, logs and metrics: printable ASCII, of a length that can be shown. */
export const NAME_VALUE = /^[\x20-\x7e]{1,200}$/;

/** A script as a term that `file:consult` of Erlang reads. */
export function erlangTerm({ steps, ...sup }) {
  return `{${supervisor(sup)}, [${steps.map(step).join(', ')}]}.`;
}

function supervisor({ strategy, max, seconds, children }) {
  return `{${strategy}, ${max}, ${seconds}, [${children.map(child).join(', ')}]}`;
}

function child(spec) {
  if (typeof spec === 'object') return `{sup, ${spec.id}, ${spec.restart}, ${supervisor(spec)}}`;
  const [id, restart, shutdown, manner, starts] = spec.split(' ');
  const outcomes = [...starts].map((sign) => (sign === '+' ? 'ok' : 'fail'));
  return `{leaf, ${id}, ${restart}, ${shutdown === 'kill' ? 'brutal_kill' : shutdown}, ${manner}, [${outcomes.join(', ')}]}`;
}

function step(text) {
  const [verb, ...words] = text.split(' ');
  if (verb === 'wait') return 'wait';
  if (verb === 'add') return `{add, ${child(words.join(' '))}}`;
  if (verb !== 'ends') return `{${verb}, ${words[0]}}`;
  const ends = words.flatMap((word, index) => (index % 2 === 0 ? [`{${word}, ${words[index + 1]}}`] : []));
  return `{ends, [${ends.join(', ')}]}`;
}

import { describe, expect, it } from '@jest/globals';
import { renderTop, type ScreenSize } from '../../src/top/render-top.js';
import { sparkline } from '../../src/top/sparkline.js';
import { cutToWidth, harmless, padToWidth, span, styledLine, textOf, widthOf } from '../../src/top/styled-line.js';
import { shortNumber } from '../../src/top/subsystem-table.js';
import { noData, withConnectionLost, withDecisions, withStatus } from '../../src/top/top-data.js';
import { FIRST_VIEW, keysOf, type TopView, viewAfterKey } from '../../src/top/top-view.js';
import { DECISION, METRICS } from '../http/loopback-host.js';
import { status, subsystem } from './samples.js';

const SIZE: ScreenSize = { columns: 140, rows: 24, ascii: false, now: 1_700_000_060_000 };
const later = status({
  subsystems: [subsystem('demo.pool', { metrics: { ...METRICS, 'completed.total': 130, 'rejected.total': 5 } }), subsystem('demo.other')],
});
const DATA = withDecisions(withStatus(withStatus(noData('http://127.0.0.1:7070'), status(), 0), later, 2_000), [DECISION]);

const shown = (view: Partial<TopView> = {}, size: Partial<ScreenSize> = {}, data = DATA) =>
  renderTop(data, { ...FIRST_VIEW, ...view }, { ...SIZE, ...size }).map(textOf);

describe('the overview', () => {
  it('shows the host, the machine, every subsystem with its rates, the plugins and the decisions', () => {
    const lines = shown();
    expect(lines[0]).toBe('Bellows 0.1.0  ready  process 7, up 1 min 0 s  http://127.0.0.1:7070');
    expect(lines[1]).toMatch(/^CPU 25 % of 4 cores .*memory 50 % {2}event loop 12 ms late, 10 % busy$/);
    const row = lines.find((line) => line.startsWith('demo.pool'));
    // 30 completed and 5 rejected within two seconds
    expect(row).toMatch(/^demo\.pool\s+4\s+8\s+8\s+1\s+2 ms\s+15\s+2\.5\s+normal\s/);
    expect(row).toContain('ceiling');
    expect(lines).toContain('active   demo');
    expect(lines).toContain('failed   odd  PLUGIN_THREW: it broke');
    expect(lines).toContain('22:13:20  demo.pool 4 to 8: wanted <8>');
    expect(lines.at(-1)).toContain('q quit');
    expect(lines).toHaveLength(24);
  });

  it('gives up columns on a narrow screen, the least telling first, and keeps the numbers', () => {
    const lines = shown({}, { columns: 40 });
    expect(lines.find((line) => line.includes('SUBSYSTEM'))).toMatch(/^SUBSYSTEM\s+IN USE\s+LIMIT\s+QUEUE$/);
    expect(lines.find((line) => line.startsWith('demo.pool'))).toMatch(/^demo\.pool\s+4\s+8\s+1$/);
    expect(shown({}, { columns: 80 }).find((line) => line.includes('SUBSYSTEM'))).toMatch(
      /WAIT P95\s+DONE\/S\s+REJ\/S\s+PRESSURE\s+BOUND BY/,
    );
  });

  it('keeps the selected subsystem in sight on a short screen', () => {
    const many = status({ subsystems: Array.from({ length: 40 }, (_, index) => subsystem(`demo.s${index}`)) });
    const data = withStatus(noData('http://x'), many, 0);
    for (const selected of ['demo.s0', 'demo.s20', 'demo.s39']) {
      expect(shown({ selected }, { rows: 12 }, data).some((line) => line.startsWith(`${selected} `))).toBe(true);
    }
    expect(shown({}, { rows: 1 }, data)).toHaveLength(1);
    expect(shown({}, { rows: 2 }, data)).toHaveLength(2);
  });

  it('says that the connection is lost and keeps what it knew', () => {
    const lines = shown({}, {}, withConnectionLost(DATA, 'ECONNREFUSED'));
    expect(lines[0]).toContain('no connection, trying again: ECONNREFUSED');
    expect(lines.some((line) => line.startsWith('demo.pool'))).toBe(true);
  });

  it('has no end where nothing has to fit, and no keys', () => {
    const lines = shown({}, { rows: Number.POSITIVE_INFINITY });
    expect(lines.some((line) => line.includes('q quit'))).toBe(false);
    expect(lines.at(-1)).toContain('wanted <8>');
  });

  it('draws with ASCII alone where that is wanted', () => {
    expect(shown({}, { ascii: true }).join('')).toMatch(/^[\x20-\x7e]*$/);
    expect(shown().join('')).toMatch(/[▁-█]/);
  });
});

describe('the other pages', () => {
  it('explain the selected subsystem as bellows explain does', () => {
    const lines = shown({ page: 'explanation', selected: 'demo.pool' });
    expect(lines).toEqual(
      expect.arrayContaining([
        'demo.pool (plugin demo)',
        'limited by    ceiling: it is at its ceiling',
        'demand        5 wanted, 4 running, 1 of 100 waiting',
      ]),
    );
    expect(lines).toContain('22:13:20  demo.pool 4 to 8: wanted <8>');
    expect(shown({ page: 'explanation', selected: 'demo.other' }).join('\n')).not.toContain('wanted <8>');
  });

  it('explain each key', () => {
    expect(shown({ page: 'help' }).join('\n')).toMatch(/Enter +what limits/);
  });
});

describe('keys', () => {
  it('come one by one, however they arrive', () => {
    expect(keysOf('jk\u001b[A\u001bOB\u001b[5~q\u001b')).toEqual(['j', 'k', '\u001b[A', '\u001bOB', '\u001b[5~', 'q', '\u001b']);
    expect(keysOf('😀')).toEqual(['😀']);
    expect(keysOf('')).toEqual([]);
  });

  it('select within the subsystems, in the order that is shown', () => {
    const down = viewAfterKey(FIRST_VIEW, 'j', DATA);
    expect(down).toMatchObject({ selected: 'demo.other' });
    expect(viewAfterKey(down as TopView, '\u001b[B', DATA)).toMatchObject({ selected: 'demo.other' });
    expect(viewAfterKey(down as TopView, 'k', DATA)).toMatchObject({ selected: 'demo.pool' });
    expect(viewAfterKey({ ...FIRST_VIEW, sort: 'name' }, 'k', DATA)).toMatchObject({ selected: 'demo.other' });
    expect(viewAfterKey(FIRST_VIEW, 'j', noData('http://x'))).toMatchObject({ selected: undefined });
  });

  it('open and close pages, sort, pause and quit', () => {
    const open = viewAfterKey(FIRST_VIEW, '\r', DATA) as TopView;
    expect(open.page).toBe('explanation');
    expect(viewAfterKey(open, '\r', DATA)).toMatchObject({ page: 'overview' });
    expect(viewAfterKey(open, '\u001b', DATA)).toMatchObject({ page: 'overview' });
    expect(viewAfterKey(open, '?', DATA)).toMatchObject({ page: 'help' });
    expect(viewAfterKey(FIRST_VIEW, 's', DATA)).toMatchObject({ sort: 'in use' });
    expect(viewAfterKey({ ...FIRST_VIEW, sort: 'name' }, 's', DATA)).toMatchObject({ sort: 'as the host lists them' });
    expect(viewAfterKey(FIRST_VIEW, 'p', DATA)).toMatchObject({ isPaused: true });
    expect(viewAfterKey(FIRST_VIEW, 'q', DATA)).toBe('quit');
    expect(viewAfterKey(FIRST_VIEW, '\u0003', DATA)).toBe('quit');
  });
});

describe('what lines are made of', () => {
  it('is as wide as terminals make it', () => {
    expect(widthOf('abc')).toBe(3);
    expect(widthOf('漢字')).toBe(4);
    expect(widthOf('▁█')).toBe(2);
    expect(cutToWidth('漢字漢字', 5)).toBe('漢字~');
    expect(cutToWidth('abc', 0)).toBe('');
    expect(padToWidth('7', 3, 'right')).toBe('  7');
    expect(harmless('a\u001b[2Jb\tc\u202ed')).toBe('a?[2Jb c?d');
    expect(textOf(styledLine(5, [span('abc'), span('def')]))).toBe('abcd~');
  });

  it('is short numbers', () => {
    expect([0, 7, 0.44, 9_999, 12_000, 1_500_000, 2e9, -3, Number.NaN, 'x', 1e30].map(shortNumber)).toEqual([
      '0',
      '7',
      '0.4',
      '9999',
      '12k',
      '1.5M',
      '2G',
      '-3',
      '0',
      '0',
      '>999T',
    ]);
  });

  it('is bars, the newest at the right', () => {
    expect(sparkline([0, 4, 8], { width: 5, ascii: false })).toBe('  ▁▅█');
    expect(sparkline([0, 4, 8], { width: 2, ascii: true })).toBe('+#');
    expect(sparkline([1], { width: 1, ascii: false, atLeast: 8 })).toBe('▂');
    expect(sparkline([], { width: 3, ascii: false })).toBe('   ');
    expect(sparkline([Number.NaN, -1], { width: 2, ascii: false })).toBe('▁▁');
    expect(sparkline([1, 2], { width: 0, ascii: false })).toBe('');
  });
});

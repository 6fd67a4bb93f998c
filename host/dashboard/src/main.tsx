import { render } from 'preact';
import { App } from './app.js';
import { fillCharts } from './charts/chart-history.js';
import { FrameQueue } from './charts/frame-queue.js';
import { Sampler } from './charts/sampler.js';
import { Background } from './live/background.js';
import { HostRequests } from './live/host-requests.js';
import { LiveConnection } from './live/live-connection.js';
import { Store } from './live/store.js';
import './style/page.css';
import { applyTheme, storedTheme } from './theme.js';

applyTheme(storedTheme());

// a token that was not known is in the address still
if (location.search !== '') history.replaceState(null, '', `${location.pathname}${location.hash}`);

const now = () => Date.now();
const every = (periodMs: number, callback: () => void) => {
  const timer = setInterval(callback, periodMs);
  return () => clearInterval(timer);
};
const after = (delayMs: number, callback: () => void) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

const store = new Store({ now, schedule: (callback, delayMs) => setTimeout(callback, delayMs) });
const requests = new HostRequests((url, init) => fetch(url, init));
const timers = { now, after, random: () => Math.random() };
const connection = new LiveConnection({ store, requests, timers });
const sampler = new Sampler({ store, now, every });
const frames = new FrameQueue((callback) => requestAnimationFrame(callback));

const root = document.getElementById('page');
if (root === null) throw new Error('The page has no place to stand.');
render(<App page={{ store, requests, connection, sampler, frames }} />, root);

const background = new Background({ connection, after, locks: navigator.locks });
background.set(document.hidden);
document.addEventListener('visibilitychange', () => background.set(document.hidden));
void connection.run();
sampler.start();
fillCharts({ store, requests, sampler, timers });
for (const name of ['online', 'focus', 'visibilitychange']) addEventListener(name, () => connection.retryNow());

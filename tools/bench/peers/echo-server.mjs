// A bare Fastify that answers what it was sent: what HTTP alone costs on this machine.
import Fastify from 'fastify';

const app = Fastify({ logger: false });
app.get('/ready', () => ({ ready: true }));
app.post('/echo', (request) => request.body);
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
